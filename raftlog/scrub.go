package raftlog

import (
	"bytes"
	"encoding/binary"
)

// Scrub reads the file's records again, while the log is in use, and returns a *DamageError for the first that is not what
// was written. The memory is not affected by that: this log works on, but its next Open may not. It holds one read of the
// file, which is small, for as long as it takes.
func (l *Log) Scrub() error {
	path := l.disk.Path()
	err := l.disk.Load(BucketMeta, func(key, value []byte) error {
		if _, err := unseal(key, value); err != nil {
			return damagedMeta(path, string(key), err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	compacted, want := l.view.Load().compacted.index, uint64(0)
	return l.disk.Load(BucketLog, func(key, value []byte) error {
		index := want
		if len(key) == keyBytes {
			index = binary.BigEndian.Uint64(key)
		}
		if index <= compacted && len(key) == keyBytes {
			return nil // a leftover of compaction
		}
		if _, err := unseal(key, value); err != nil {
			return damagedEntry(path, index, err)
		}
		if want != 0 && !bytes.Equal(key, appendKey(nil, want)) {
			return damagedEntry(path, max(index, 1)-1, errMissing)
		}
		want = index + 1
		return nil
	})
}
