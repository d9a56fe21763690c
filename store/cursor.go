package store

import (
	"encoding/base64"
	"encoding/binary"
)

// A cursor is (first 8 bytes of the cluster id, raft index, ordinal): everything up to that position was seen. It means
// the same on every node of the cluster.
const (
	cursorClusterBytes = 8
	cursorBytes        = cursorClusterBytes + 8 + 4
	cursorTextBytes    = (cursorBytes*8 + 5) / 6 // in base64, without padding
)

func encodeCursor(clusterID []byte, p position) string {
	return string(appendCursor(make([]byte, 0, cursorTextBytes), clusterID, p))
}

func appendCursor(dst, clusterID []byte, p position) []byte {
	var b [cursorBytes]byte
	copy(b[:cursorClusterBytes], clusterID)
	binary.BigEndian.PutUint64(b[8:], p.index)
	binary.BigEndian.PutUint32(b[16:], p.ordinal)
	return base64.RawURLEncoding.AppendEncode(dst, b[:])
}

// decodeCursor returns why a cursor cannot be used; "" when it can.
func decodeCursor(clusterID []byte, cursor string) (p position, reason string) {
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(b) != cursorBytes {
		return position{}, "the cursor does not parse"
	}
	if string(b[:cursorClusterBytes]) != string(clusterID[:cursorClusterBytes]) {
		return position{}, "the cursor is from another cluster"
	}
	return position{index: binary.BigEndian.Uint64(b[8:]), ordinal: binary.BigEndian.Uint32(b[16:])}, ""
}
