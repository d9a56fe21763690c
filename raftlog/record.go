package raftlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// formatVersion is what Create writes. A change of the encodings in this file, or of the frames, needs the next number, and
// code that still reads the old one. boltFormatVersion is that of the bbolt files of earlier releases, whose records are the
// same.
const (
	formatVersion     = 2
	boltFormatVersion = 1
)

// Keys of the meta bucket.
const (
	keyFormat    = "format"    // 4 bytes big-endian
	keyIdentity  = "identity"  // JSON, see identity.go
	keyHardState = "hardstate" // marshalled raftpb.HardState
	keyCompacted = "compacted" // mark: the last index that was cut off
	keyTail      = "tail"      // mark: the last entry, or the compaction point of an empty log
)

const (
	keyBytes = 8
	crcBytes = 4
)

var (
	castagnoli  = crc32.MakeTable(crc32.Castagnoli)
	errChecksum = errors.New("checksum mismatch")
	errMissing  = errors.New("missing")
)

// mark is a position in the log.
type mark struct{ index, term uint64 }

// hardState is raftpb.HardState as a comparable value.
type hardState struct{ term, vote, commit uint64 }

func fromPB(hs *raftpb.HardState) hardState {
	return hardState{term: hs.GetTerm(), vote: hs.GetVote(), commit: hs.GetCommit()}
}

func (hs hardState) pb() *raftpb.HardState {
	return &raftpb.HardState{Term: &hs.term, Vote: &hs.vote, Commit: &hs.commit}
}

// checksum covers the key too, so that a value that turns up under another key is noticed.
func checksum(key, body []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, body)
}

// seal returns the value that is stored for body under key.
func seal(key string, body []byte) []byte {
	v := binary.BigEndian.AppendUint32(make([]byte, 0, crcBytes+len(body)), checksum([]byte(key), body))
	return append(v, body...)
}

// unseal checks a stored value and returns its body, which aliases it.
func unseal(key, value []byte) ([]byte, error) {
	if len(value) < crcBytes {
		return nil, fmt.Errorf("value of %d bytes: %w", len(value), errChecksum)
	}
	body := value[crcBytes:]
	if want, got := binary.BigEndian.Uint32(value), checksum(key, body); want != got {
		return nil, fmt.Errorf("%w: stored %08x, computed %08x", errChecksum, want, got)
	}
	return body, nil
}

// appendEntry appends e's key and sealed value to buf, in that order and adjacent. The entry is marshalled once, into
// its final place.
func appendEntry(buf []byte, e *raftpb.Entry) ([]byte, error) {
	start := len(buf)
	buf = binary.BigEndian.AppendUint64(buf, e.GetIndex())
	buf = append(buf, 0, 0, 0, 0)
	buf, err := proto.MarshalOptions{}.MarshalAppend(buf, e)
	if err != nil {
		return nil, fmt.Errorf("raftlog: marshal entry %d: %w", e.GetIndex(), err)
	}
	rec := buf[start:]
	binary.BigEndian.PutUint32(rec[keyBytes:], checksum(rec[:keyBytes], rec[keyBytes+crcBytes:]))
	return buf, nil
}

func appendKey(buf []byte, index uint64) []byte { return binary.BigEndian.AppendUint64(buf, index) }

func metaRecord(key string, body []byte) Record {
	if len(body) > maxMetaValueBytes {
		panic(fmt.Sprintf("raftlog: meta value %q has %d bytes, limit %d", key, len(body), maxMetaValueBytes))
	}
	return Record{Key: []byte(key), Value: seal(key, body)}
}

func markRecord(key string, m mark) Record {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], m.index)
	binary.BigEndian.PutUint64(b[8:], m.term)
	return metaRecord(key, b[:])
}

func parseMark(body []byte) (mark, error) {
	if len(body) != 16 {
		return mark{}, fmt.Errorf("length %d, want 16", len(body))
	}
	return mark{index: binary.BigEndian.Uint64(body), term: binary.BigEndian.Uint64(body[8:])}, nil
}

func hardStateRecord(hs hardState) Record {
	body, err := proto.Marshal(hs.pb())
	if err != nil {
		panic(fmt.Sprintf("raftlog: marshal hard state %+v: %v", hs, err)) // three integers always marshal
	}
	return metaRecord(keyHardState, body)
}

func parseHardState(body []byte) (hardState, error) {
	var hs raftpb.HardState
	if err := proto.Unmarshal(body, &hs); err != nil {
		return hardState{}, err
	}
	return fromPB(&hs), nil
}

func formatRecord(version uint32) Record {
	return metaRecord(keyFormat, binary.BigEndian.AppendUint32(nil, version))
}

// birthRecords are the meta records of a log that has just been made.
func birthRecords(id Identity) []Record {
	return []Record{
		formatRecord(formatVersion),
		identityRecord(id),
		hardStateRecord(hardState{}),
		markRecord(keyCompacted, mark{}),
		markRecord(keyTail, mark{}),
	}
}
