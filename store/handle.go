package store

import (
	"errors"
	"sync"
	"time"
)

// closeWait is how long Close waits for open views, which live a second at the most.
const closeWait = 5 * time.Second

// handle counts the views on a disk, so that a disk that was replaced is closed when its last view ends.
type handle struct {
	disk    Disk
	mu      sync.Mutex
	views   int
	retired bool
	err     error
	closed  chan struct{}
}

func newHandle(d Disk) *handle { return &handle{disk: d, closed: make(chan struct{})} }

// acquire is false when the disk was closed.
func (h *handle) acquire() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.retired && h.views == 0 {
		return false
	}
	h.views++
	return true
}

func (h *handle) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.views--
	h.closeIfIdle()
}

// retire closes the disk now, or when its last view ends.
func (h *handle) retire() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.retired {
		return nil
	}
	h.retired = true
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
