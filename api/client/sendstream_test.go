package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"parley/proto/parleyv1"
)

func (c *fakeCluster) streams() (n int64) {
	for _, node := range c.nodes {
		n += node.streams.Load()
	}
	return n
}

// Concurrent callers share one stream, and each gets the answer to its own send.
func TestCallersShareAStream(t *testing.T) {
	fc := newFakeCluster(t, 3)
	c := dialWith(t, fc.addrs()...)
	awaitAll(t, c, 3)
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			for k := range 5 {
				id := NewRequestID()
				resp, err := c.SendMessage(ctxFor(t), &parleyv1.SendMessageRequest{
					RequestId: id, Conversation: "@bob", Text: fmt.Sprintf("%d %d", i, k),
				})
				if err != nil {
					t.Error(err)
					return
				}
				if m := fc.logged()[resp.GetId()-1]; m.GetRequestId() != id {
					t.Errorf("the answer to %s is that to %s", id, m.GetRequestId())
				}
			}
		})
	}
	wg.Wait()
	if n := fc.streams(); n != 1 || len(fc.logged()) != 64*5 {
		t.Errorf("%d streams and %d messages, want 1 and %d", n, len(fc.logged()), 64*5)
	}
}

// P2: all that was under way on a stream that broke is tried again on another node, with the same request ids, and is
// there once.
func TestBrokenStreamIsRetriedOnce(t *testing.T) {
	fc := newFakeCluster(t, 3)
	c := dialWith(t, fc.addrs()...)
	const callers = 32
	n := awaitTaker(t, c, fc, 3)
	var applied sync.WaitGroup
	applied.Add(callers)
	n.script(func() {
		n.onSent = func(ctx context.Context) error { // applied, and not answered
			applied.Done()
			<-ctx.Done()
			return ctx.Err()
		}
	})
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			if _, err := send(ctxFor(t), c, fmt.Sprint(i)); err != nil {
				t.Error(err)
			}
		})
	}
	applied.Wait()
	n.kill()
	wg.Wait()
	if got := len(fc.logged()); got != callers {
		t.Errorf("%d messages, want %d", got, callers)
	}
	tried := map[string]int{}
	for _, tr := range fc.tries() {
		tried[tr.requestID]++
	}
	if len(tried) != callers {
		t.Errorf("%d request ids, want %d", len(tried), callers)
	}
	for id, n := range tried {
		if n != 2 {
			t.Errorf("%s was tried %d times, want 2", id, n)
		}
	}
}

// A node that ends the stream itself has answered what it began: what it left is known not to be applied.
func TestDrainedStreamLeavesNothingUnknown(t *testing.T) {
	fc := newFakeCluster(t, 1)
	c := dial(t, Options{
		Servers: fc.addrs(), Token: make([]byte, TokenBytes), Timeout: time.Minute, NoQuorumWait: 50 * time.Millisecond,
	})
	awaitAll(t, c, 1)
	n := fc.nodes[0]
	n.setQuorum(false)
	n.script(func() {
		n.onStream = func(context.Context) error {
			return failure(codes.Unavailable, reasonDraining, map[string]string{"applied": "no"})
		}
	})
	_, err := send(context.Background(), c, "x")
	if e := asError(t, err); e.Outcome != NotApplied || e.Reason != reasonDraining {
		t.Errorf("got %+v, want not applied", *e)
	}
}

// An old node, or one with too many streams, is sent to with unary calls: no send fails for it, and it is not asked again
// for each.
func TestSendsWithoutStreams(t *testing.T) {
	for name, refusal := range map[string]error{
		"old":      status.Error(codes.Unimplemented, "unknown method SendMessages"),
		"too many": failure(codes.ResourceExhausted, reasonTooManyStreams, map[string]string{"applied": "no"}, retryIn(time.Second)),
	} {
		t.Run(name, func(t *testing.T) {
			fc := newFakeCluster(t, 1)
			c := dialWith(t, fc.addrs()...)
			awaitAll(t, c, 1)
			fc.nodes[0].script(func() { fc.nodes[0].onStream = func(context.Context) error { return refusal } })
			for i := range 20 {
				if _, err := send(ctxFor(t), c, fmt.Sprint(i)); err != nil {
					t.Fatal(err)
				}
			}
			if got := len(fc.logged()); got != 20 {
				t.Errorf("%d messages, want 20", got)
			}
			if n := fc.streams(); n == 0 || n == 20 {
				t.Errorf("%d streams were tried for 20 sends", n)
			}
		})
	}
}

func TestUnaryOptionOpensNoStream(t *testing.T) {
	fc := newFakeCluster(t, 1)
	c := dial(t, Options{Servers: fc.addrs(), Token: make([]byte, TokenBytes), Unary: true})
	if _, err := send(ctxFor(t), c, "x"); err != nil {
		t.Fatal(err)
	}
	if n := fc.streams(); n != 0 || len(fc.logged()) != 1 {
		t.Errorf("%d streams, %d messages", n, len(fc.logged()))
	}
}

// A message that would fill more than a frame, and a request id that is under way, go beside the stream.
func TestWhatFitsNoStreamGoesBeside(t *testing.T) {
	fc := newFakeCluster(t, 1)
	c := dialWith(t, fc.addrs()...)
	awaitAll(t, c, 1)
	n := fc.nodes[0]
	if _, err := send(ctxFor(t), c, strings.Repeat("x", MaxFrameBytes)); err != nil || n.streams.Load() != 0 {
		t.Errorf("%v, %d streams", err, n.streams.Load())
	}
	came, release := make(chan struct{}, 2), make(chan struct{})
	n.script(func() {
		n.onSend = func(context.Context, *parleyv1.SendMessageRequest) error {
			came <- struct{}{}
			<-release
			return nil
		}
	})
	req := &parleyv1.SendMessageRequest{RequestId: NewRequestID(), Conversation: "@bob", Text: "twice"}
	var wg sync.WaitGroup
	ids := make([]uint64, 2)
	for i := range ids {
		wg.Go(func() {
			resp, err := c.SendMessage(ctxFor(t), req)
			if err != nil {
				t.Error(err)
			}
			ids[i] = resp.GetId()
		})
		<-came
	}
	close(release)
	wg.Wait()
	if ids[0] != ids[1] || len(fc.logged()) != 2 {
		t.Errorf("the two got %v, %d messages", ids, len(fc.logged()))
	}
}

// A caller that gives up does not know what became of its send, and leaves the stream to the others.
func TestCallerLeavesItsStream(t *testing.T) {
	fc := newFakeCluster(t, 1)
	c := dialWith(t, fc.addrs()...)
	awaitAll(t, c, 1)
	n := fc.nodes[0]
	ctx, cancel := context.WithCancel(ctxFor(t))
	n.script(func() {
		n.onSend = func(sctx context.Context, r *parleyv1.SendMessageRequest) error {
			if r.GetText() == "left" {
				cancel()
				<-sctx.Done()
			}
			return nil
		}
	})
	req := &parleyv1.SendMessageRequest{Conversation: "@bob", Text: "left"}
	_, err := c.SendMessage(ctx, req)
	req.Text = "changed" // the request is the caller's again
	if e := asError(t, err); e.Outcome != Unknown || !errors.Is(err, context.Canceled) {
		t.Errorf("got %+v, want unknown and the end of the context", *e)
	}
	if _, err := send(ctxFor(t), c, "next"); err != nil {
		t.Error(err)
	}
	if n := fc.streams(); n != 1 {
		t.Errorf("%d streams, want the one", n)
	}
}

// The answer to a send whose caller has left is not that of a later send with the same request id: that one goes beside.
func TestLeftSendKeepsItsAnswer(t *testing.T) {
	fc := newFakeCluster(t, 1)
	c := dialWith(t, fc.addrs()...)
	awaitAll(t, c, 1)
	n := fc.nodes[0]
	ctx, cancel := context.WithCancel(ctxFor(t))
	release, how := make(chan struct{}), make(chan string, 1)
	n.script(func() {
		n.onSend = func(sctx context.Context, r *parleyv1.SendMessageRequest) error {
			if r.GetText() == "left" {
				cancel()
				<-release
				return nil
			}
			method, _ := grpc.Method(sctx)
			how <- method
			return nil
		}
	})
	req := &parleyv1.SendMessageRequest{RequestId: NewRequestID(), Conversation: "@bob", Text: "left"}
	if _, err := c.SendMessage(ctx, req); err == nil {
		t.Error("the one that left got an answer")
	}
	req.Text = "again"
	if _, err := c.SendMessage(ctxFor(t), req); err != nil {
		t.Error(err)
	}
	if method := <-how; method != parleyv1.ChatService_SendMessage_FullMethodName {
		t.Errorf("it went by %s", method)
	}
	close(release)
}

// A text that no frame can hold is refused for its own caller; the stream of the others goes on.
func TestTextThatIsNoUTF8HurtsNobodyElse(t *testing.T) {
	fc := newFakeCluster(t, 1)
	c := dialWith(t, fc.addrs()...)
	awaitAll(t, c, 1)
	n := fc.nodes[0]
	came, release := make(chan struct{}), make(chan struct{})
	n.script(func() {
		n.onSend = func(context.Context, *parleyv1.SendMessageRequest) error {
			close(came)
			<-release
			return nil
		}
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := send(ctxFor(t), c, "neighbour"); err != nil {
			t.Error(err)
		}
	})
	<-came
	if _, err := send(ctxFor(t), c, "\xff"); err == nil {
		t.Error("it was sent")
	}
	close(release)
	wg.Wait()
	if n := len(fc.tries()); n != 1 || fc.streams() != 1 {
		t.Errorf("%d tries on %d streams, want the neighbour's alone", n, fc.streams())
	}
}

// Another session is another stream; that of the old one ends with its last answer.
func TestSessionHasItsOwnStream(t *testing.T) {
	fc := newFakeCluster(t, 1)
	c := dialWith(t, fc.addrs()...)
	awaitAll(t, c, 1)
	ended := make(chan struct{}, 1)
	fc.nodes[0].script(func() {
		fc.nodes[0].onStream = func(ctx context.Context) error {
			context.AfterFunc(ctx, func() { ended <- struct{}{} })
			return nil
		}
	})
	if _, err := send(ctxFor(t), c, "old"); err != nil {
		t.Fatal(err)
	}
	token := NewToken()
	c.SetToken(token)
	select {
	case <-ended:
	case <-time.After(patience):
		t.Fatal("the old session's stream goes on")
	}
	if _, err := send(ctxFor(t), c, "new"); err != nil {
		t.Fatal(err)
	}
	tries := fc.tries()
	if len(tries) != 2 || tries[0].auth == tries[1].auth || fc.streams() != 2 {
		t.Errorf("tries %+v on %d streams, want two sessions on two", tries, fc.streams())
	}
}

// BenchmarkSend is one caller's send over a stream and back, from 1 to 256 callers, against a server that only answers.
func BenchmarkSend(b *testing.B) {
	for _, callers := range []int{1, 64, 256} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) { benchmarkSend(b, callers, Options{}) })
	}
	b.Run("unary/callers=64", func(b *testing.B) { benchmarkSend(b, 64, Options{Unary: true}) })
}

// A send spares itself a hop, and is at home wherever the leader is; reads stay where they were.
func TestSendsGoToTheLeader(t *testing.T) {
	fc := newFakeCluster(t, 3)
	c := dialWith(t, fc.addrs()...)
	for _, leader := range []string{"n2", "n3"} {
		fc.setLeader(leader)
		at := awaitAll(t, c, 3)
		await(t, c, leader+" as the leader", func(s State) bool { return s.Leader == leader })
		if n := awaitTaker(t, c, fc, 3); n.name != leader {
			t.Fatalf("sends would go to %s, want %s", n.name, leader)
		}
		before := len(fc.tries())
		if _, err := send(ctxFor(t), c, "to "+leader); err != nil {
			t.Fatal(err)
		}
		if tries := fc.tries()[before:]; len(tries) != 1 || tries[0].node != leader {
			t.Errorf("tries %+v, want one, of %s", tries, leader)
		}
		if now := c.State(); now.Address != at.Address || now.Failovers != 0 {
			t.Errorf("the current node is %s after %d moves, want %s still", now.Address, now.Failovers, at.Address)
		}
	}
	c.sends.mu.Lock()
	defer c.sends.mu.Unlock()
	if n := len(c.sends.open); n != 1 {
		t.Errorf("%d streams of sends are open, want only the one to the leader", n)
	}
}
