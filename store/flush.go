package store

import (
	"fmt"
	"time"

	"parley/proto/internalv1"
)

// runFlusher is the flusher's goroutine. Open starts it and Close ends it. It may freeze the active overlay, under
// applyMu, and it alone commits to the disk. It sleeps until Apply or Flush wakes it: an idle store costs nothing.
func (s *Store) runFlusher() {
	defer close(s.stopped)
	timer := time.NewTimer(s.o.FlushInterval)
	timer.Stop()
	defer timer.Stop()
	waiting := false
	for {
		due := false
		select {
		case <-s.stop:
			return
		case <-timer.C:
			waiting, due = false, true
		case <-s.wake:
		}
		s.pubMu.Lock()
		forced, frozen := s.forced, s.frozen != nil
		s.forced = false
		s.pubMu.Unlock()
		if s.Err() != nil {
			continue
		}
		if frozen {
			// What a Flush asked for is not in the overlay that is frozen already: freeze the other one next.
			if s.flushFrozen() == nil && (forced || due) {
				s.force()
			}
		}
		if frozen || !forced && !due {
			// Something may be in the active overlay; when there is not, the timer finds nothing to do, once.
			if !waiting {
				waiting = true
				timer.Reset(s.o.FlushInterval)
			}
			continue
		}
		s.applyMu.Lock()
		s.tryFreeze()
		s.applyMu.Unlock()
		_ = s.flushFrozen()
	}
}

func (s *Store) wakeFlusher() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Store) force() {
	s.pubMu.Lock()
	s.forced = true
	s.pubMu.Unlock()
	s.wakeFlusher()
}

// tryFreeze ends the active overlay at the applied mark, if none is frozen yet and there is anything to flush. The
// caller holds applyMu; the state is settled, for that happens before applyMu is released and before makeRoom freezes.
func (s *Store) tryFreeze() {
	if s.Err() != nil {
		return
	}
	m := s.machine
	s.pubMu.Lock()
	if s.frozen != nil || s.mark.Index == s.flushed.Index {
		s.pubMu.Unlock()
		return
	}
	o := m.active
	o.mark = s.mark
	o.marks = append([]hashMark(nil), s.hashMarks...)
	m.active = newOverlay()
	m.over = [2]overlayAt{m.active.all(), o.all()}
	s.armed = false
	s.frozen = o
	s.pubMu.Unlock()
	s.publish()
	s.wakeFlusher()
}

// makeRoom is called between entries: it freezes a full overlay, and waits while the other one is not flushed either.
// While it waits it lets go of applyMu, with a settled state.
func (s *Store) makeRoom() error {
	for s.machine.active.size >= s.o.OverlayBytes {
		if err := s.machine.settle(); err != nil {
			return err
		}
		if err := s.endBase(); err != nil {
			return err
		}
		s.pubMu.Lock()
		busy, done := s.frozen != nil, s.flushDone
		s.pubMu.Unlock()
		switch {
		case !busy:
			s.tryFreeze()
			if s.o.Manual {
				if err := s.flushFrozen(); err != nil {
					return err
				}
			}
			return nil
		case s.o.Manual:
			if err := s.flushFrozen(); err != nil {
				return err
			}
		default:
			// The flusher may want applyMu before it comes to the frozen overlay.
			s.wakeFlusher()
			s.applyMu.Unlock()
			<-done
			s.applyMu.Lock()
		}
		if err := s.Err(); err != nil {
			return err
		}
		s.beginCall()
	}
	return nil
}

// flushFrozen commits the frozen overlay, if there is one, as one transaction with its mark and the state hash.
func (s *Store) flushFrozen() (err error) {
	s.flushMu.Lock()
	defer s.flushMu.Unlock()
	s.pubMu.Lock()
	o, h := s.frozen, s.disk
	s.pubMu.Unlock()
	if o == nil {
		return nil
	}
	defer faultsPanic()()
	defer func() {
		if e := recovered(s.path, recover()); e != nil {
			err = fmt.Errorf("flush: %w", e)
		}
		if err != nil {
			err = s.fail(s.machine.locate(err))
		}
	}()
	batch, err := s.flushBatch(o, h)
	if err != nil {
		return err
	}
	if err := h.commit(batch); err != nil {
		return err
	}
	s.pubMu.Lock()
	s.frozen, s.flushed = nil, o.mark
	p := *s.cur.Load()
	if p.frozen == o {
		p.frozen, p.flushed = nil, o.mark.Index
		s.cur.Store(&p)
	}
	s.full.Store(false)
	close(s.flushDone)
	s.flushDone = make(chan struct{})
	hooks := s.onFlush
	s.pubMu.Unlock()
	for _, f := range hooks {
		f(o.mark)
	}
	return nil
}

// flushBatch composes what goes into an overlay's transaction. The read is closed before the commit begins.
func (s *Store) flushBatch(o *overlay, h *handle) (b Batch, err error) {
	tx, err := h.disk.Begin()
	if err != nil {
		return Batch{}, err
	}
	defer func() {
		if cerr := tx.Close(); err == nil {
			err = cerr
		}
	}()
	old, err := decodeMeta(tx.Meta())
	if err != nil {
		return Batch{}, err
	}
	below := &layers{path: s.path, base: func() (Tx, error) { return tx, nil }}
	hash, writes, err := multisetOf(old.GetHash()).flush(o, below)
	if err != nil {
		return Batch{}, err
	}
	r := &internalv1.FlushRecord{
		Format: format, ClusterId: s.clusterID, Index: o.mark.Index, Term: o.mark.Term, ConfState: o.mark.ConfState,
		Hash: hash.bytes(),
	}
	for _, hm := range o.marks {
		r.HashMarks = append(r.HashMarks, &internalv1.StateHash{Index: hm.index, Hash: hm.hash})
	}
	meta, err := encodeMeta(r)
	return Batch{Writes: writes, Meta: meta}, err
}

// Flush makes everything that was applied before the call durable, and waits for it.
func (s *Store) Flush() error {
	if err := s.usable(); err != nil {
		return err
	}
	return s.flush()
}

func (s *Store) flush() error {
	if s.o.Manual {
		s.applyMu.Lock()
		defer s.applyMu.Unlock()
		if err := s.flushFrozen(); err != nil {
			return err
		}
		s.tryFreeze()
		return s.flushFrozen()
	}
	want := s.Applied()
	for {
		s.pubMu.Lock()
		at, done := s.flushed.Index, s.flushDone
		s.pubMu.Unlock()
		if err := s.Err(); err != nil {
			return err
		}
		if at >= want {
			return nil
		}
		s.force()
		<-done
	}
}

// OnFlush registers a function that is called after each flush, and after an Install, with what is durable now. It runs
// on the goroutine that flushed and must not call back into Apply, Flush or Close.
func (s *Store) OnFlush(f func(Mark)) {
	s.pubMu.Lock()
	defer s.pubMu.Unlock()
	s.onFlush = append(s.onFlush, f)
}
