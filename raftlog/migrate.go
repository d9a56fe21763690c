package raftlog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
)

// OldPath is where earlier releases kept the log that is at path now: one bbolt file beside the directory, raft.db for raft.
func OldPath(path string) string { return path + ".db" }

// Exists reports whether there is a log at path, or one of an earlier release that Open would turn into one.
func Exists(path string) (bool, error) {
	if _, err := os.Lstat(path); err == nil {
		return true, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	return oldExists(path)
}

// oldExists reports whether a log of an earlier release is beside path: one that was not turned into a new one yet.
func oldExists(path string) (bool, error) {
	if _, err := os.Lstat(OldPath(path)); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	return !retired(OldPath(path)), nil
}

// retired reports whether the file is what retireOld leaves.
func retired(old string) bool {
	d, err := openBolt(old)
	if err != nil {
		return false
	}
	_, err = readMeta(d)
	_ = d.Close() // it was only read
	return errors.Is(err, ErrFormat)
}

// migrate turns the bbolt file of an earlier release into a log at path. The file is read as it always was: damage is reported,
// or healed by what the store holds. Until the new log is there, complete and synced, the file is not touched; when both are
// there, the new one is complete, and retireOld ends what a crash cut short.
func migrate(path string, flushed mark) (healed *DamageError, err error) {
	old, err := openBolt(OldPath(path))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, old.Close()) }() // to the end: its lock keeps others out
	img, healed, err := replay(old, flushed)
	if err != nil {
		return nil, err
	}
	var enc encoder
	if err := enc.encode(img.view.ents); err != nil {
		return nil, err
	}
	tx := &Tx{Log: enc.records, Meta: birthRecords(img.id)}
	tx.Meta = append(tx.Meta, hardStateRecord(img.view.hs), markRecord(keyCompacted, img.view.compacted),
		markRecord(keyTail, img.view.tail()))
	if err := createWAL(path, tx); err != nil {
		return nil, fmt.Errorf("raftlog: turn %s into %s: %w", old.Path(), path, err)
	}
	return healed, writeRetired(OldPath(path))
}

// retireOld replaces the file of an earlier release that stands beside a complete log.
func retireOld(path string) error {
	there, err := oldExists(path)
	if err != nil || !there {
		return err
	}
	return writeRetired(OldPath(path))
}

// writeRetired puts a file in the place of the old log that holds nothing but the number of a later format. Without it a program of
// the earlier release, started by mistake, would find no log beside the store and tell the operator that it is lost.
func writeRetired(old string) (err error) {
	tmp := old + ".tmp"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("raftlog: retire %s: %w", old, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp) // best effort: the next one removes it too
			err = fmt.Errorf("raftlog: retire %s: %w", old, err)
		}
	}()
	db, err := bolt.Open(tmp, 0o600, &bolt.Options{Timeout: lockTimeout})
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		if _, err := tx.CreateBucket([]byte(BucketLog)); err != nil {
			return err
		}
		meta, err := tx.CreateBucket([]byte(BucketMeta))
		if err != nil {
			return err
		}
		r := formatRecord(formatVersion)
		return meta.Put(r.Key, r.Value)
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	if err := syncPath(tmp); err != nil {
		return err
	}
	if err := os.Rename(tmp, old); err != nil {
		return err
	}
	return syncPath(filepath.Dir(old))
}
