package client

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"parley/proto/parleyv1"
)

// nextEvent skips what is not an event.
func nextEvent(t *testing.T, s *Subscription) *parleyv1.Event {
	t.Helper()
	ctx := ctxFor(t)
	for {
		f, err := s.Next(ctx)
		if err != nil {
			t.Fatalf("next: %v", err)
		}
		if ev := f.GetEvent(); ev != nil {
			return ev
		}
	}
}

func awaitSubscribed(t *testing.T, s *Subscription) *parleyv1.Subscribed {
	t.Helper()
	ctx := ctxFor(t)
	for {
		f, err := s.Next(ctx)
		if err != nil {
			t.Fatalf("next: %v", err)
		}
		if sub := f.GetSubscribed(); sub != nil {
			return sub
		}
	}
}

// P4: 20 times the node under the stream dies while messages are sent; every message comes once, in order.
func TestSubscriptionSurvivesKills(t *testing.T) {
	fc := newFakeCluster(t, 3)
	c := dialWith(t, fc.addrs()...)
	awaitAll(t, c, 3)
	s := c.Subscribe(context.Background(), "")
	defer s.Close()
	awaitSubscribed(t, s)

	const kills, each = 20, 15
	written := make(chan error, 1)
	go func() {
		for i := range kills * each {
			if _, err := send(ctxFor(t), c, strconv.Itoa(i)); err != nil {
				written <- fmt.Errorf("message %d: %w", i, err)
				return
			}
		}
		written <- nil
	}()
	var down *fakeNode
	streams := map[string]bool{}
	for i := range kills * each {
		ev := nextEvent(t, s)
		if got, want := ev.GetMessage().GetSeq(), uint64(i+1); got != want {
			t.Fatalf("event %d has seq %d, want %d (on %s)", i, got, want, s.Node())
		}
		if s.Cursor() != ev.GetCursor() {
			t.Fatalf("cursor %q after the event at %q", s.Cursor(), ev.GetCursor())
		}
		streams[s.Node()] = true
		if i%each == each/2 {
			if down != nil {
				down.restart()
			}
			down = fc.byName(s.Node())
			down.kill()
		}
	}
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	if len(streams) < 2 {
		t.Errorf("streams came from %v only", streams)
	}
	opened := int64(0)
	for _, n := range fc.nodes {
		opened += n.subscribes.Load()
	}
	t.Logf("%d streams opened for %d kills", opened, kills)
}

// Without a cursor the subscription begins at Subscribed.cursor: what is sent between the loss of the first stream and
// the second one must come, though no event had come before.
func TestSubscriptionWithoutCursorLosesNothing(t *testing.T) {
	fc := newFakeCluster(t, 2)
	fc.apply(&parleyv1.SendMessageRequest{RequestId: "old", Text: "before"})
	c := dialWith(t, fc.addrs()...)
	awaitAll(t, c, 2)
	s := c.Subscribe(context.Background(), "")
	defer s.Close()
	first := fc.byName(awaitSubscribed(t, s).GetNode())
	for _, n := range fc.nodes {
		n.script(func() {
			n.onSubscribe = func(_ context.Context, cursor string) error {
				if cursor != "1" {
					return failure(codes.InvalidArgument, "INVALID_FIELD", nil)
				}
				// The world goes on before the new stream stands.
				fc.apply(&parleyv1.SendMessageRequest{RequestId: "new", Text: "between"})
				return nil
			}
		})
	}
	first.kill()
	if ev := nextEvent(t, s); ev.GetMessage().GetText() != "between" {
		t.Fatalf("first event %v, want the message sent in between", ev)
	}
}

func TestSubscriptionFromCursor(t *testing.T) {
	fc := newFakeCluster(t, 1)
	for i := range 5 {
		fc.apply(&parleyv1.SendMessageRequest{RequestId: strconv.Itoa(i)})
	}
	c := dialWith(t, fc.addrs()...)
	s := c.Subscribe(context.Background(), "3")
	defer s.Close()
	if ev := nextEvent(t, s); ev.GetMessage().GetSeq() != 4 {
		t.Fatalf("first event %v, want seq 4", ev)
	}
}

func TestSubscriptionEndsWithTheSession(t *testing.T) {
	fc := newFakeCluster(t, 1)
	n := fc.nodes[0]
	c := dialWith(t, n.addr)
	s := c.Subscribe(context.Background(), "")
	defer s.Close()
	awaitSubscribed(t, s)
	n.script(func() {
		n.onSubscribe = func(context.Context, string) error {
			return failure(codes.Unauthenticated, "SESSION_INVALID", map[string]string{"applied": "no"})
		}
	})
	n.kill()
	n.restart()
	for range 2 { // and again: the end stays the end
		for {
			_, err := s.Next(ctxFor(t))
			if err == nil {
				continue
			}
			if e := asError(t, err); !IsUnauthenticated(err) || e.Outcome != Refused {
				t.Fatalf("got %+v, want unauthenticated", *e)
			}
			break
		}
	}
}

// A stopped process under an idle stream: only the missing heartbeats tell.
func TestSubscriptionLeavesAHungNode(t *testing.T) {
	fc := newFakeCluster(t, 2)
	c := dial(t, Options{Servers: fc.addrs(), StatusInterval: -1}) // the stream alone has to notice
	await(t, c, "two nodes", func(s State) bool { return s.Members[0].Serving && s.Members[1].Serving })
	s := c.Subscribe(context.Background(), "")
	defer s.Close()
	hung := fc.byName(awaitSubscribed(t, s).GetNode())
	hung.freeze()
	start := time.Now()
	if got := awaitSubscribed(t, s).GetNode(); got == hung.name {
		t.Fatalf("subscribed to %s again", got)
	}
	t.Logf("moved after %s", time.Since(start))
	fc.apply(&parleyv1.SendMessageRequest{RequestId: "x"})
	if ev := nextEvent(t, s); ev.GetMessage().GetSeq() != 1 {
		t.Fatalf("first event %v, want seq 1", ev)
	}
	hung.thaw()
}

// A node that lost its quorum goes on sending heartbeats, and would never send an event.
func TestSubscriptionLeavesAQuorumlessNode(t *testing.T) {
	fc := newFakeCluster(t, 2)
	for _, n := range fc.nodes {
		n.beat = 50 * time.Millisecond
	}
	c := dialWith(t, fc.addrs()...)
	awaitAll(t, c, 2)
	s := c.Subscribe(context.Background(), "")
	defer s.Close()
	n := fc.byName(awaitSubscribed(t, s).GetNode())
	n.setQuorum(false)
	if got := awaitSubscribed(t, s).GetNode(); got == n.name {
		t.Fatalf("subscribed to %s again", got)
	}
}

// A node is given up while the reader is slow: the frame that the pump holds then must not be lost.
func TestSubscriptionWithASlowReader(t *testing.T) {
	fc := newFakeCluster(t, 2)
	c := dialWith(t, fc.addrs()...)
	awaitAll(t, c, 2)
	s := c.Subscribe(context.Background(), "0")
	defer s.Close()
	node := fc.byName(awaitSubscribed(t, s).GetNode())
	const events = 3 * StreamBuffer
	for i := range events {
		fc.apply(&parleyv1.SendMessageRequest{RequestId: strconv.Itoa(i)})
	}
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for timeout := time.After(patience); len(s.frames) < StreamBuffer; {
		select {
		case <-again.C:
		case <-timeout:
			t.Fatalf("%d frames wait, want %d", len(s.frames), StreamBuffer)
		}
	}
	c.abandon(node.addr)
	for i := range uint64(events) {
		if got := nextEvent(t, s).GetMessage().GetSeq(); got != i+1 {
			t.Fatalf("got seq %d, want %d", got, i+1)
		}
	}
}

// The session of a subscription is the one it began with.
func TestSubscriptionKeepsItsSession(t *testing.T) {
	fc := newFakeCluster(t, 2)
	c := dialWith(t, fc.addrs()...)
	awaitAll(t, c, 2)
	auths := make(chan string, 8)
	for _, n := range fc.nodes {
		n.script(func() {
			n.onSubscribe = func(ctx context.Context, _ string) error { auths <- auth(ctx); return nil }
		})
	}
	s := c.Subscribe(context.Background(), "")
	defer s.Close()
	node := awaitSubscribed(t, s).GetNode()
	c.SetToken(NewToken())
	fc.byName(node).kill()
	awaitSubscribed(t, s)
	if a, b := <-auths, <-auths; a == "" || a != b {
		t.Fatalf("sessions %q and %q, want one", a, b)
	}
}

func TestSubscriptionClose(t *testing.T) {
	fc := newFakeCluster(t, 1)
	c := dialWith(t, fc.addrs()...)
	s := c.Subscribe(context.Background(), "")
	awaitSubscribed(t, s)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("next with a dead context: %v", err)
	}
	fc.apply(&parleyv1.SendMessageRequest{RequestId: "x"})
	nextEvent(t, s) // the subscription outlives that context
	s.Close()
	if _, err := s.Next(ctxFor(t)); !errors.Is(err, ErrSubscriptionClosed) {
		t.Fatalf("next after close: %v", err)
	}
	late := c.Subscribe(context.Background(), "")
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for {
		_, err := late.Next(ctxFor(t))
		if err == nil {
			continue // a frame that came before the end
		}
		if !errors.Is(err, ErrClosed) {
			t.Fatalf("next after the client's close: %v", err)
		}
		break
	}
	if _, err := c.Subscribe(context.Background(), "").Next(ctxFor(t)); !errors.Is(err, ErrClosed) {
		t.Fatalf("subscribe after close: %v", err)
	}
}

// Invariant 6, the guard: a resumed stream that repeats events is filtered, a reset starts anew.
func TestPosition(t *testing.T) {
	event := func(c string) *parleyv1.SubscribeResponse {
		return &parleyv1.SubscribeResponse{Frame: &parleyv1.SubscribeResponse_Event{Event: &parleyv1.Event{Cursor: c}}}
	}
	subscribed := func(c string) *parleyv1.SubscribeResponse {
		return &parleyv1.SubscribeResponse{
			Frame: &parleyv1.SubscribeResponse_Subscribed{Subscribed: &parleyv1.Subscribed{Cursor: c}},
		}
	}
	reset := func(c string) *parleyv1.SubscribeResponse {
		return &parleyv1.SubscribeResponse{Frame: &parleyv1.SubscribeResponse_Reset_{Reset_: &parleyv1.Reset{Cursor: c}}}
	}
	beat := func(c string) *parleyv1.SubscribeResponse {
		return &parleyv1.SubscribeResponse{
			Frame: &parleyv1.SubscribeResponse_Heartbeat{Heartbeat: &parleyv1.Heartbeat{Cursor: c}},
		}
	}
	steps := []struct {
		frame  *parleyv1.SubscribeResponse // nil: a new stream
		take   bool
		cursor string
	}{
		{nil, true, ""},
		{subscribed("a"), true, "a"},
		{event("b"), true, "b"},
		{event("b"), true, "b"}, // two events of one position
		{event("c"), true, "c"},
		{beat("d"), true, "d"},
		{nil, true, "d"},
		{subscribed("a"), true, "d"}, // never backwards
		{event("b"), false, "d"},
		{event("c"), false, "d"},
		{event("e"), true, "e"},
		{beat(""), true, "e"},
		{nil, true, "e"},
		{subscribed("e"), true, "e"},
		{reset("a"), true, "a"},
		{event("b"), true, "b"}, // another history
	}
	var p position
	for i, st := range steps {
		if st.frame == nil {
			p.newStream()
		} else if got := p.take(st.frame); got != st.take {
			t.Fatalf("step %d: take is %v, want %v", i, got, st.take)
		}
		if p.cursor != st.cursor {
			t.Fatalf("step %d: cursor %q, want %q", i, p.cursor, st.cursor)
		}
	}
	for range 2 {
		for i := range 5 * StreamRecent {
			p.take(event(strconv.Itoa(i)))
		}
		p.newStream()
	}
	if len(p.past) != len(p.order) || len(p.order) > StreamRecent || len(p.fresh) > StreamRecent {
		t.Fatalf("%d past, %d in order, %d fresh: want at most %d", len(p.past), len(p.order), len(p.fresh), StreamRecent)
	}
}
