package client

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

var errStale = errors.New("the stream was silent for too long")

// try is one RPC under way: a call's or a stream's. While it is silent its timer has the node probed. All tries are
// registered with the link, so that one verdict "hung" ends every try on that node at the same time.
type try struct {
	c      *Client // whose it is
	hint   *hint
	cancel context.CancelCauseFunc
	after  time.Duration
	stale  time.Duration // 0: for ever

	heard atomic.Int64 // unix nanoseconds of the last sign of life
	mu    sync.Mutex   // guards ended and resting against the timer
	ended bool
	timer *time.Timer

	// quiet: nothing is expected of the node. For a stream of sends, whose timer is not reset for each message: it looks
	// at heard when it fires, and rests when nothing is expected.
	quiet   atomic.Bool
	resting bool
}

// begin registers a try. The context it returns must be used for the RPC, and end called when that is over.
func (c *Client) begin(ctx context.Context, h *hint, after, stale time.Duration) (context.Context, *try) {
	ctx, cancel := context.WithCancelCause(withHint(ctx, h))
	t := &try{c: c, hint: h, cancel: cancel, after: after, stale: stale}
	t.heard.Store(time.Now().UnixNano())
	c.triesMu.Lock()
	c.tries[t] = struct{}{}
	c.triesMu.Unlock()
	if c.ctx.Err() != nil { // closed before abandonOwn could see it
		cancel(ErrClosed)
	}
	t.mu.Lock()
	t.timer = time.AfterFunc(after, t.silent)
	t.mu.Unlock()
	return ctx, t
}

func (t *try) end() {
	t.mu.Lock()
	t.ended = true
	t.timer.Stop()
	t.mu.Unlock()
	t.c.triesMu.Lock()
	delete(t.c.tries, t)
	t.c.triesMu.Unlock()
	t.cancel(nil)
}

// alive notes a sign of life. A stream calls it for each frame, and when its reader is ready for the next one.
func (t *try) alive() {
	t.hear()
	t.rearm(t.after)
}

// pause stops the clock while the reader, not the node, is slow.
func (t *try) pause() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.timer.Stop()
}

// expect tells that something is expected from now on, and quieten that nothing is.
func (t *try) expect() {
	t.hear()
	t.quiet.Store(false)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.resting && !t.ended {
		t.resting = false
		t.timer.Reset(t.after)
	}
}

func (t *try) quieten() { t.quiet.Store(true) }

// hear notes a sign of life without touching the timer.
func (t *try) hear() { t.heard.Store(time.Now().UnixNano()) }

// rest leaves the timer alone while nothing is expected.
func (t *try) rest() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.resting = t.quiet.Load()
	return t.resting
}

func (t *try) rearm(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.ended {
		t.timer.Reset(d)
	}
}

// silent runs on the timer's goroutine and only starts things.
func (t *try) silent() {
	if t.rest() {
		return
	}
	silence := time.Since(time.Unix(0, t.heard.Load()))
	if early := t.after - silence; early > 0 {
		t.rearm(early)
		return
	}
	if t.stale > 0 && silence > t.stale {
		t.cancel(errStale)
		return
	}
	if addr := t.hint.addr(); addr != "" {
		t.c.probe(addr)
	}
	t.rearm(ProbeAfter)
}

// probe finds out whether a silent node is slow or hung; one probe a node runs at a time.
func (l *link) probe(addr string) {
	l.once(addr, func() {
		for range ProbeTries {
			if _, answered := l.check(addr, "", ProbeTimeout); answered {
				return
			}
		}
		l.hung(addr)
	})
}

// hung leaves a node that answers nothing.
func (l *link) hung(addr string) {
	if l.ctx.Err() != nil {
		return
	}
	l.opts.Logger.Info("node does not answer", "address", addr)
	l.pool.setSuspect(addr, true)
	l.abandon(addr)
	l.wake()
}

// once runs f on a goroutine of the link unless one for the same node is under way.
func (l *link) once(addr string, f func()) {
	l.triesMu.Lock()
	if l.probing[addr] {
		l.triesMu.Unlock()
		return
	}
	l.probing[addr] = true
	l.triesMu.Unlock()
	done := func() {
		l.triesMu.Lock()
		delete(l.probing, addr)
		l.triesMu.Unlock()
	}
	if !l.spawn(func() { defer done(); f() }) {
		done()
	}
}

// check asks a node's health service. answered is false only if the time passed in silence; an error that came back, or
// a connection that broke, is for the try itself to see.
func (l *link) check(addr, service string, timeout time.Duration) (serves, answered bool) {
	return l.checkWithin(l.ctx, addr, service, timeout)
}

// checkWithin is check for a caller that may end sooner than the link.
func (l *link) checkWithin(ctx context.Context, addr, service string, timeout time.Duration) (serves, answered bool) {
	ctx, cancel := context.WithTimeout(withHint(ctx, &hint{exact: addr}), timeout)
	defer cancel()
	resp, err := l.health.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: service})
	if err != nil {
		return false, ctx.Err() == nil || status.Code(err) != codes.DeadlineExceeded
	}
	return resp.GetStatus() == grpc_health_v1.HealthCheckResponse_SERVING, true
}

// abandon ends every try on a hung node, whosesoever it is.
func (l *link) abandon(addr string) {
	l.triesMu.Lock()
	defer l.triesMu.Unlock()
	for t := range l.tries {
		if t.hint.addr() == addr {
			t.cancel(errHung)
		}
	}
}

// abandonOwn ends the tries of a Client that closes while others go on over the same connections. It must have stopped: a try
// that begins later sees that.
func (c *Client) abandonOwn() {
	c.triesMu.Lock()
	defer c.triesMu.Unlock()
	for t := range c.tries {
		if t.c == c {
			t.cancel(ErrClosed)
		}
	}
}
