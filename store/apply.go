package store

import (
	"bytes"
	"fmt"
)

// applyBase opens the machine's read of the disk at the first use in a call. The overlay that was frozen when the call
// began stays in front of it until the call ends, so it does not matter on which side of that overlay's flush it falls.
func (s *Store) applyBase() (Tx, error) {
	if s.applyTx != nil {
		return s.applyTx, nil
	}
	s.pubMu.Lock()
	h := s.disk
	s.pubMu.Unlock()
	tx, err := h.disk.Begin()
	if err != nil {
		return nil, err
	}
	s.applyTx = tx
	return tx, nil
}

// endBase closes the machine's read: a commit that has to remap the file waits for it.
func (s *Store) endBase() error {
	if s.applyTx == nil {
		return nil
	}
	err := s.applyTx.Close()
	s.applyTx = nil
	return err
}

// Apply carries out entries in order and returns, for each command, its marshalled internalv1.Result. It publishes one
// view and wakes the watchers once. Any error is fatal: nothing of the call that is not yet published ever will be, and
// the process must stop, for other nodes may have carried the command out. Apply waits when both overlays are full.
func (s *Store) Apply(es []Entry) (results [][][]byte, err error) {
	s.applyMu.Lock()
	defer s.applyMu.Unlock()
	if err := s.usable(); err != nil {
		return nil, err
	}
	at := ApplyError{Index: s.mark.Index, Term: s.mark.Term}
	defer faultsPanic()()
	defer func() {
		if e := recovered(s.path, recover()); e != nil {
			err = e
		}
		if cerr := s.endBase(); err == nil {
			err = cerr
		}
		if err != nil {
			at.Err = err
			err = s.fail(&at)
			results = nil
		}
	}()
	s.beginCall()
	results = make([][][]byte, len(es))
	for i := range es {
		e := &es[i]
		at.Index, at.Term, at.Command = e.Index, e.Term, 0
		if e.Index != s.mark.Index+1 || e.Term < s.mark.Term {
			return nil, fmt.Errorf("the entry does not follow index %d, term %d", s.mark.Index, s.mark.Term)
		}
		if err := s.makeRoom(); err != nil {
			return nil, err
		}
		s.machine.beginEntry(e)
		if len(e.Commands) > 0 {
			results[i] = make([][]byte, len(e.Commands))
		}
		for j, cmd := range e.Commands {
			at.Command = j
			if results[i][j], err = s.machine.apply(cmd); err != nil {
				return nil, err
			}
		}
		s.mark.Index, s.mark.Term = e.Index, e.Term
	}
	return results, s.finish()
}

// SetConfState records a membership change at its index, and returns once that is durable: a snapshot without its
// receiver in the membership would be ignored.
func (s *Store) SetConfState(index, term uint64, cs []byte) error {
	if err := s.setConfState(index, term, cs); err != nil {
		return err
	}
	return s.Flush()
}

func (s *Store) setConfState(index, term uint64, cs []byte) (err error) {
	defer guardDamage(s.path, &err)()
	s.applyMu.Lock()
	defer s.applyMu.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	if index != s.mark.Index+1 || term < s.mark.Term {
		return s.fail(&ApplyError{Index: index, Term: term,
			Err: fmt.Errorf("the entry does not follow index %d, term %d", s.mark.Index, s.mark.Term)})
	}
	s.mark = Mark{Index: index, Term: term, ConfState: bytes.Clone(cs)}
	s.beginCall()
	return s.finish()
}

// beginCall puts the present layers under the machine.
func (s *Store) beginCall() {
	s.pubMu.Lock()
	defer s.pubMu.Unlock()
	s.machine.over = [2]overlayAt{s.machine.active.all(), s.frozen.all()}
}

// finish makes what was applied visible and sees to its flush.
func (s *Store) finish() error {
	if err := s.machine.settle(); err != nil {
		return err
	}
	s.publish()
	if s.machine.active.size >= s.o.OverlayBytes {
		if err := s.endBase(); err != nil {
			return err
		}
		s.tryFreeze()
		if s.o.Manual {
			return s.flushFrozen()
		}
	}
	if !s.armed {
		s.armed = true
		s.wakeFlusher()
	}
	return nil
}

// publish makes the settled state the one that new views read, then tells the watchers.
func (s *Store) publish() {
	s.show()
	m := s.machine
	s.hub.deliver(m.events, m.ended, s.mark.Index, m.movedAt)
	s.tellTap(m.events, false)
	m.forgetEvents()
	m.ended = nil
	s.hashAt.wake()
}

func (s *Store) show() {
	m := s.machine
	p := &published{
		index: s.mark.Index, clockMS: m.clock(), active: m.active.snapshot(), version: m.globals.GetClusterVersion(),
		members: m.globals.GetLastMember(), membersAt: m.membersAt,
		work: Work{
			Erase: m.erasing > 0 || m.littered > 0, Expire: m.clock() > m.nextExpiry, Retain: m.retainDue(),
		},
	}
	s.pubMu.Lock()
	p.frozen, p.disk, p.flushed = s.frozen, s.disk, s.flushed.Index
	s.cur.Store(p)
	s.full.Store(s.frozen != nil && m.active.size >= s.o.OverlayBytes)
	s.pubMu.Unlock()
}
