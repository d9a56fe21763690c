package api

import (
	"context"
	"fmt"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"parley/proto/parleyv1"
)

type events = grpc.ServerStreamingClient[parleyv1.SubscribeResponse]

// subscribe opens a stream and takes its first frame.
func (r *rig) subscribe(t *testing.T, u user, cursor string) (events, string) {
	t.Helper()
	ctx, cancel := context.WithCancel(u.ctx)
	t.Cleanup(cancel)
	st, err := r.chat.Subscribe(ctx, &parleyv1.SubscribeRequest{Cursor: cursor})
	must(t, err)
	f, err := st.Recv()
	must(t, err)
	if f.GetSubscribed() == nil || f.GetSubscribed().Node != "n1" || f.GetSubscribed().Cursor == "" {
		t.Fatalf("the first frame is %v", f)
	}
	return st, f.GetSubscribed().Cursor
}

func nextEvent(t *testing.T, st events) *parleyv1.Event {
	t.Helper()
	for {
		f, err := st.Recv()
		must(t, err)
		switch {
		case f.GetEvent() != nil:
			return f.GetEvent()
		case f.GetHeartbeat() == nil:
			t.Fatalf("want an event, got %v", f)
		}
	}
}

// TestDeliveryNeedsNoTimer: with the only timer at an hour, everything still arrives; and a resumed stream has no gap
// and no duplicate (P4).
func TestDeliveryNeedsNoTimer(t *testing.T) {
	r := newRig(t, func(s *Server) { s.heartbeatAfter = time.Hour })
	alice, bob := r.user(t, "alice"), r.user(t, "bob")
	st, _ := r.subscribe(t, bob, "")
	own, _ := r.subscribe(t, alice, "")
	var cursor string
	for i := range 20 {
		m := r.send(t, alice, "@bob", fmt.Sprint(i))
		e := nextEvent(t, st)
		if got := e.GetMessage(); got.GetText() != fmt.Sprint(i) || got.Seq != uint64(i+1) || got.Conversation != "@alice" ||
			got.Id != m.Id {
			t.Fatalf("event %d is %v", i, e)
		}
		if got := nextEvent(t, own).GetMessage(); got.GetConversation() != "@bob" {
			t.Fatalf("the sender's own event is %v", got)
		}
		if i == 9 {
			cursor = e.Cursor
		}
	}
	resumed, at := r.subscribe(t, bob, cursor)
	if at != cursor {
		t.Fatalf("resumed at %s, asked for %s", at, cursor)
	}
	for i := 10; i < 20; i++ {
		if got := nextEvent(t, resumed).GetMessage(); got.GetText() != fmt.Sprint(i) {
			t.Fatalf("want %d after the resume, got %v", i, got)
		}
	}
	r.send(t, alice, "@bob", "live")
	if got := nextEvent(t, resumed).GetMessage(); got.GetText() != "live" {
		t.Fatalf("got %v", got)
	}
	for _, s := range []events{st, resumed} {
		_ = s.CloseSend()
	}
}

func TestStreamFromTheCursorOfAList(t *testing.T) {
	r := newRig(t)
	alice, bob := r.user(t, "alice"), r.user(t, "bob")
	r.send(t, alice, "@bob", "before")
	list, err := r.chat.ListConversations(bob.ctx, &parleyv1.ListConversationsRequest{})
	must(t, err)
	r.send(t, alice, "@bob", "between")
	st, _ := r.subscribe(t, bob, list.Cursor)
	if got := nextEvent(t, st).GetMessage(); got.GetText() != "between" {
		t.Fatalf("got %v", got)
	}
}

func TestACursorOfAnotherClusterResets(t *testing.T) {
	r := newRig(t)
	u := r.user(t, "alice")
	st, _ := r.subscribe(t, u, "AAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f, err := st.Recv()
	must(t, err)
	if f.GetReset_() == nil || f.GetReset_().Reason == "" || f.GetReset_().Cursor == "" {
		t.Fatalf("want a reset that says why, got %v", f)
	}
	r.send(t, u, "@alice", "after")
	if got := nextEvent(t, st).GetMessage(); got.GetText() != "after" {
		t.Fatalf("got %v", got)
	}
}

func TestHeartbeatsInSilence(t *testing.T) {
	r := newRig(t, func(s *Server) { s.heartbeatAfter = 5 * time.Millisecond })
	u := r.user(t, "alice")
	st, cursor := r.subscribe(t, u, "")
	beat := func() *parleyv1.Heartbeat {
		t.Helper()
		f, err := st.Recv()
		must(t, err)
		if f.GetHeartbeat() == nil {
			t.Fatalf("got %v", f)
		}
		return f.GetHeartbeat()
	}
	if b := beat(); !b.Quorum || b.Cursor != cursor {
		t.Fatalf("got %v, subscribed at %s", b, cursor)
	}
	r.loseQuorum(time.Second)
	await(t, "a heartbeat without a quorum", func() bool { return !beat().Quorum })
	// A new stream starts without a quorum too.
	r.subscribe(t, u, cursor)
}

func TestStreamEndsWithTheSession(t *testing.T) {
	r := newRig(t, func(s *Server) { s.heartbeatAfter = time.Hour })
	first := r.user(t, "alice")
	second := r.session(t, "alice")
	st, _ := r.subscribe(t, second, "")
	mine, _ := r.subscribe(t, first, "")
	_, err := r.chat.Logout(second.ctx, &parleyv1.LogoutRequest{RequestId: rid().s})
	must(t, err)
	_, err = st.Recv()
	wantError(t, err, codes.Unauthenticated, reasonSessionInvalid)
	r.send(t, first, "@alice", "the other session goes on")
	if got := nextEvent(t, mine).GetMessage(); got == nil {
		t.Fatal("no message")
	}
}

func TestStreamsAreBounded(t *testing.T) {
	r := newRig(t)
	u, other := r.user(t, "alice"), r.user(t, "bob")
	var first events
	ctx, cancel := context.WithCancel(u.ctx)
	defer cancel()
	for i := range maxStreamsPerAccount {
		who := u
		if i == 0 {
			who.ctx = ctx
		}
		st, _ := r.subscribe(t, who, "")
		if i == 0 {
			first = st
		}
	}
	st, err := r.chat.Subscribe(u.ctx, &parleyv1.SubscribeRequest{})
	must(t, err)
	_, err = st.Recv()
	wantError(t, err, codes.ResourceExhausted, reasonTooManyStreams)
	r.subscribe(t, other, "")
	cancel()
	_, _ = first.Recv()
	await(t, "the place of the closed stream", func() bool { return r.server.subscriptions.now() == maxStreamsPerAccount })
	r.subscribe(t, u, "")
}

func TestDrainEndsStreamsAndHealth(t *testing.T) {
	r := newRig(t, func(s *Server) { s.heartbeatAfter = time.Hour })
	u := r.user(t, "alice")
	st, _ := r.subscribe(t, u, "")
	r.server.Drain()
	r.server.Drain() // twice is once
	_, err := st.Recv()
	wantError(t, err, codes.Unavailable, reasonDraining)
	again, err := r.chat.Subscribe(u.ctx, &parleyv1.SubscribeRequest{})
	must(t, err)
	_, err = again.Recv()
	wantError(t, err, codes.Unavailable, reasonDraining)
	r.send(t, u, "@alice", "calls go on until the server stops")
}
