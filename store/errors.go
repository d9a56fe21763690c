package store

import (
	"errors"
	"fmt"
)

var (
	// ErrNoSession is returned when a token's hash names no live session.
	ErrNoSession = errors.New("store: no such session")
	// ErrNotFound is returned when the account or conversation that was asked for does not exist.
	ErrNotFound = errors.New("store: not found")
	// ErrNoMessage is returned when the message that was asked for, or asked around, is none that the caller can see. It
	// is an ErrNotFound too.
	ErrNoMessage = fmt.Errorf("%w: no such message", ErrNotFound)
	// ErrNotMember is returned for what only members of a room see, to an account that sees that there is the room.
	ErrNotMember = errors.New("store: not a member of the room")
	// ErrNotAllowed is returned for what only moderators and owners of a room see.
	ErrNotAllowed = errors.New("store: not allowed")
	// ErrSessionEnded is returned by Watcher.Next once the watcher's session was revoked or expired.
	ErrSessionEnded = errors.New("store: the session ended")
	// ErrNoHashMark is returned by HashAt when the entry at the index was no HashMark, or one that is no longer kept.
	ErrNoHashMark = errors.New("store: no hash mark at that index")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("store: closed")
	// ErrBadPageToken is returned when a page token does not parse.
	ErrBadPageToken = errors.New("store: malformed page token")
	// ErrTooManyWatchers is returned by Watch when MaxWatchers are open.
	ErrTooManyWatchers = errors.New("store: too many watchers")
	// ErrWrongCluster is returned for a file of another cluster.
	ErrWrongCluster = errors.New("store: the file belongs to another cluster")
	// ErrStale is returned by Install for a file older than what is applied.
	ErrStale = errors.New("store: the file is older than the applied state")
)

// DamageError says that stored bytes are not what was written. They were not used.
type DamageError struct {
	Path string
	// Key is the damaged key, nil when the file could not be read at all.
	Key []byte
	// Hint says what an operator does about it.
	Hint string
	Err  error
}

func (e *DamageError) Error() string {
	s := "store: damaged"
	if e.Path != "" {
		s += " file " + e.Path
	}
	if e.Key != nil {
		s += fmt.Sprintf(", key %s", describeKey(e.Key))
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

func (e *DamageError) Unwrap() error { return e.Err }

// ContradictionError says that stored records contradict each other although every checksum that was looked at is right: a
// part of the file is lost, or the program made a mistake, which every node then has. Verifying the file tells which.
type ContradictionError struct {
	Path string
	// Key is the record that makes no sense, nil when one is missing.
	Key []byte
	Err error
}

func (e *ContradictionError) Error() string {
	s := "store: contradiction"
	if e.Path != "" {
		s += " in file " + e.Path
	}
	if e.Key != nil {
		s += fmt.Sprintf(", key %s", describeKey(e.Key))
	}
	return s + ": " + e.Err.Error()
}

func (e *ContradictionError) Unwrap() error { return e.Err }

// ApplyError is a failure of Apply: the node must stop, for others may have carried the command out.
type ApplyError struct {
	Index, Term uint64
	// Command is the command's place in the entry.
	Command int
	Err     error
}

func (e *ApplyError) Error() string {
	return fmt.Sprintf("store: apply stopped at index %d, term %d, command %d: %v", e.Index, e.Term, e.Command, e.Err)
}

func (e *ApplyError) Unwrap() error { return e.Err }

const hintRestore = "stop the node and restore its store file from a peer"
