package store

import (
	"bytes"
	"context"
	"errors"
	"sync"
)

// hashMark is the state hash right after the HashMark command at an index.
type hashMark struct {
	index uint64
	hash  []byte
}

// currentHash returns the hash of the machine's settled state: the one on the disk, and what the overlays change.
// Apply's goroutine calls it.
func (s *Store) currentHash() (multiset, error) {
	tx, err := s.applyBase()
	if err != nil {
		return multiset{}, err
	}
	meta, err := decodeMeta(tx.Meta())
	if err != nil {
		return multiset{}, err
	}
	h := multisetOf(meta.GetHash())
	frozen := s.machine.over[1].o
	// The frozen overlay may have reached the disk since the call began.
	if frozen != nil && meta.GetIndex() != frozen.mark.Index {
		if h, err = h.over(frozen, &layers{path: s.path, base: s.applyBase}); err != nil {
			return multiset{}, err
		}
	}
	return h.over(s.machine.active, &layers{path: s.path, base: s.applyBase, over: [2]overlayAt{frozen.all()}})
}

// recordHashMark keeps a hash under the index that is being applied. A second mark in one entry replaces the first.
func (s *Store) recordHashMark(h multiset) {
	s.pubMu.Lock()
	defer s.pubMu.Unlock()
	hm := hashMark{index: s.machine.index, hash: h.bytes()}
	if n := len(s.hashMarks); n > 0 && s.hashMarks[n-1].index == hm.index {
		s.hashMarks = s.hashMarks[:n-1]
	}
	marks := append(append([]hashMark(nil), s.hashMarks...), hm)
	s.hashMarks = marks[max(0, len(marks)-MaxHashMarks):]
}

// HashAt waits until the entry at index is applied and returns the state hash that its HashMark recorded; ErrNoHashMark
// when it was no HashMark, or one of more than MaxHashMarks ago.
func (s *Store) HashAt(ctx context.Context, index uint64) ([]byte, error) {
	for {
		changed, release, err := s.hashAt.wait()
		if err != nil {
			return nil, err
		}
		if s.Applied() >= index {
			release()
			return s.hashMarkAt(index)
		}
		if err := s.usable(); err != nil {
			release()
			return nil, err
		}
		select {
		case <-changed:
			release()
		case <-ctx.Done():
			release()
			return nil, ctx.Err()
		}
	}
}

// LastHashMark returns the index of the newest HashMark that was applied and the state hash there; 0 when there is none.
func (s *Store) LastHashMark() (index uint64, hash []byte) {
	s.pubMu.Lock()
	defer s.pubMu.Unlock()
	n := len(s.hashMarks)
	if n == 0 {
		return 0, nil
	}
	return s.hashMarks[n-1].index, bytes.Clone(s.hashMarks[n-1].hash)
}

func (s *Store) hashMarkAt(index uint64) ([]byte, error) {
	s.pubMu.Lock()
	defer s.pubMu.Unlock()
	for _, hm := range s.hashMarks {
		if hm.index == index {
			return bytes.Clone(hm.hash), nil
		}
	}
	return nil, ErrNoHashMark
}

// hashWaiters wakes those who wait for an index; without any, a publish pays one lock.
type hashWaiters struct {
	mu      sync.Mutex
	n       int
	changed chan struct{}
}

func (w *hashWaiters) init() { w.changed = make(chan struct{}) }

func (w *hashWaiters) wait() (changed <-chan struct{}, release func(), err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.n >= maxHashWaiters {
		return nil, nil, errors.New("store: too many callers wait for a state hash")
	}
	w.n++
	return w.changed, func() {
		w.mu.Lock()
		w.n--
		w.mu.Unlock()
	}, nil
}

func (w *hashWaiters) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.n > 0 {
		close(w.changed)
		w.changed = make(chan struct{})
	}
}
