package client

import (
	"context"
	"errors"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"

	"parley/proto/parleyv1"
)

// One address is enough: the others are learned, and survive the first one's death.
func TestLearnsTheOtherMembers(t *testing.T) {
	fc := newFakeCluster(t, 3)
	c := dialWith(t, fc.nodes[1].addr)
	s := awaitAll(t, c, 3)
	if s.Node != "n2" || s.Leader != "n1" || s.LeaderAddress != fc.nodes[0].addr || s.ClusterID != "c" {
		t.Errorf("state %+v: want node n2, leader n1", s)
	}
	if m := member(s, fc.nodes[0].addr); !m.Leader || m.Current || !m.Connected || !m.Reachable || m.ID != 1 {
		t.Errorf("member %+v: want the leader, connected", m)
	}
	fc.nodes[1].kill()
	if _, err := send(ctxFor(t), c, "x"); err != nil {
		t.Fatal(err)
	}
	// The configured address is kept, although nobody lives there.
	s = await(t, c, "the death", func(s State) bool { return s.Failovers == 1 && !member(s, fc.nodes[1].addr).Connected })
	if len(s.Members) != 3 {
		t.Errorf("members %+v, want three", s.Members)
	}
}

// A member that leaves the list leaves the table; a configured one does not.
func TestForgetsAFormerMember(t *testing.T) {
	fc := newFakeCluster(t, 3)
	c := dialWith(t, fc.nodes[0].addr)
	awaitAll(t, c, 3)
	gone := fc.nodes[2]
	fc.mu.Lock()
	fc.nodes = fc.nodes[:2]
	fc.mu.Unlock()
	s := await(t, c, "two members", func(s State) bool { return len(s.Members) == 2 })
	if member(s, gone.addr).Address != "" {
		t.Errorf("members %+v still hold %s", s.Members, gone.addr)
	}
}

// The same node under two spellings gets one connection.
func TestSpellingsOfOneAddress(t *testing.T) {
	fc := newFakeCluster(t, 2)
	_, port, err := net.SplitHostPort(fc.nodes[0].addr)
	if err != nil {
		t.Fatal(err)
	}
	c := dialWith(t, "localhost:"+port)
	await(t, c, "both nodes", func(s State) bool {
		return len(s.Members) == 2 && s.Members[0].Serving && s.Members[1].Serving
	})
	if got := c.pool.addresses(); len(got) != 2 || slices.Contains(got, fc.nodes[0].addr) {
		t.Errorf("connected to %v, want localhost:%s and %s", got, port, fc.nodes[1].addr)
	}
}

func TestOnlyServers(t *testing.T) {
	fc := newFakeCluster(t, 2)
	c := dial(t, Options{Servers: fc.addrs()[:1], Token: make([]byte, TokenBytes), OnlyServers: true})
	s := await(t, c, "the members", func(s State) bool { return len(s.Members) == 2 })
	if got := c.pool.addresses(); len(got) != 1 || member(s, fc.nodes[1].addr).Connected {
		t.Errorf("connected to %v, want %s only", got, fc.nodes[0].addr)
	}
}

// A change of leader that disturbs nobody is seen all the same.
func TestSeesANewLeader(t *testing.T) {
	fc := newFakeCluster(t, 3)
	c := dial(t, Options{
		Servers: fc.addrs(), Token: make([]byte, TokenBytes), StatusInterval: UnsettledInterval,
	})
	awaitAll(t, c, 3)
	// Each node is asked once for its name. More changes than nodes: the last ones only the interval can show.
	for i, leader := range []string{"n2", "n3", "n2", "n3", "n2"} {
		fc.setLeader(leader)
		s := await(t, c, "leader "+leader, func(s State) bool { return s.Leader == leader })
		if s.Term != uint64(i+2) || !member(s, fc.byName(leader).addr).Leader || s.Failovers != 0 {
			t.Errorf("state %+v: want term %d, %s leads, no fail-over", s, i+2, leader)
		}
	}
}

// Invariant 7: a reader that does not read holds nobody up, and finds the latest.
func TestStatesKeepsTheLatest(t *testing.T) {
	fc := newFakeCluster(t, 1)
	c := dialWith(t, fc.addrs()...)
	slow := c.States()
	awaitAll(t, c, 1)
	for range 3 {
		fc.nodes[0].kill()
		await(t, c, "offline", func(s State) bool { return s.Phase == Offline })
		fc.nodes[0].restart()
		await(t, c, "ready", func(s State) bool { return s.Phase == Ready })
	}
	if s := <-slow; s.Phase != Ready {
		t.Errorf("the slow reader finds %v, want ready", s.Phase)
	}
	var chans []<-chan State
	for range MaxStateWatchers + 1 {
		chans = append(chans, c.States())
	}
	<-chans[0]
	if _, open := <-chans[0]; open {
		t.Error("the oldest channel is still open")
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	last := chans[len(chans)-1]
	for range last {
	}
	if _, open := <-c.States(); open {
		t.Error("a channel made after Close is open")
	}
}

// Invariant 8.
func TestCloseEndsEverything(t *testing.T) {
	fc := newFakeCluster(t, 3)
	c := dialWith(t, fc.addrs()...)
	node := awaitTaker(t, c, fc, 3)
	s := c.Subscribe(context.Background(), "")
	awaitSubscribed(t, s)
	entered := make(chan struct{})
	node.script(func() {
		node.onSend = func(ctx context.Context, _ *parleyv1.SendMessageRequest) error {
			close(entered)
			<-ctx.Done()
			return ctx.Err()
		}
	})
	failed := make(chan error, 1)
	go func() {
		_, err := send(context.Background(), c, "x")
		failed <- err
	}()
	<-entered
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	err := <-failed
	if e := asError(t, err); !errors.Is(err, ErrClosed) || e.Outcome != Unknown {
		t.Errorf("the call under way got %+v, want closed and unknown", *e)
	}
	_, err = send(context.Background(), c, "x")
	if e := asError(t, err); !errors.Is(err, ErrClosed) || e.Outcome != NotApplied {
		t.Errorf("a call after Close got %+v, want closed and not applied", *e)
	}
	if err := c.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	for _, g := range goroutines() {
		if strings.Contains(g, "client.(*Client).spawn") || strings.Contains(g, "client.(*Subscription).pump") {
			t.Errorf("still running:\n%s", g)
		}
	}
}

func goroutines() []string {
	buf := make([]byte, 1<<20)
	return strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
}

func TestOptions(t *testing.T) {
	for name, o := range map[string]Options{
		"no server":   {Servers: []string{" ", ""}},
		"no port":     {Servers: []string{"localhost"}},
		"no host":     {Servers: []string{":50051"}},
		"short token": {Servers: []string{"a:1"}, Token: []byte("x")},
		"too many":    {Servers: manyServers(MaxServers + 1)},
	} {
		if c, err := Dial(o); err == nil {
			_ = c.Close()
			t.Errorf("%s: no error", name)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: more than one line: %q", name, err)
		}
	}
	o, err := Options{Servers: []string{"a:1", " a:1 ", "unix:/run/x"}}.withDefaults()
	if err != nil || len(o.Servers) != 2 || o.Timeout != DefaultTimeout {
		t.Errorf("options %+v, %v", o, err)
	}
}

func manyServers(n int) []string {
	var out []string
	for i := range n {
		out = append(out, net.JoinHostPort("h", string(rune('a'+i%26))+string(rune('a'+i/26))))
	}
	return out
}

func TestJudge(t *testing.T) {
	no, unknown := map[string]string{"applied": "no"}, map[string]string{"applied": "unknown"}
	for _, tt := range []struct {
		name    string
		err     error
		sent    bool
		cause   error
		outcome Outcome
		again   bool
		code    codes.Code
	}{
		{"never sent", status.Error(codes.Unavailable, "refused"), false, nil, NotApplied, true, codes.Unavailable},
		{"broken in the middle", status.Error(codes.Unavailable, "EOF"), true, nil, Unknown, true, codes.Unavailable},
		{"no time", status.Error(codes.DeadlineExceeded, ""), true, nil, Unknown, true, codes.DeadlineExceeded},
		{"hung", status.Error(codes.Canceled, ""), true, errHung, Unknown, true, codes.Unavailable},
		{"server: no quorum", failure(codes.Unavailable, reasonNoQuorum, no), true, nil, NotApplied, true, codes.Unavailable},
		{"server: leader lost", failure(codes.Unavailable, "X", unknown), true, nil, Unknown, true, codes.Unavailable},
		{"server: deadline, not applied", failure(codes.DeadlineExceeded, "X", no), true, nil, NotApplied, true,
			codes.DeadlineExceeded},
		{"refused", failure(codes.NotFound, "USER_NOT_FOUND", no), true, nil, Refused, false, codes.NotFound},
		{"refused without detail", status.Error(codes.Unauthenticated, ""), true, nil, Refused, false, codes.Unauthenticated},
		{"internal", status.Error(codes.Internal, ""), true, nil, Unknown, true, codes.Internal},
		{"internal, unknown by its word", failure(codes.FailedPrecondition, "X", unknown), true, nil, Unknown, true,
			codes.FailedPrecondition},
		{"raced", failure(codes.Aborted, "CREDENTIALS_CHANGED", no), true, nil, NotApplied, true, codes.Aborted},
		{"full", failure(codes.ResourceExhausted, "OVERLOADED", no, retryIn(time.Millisecond)), true, nil, NotApplied, true,
			codes.ResourceExhausted},
		{"full for long", failure(codes.ResourceExhausted, "DISK_LOW", no, retryIn(time.Hour)), true, nil, NotApplied, false,
			codes.ResourceExhausted},
		{"too big", status.Error(codes.ResourceExhausted, "grpc: message larger than max"), false, nil, NotApplied, false,
			codes.ResourceExhausted},
	} {
		v := judge(tt.err, tt.sent, tt.cause)
		if v.outcome != tt.outcome || v.again != tt.again || v.code != tt.code {
			t.Errorf("%s: got %v, again %v, %v; want %v, %v, %v", tt.name, v.outcome, v.again, v.code, tt.outcome, tt.again,
				tt.code)
		}
	}
}

func TestChoose(t *testing.T) {
	node := func(addr string, sv serving) choice { return choice{addr: addr, ready: true, serves: sv} }
	three := []choice{node("a", servingYes), node("b", servingYes), node("c", servingNo)}
	for _, tt := range []struct {
		name    string
		current string
		choices []choice
		hint    *hint
		want    string // "": wait; "!": fail
	}{
		{"the current one", "b", three, &hint{}, "b"},
		{"another after a failure", "b", three, &hint{failed: map[string]int{"b": 1}}, "a"},
		{"the hinted one", "b", three, &hint{failed: map[string]int{"b": 1}, prefer: "a"}, "a"},
		{"serving before current", "c", three, &hint{}, "a"},
		{"any for a local read", "c", three, &hint{local: true}, "c"},
		{"the quorumless one in the end", "a", three, &hint{failed: map[string]int{"a": 3, "b": 3}}, "c"},
		{"exact", "a", three, &hint{exact: "c"}, "c"},
		{"exact, not there", "a", three, &hint{exact: "d"}, "!"},
		{"a suspect last", "a", []choice{{addr: "a", ready: true, suspect: true}, node("b", servingNo)}, &hint{}, "b"},
		{"wait rather than a suspect", "a", []choice{{addr: "a", ready: true, suspect: true}, {addr: "b", pending: true}},
			&hint{}, ""},
		{"a suspect if alone", "a", []choice{{addr: "a", ready: true, suspect: true}, {addr: "b"}}, &hint{}, "a"},
		{"wait for a connection", "", []choice{{addr: "a"}, {addr: "b", pending: true}}, &hint{}, ""},
		{"nobody", "", []choice{{addr: "a", err: errors.New("refused")}, {addr: "b"}}, &hint{}, "!"},
	} {
		c, err := (&snapshot{current: tt.current, choices: tt.choices}).choose(tt.hint)
		got := "!"
		switch {
		case c != nil:
			got = c.addr
		case err.Error() == "no SubConn is available":
			got = ""
		}
		if got != tt.want {
			t.Errorf("%s: got %q (%v), want %q", tt.name, got, err, tt.want)
		}
	}
}

// The phases that need a clock or a rare order of events.
func TestPhases(t *testing.T) {
	p := newPool([]string{"a:1", "b:1"}, testLogger(t))
	want := func(ph Phase) {
		t.Helper()
		p.change(func() {})
		if s := p.getState(); s.Phase != ph {
			t.Fatalf("phase %v, want %v: %+v", s.Phase, ph, s)
		}
	}
	age := func() { p.dark = p.dark.Add(-2 * FailingOverFor) }
	want(Connecting)
	p.setConn("a:1", connectivity.TransientFailure, errors.New("refused"))
	want(Connecting)
	p.setConn("b:1", connectivity.TransientFailure, errors.New("refused"))
	want(Offline)
	p.setConn("a:1", connectivity.Ready, nil)
	want(Ready)
	p.setHealth("a:1", connectivity.TransientFailure)
	want(FailingOver) // an election, perhaps
	age()
	want(NoQuorum)
	p.setHealth("a:1", connectivity.Ready)
	want(Ready)
	p.setSuspect("a:1", true)
	want(Offline)
	p.setConn("b:1", connectivity.Ready, nil)
	want(Ready)
	if s := p.getState(); s.Address != "b:1" || s.Failovers != 1 {
		t.Fatalf("state %+v: want b, one fail-over", s)
	}
	p.setSuspect("a:1", false)
	want(Ready)
	p.setConn("b:1", connectivity.Idle, nil)
	want(Ready)
	p.setConn("a:1", connectivity.Idle, nil)
	want(FailingOver)
}
