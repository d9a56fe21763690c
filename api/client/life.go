package client

import (
	"context"
	"sync"
	"time"
)

// life is how long something lives, and the goroutines that must end with it.
type life struct {
	ctx    context.Context
	cancel context.CancelFunc

	mu     sync.Mutex
	closed bool
	wg     sync.WaitGroup // everything started by spawn
}

// begins must be called first; the life ends with parent at the latest.
func (l *life) begins(parent context.Context) { l.ctx, l.cancel = context.WithCancel(parent) }

// spawn runs f on a goroutine that end waits for. f must end when l.ctx does. False: the life has ended.
func (l *life) spawn(f func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.wg.Add(1)
	go func() {
		defer l.wg.Done()
		f()
	}()
	return true
}

// stop ends it without waiting.
func (l *life) stop() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.cancel()
}

// end ends it and returns when its goroutines have ended.
func (l *life) end() {
	l.stop()
	l.wg.Wait()
}

// sleep waits for d, for news, or for the end of ctx or of this life.
func (l *life) sleep(ctx context.Context, d time.Duration, news <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-news:
	case <-ctx.Done():
	case <-l.ctx.Done():
	}
}
