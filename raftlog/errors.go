package raftlog

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrClosed is returned by writes after Close.
	ErrClosed = errors.New("raftlog: closed")
	// ErrLocked is returned by Open when another process has the log open.
	ErrLocked = errors.New("raftlog: the log is in use by another process")
	// ErrFormat is returned by Open for a file that a newer version of the program wrote.
	ErrFormat = errors.New("raftlog: unknown file format")
	// ErrIdentity is returned by Create and SetIdentity for an identity that is malformed or contradicts the stored
	// one.
	ErrIdentity = errors.New("raftlog: invalid identity")
	// ErrForget is returned by Reset when it would drop committed entries that the new start of the log does not cover.
	ErrForget = errors.New("raftlog: reset would forget committed entries")
)

// DamageError is returned by Open when the file holds something that this package cannot have written, or lacks
// something that it wrote. The file is left as it was.
type DamageError struct {
	Path   string
	Bucket string // empty when the damage is in the structure of the files
	Key    string // "file: 0000000000000001.wal, byte 17", a meta key, or an index in decimal
	// Index is the highest log index known to be affected, 0 when no single entry is. A node whose store has flushed
	// that index heals by Options.FlushedIndex.
	Index uint64
	Hint  string // what to do
	Err   error
}

func (e *DamageError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "raftlog: %s is damaged: ", e.Path)
	if e.Bucket != "" {
		fmt.Fprintf(&b, "bucket %q, ", e.Bucket)
	}
	fmt.Fprintf(&b, "%s: %v", e.Key, e.Err)
	if e.Hint != "" {
		fmt.Fprintf(&b, " (%s)", e.Hint)
	}
	return b.String()
}

func (e *DamageError) Unwrap() error { return e.Err }

const (
	hintReplace = "this member may have forgotten a vote or an acknowledged write and must not serve under its id " +
		"again: on a healthy node run `parley cluster remove`, then start an empty directory and run " +
		"`parley cluster add` and `parley cluster promote`"
	hintEntry = "if this node's store has flushed this index, a start with an intact store.db drops the entry and " +
		"heals; else: " + hintReplace
)

// damagedEntry reports damage in the log bucket. index is the last entry affected.
func damagedEntry(path string, index uint64, err error) *DamageError {
	return &DamageError{
		Path: path, Bucket: BucketLog, Key: fmt.Sprintf("entry %d", index), Index: index, Hint: hintEntry, Err: err,
	}
}

func damagedMeta(path, key string, err error) *DamageError {
	return &DamageError{Path: path, Bucket: BucketMeta, Key: key, Hint: hintReplace, Err: err}
}

func damagedFile(path, where string, err error) *DamageError {
	return &DamageError{Path: path, Key: where, Hint: hintReplace, Err: err}
}
