package raftlog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// OldPath is where earlier releases kept the log that is at path now: one bbolt file beside the directory, raft.db for raft.
func OldPath(path string) string { return path + ".db" }

// Exists reports whether there is a log at path, or one of an earlier release that Open would turn into one.
func Exists(path string) (bool, error) {
	for _, p := range []string{path, OldPath(path)} {
		if _, err := os.Lstat(p); err == nil {
			return true, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
	}
	return false, nil
}

// migrate turns the bbolt file of an earlier release into a log at path. The file is read as it always was: damage is reported,
// or healed by what the store holds. Until the new log is there, complete and synced, the file is not touched; when both are
// there, the new one is complete, and removeOld ends what a crash cut short.
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
	return healed, removeOld(path)
}

// removeOld removes the file of an earlier release from beside a complete log.
func removeOld(path string) error {
	old := OldPath(path)
	if err := os.Remove(old); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("raftlog: remove %s: %w", old, err)
	}
	return syncPath(filepath.Dir(path))
}
