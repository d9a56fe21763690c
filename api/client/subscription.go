package client

import (
	"context"
	"errors"
	"sync"
	"time"

	"google.golang.org/grpc/codes"

	"parley/proto/parleyv1"
)

// ErrSubscriptionClosed is returned by Next after Close.
var ErrSubscriptionClosed = errors.New("the subscription is closed")

// Subscription follows everything that the account can see. It resumes by itself on another node. Next is for one
// goroutine at a time; the other methods are for any.
type Subscription struct {
	c      *Client
	token  []byte // as of Subscribe: a later login does not change whose events these are
	ctx    context.Context
	cancel context.CancelFunc
	frames chan *parleyv1.SubscribeResponse
	done   chan struct{} // closed when the pump has ended; err is set before

	err error

	mu     sync.Mutex
	node   string
	cursor string // after the last frame that Next returned
}

// Subscribe follows the events after cursor; an empty cursor means from now on. It returns at once; the first frame tells
// when the subscription stands. It lives until Close, the end of ctx, or the end of the session.
func (c *Client) Subscribe(ctx context.Context, cursor string) *Subscription {
	s := &Subscription{
		c: c, token: c.Token(), cursor: cursor,
		frames: make(chan *parleyv1.SubscribeResponse, StreamBuffer), done: make(chan struct{}),
	}
	s.ctx, s.cancel = context.WithCancel(ctx)
	stop := context.AfterFunc(c.ctx, s.cancel)
	if !c.spawn(func() { defer stop(); s.pump(cursor) }) {
		s.cancel()
		s.err = &Error{
			Code: codes.Canceled, Message: ErrClosed.Error(), Outcome: NotApplied, Method: "Subscribe", cause: ErrClosed,
		}
		close(s.done)
	}
	return s
}

// Next returns the next frame: Subscribed after each (re)connection, Event, Reset, Heartbeat, PresenceChange, Typing. It blocks until there is
// one, ctx ends, or the subscription does; a *Error then says why, and every later call returns the same. An error of
// ctx alone does not end the subscription.
func (s *Subscription) Next(ctx context.Context) (*parleyv1.SubscribeResponse, error) {
	select {
	case f := <-s.frames:
		return s.took(f), nil
	default:
	}
	select {
	case f := <-s.frames:
		return s.took(f), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.done:
		select { // what came before the end comes first
		case f := <-s.frames:
			return s.took(f), nil
		default:
			return nil, s.err
		}
	}
}

func (s *Subscription) took(f *parleyv1.SubscribeResponse) *parleyv1.SubscribeResponse {
	cur := cursorOf(f)
	s.mu.Lock()
	defer s.mu.Unlock()
	if cur != "" && (f.GetSubscribed() == nil || s.cursor == "") {
		s.cursor = cur
	}
	return f
}

// Cursor returns the position after the last frame that Next returned: subscribe from it to continue in another process.
func (s *Subscription) Cursor() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cursor
}

// Node names the node that the stream comes from, or came from last.
func (s *Subscription) Node() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.node
}

// Close ends the subscription and waits for its goroutine.
func (s *Subscription) Close() {
	s.cancel()
	<-s.done
}

func cursorOf(f *parleyv1.SubscribeResponse) string {
	switch f := f.GetFrame().(type) {
	case *parleyv1.SubscribeResponse_Subscribed:
		return f.Subscribed.GetCursor()
	case *parleyv1.SubscribeResponse_Event:
		return f.Event.GetCursor()
	case *parleyv1.SubscribeResponse_Reset_:
		return f.Reset_.GetCursor()
	case *parleyv1.SubscribeResponse_Heartbeat:
		return f.Heartbeat.GetCursor()
	default:
		return ""
	}
}

var errMove = errors.New("another node has a quorum")

// pump is the subscription's goroutine: stream after stream, each from where the last one ended.
func (s *Subscription) pump(cursor string) {
	defer close(s.done)
	defer s.cancel()
	p := position{cursor: cursor}
	failed := make(map[string]int)
	prefer := ""
	for losses := 0; ; {
		news := s.c.pool.newsChan()
		began := time.Now()
		h := &hint{prefer: prefer, failed: failed}
		err, cause := s.stream(h, &p)
		v := judge(err, h.sent.Load(), cause)
		if s.ctx.Err() != nil {
			s.err = s.ended()
			return
		}
		if !v.again && v.code != codes.ResourceExhausted {
			s.err = s.fail(v, err)
			return
		}
		if time.Since(began) >= StreamSettled {
			losses = 0
			clear(failed)
		}
		losses++
		prefer = v.leader
		if addr := h.addr(); addr != "" {
			failed[addr]++
			if v.noQuorum() {
				s.c.pool.noQuorum(addr, err, v.draining())
			}
		}
		s.c.wake()
		s.c.opts.Logger.Debug("stream lost", "address", h.addr(), "losses", losses, "code", v.code.String(),
			"error", v.message)
		if losses > 1 || v.code == codes.ResourceExhausted {
			s.c.sleep(s.ctx, jitter(streamBackoff(losses)), news)
		}
	}
}

func streamBackoff(losses int) time.Duration {
	i := losses - 2
	switch {
	case i < 0:
		return backoffs[0]
	case i < len(backoffs):
		return backoffs[i]
	default:
		return StreamBackoffMax
	}
}

// ended explains the end of the subscription's own context.
func (s *Subscription) ended() *Error {
	cause := ErrSubscriptionClosed
	if s.c.ctx.Err() != nil {
		cause = ErrClosed
	}
	return &Error{
		Code: codes.Canceled, Message: cause.Error(), Outcome: NotApplied, Method: "Subscribe", cause: cause,
	}
}

func (s *Subscription) fail(v verdict, cause error) *Error {
	e := &Error{
		Code: v.code, Reason: v.reason, Field: v.field, Message: v.message, Method: "Subscribe", Outcome: Refused,
		cause: cause,
	}
	e.Hint = e.hint()
	return e
}

// stream follows one node until the stream ends; it always returns an error. cause is why it was given up from here.
func (s *Subscription) stream(h *hint, p *position) (err, cause error) {
	ctx, t := s.c.begin(authorize(s.ctx, s.token), h, StreamSilence, StreamStale)
	defer func() {
		if cause = context.Cause(ctx); s.ctx.Err() != nil {
			cause = nil
		}
		t.end()
	}()
	st, err := s.c.chat.Subscribe(ctx, &parleyv1.SubscribeRequest{Cursor: p.cursor})
	if err != nil {
		return err, nil
	}
	p.newStream()
	for {
		t.alive()
		f, err := st.Recv()
		if err != nil {
			return err, nil
		}
		t.pause()
		if !p.take(f) {
			continue
		}
		if sub := f.GetSubscribed(); sub != nil {
			s.mu.Lock()
			s.node = sub.GetNode()
			s.mu.Unlock()
		}
		// The position has moved over the frame, so it must be handed out even if this stream has ended meanwhile.
		select {
		case s.frames <- f:
		case <-s.ctx.Done():
			return s.ctx.Err(), nil
		}
		if hb := f.GetHeartbeat(); hb != nil && !hb.GetQuorum() && s.c.pool.betterThan(h.addr()) {
			t.cancel(errMove)
		}
	}
}

// position is where a subscription is: the cursor to resume from, and what was handed out near it.
type position struct {
	cursor string
	// past holds the cursors of events from earlier streams, oldest first in order; an event that a resumed stream
	// repeats is dropped. Cursors are opaque, so they are compared for equality only.
	past  map[string]bool
	order []string
	// fresh are the cursors of this stream. Two events of one stream may share a cursor; they become past together.
	fresh []string
}

func (p *position) newStream() {
	if p.past == nil {
		p.past = make(map[string]bool)
	}
	for _, c := range p.fresh {
		if !p.past[c] {
			p.past[c] = true
			p.order = append(p.order, c)
		}
	}
	p.fresh = p.fresh[:0]
	for len(p.order) > StreamRecent {
		delete(p.past, p.order[0])
		p.order = p.order[1:]
	}
}

// take moves the position over a frame. False: the frame was handed out before.
func (p *position) take(f *parleyv1.SubscribeResponse) bool {
	cur := cursorOf(f)
	switch f.GetFrame().(type) {
	case *parleyv1.SubscribeResponse_Event:
		if p.past[cur] {
			return false
		}
		if len(p.fresh) >= StreamRecent {
			p.fresh = p.fresh[:copy(p.fresh, p.fresh[StreamRecent/2:])]
		}
		p.fresh = append(p.fresh, cur)
	case *parleyv1.SubscribeResponse_Reset_:
		*p = position{past: make(map[string]bool)}
	case *parleyv1.SubscribeResponse_Subscribed:
		if p.cursor != "" {
			return true // where we resumed is known better here
		}
	}
	if cur != "" {
		p.cursor = cur
	}
	return true
}
