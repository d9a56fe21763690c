package raftlog

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// createBolt makes a log as earlier releases did.
func createBolt(path string, id Identity) (err error) {
	if err := id.validate(); err != nil {
		return err
	}
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("raftlog: create %s: %w", path, fs.ErrExist)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("raftlog: create: %w", err)
	}
	// A power cut while bbolt initialises a file leaves one that cannot be opened: do it under another name.
	tmp := path + ".tmp"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("raftlog: create: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp) // best effort: the next Create removes it too
			err = fmt.Errorf("raftlog: create %s: %w", path, err)
		}
	}()
	db, err := bolt.Open(tmp, 0o600, boltOptions())
	if err != nil {
		return err
	}
	db.AllocSize = allocBytes
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range []string{BucketLog, BucketMeta} {
			if _, err := tx.CreateBucket([]byte(name)); err != nil {
				return err
			}
		}
		if err := putAll(tx.Bucket([]byte(BucketMeta)), []Record{formatRecord(boltFormatVersion)}); err != nil {
			return err
		}
		return putAll(tx.Bucket([]byte(BucketMeta)), birthRecords(id)[1:])
	})
	if cerr := db.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if err := syncPath(tmp); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return syncPath(filepath.Dir(path))
}

// writableBolt is a boltDisk that still writes, as those of earlier releases did: what they left is what their tests are about.
type writableBolt struct{ *boltDisk }

func (d writableBolt) Commit(t *Tx) error {
	return guard(d.path, func() error {
		return d.db.Update(func(tx *bolt.Tx) error {
			if t.Clear {
				if err := tx.DeleteBucket([]byte(BucketLog)); err != nil {
					return err
				}
				if _, err := tx.CreateBucket([]byte(BucketLog)); err != nil {
					return err
				}
			}
			log := tx.Bucket([]byte(BucketLog))
			// Not stored in the file, hence set each time. Keys only ascend: a full page is never inserted into.
			log.FillPercent = 1.0
			for _, r := range t.Delete {
				if err := deleteRange(log, r); err != nil {
					return err
				}
			}
			if err := putAll(log, t.Log); err != nil {
				return err
			}
			return putAll(tx.Bucket([]byte(BucketMeta)), t.Meta)
		})
	})
}

func putAll(b *bolt.Bucket, records []Record) error {
	for _, r := range records {
		if err := b.Put(r.Key, r.Value); err != nil {
			return err
		}
	}
	return nil
}

// deleteRange collects the keys first: a cursor that deletes as it goes skips keys (bbolt#146).
func deleteRange(b *bolt.Bucket, r Range) error {
	var keys []byte
	hi := appendKey(nil, r.Hi)
	c := b.Cursor()
	for k, _ := c.Seek(appendKey(nil, r.Lo)); k != nil && bytes.Compare(k, hi) <= 0; k, _ = c.Next() {
		if len(k) != keyBytes {
			return fmt.Errorf("key %x is no index", k)
		}
		keys = append(keys, k...)
	}
	for len(keys) > 0 {
		if err := b.Delete(keys[:keyBytes]); err != nil {
			return err
		}
		keys = keys[keyBytes:]
	}
	return nil
}

// newBolt returns the path of a new log of an earlier release.
func newBolt(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "raft.db")
	must(t, createBolt(path, testIdentity()))
	return path
}

// openOld opens a bbolt file as earlier releases did.
func openOld(path string, o Options) (*Log, error) {
	d, err := openBolt(path)
	if err != nil {
		return nil, err
	}
	l, err := OpenDisk(writableBolt{d}, o)
	if err != nil {
		_ = d.Close() // the first error matters
		return nil, err
	}
	return l, nil
}

func mustOpenOld(t testing.TB, path string) *Log {
	t.Helper()
	l, err := openOld(path, Options{})
	must(t, err)
	t.Cleanup(func() { _ = l.Close() }) // a test that cares closes itself
	return l
}
