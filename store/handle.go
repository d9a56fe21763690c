package store

import (
	"errors"
	"sync"
	"time"
)

// closeWait is how long Close waits for open views, which live a second at the most.
const closeWait = 5 * time.Second

// handle counts the views on a disk, so that a disk that was replaced is closed when its last view ends. Between two commits
// all views read the same of it: a read that one has done with is kept for the next, and so is what they decoded.
type handle struct {
	disk    Disk
	mu      sync.Mutex
	views   int
	retired bool
	err     error
	closed  chan struct{}
	// commits counts those that began and those that ended: it is odd while one is under way. Then no read is kept, for a
	// commit may have to wait for all reads.
	commits uint64
	idle    []baseRead
	records *keptRecords
}

// baseRead is a view's read of the disk.
type baseRead struct {
	Tx
	flushed uint64 // the index that the disk is at
	commits uint64 // of the handle when it began
	// records belong to what it reads; nil when a commit was under way as it began.
	records *keptRecords
}

func newHandle(d Disk) *handle {
	return &handle{disk: d, closed: make(chan struct{}), records: newKeptRecords()}
}

// acquire is false when the disk was closed.
func (h *handle) acquire() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.enter()
}

func (h *handle) enter() bool {
	if h.retired && h.views == 0 {
		return false
	}
	h.views++
	return true
}

// acquireRead is acquire for a view. The read is one that was kept, or still to be begun: then its Tx is nil.
func (h *handle) acquireRead() (r baseRead, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.enter() {
		return baseRead{}, false
	}
	if n := len(h.idle); n > 0 {
		r = h.idle[n-1]
		h.idle[n-1] = baseRead{}
		h.idle = h.idle[:n-1]
		return r, true
	}
	r.commits = h.commits
	if h.commits%2 == 0 {
		r.records = h.records
	}
	return r, true
}

// began tells that the read was begun. One that a commit overtook is of nobody knows which commit: it shares nothing.
func (h *handle) began(r *baseRead) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.commits != h.commits {
		r.records = nil
	}
}

func (h *handle) release() { h.releaseRead(baseRead{}) }

// releaseRead ends a view. Its read is kept unless it is of an older commit.
func (h *handle) releaseRead(r baseRead) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.Tx != nil {
		if r.records != nil && r.commits == h.commits && !h.retired && len(h.idle) < maxIdleReads {
			h.idle = append(h.idle, r)
		} else {
			// Not under mu: a panic in a commit may have left bbolt's locks held, and retire must not wait for those.
			h.mu.Unlock()
			_ = r.Close() // a read has nothing to lose
			h.mu.Lock()
		}
	}
	h.views--
	h.closeIfIdle()
}

// commit changes the disk. One at a time.
func (h *handle) commit(b Batch) error {
	h.mu.Lock()
	h.commits++
	h.dropIdle()
	h.mu.Unlock()
	err := h.disk.Commit(b)
	h.mu.Lock()
	h.commits++
	h.records = newKeptRecords()
	h.mu.Unlock()
	return err
}

func (h *handle) dropIdle() {
	for _, r := range h.idle {
		_ = r.Close() // a read has nothing to lose
	}
	h.idle = nil
}

// retire closes the disk now, or when its last view ends.
func (h *handle) retire() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.retired {
		return nil
	}
	h.retired = true
	h.dropIdle()
	h.closeIfIdle()
	return h.err
}

func (h *handle) closeIfIdle() {
	if h.retired && h.views == 0 {
		h.err = h.disk.Close()
		close(h.closed)
	}
}

// wait returns when the disk is closed.
func (h *handle) wait() error {
	t := time.NewTimer(closeWait)
	defer t.Stop()
	select {
	case <-h.closed:
		return nil
	case <-t.C:
		return errors.New("store: close: a view was left open")
	}
}
