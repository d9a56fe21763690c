package peer

import (
	"context"
	"runtime"
	"sync"
	"time"

	"parley/proto/internalv1"
)

// HandOn takes the commands of one follower. The reader is the goroutine that attend starts; it gives frames to the
// handler and starts the writer, which it joins.
func (s *service) HandOn(stream internalv1.PeerService_HandOnServer) error {
	watchdog := time.NewTimer(helloTimeout)
	broken := make(chan struct{}) // closed when answers cannot be written: then the stream must end
	return s.t.attend(broken, watchdog, func() error {
		first, err := stream.Recv()
		if err != nil {
			return err
		}
		if err := s.t.admitStream(stream.Context(), first.GetHello(), first.GetTo()); err != nil {
			return err
		}
		if !watchdog.Stop() {
			return errStalled
		}
		if err := stream.Send(&internalv1.HandOnResponse{Hello: s.t.me()}); err != nil {
			return err
		}
		a := &answers{pending: make(map[uint64]struct{}), wake: make(chan struct{}, 1)}
		ctx, cancel := context.WithCancel(stream.Context())
		written := make(chan struct{})
		go func() {
			defer close(written)
			if err := a.write(ctx, stream); err != nil {
				close(broken)
			}
		}()
		err = s.readCommands(ctx, stream, a)
		a.close()
		cancel()
		<-written
		return err
	})
}

func (s *service) readCommands(ctx context.Context, stream internalv1.PeerService_HandOnServer, a *answers) error {
	for {
		req, err := stream.Recv()
		if err != nil {
			return err
		}
		if s.t.ctx.Err() != nil {
			return errClosing
		}
		if cmds := a.take(req.GetCommands()); len(cmds) > 0 {
			s.t.o.Handler.HandOn(ctx, cmds, a.put)
		}
	}
}

// answers is the acceptor's side of one hand-on stream: which commands have no answer yet, and which answers wait to be
// written. It is bounded by the number of commands taken.
type answers struct {
	mu      sync.Mutex
	closed  bool
	pending map[uint64]struct{}
	out     []*internalv1.HandOnAnswer
	wake    chan struct{}
}

// take registers a frame's commands. The caller is bounded by the same number, so none is turned away in practice.
func (a *answers) take(in []*internalv1.HandOnCommand) []Command {
	a.mu.Lock()
	defer a.mu.Unlock()
	cmds := make([]Command, 0, len(in))
	for _, c := range in {
		if len(a.pending)+len(a.out) >= 2*maxHandOnCommands {
			a.queue(&internalv1.HandOnAnswer{Id: c.GetId(), Outcome: Overloaded})
			continue
		}
		a.pending[c.GetId()] = struct{}{}
		cmds = append(cmds, Command{ID: c.GetId(), Bytes: c.GetCommand()})
	}
	return cmds
}

// put is the answer function that the handler gets.
func (a *answers) put(id uint64, ans Answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.pending[id]; !ok || a.closed {
		return
	}
	delete(a.pending, id)
	a.queue(&internalv1.HandOnAnswer{
		Id: id, Outcome: ans.Outcome, Result: ans.Result, Index: ans.Index, DiskLow: ans.DiskLow,
	})
}

// queue queues an answer; the caller holds mu.
func (a *answers) queue(ans *internalv1.HandOnAnswer) {
	a.out = append(a.out, ans)
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// close makes later answers vanish.
func (a *answers) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	a.out = nil
}

// next takes what fits into one frame.
func (a *answers) next() []*internalv1.HandOnAnswer {
	a.mu.Lock()
	defer a.mu.Unlock()
	n, bytes := 0, 0
	for n < len(a.out) && n < maxHandOnFrameCommands && (n == 0 || bytes+len(a.out[n].Result) <= maxFrameBytes) {
		bytes += len(a.out[n].Result)
		n++
	}
	out := a.out[:n:n]
	a.out = a.out[n:]
	return out
}

// write is the writer goroutine of the stream; it ends with ctx or when a write fails.
func (a *answers) write(ctx context.Context, stream internalv1.PeerService_HandOnServer) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-a.wake:
			runtime.Gosched() // the answers of one entry come one after the other
		}
		for out := a.next(); len(out) > 0; out = a.next() {
			if err := stream.Send(&internalv1.HandOnResponse{Answers: out}); err != nil {
				return err
			}
		}
	}
}
