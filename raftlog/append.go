package raftlog

import (
	"fmt"

	"go.etcd.io/raft/v3/raftpb"
)

// Batch is what one transaction stores.
type Batch struct {
	// Entries are contiguous. They may begin at or below the last index: then all stored entries from there on are
	// dropped first. The log keeps the entries, nobody may change them afterwards.
	Entries []*raftpb.Entry
	// HardState is nil, or empty, when it did not change.
	HardState *raftpb.HardState
}

// Append stores b in one transaction, durable on return, and publishes it to readers then. A batch that only moves
// Commit costs no transaction. Any error is fatal to the caller: stop the process, never retry. A batch that breaks
// an invariant of the log panics before anything is written.
func (l *Log) Append(b Batch) error {
	l.commit.Lock()
	defer l.commit.Unlock()
	if l.failed != nil {
		return l.failed
	}
	v := l.view.Load()
	hs := v.admit(b)
	if len(b.Entries) == 0 && hs.term == v.hs.term && hs.vote == v.hs.vote {
		l.republish(func(cur *view) *view { c := *cur; c.hs = hs; return &c })
		return nil
	}

	if err := l.enc.encode(b.Entries); err != nil {
		return l.fail(err)
	}
	tx := &Tx{Log: l.enc.records}
	if n := len(b.Entries); n > 0 {
		if last := b.Entries[n-1].GetIndex(); last < v.last() {
			tx.Delete = append(tx.Delete, Range{Lo: last + 1, Hi: v.last()})
		}
	}
	next := v.extend(b.Entries, l.enc.sizes)
	next.hs = hs
	if err := l.write(tx, next); err != nil {
		return err
	}
	l.republish(func(cur *view) *view {
		if cur != v { // compacted while the disk was busy
			next = cur.extend(b.Entries, l.enc.sizes)
			next.hs = hs
		}
		return next
	})
	l.enc.release()
	return nil
}

// Reset makes the log empty with {index, term} as its compaction point: after a snapshot was installed, and on the
// first boot. hs is the hard state to store with it, nil to keep the present one. Of the two the higher term wins and
// a vote stays while its term does; the term is raised to the snapshot's if it is below, Commit becomes index.
// Durable on return. ErrForget when index is below what is committed.
func (l *Log) Reset(index, term uint64, hs *raftpb.HardState) error {
	l.commit.Lock()
	defer l.commit.Unlock()
	if l.failed != nil {
		return l.failed
	}
	v := l.view.Load()
	if index < v.hs.commit {
		return fmt.Errorf("%w: to index %d, but %d is committed", ErrForget, index, v.hs.commit)
	}
	next := &view{compacted: mark{index: index, term: term}, hs: v.hs.resetTo(fromPB(hs), index, term)}
	if err := l.write(&Tx{Clear: true}, next); err != nil {
		return err
	}
	l.republish(func(*view) *view { return next })
	return nil
}

// resetTo merges the present hard state with the one given for a log that restarts at {index, term}.
func (hs hardState) resetTo(given hardState, index, term uint64) hardState {
	switch {
	case given.term > hs.term:
		hs.term, hs.vote = given.term, given.vote
	case given.term == hs.term && hs.vote == 0:
		hs.vote = given.vote
	}
	if hs.term < term {
		hs.term, hs.vote = term, 0
	}
	hs.commit = index
	return hs
}

// write commits tx together with everything of next that the disk does not have yet: hard state, compaction point and
// tail; and with the deletions that are due. next is the log as it will be published after it.
func (l *Log) write(tx *Tx, next *view) error {
	stored, hs := l.stored, next.hs
	if hs.commit < next.compacted.index {
		panic(fmt.Sprintf("raftlog: commit %d is below the compaction point %d", hs.commit, next.compacted.index))
	}
	if stored.hs != hs {
		tx.Meta = append(tx.Meta, hardStateRecord(hs))
		stored.hs = hs
	}
	if stored.compacted != next.compacted {
		tx.Meta = append(tx.Meta, markRecord(keyCompacted, next.compacted))
		stored.compacted = next.compacted
	}
	if tail := next.tail(); stored.tail != tail {
		tx.Meta = append(tx.Meta, markRecord(keyTail, tail))
		stored.tail = tail
	}
	if tx.Clear {
		stored.first = next.compacted.index + 1
	} else if due := next.compacted.index + 1 - stored.first; due >= CompactBatch {
		// Twice the batch keeps ahead of any rate of appending. Lo is 0, so that a stray older key goes too.
		n := min(due, max(CompactBatch, 2*uint64(len(tx.Log))))
		stored.first += n
		tx.Delete = append(tx.Delete, Range{Lo: 0, Hi: stored.first - 1})
	}
	if err := l.disk.Commit(tx); err != nil {
		return l.fail(fmt.Errorf("raftlog: commit to %s: %w", l.disk.Path(), err))
	}
	l.stored = stored
	return nil
}

// rewrite replaces the whole log bucket by what memory holds: damaged keys have no other safe way out of the tree.
// The log in memory is bounded, so the transaction is. Called by OpenDisk only.
func (l *Log) rewrite() error {
	v := l.view.Load()
	if err := l.enc.encode(v.ents); err != nil {
		return err
	}
	// Whatever the disk has of these may be what was damaged.
	tx := &Tx{Clear: true, Log: l.enc.records}
	l.stored.hs, l.stored.compacted, l.stored.tail = hardState{}, mark{}, mark{}
	err := l.write(tx, v)
	l.enc.release()
	return err
}

// fail closes the log to writers.
func (l *Log) fail(err error) error {
	l.failed = err
	return err
}

// republish replaces the view. Commit is kept at or above the compaction point, which may have moved meanwhile, and
// never falls.
func (l *Log) republish(f func(cur *view) *view) {
	l.publish.Lock()
	defer l.publish.Unlock()
	v := f(l.view.Load())
	v.hs.commit = max(v.hs.commit, v.compacted.index)
	l.view.Store(v)
}

// admit checks b against the log's invariants, panics if it would break one, and returns the hard state after it.
func (v *view) admit(b Batch) hardState {
	hs, last := v.hs, v.tail()
	if n := len(b.Entries); n > 0 {
		v.admitEntries(b.Entries)
		last = mark{index: b.Entries[n-1].GetIndex(), term: b.Entries[n-1].GetTerm()}
	}
	if given := fromPB(b.HardState); given != (hardState{}) {
		switch {
		case given.term < hs.term:
			panic(fmt.Sprintf("raftlog: term falls from %d to %d", hs.term, given.term))
		case given.term == hs.term && hs.vote != 0 && given.vote != hs.vote:
			panic(fmt.Sprintf("raftlog: vote changes from %d to %d in term %d", hs.vote, given.vote, hs.term))
		}
		// Commit may arrive behind: the compaction point, which is committed, moves ahead of it.
		given.commit = max(given.commit, hs.commit)
		hs = given
	}
	switch {
	case hs.commit > last.index:
		panic(fmt.Sprintf("raftlog: commit %d is beyond the last index %d", hs.commit, last.index))
	case hs.term < last.term:
		panic(fmt.Sprintf("raftlog: last entry's term %d is above the hard state's %d", last.term, hs.term))
	}
	return hs
}

func (v *view) admitEntries(ents []*raftpb.Entry) {
	first := ents[0].GetIndex()
	switch {
	case first <= v.compacted.index:
		panic(fmt.Sprintf("raftlog: append at %d, but the log is compacted to %d", first, v.compacted.index))
	case first > v.last()+1:
		panic(fmt.Sprintf("raftlog: append at %d leaves a gap, the log ends at %d", first, v.last()))
	}
	prev, _ := v.term(first - 1) // in [compacted, last] by the checks above
	for i, e := range ents {
		if want := first + uint64(i); e.GetIndex() != want {
			panic(fmt.Sprintf("raftlog: entry %d where %d was due", e.GetIndex(), want))
		}
		if e.GetTerm() < prev {
			panic(fmt.Sprintf("raftlog: term falls from %d to %d at entry %d", prev, e.GetTerm(), e.GetIndex()))
		}
		prev = e.GetTerm()
		if e.GetIndex() > v.hs.commit {
			continue
		}
		if t, _ := v.term(e.GetIndex()); t != prev {
			panic(fmt.Sprintf("raftlog: entry %d is committed with term %d, not %d", e.GetIndex(), t, prev))
		}
	}
}

// encoder turns entries into records. Its buffers are reused from one append to the next.
type encoder struct {
	buf     []byte
	records []Record
	sizes   []uint32 // encoded bytes of each entry, without key and checksum
}

// encode fills records and sizes; they are valid until the next call.
func (n *encoder) encode(ents []*raftpb.Entry) (err error) {
	n.buf, n.records, n.sizes = n.buf[:0], n.records[:0], n.sizes[:0]
	for _, e := range ents {
		start := len(n.buf)
		// When buf has to grow, the records before keep the old array: their bytes stay what they are.
		if n.buf, err = appendEntry(n.buf, e); err != nil {
			return err
		}
		rec := n.buf[start:len(n.buf):len(n.buf)]
		n.records = append(n.records, Record{Key: rec[:keyBytes:keyBytes], Value: rec[keyBytes:]})
		n.sizes = append(n.sizes, uint32(len(rec)-keyBytes-crcBytes))
	}
	return nil
}

// release lets go of buffers that are larger than an ordinary batch needs.
func (n *encoder) release() {
	if cap(n.buf) > maxScratchBytes {
		*n = encoder{}
	}
}
