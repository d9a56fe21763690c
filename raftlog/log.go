package raftlog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"

	"go.etcd.io/raft/v3/raftpb"
)

// Options are what Open needs to know besides the path. The zero value is good.
type Options struct {
	// FlushedIndex and FlushedTerm are what the node's store holds on its own disk, or zero. Damage to entries at or
	// below FlushedIndex, which the store makes superfluous, is healed by compacting the log to it. Healed tells.
	FlushedIndex, FlushedTerm uint64
}

// Log is an open Raft log. The package comment has its invariants.
//
// Entries, Term, FirstIndex, LastIndex, HardState, Compacted, Bytes and Identity may be called from any goroutine at
// any time, also after Close; they read memory only. Compact may be called from any goroutine and does not wait for
// the disk. Append, Reset, SetIdentity and Close wait for the disk and for each other.
type Log struct {
	disk   Disk
	healed *DamageError

	// view is replaced while publish is held. publish is held for moments only, never over a commit; it is taken after
	// commit when both are.
	view    atomic.Pointer[view]
	publish sync.Mutex
	id      atomic.Pointer[Identity]

	// commit is held over each transaction and guards what follows.
	commit sync.Mutex
	// stored is what the disk holds of the state that lags there: the hard state and the compaction point.
	stored struct {
		hs        hardState
		compacted mark
		tail      mark
		// first is the lowest index that still has a record on the disk; last+1 when none has.
		first uint64
	}
	failed error // the first commit error, or ErrClosed: all later writes return it
	closed bool
	enc    encoder
}

// Create makes a new log, the directory path, for id. It appears there whole or not at all. os.ErrExist when something is
// there.
func Create(path string, id Identity) error {
	if err := id.validate(); err != nil {
		return err
	}
	if there, err := Exists(path); err != nil {
		return fmt.Errorf("raftlog: create: %w", err)
	} else if there {
		return fmt.Errorf("raftlog: create %s: %w", path, fs.ErrExist)
	}
	if err := createWAL(path, &Tx{Meta: birthRecords(id)}); err != nil {
		return fmt.Errorf("raftlog: create %s: %w", path, err)
	}
	return nil
}

// Open opens the log at path. One of an earlier release, in a file beside it, is turned into one at path first. It fails with
// os.ErrNotExist when there is none, ErrLocked when another process has it, ErrFormat when it is newer than this program,
// *DamageError when it is damaged.
func Open(path string, o Options) (*Log, error) {
	var healed *DamageError
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		if old, err := oldExists(path); err != nil {
			return nil, fmt.Errorf("raftlog: open: %w", err)
		} else if old {
			if healed, err = migrate(path, mark{index: o.FlushedIndex, term: o.FlushedTerm}); err != nil {
				return nil, err
			}
		}
	}
	d, err := openWAL(path)
	if err != nil {
		return nil, err
	}
	l, err := OpenDisk(d, o)
	if err == nil {
		err = errors.Join(d.confirm(), retireOld(path))
	}
	if err != nil {
		_ = d.Close() // the error that matters is the first
		return nil, err
	}
	if healed != nil {
		l.healed = healed
	}
	return l, nil
}

// OpenDisk opens the log on d. On success the Log owns d and closes it.
func OpenDisk(d Disk, o Options) (*Log, error) {
	img, healed, err := replay(d, mark{index: o.FlushedIndex, term: o.FlushedTerm})
	if err != nil {
		return nil, err
	}
	l := &Log{disk: d, healed: healed}
	v := img.view
	l.view.Store(&v)
	l.id.Store(&img.id)
	l.stored.hs, l.stored.compacted, l.stored.tail, l.stored.first = v.hs, v.compacted, v.tail(), img.first
	if healed != nil {
		if err := l.rewrite(); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// Healed returns the damage that Open found and made good, or nil.
func (l *Log) Healed() *DamageError { return l.healed }

// Identity returns whose log this is.
func (l *Log) Identity() Identity { return l.id.Load().clone() }

// HardState returns the hard state as of Open or the last Append, Commit included. The caller owns it. Commit is never
// below the compaction point, whatever was appended.
func (l *Log) HardState() *raftpb.HardState { return l.view.Load().hs.pb() }

// Entries implements raft.Storage: the entries [lo, hi), cut so that their encoded bytes stay within maxSize, but at
// least one. The slice is append-safe, its entries must not be changed. raft.ErrCompacted when lo is gone,
// raft.ErrUnavailable when hi is beyond the end.
func (l *Log) Entries(lo, hi, maxSize uint64) ([]*raftpb.Entry, error) {
	return l.view.Load().entries(lo, hi, maxSize)
}

// Term implements raft.Storage. The compaction point's own term is still known.
func (l *Log) Term(i uint64) (uint64, error) { return l.view.Load().term(i) }

// FirstIndex implements raft.Storage: the first index that Entries may return.
func (l *Log) FirstIndex() (uint64, error) { return l.view.Load().compacted.index + 1, nil }

// LastIndex implements raft.Storage.
func (l *Log) LastIndex() (uint64, error) { return l.view.Load().last(), nil }

// Compacted returns the compaction point: the last entry that is gone.
func (l *Log) Compacted() (index, term uint64) {
	m := l.view.Load().compacted
	return m.index, m.term
}

// Bytes returns the encoded size of the retained entries.
func (l *Log) Bytes() int64 { return int64(l.view.Load().bytes()) }

// Compact drops the entries up to index from memory at once, and from the disk with later appends. index must be
// applied and flushed by the store, hence committed and in the log; an index that is gone already is ignored.
func (l *Log) Compact(index uint64) {
	l.publish.Lock()
	defer l.publish.Unlock()
	v := l.view.Load()
	if index <= v.compacted.index {
		return
	}
	if index > v.last() {
		panic(fmt.Sprintf("raftlog: compact to %d, but the log ends at %d", index, v.last()))
	}
	l.view.Store(v.compact(index))
}

// SetIdentity replaces the identity; it is durable on return. ErrIdentity when it contradicts the stored one.
func (l *Log) SetIdentity(id Identity) error {
	l.commit.Lock()
	defer l.commit.Unlock()
	if l.failed != nil {
		return l.failed
	}
	if err := id.replaces(*l.id.Load()); err != nil {
		return err
	}
	id = id.clone()
	v := l.view.Load()
	if err := l.write(&Tx{Meta: []Record{identityRecord(id)}}, v); err != nil {
		return err
	}
	l.id.Store(&id)
	return nil
}

// Close writes what only memory knows, a moved Commit or compaction point, and releases the file. Reads go on to work,
// writes return ErrClosed. Closing again does nothing.
func (l *Log) Close() error {
	l.commit.Lock()
	defer l.commit.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	var err error
	if v := l.view.Load(); l.failed == nil && (v.hs != l.stored.hs || v.compacted != l.stored.compacted) {
		err = l.write(&Tx{}, v)
	}
	if l.failed == nil {
		l.failed = ErrClosed
	}
	if cerr := l.disk.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("raftlog: close %s: %w", l.disk.Path(), cerr)
	}
	return err
}
