package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
)

// On the disk a value is followed by the CRC32C of its key and itself: a value that ended up under another key is as
// wrong as a flipped bit. The flush record is framed the same way under its own key.
const crcBytes = 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errChecksum = errors.New("its checksum does not match")

func checksum(key, value []byte) uint32 {
	return crc32.Update(crc32.Update(0, castagnoli, key), castagnoli, value)
}

// appendFramed appends value and checksum to dst.
func appendFramed(dst, key, value []byte) []byte {
	dst = append(dst, value...)
	return binary.BigEndian.AppendUint32(dst, checksum(key, value))
}

// frame writes the checksum into the last bytes of framed.
func frame(key, framed []byte) {
	n := len(framed) - crcBytes
	binary.BigEndian.PutUint32(framed[n:], checksum(key, framed[:n]))
}

// unframe returns the value inside of what the disk gave, without copying it.
func unframe(key, framed []byte) ([]byte, error) {
	n := len(framed) - crcBytes
	if n < 0 || checksum(key, framed[:n]) != binary.BigEndian.Uint32(framed[n:]) {
		return nil, &DamageError{Key: append([]byte(nil), key...), Err: errChecksum, Hint: hintRestore}
	}
	return framed[:n:n], nil
}

// format is the version of keys and values. A file of another one is refused.
const format = 1

func encodeMeta(r *internalv1.FlushRecord) ([]byte, error) {
	b, err := proto.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("store: flush record: %w", err)
	}
	return appendFramed(nil, keyFlush, append(binary.BigEndian.AppendUint64(nil, r.GetIndex()), b...)), nil
}

func decodeMeta(framed []byte) (*internalv1.FlushRecord, error) {
	b, err := unframe(keyFlush, framed)
	if err != nil {
		return nil, err
	}
	r := new(internalv1.FlushRecord)
	if len(b) < 8 {
		return nil, &DamageError{Key: keyFlush, Err: errors.New("it is too short"), Hint: hintRestore}
	}
	if err := proto.Unmarshal(b[8:], r); err != nil {
		return nil, &DamageError{Key: keyFlush, Err: err, Hint: hintRestore}
	}
	if r.GetFormat() != format {
		return nil, fmt.Errorf("store: the file has format %d, this program reads format %d; upgrade this node", r.GetFormat(),
			format)
	}
	if len(r.GetHash()) != hashBytes || len(r.GetClusterId()) != clusterIDBytes {
		return nil, &DamageError{Key: keyFlush, Err: errors.New("its fields have wrong lengths"), Hint: hintRestore}
	}
	return r, nil
}

// initialMeta is the flush record of the empty state.
func initialMeta(clusterID []byte, m Mark) []byte {
	b, err := encodeMeta(&internalv1.FlushRecord{
		Format: format, ClusterId: clusterID, Index: m.Index, Term: m.Term, ConfState: m.ConfState,
		Hash: make([]byte, hashBytes),
	})
	if err != nil {
		panic(fmt.Sprintf("store: a flush record does not marshal: %v", err))
	}
	return b
}

// metaIndex reads only the index of a flush record, which stands in front: every view asks for it.
func metaIndex(framed []byte) (uint64, error) {
	b, err := unframe(keyFlush, framed)
	if err != nil {
		return 0, err
	}
	if len(b) < 8 {
		return 0, &DamageError{Key: keyFlush, Err: errors.New("it is too short"), Hint: hintRestore}
	}
	return binary.BigEndian.Uint64(b), nil
}
