package client

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc/codes"

	"parley/proto/parleyv1"
)

// sending is one send over all its tries. The caller's goroutine owns it, but for what the stream that has it guards.
type sending struct {
	req  parleyv1.SendMessageRequest
	done chan struct{} // one signal: resp, or err and sent, are there

	// Guarded by the stream that has it, until done.
	written bool // in a frame: the node may have seen it
	resp    *parleyv1.SendMessageResponse
	err     error
	ended   bool // err is the end of the stream, not an answer to this send
	cause   error
}

// sendPatience is a signal and a timer, reused from call to call.
type sendPatience struct {
	done  chan struct{}
	timer *time.Timer
}

var patiences = sync.Pool{New: func() any {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return &sendPatience{done: make(chan struct{}, 1), timer: t}
}}

// send is SendMessage over streams. Its first try is made without what only a failure needs: no context is made for it and
// no goroutine; the timer is a used one.
func (c *Client) send(ctx context.Context, r *parleyv1.SendMessageRequest) (*parleyv1.SendMessageResponse, error) {
	cl := &call{c: c, method: "SendMessage", kind: kindSession, mutates: true, requestID: r.GetRequestId()}
	if cl.requestID == "" {
		cl.requestID = NewRequestID()
	}
	token := c.token.Load() // the same for every try
	p, _ := patiences.Get().(*sendPatience)
	s := &sending{done: p.done}
	// A copy: a caller that gives up may change its request while a frame is being made of it.
	s.req.RequestId, s.req.Conversation, s.req.Text = cl.requestID, r.GetConversation(), r.GetText()
	s.req.ReplyTo = r.GetReplyTo()
	try := c.traced(ctx, func(ctx context.Context) (string, verdict, error) { return cl.sendOnce(ctx, s, p, token) })

	deadline, bounded := ctx.Deadline()
	if !bounded {
		deadline = time.Now().Add(c.opts.Timeout)
	}
	cl.deadline = deadline
	var err error
	if cl.over(ctx) == nil {
		addr, v, ferr := try(ctx)
		if ferr == nil {
			patiences.Put(p)
			return s.resp, nil
		}
		later, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		if err = cl.lost(later, addr, v, ferr); err == nil {
			if d := cl.pause(v); d > 0 {
				c.sleep(later, d, c.pool.newsChan())
			}
			err = cl.run(later, try)
		}
	} else {
		err = cl.run(ctx, try) // says why
	}
	patiences.Put(p)
	if err != nil {
		return nil, err
	}
	return s.resp, nil
}

// sendOnce makes one try: on a stream, or as a unary call where no stream takes it.
func (cl *call) sendOnce(ctx context.Context, s *sending, p *sendPatience, token *[]byte) (string, verdict, error) {
	st, addr, err := cl.stream(ctx, s, token)
	switch {
	case err != nil:
		cl.tries++
		return addr, judge(err, false, nil), err
	case st == nil:
		return cl.sendUnary(ctx, s, token)
	}
	cl.tries++
	p.timer.Reset(cl.tryTime())
	select {
	case <-s.done:
	case <-p.timer.C:
		st.leave(s, context.DeadlineExceeded)
	case <-ctx.Done():
		st.leave(s, ctx.Err())
	}
	p.timer.Stop()
	if s.err == nil {
		return st.addr, verdict{}, nil
	}
	v := s.verdict()
	if s.ended && (v.code == codes.Unimplemented || v.reason == reasonTooManyStreams) {
		// The node has taken none of the stream's sends.
		cl.c.sends.noStreams(st.addr)
		cl.tries--
		return cl.sendUnary(ctx, s, token)
	}
	return st.addr, v, s.err
}

// tryTime is how long a try may take: TryTimeout, or what is left of the call.
func (cl *call) tryTime() time.Duration { return min(TryTimeout, time.Until(cl.deadline)) }

// verdict judges what ended a send on a stream.
func (s *sending) verdict() verdict {
	v := judge(s.err, s.written, s.cause)
	if s.ended && s.written && v.applied == "" {
		// The stream broke. Whatever the code says is said of the stream and not of this send.
		v.again, v.outcome = true, Unknown
	}
	return v
}

func (cl *call) sendUnary(ctx context.Context, s *sending, token *[]byte) (string, verdict, error) {
	if _, ok := ctx.Deadline(); !ok { // the first try's
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, cl.tryTime())
		defer cancel()
	}
	return cl.once(authorize(ctx, *token), func(ctx context.Context) (err error) {
		s.resp, err = cl.c.chat.SendMessage(ctx, &s.req)
		return err
	})
}
