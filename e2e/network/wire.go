package network

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"time"
)

// wire is one direction of a pair while it is not perfect.
type wire struct {
	link   Link
	to     device
	queue  chan timed
	closed chan struct{}
	once   sync.Once

	mu sync.Mutex
	// free is when the wire has sent all that it was given.
	free time.Time
}

// timed is a packet and when it arrives.
type timed struct {
	packet []byte
	at     time.Time
}

func newWire(l Link, to device) *wire {
	w := &wire{link: l, to: to, queue: make(chan timed, maxQueued), closed: make(chan struct{})}
	if l.Delay > 0 || l.BytesPerSecond > 0 {
		// Owned by the wire: ends when it is closed, and writes to the device.
		go w.deliver()
	}
	return w
}

// close drops what is on the way.
func (w *wire) close() { w.once.Do(func() { close(w.closed) }) }

func (w *wire) send(packet []byte) {
	switch {
	case w.link.Down, w.link.Loss > 0 && rand.IntN(100) < w.link.Loss:
		return
	case w.link.Delay == 0 && w.link.BytesPerSecond == 0:
		_, _ = w.to.Write(packet) // a full queue drops
		return
	}
	now := time.Now()
	w.mu.Lock()
	if w.free.Before(now) {
		w.free = now
	}
	if rate := w.link.BytesPerSecond; rate > 0 {
		w.free = w.free.Add(time.Duration(len(packet)) * time.Second / time.Duration(rate))
	}
	at := w.free.Add(w.link.Delay)
	w.mu.Unlock()
	select {
	case w.queue <- timed{bytes.Clone(packet), at}:
	default: // full
	}
}

func (w *wire) deliver() {
	for {
		select {
		case <-w.closed:
			return
		case p := <-w.queue:
			wait := time.NewTimer(time.Until(p.at))
			select {
			case <-w.closed:
				wait.Stop()
				return
			case <-wait.C:
			}
			_, _ = w.to.Write(p.packet) // a full queue drops
		}
	}
}
