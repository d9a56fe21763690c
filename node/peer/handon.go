package peer

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"google.golang.org/grpc"

	"parley/proto/internalv1"
)

// errLinkLost is why a command that was handed on has no answer.
var errLinkLost = errors.New("peer: the connection broke")

// errGivenUp is why a command that was handed to a leader is not waited for: another leads.
var errGivenUp = errors.New("peer: another leads")

// handOn is the follower's side of the hand-on stream to one peer: the commands that wait to be written and those that
// were written and wait for their answer. Its bound covers both.
type handOn struct {
	mu       sync.Mutex
	lastID   uint64
	queue    []*call
	inflight map[uint64]*call
	count    int
	bytes    int
	closed   bool // nobody writes any more
	wake     chan struct{}
}

// call is one command under way. Its state is guarded by handOn.mu.
type call struct {
	id    uint64
	cmd   []byte
	state callState
	// done gets exactly one answer, with handOn.mu held.
	done func(Answer, error)
}

type callState int

const (
	callQueued callState = iota
	callWritten
	callOver
)

func newHandOn() handOn {
	return handOn{inflight: make(map[uint64]*call), wake: make(chan struct{}, 1)}
}

// HandOn gives a command to a peer, which should be the leader. done is called with what becomes of it exactly once, from any
// goroutine and possibly before HandOn returns; it must not wait nor call the transport. Answer.Outcome is always set. The
// error is not nil when the outcome is this side's doing (the connection, an unknown peer, a call that was given up) and not
// the leader's answer. A call ends with its answer, with the link, or with GiveUpHandOns. cmd must not change any more.
// Commands of concurrent callers share frames; their order is that in which HandOn was called.
func (t *Transport) HandOn(to uint64, cmd []byte, done func(Answer, error)) {
	l := t.link(to)
	if l == nil {
		done(Answer{Outcome: NotApplied}, ErrUnknownPeer)
		return
	}
	c, err := l.hand.add(cmd, done)
	switch {
	case err != nil:
		done(Answer{Outcome: NotApplied}, err)
	case c == nil:
		done(Answer{Outcome: Overloaded}, nil)
	}
}

// GiveUpHandOns returns a function that ends every call to a peer that is under way now and has no answer when it runs:
// as unknown, or as not applied if it was never written.
func (t *Transport) GiveUpHandOns(to uint64) func() {
	l := t.link(to)
	if l == nil {
		return func() {}
	}
	l.hand.mu.Lock()
	last := l.hand.lastID
	l.hand.mu.Unlock()
	return func() { l.hand.giveUp(last, errGivenUp) }
}

// add queues a command; nil when too much is under way.
func (h *handOn) add(cmd []byte, done func(Answer, error)) (*call, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, ErrClosed
	}
	// The queue is bounded by itself too: calls that were given up stay in it until their turn.
	if h.count >= maxHandOnCommands || len(h.queue) >= maxHandOnCommands ||
		h.count > 0 && h.bytes+len(cmd) > maxHandOnBytes {
		return nil, nil
	}
	h.lastID++
	c := &call{id: h.lastID, cmd: cmd, done: done}
	h.queue = append(h.queue, c)
	h.count++
	h.bytes += len(cmd)
	h.warm()
	return c, nil
}

// warm has the stream opened when it is not, and looked after when it is.
func (h *handOn) warm() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// finish ends a call once; the caller holds mu.
func (h *handOn) finish(c *call, a Answer, err error) {
	if c.state == callOver {
		return
	}
	if c.state == callWritten {
		delete(h.inflight, c.id)
	}
	c.state = callOver
	h.count--
	h.bytes -= len(c.cmd)
	c.cmd = nil
	c.done(a, err)
}

// giveUp ends every call up to an id: those that were written as unknown, those that were not as not applied. These stay in
// the queue until it is their turn, and are left out then.
func (h *handOn) giveUp(last uint64, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.end(last, err)
}

// end is giveUp for who holds mu.
func (h *handOn) end(last uint64, err error) {
	for _, c := range h.inflight {
		if c.id <= last {
			h.finish(c, Answer{Outcome: Unknown}, err)
		}
	}
	for _, c := range h.queue {
		if c.id <= last {
			h.finish(c, Answer{Outcome: NotApplied}, err)
		}
	}
}

// take moves queued commands into a frame. From here on they count as written: whether a frame that failed to be sent
// left this machine is not known.
func (h *handOn) take(req *internalv1.HandOnRequest) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(req.Commands)
	req.Commands = req.Commands[:0]
	n, bytes := 0, 0
	for _, c := range h.queue {
		if len(req.Commands) == maxHandOnFrameCommands || bytes > 0 && bytes+len(c.cmd) > maxFrameBytes {
			break
		}
		h.queue[n] = nil
		n++
		if c.state != callQueued {
			continue
		}
		c.state = callWritten
		h.inflight[c.id] = c
		bytes += len(c.cmd)
		req.Commands = append(req.Commands, &internalv1.HandOnCommand{Id: c.id, Command: c.cmd})
	}
	h.queue = h.queue[n:]
	if len(h.queue) == 0 {
		h.queue = nil
	}
	return len(req.Commands) > 0
}

// fail gives up every call.
func (h *handOn) fail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.end(h.lastID, err)
	h.queue = nil
}

// close is fail for good: nothing is taken any more.
func (h *handOn) close() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.fail(ErrClosed)
}

// answer ends the calls that a frame answers. An id that is not under way was given up.
func (h *handOn) answer(answers []*internalv1.HandOnAnswer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range answers {
		c := h.inflight[a.GetId()]
		if c == nil {
			continue
		}
		answer := Answer{Outcome: a.GetOutcome(), Result: a.GetResult(), Index: a.GetIndex(), DiskLow: a.GetDiskLow()}
		switch answer.Outcome {
		case Result, NotApplied, Unknown, Overloaded:
		default: // of a later version: nothing is known
			answer.Outcome = Unknown
		}
		h.finish(c, answer, nil)
	}
}

// handOver is the goroutine of the hand-on stream: it opens one when the link comes up, so that a new leader is one message
// away, or when there is something to hand on, and keeps it until it breaks.
func (l *link) handOver() {
	defer l.hand.close()
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-l.hand.wake:
		}
		err := l.handOnSession()
		if errors.Is(err, context.Canceled) && l.ctx.Err() != nil {
			err = ErrClosed
		}
		l.hand.fail(fmt.Errorf("%w: %w", errLinkLost, err))
	}
}

// handOnSession opens the stream and works until it breaks. It always returns an error.
func (l *link) handOnSession() error {
	ctx, cancel := context.WithCancel(l.ctx)
	defer cancel()
	deadline := time.AfterFunc(helloTimeout, cancel)
	defer deadline.Stop()
	// Without a connection this fails at once, and the callers can try again elsewhere.
	stream, err := l.conn.Load().HandOn(ctx, grpc.WaitForReady(false))
	if err != nil {
		return err
	}
	if err := stream.Send(&internalv1.HandOnRequest{Hello: l.t.me(), To: l.id}); err != nil {
		if _, rerr := stream.Recv(); rerr != nil {
			return rerr // Send says only EOF
		}
		return err
	}
	resp, err := stream.Recv()
	if err != nil {
		return err
	}
	if err := l.accept(stream.Context(), resp.GetHello()); err != nil {
		return err
	}
	deadline.Stop()
	deadline = time.AfterFunc(l.t.patience.write, func() {
		l.v.stalls.Add(1)
		cancel()
	})
	deadline.Stop()

	// The reader ends with the stream, which this function cancels and whose end it awaits.
	ended := make(chan error, 1)
	go func() {
		for {
			resp, err := stream.Recv()
			if err != nil {
				ended <- err
				return
			}
			l.hand.answer(resp.GetAnswers())
		}
	}()

	var req internalv1.HandOnRequest
	for err == nil {
		for err == nil && l.hand.take(&req) {
			deadline.Reset(l.t.patience.write)
			err = stream.Send(&req)
			deadline.Stop()
			l.v.handOnFrames.Add(1)
			l.v.handOnCommands.Add(uint64(len(req.Commands)))
		}
		if err != nil {
			break
		}
		select {
		case err = <-ended:
			ended <- err
		case <-l.hand.wake:
			runtime.Gosched() // who runs next may have a command for the same frame: a burst of answers makes one of commands
		}
	}
	cancel()
	return <-ended
}
