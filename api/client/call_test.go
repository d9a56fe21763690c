package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"parley/proto/parleyv1"
)

// P2: the node applies and dies before it answers. The retry must carry the same request id and session.
func TestRetryCarriesTheSameRequestID(t *testing.T) {
	fc := newFakeCluster(t, 3)
	c := dialWith(t, fc.addrs()...)
	first := awaitTaker(t, c, fc, 3)
	first.dieAfterApplying()

	start := time.Now()
	resp, err := send(ctxFor(t), c, "once")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("next acknowledged write %s after the kill", time.Since(start))
	if log := fc.logged(); len(log) != 1 || log[0].GetId() != resp.GetId() {
		t.Fatalf("log %v, answer %v: want the one message in both", log, resp)
	}
	tries := fc.tries()
	if len(tries) != 2 || tries[0].node == tries[1].node {
		t.Fatalf("tries %+v: want two, on two nodes", tries)
	}
	if tries[0].requestID == "" || tries[0].requestID != tries[1].requestID {
		t.Errorf("request ids %q and %q, want one", tries[0].requestID, tries[1].requestID)
	}
	if tries[0].auth == "" || tries[0].auth != tries[1].auth {
		t.Errorf("sessions %q and %q, want one", tries[0].auth, tries[1].auth)
	}
	await(t, c, "a node that lives", func(s State) bool { return s.Phase == Ready && s.Address != first.addr })
}

// P7 and invariant 2: applied but not acknowledged, then nobody can say: the call must end as unknown, although the last
// try said "not applied". The same request id then tells.
func TestWorstOutcomeIsKept(t *testing.T) {
	fc := newFakeCluster(t, 3)
	c := dialWith(t, fc.addrs()...)
	first := awaitTaker(t, c, fc, 3)
	ctx, cancel := context.WithCancel(ctxFor(t))
	defer cancel()
	for _, n := range fc.nodes {
		n.script(func() {
			n.onSend = func(context.Context, *parleyv1.SendMessageRequest) error {
				if len(fc.tries()) == 5 {
					cancel() // the caller has no more time
				}
				return nil
			}
		})
	}
	first.script(func() {
		first.onSent = func(context.Context) error {
			for _, n := range fc.nodes {
				n.setQuorum(false)
			}
			return leaderLost()
		}
	})
	_, err := send(ctx, c, "maybe")
	e := asError(t, err)
	if e.Outcome != Unknown || !IsUnknown(err) {
		t.Fatalf("outcome %v, want unknown: %v", e.Outcome, err)
	}
	if e.Tries != 5 || e.RequestID == "" || !strings.Contains(e.Error(), e.RequestID) {
		t.Errorf("error %+v (%v): want 5 tries, and the request id in the advice", *e, e)
	}
	if !errors.Is(err, context.Canceled) || status.Code(err) != codes.Canceled {
		t.Errorf("error %v with code %v, want the end of the context", err, status.Code(err))
	}

	first.script(func() { first.onSent = nil })
	for _, n := range fc.nodes {
		n.setQuorum(true)
	}
	resp, err := c.SendMessage(ctxFor(t), &parleyv1.SendMessageRequest{
		RequestId: e.RequestID, Conversation: "@bob", Text: "maybe",
	})
	if err != nil {
		t.Fatal(err)
	}
	if log := fc.logged(); len(log) != 1 || log[0].GetId() != resp.GetId() {
		t.Fatalf("log %v, answer %v: want the one message in both", log, resp)
	}
}

// A refusal judges its own try only.
func TestRefusalAfterUnknownStaysUnknown(t *testing.T) {
	fc := newFakeCluster(t, 1)
	c := dialWith(t, fc.addrs()...)
	awaitAll(t, c, 1)
	n := fc.nodes[0]
	n.script(func() {
		n.onSend = func(context.Context, *parleyv1.SendMessageRequest) error {
			n.script(func() {
				n.onSend = func(context.Context, *parleyv1.SendMessageRequest) error {
					return failure(codes.Unauthenticated, "SESSION_INVALID", map[string]string{"applied": "no"})
				}
			})
			return leaderLost()
		}
	})
	_, err := send(ctxFor(t), c, "x")
	e := asError(t, err)
	if e.Outcome != Unknown || e.Code != codes.Unauthenticated || e.Tries != 2 {
		t.Fatalf("got %+v, want unknown, unauthenticated, 2 tries", *e)
	}
}

func TestRefusalEndsAtOnce(t *testing.T) {
	fc := newFakeCluster(t, 3)
	c := dialWith(t, fc.addrs()...)
	n := awaitTaker(t, c, fc, 3)
	n.script(func() {
		n.onSend = func(context.Context, *parleyv1.SendMessageRequest) error {
			return failure(codes.InvalidArgument, "INVALID_FIELD", map[string]string{"applied": "no"},
				&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "text"}}})
		}
	})
	_, err := send(ctxFor(t), c, "")
	e := asError(t, err)
	if e.Outcome != Refused || e.Tries != 1 || e.Field != "text" || e.Reason != "INVALID_FIELD" {
		t.Fatalf("got %+v, want one refused try that names the field", *e)
	}
	if strings.Contains(e.Error(), "\n") || !strings.Contains(e.Error(), "correct text") {
		t.Errorf("message %q: want one line that says what to do", e.Error())
	}
}

// P7: without a quorum the call says so, not applied, well before its deadline.
func TestNoQuorumSaysSo(t *testing.T) {
	fc := newFakeCluster(t, 3)
	c := dial(t, Options{
		Servers: fc.addrs(), Token: make([]byte, TokenBytes), Timeout: time.Minute, NoQuorumWait: time.Second,
	})
	awaitAll(t, c, 3)
	for _, n := range fc.nodes {
		n.setQuorum(false)
	}
	start := time.Now()
	_, err := send(context.Background(), c, "x")
	e := asError(t, err)
	t.Logf("said after %s and %d tries: %v", time.Since(start), e.Tries, err)
	if e.Outcome != NotApplied || e.Code != codes.Unavailable || e.Reason != reasonNoQuorum {
		t.Fatalf("got %+v, want not applied, NO_QUORUM", *e)
	}
	asked := make(map[string]bool)
	for _, tr := range fc.tries() {
		asked[tr.node] = true
	}
	if len(asked) != 3 {
		t.Errorf("asked %v, want all three nodes", asked)
	}
	s := await(t, c, "no quorum", func(s State) bool { return s.Phase == NoQuorum })
	if s.Err == nil {
		t.Error("the state has no error to show")
	}

	// Local reads go on (P3), linearizable ones say so.
	local := &parleyv1.ReadMessagesRequest{Consistency: parleyv1.Consistency_CONSISTENCY_LOCAL}
	if _, err := c.ReadMessages(ctxFor(t), local); err != nil {
		t.Errorf("local read: %v", err)
	}
	_, err = c.ReadMessages(ctxFor(t), &parleyv1.ReadMessagesRequest{})
	if e := asError(t, err); e.Outcome != NotApplied || e.RequestID != "" {
		t.Errorf("linearizable read: %+v, want not applied", *e)
	}

	fc.nodes[1].setQuorum(true)
	await(t, c, "recovery", func(s State) bool { return s.Phase == Ready && s.Node == "n2" })
	if _, err := send(ctxFor(t), c, "x"); err != nil {
		t.Errorf("after recovery: %v", err)
	}
}

// One node without a quorum, the others with: the call must find them.
func TestLeavesAQuorumlessNode(t *testing.T) {
	fc := newFakeCluster(t, 3)
	c := dialWith(t, fc.addrs()...)
	s := awaitAll(t, c, 3)
	fc.byName(s.Node).setQuorum(false)
	if _, err := send(ctxFor(t), c, "x"); err != nil {
		t.Fatal(err)
	}
	await(t, c, "another node", func(now State) bool { return now.Phase == Ready && now.Node != s.Node })

	// The connection to it stays: it is the only one left for local reads.
	for _, n := range fc.nodes {
		if n.name != s.Node {
			n.kill()
		}
	}
	r, err := c.ReadMessages(ctxFor(t), &parleyv1.ReadMessagesRequest{Consistency: parleyv1.Consistency_CONSISTENCY_LOCAL})
	if err != nil || r.GetReadInfo().GetNode() != s.Node {
		t.Fatalf("local read from %q, %v: want %q", r.GetReadInfo().GetNode(), err, s.Node)
	}
}

func TestAllNodesDown(t *testing.T) {
	fc := newFakeCluster(t, 2)
	for _, n := range fc.nodes {
		n.kill()
	}
	c := dial(t, Options{Servers: fc.addrs(), NoQuorumWait: 200 * time.Millisecond})
	_, err := send(ctxFor(t), c, "x")
	e := asError(t, err)
	if e.Outcome != NotApplied || e.Code != codes.Unavailable {
		t.Fatalf("got %+v, want not applied, unavailable", *e)
	}
	await(t, c, "offline", func(s State) bool { return s.Phase == Offline && s.Err != nil })

	// P7: it recovers by itself, and a call that waits sees it.
	fc.nodes[1].restart()
	if _, err := c.SendMessage(ctxFor(t), &parleyv1.SendMessageRequest{Text: "x"}); err != nil {
		// The first call may still find the pause between two connection attempts.
		await(t, c, "ready", func(s State) bool { return s.Phase == Ready })
		if _, err := send(ctxFor(t), c, "x"); err != nil {
			t.Fatal(err)
		}
	}
}

// A stopped process: TCP lives, nothing answers, health included.
func TestHungNodeIsAbandoned(t *testing.T) {
	fc := newFakeCluster(t, 3)
	c := dial(t, Options{Servers: fc.addrs(), StatusInterval: -1}) // the calls alone have to notice
	s := await(t, c, "three nodes", func(s State) bool {
		return s.Members[0].Serving && s.Members[1].Serving && s.Members[2].Serving
	})
	hung := fc.byAddr(s.Address)
	hung.freeze()
	start := time.Now()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if _, err := send(ctxFor(t), c, fmt.Sprint(i)); err != nil {
				t.Errorf("send %d: %v", i, err)
			}
		}()
	}
	wg.Wait()
	t.Logf("8 writes acknowledged %s after the stop", time.Since(start))
	if n := len(fc.logged()); n != 8 {
		t.Errorf("%d messages, want 8", n)
	}
	now := await(t, c, "a suspect", func(s State) bool { return member(s, hung.addr).Suspect })
	if now.Address == hung.addr {
		t.Error("the hung node is still the current one")
	}
	hung.thaw()
	await(t, c, "trust", func(s State) bool { return member(s, hung.addr).Serving })
	if n := len(fc.logged()); n != 8 {
		t.Errorf("%d messages after the hung node went on, want 8: exactly once", n)
	}
}

// Invariant 5: slow is not hung.
func TestSlowNodeIsKept(t *testing.T) {
	fc := newFakeCluster(t, 2)
	c := dialWith(t, fc.addrs()...)
	n := awaitTaker(t, c, fc, 2)
	n.script(func() {
		n.onSend = func(ctx context.Context, _ *parleyv1.SendMessageRequest) error {
			slow := time.NewTimer(ProbeAfter + 3*ProbeTimeout)
			defer slow.Stop()
			select {
			case <-slow.C:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	if _, err := send(ctxFor(t), c, "slow"); err != nil {
		t.Fatal(err)
	}
	if tries := fc.tries(); len(tries) != 1 {
		t.Fatalf("tries %+v, want one", tries)
	}
}

func TestLeaderHintIsFollowed(t *testing.T) {
	fc := newFakeCluster(t, 5)
	c := dialWith(t, fc.addrs()...)
	first := awaitTaker(t, c, fc, 5)
	leader := fc.nodes[4]
	if leader == first {
		leader = fc.nodes[3]
	}
	first.script(func() {
		first.onSend = func(context.Context, *parleyv1.SendMessageRequest) error {
			return failure(codes.Unavailable, "LEADER_LOST", map[string]string{"applied": "no", "leader": leader.addr})
		}
	})
	if _, err := send(ctxFor(t), c, "x"); err != nil {
		t.Fatal(err)
	}
	if tries := fc.tries(); len(tries) != 2 || tries[1].node != leader.name {
		t.Fatalf("tries %+v, want the second on %s", tries, leader.name)
	}
}

// A full queue is not a reason to leave; the wait that the server asks for is kept.
func TestOverloadedIsWaitedFor(t *testing.T) {
	fc := newFakeCluster(t, 1)
	c := dialWith(t, fc.addrs()...)
	awaitAll(t, c, 1)
	n := fc.nodes[0]
	n.script(func() {
		n.onSend = func(context.Context, *parleyv1.SendMessageRequest) error {
			n.script(func() { n.onSend = nil })
			return failure(codes.ResourceExhausted, "OVERLOADED", map[string]string{"applied": "no"}, retryIn(50*time.Millisecond))
		}
	})
	if _, err := send(ctxFor(t), c, "x"); err != nil {
		t.Fatal(err)
	}
	n.script(func() {
		n.onSend = func(context.Context, *parleyv1.SendMessageRequest) error {
			return failure(codes.ResourceExhausted, "DISK_LOW", map[string]string{"applied": "no"}, retryIn(time.Minute))
		}
	})
	_, err := send(ctxFor(t), c, "x")
	if e := asError(t, err); e.Outcome != NotApplied || e.RetryAfter != time.Minute || e.Tries != 1 {
		t.Fatalf("got %+v, want not applied at once", *e)
	}
}

// Without a request id a repetition may do it twice.
func TestTransferOfUnknownOutcomeIsNotRepeated(t *testing.T) {
	fc := newFakeCluster(t, 3)
	c := dialWith(t, fc.addrs()...)
	awaitAll(t, c, 3)
	_, err := c.TransferLeadership(ctxFor(t), &parleyv1.TransferLeadershipRequest{})
	if e := asError(t, err); e.Outcome != Unknown || e.Tries != 1 || len(fc.tries()) != 1 {
		t.Fatalf("got %+v, want unknown after one try", *e)
	}
}

func TestSessionToken(t *testing.T) {
	fc := newFakeCluster(t, 1)
	c := dial(t, Options{Servers: fc.addrs()})
	if c.Token() != nil {
		t.Fatal("a token before the login")
	}
	if _, err := c.Login(ctxFor(t), "alice", "password", "test"); err != nil {
		t.Fatal(err)
	}
	token := c.Token()
	if len(token) != TokenBytes {
		t.Fatalf("token of %d bytes", len(token))
	}
	// With a session the members are learned.
	await(t, c, "the node's name", func(s State) bool { return s.Node == "n1" && s.Leader == "n1" && s.Term == 1 })
	// A second login carries no session of the first.
	if _, err := c.Login(ctxFor(t), "alice", "password", "test"); err != nil {
		t.Fatal(err)
	}
	if string(c.Token()) == string(token) {
		t.Fatal("the second login has the first one's token")
	}
	if err := c.Logout(ctxFor(t)); err != nil {
		t.Fatal(err)
	}
	if c.Token() != nil {
		t.Fatal("a token after the logout")
	}
	if err := c.Logout(ctxFor(t)); !IsUnauthenticated(err) {
		t.Fatalf("second logout: %v, want unauthenticated", err)
	}
}

// P2 under load: callers on one client, nodes die and return all the time; every message is there once.
func TestExactlyOnceUnderKills(t *testing.T) {
	fc := newFakeCluster(t, 3)
	c := dialWith(t, fc.addrs()...)
	awaitAll(t, c, 3)
	const callers, each = 16, 25
	var wg sync.WaitGroup
	for i := range callers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for j := range each {
				if _, err := send(ctxFor(t), c, fmt.Sprintf("%d/%d", i, j)); err != nil {
					t.Errorf("caller %d, message %d: %v", i, j, err)
				}
			}
		}()
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	kills := 0
	for running := true; running; {
		n := fc.byAddr(c.State().Address)
		before := len(fc.logged())
		n.kill()
		kills++
		for len(fc.logged()) < before+10 && running { // the others take over before it returns
			_, more := fc.after(0)
			select {
			case <-more:
			case <-done:
				running = false
			}
		}
		n.restart()
	}
	texts := make(map[string]int)
	for _, m := range fc.logged() {
		texts[m.GetText()]++
	}
	for text, n := range texts {
		if n != 1 {
			t.Errorf("message %s is there %d times", text, n)
		}
	}
	if len(texts) != callers*each {
		t.Errorf("%d messages, want %d", len(texts), callers*each)
	}
	t.Logf("%d kills, %d tries for %d messages", kills, len(fc.tries()), callers*each)
}

func TestCallsEndWithTheirContext(t *testing.T) {
	fc := newFakeCluster(t, 1)
	c := dialWith(t, fc.addrs()...)
	awaitAll(t, c, 1)
	n := fc.nodes[0]
	entered := make(chan struct{})
	n.script(func() {
		n.onSend = func(ctx context.Context, _ *parleyv1.SendMessageRequest) error {
			close(entered)
			<-ctx.Done()
			return ctx.Err()
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-entered; cancel() }()
	_, err := send(ctx, c, "x")
	e := asError(t, err)
	if !errors.Is(err, context.Canceled) || e.Code != codes.Canceled || e.Outcome != Unknown {
		t.Fatalf("got %+v, want canceled and unknown: it was sent", *e)
	}
	// Cancelled before anything was sent: nothing happened.
	_, err = send(ctx, c, "x")
	if e := asError(t, err); e.Outcome != NotApplied || e.Tries != 0 {
		t.Fatalf("got %+v, want not applied without a try", *e)
	}
}

// A call that meets a change of leader is not held up by a pause, but not for ever.
func TestNoPauseForTheNewLeader(t *testing.T) {
	cl := &call{failed: map[string]int{}}
	lost := verdict{reason: reasonLeaderLost, again: true}
	for cl.tries = 1; cl.tries <= LeaderLostTries+1; cl.tries++ { // the first retry is at once whatever the reason
		if d := cl.pause(lost); d != 0 {
			t.Fatalf("a pause of %s after try %d", d, cl.tries)
		}
	}
	if d := cl.pause(lost); d == 0 {
		t.Fatalf("no pause after try %d", cl.tries)
	}
}
