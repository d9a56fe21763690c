package demo

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"

	"parley/api/client"
	"parley/local"
	"parley/proto/parleyv1"
	"parley/tui/common"
)

// teller is a bot whose sends end as the test says, and then well.
type teller struct {
	Bot
	ends []error
	ids  []string
}

func (b *teller) SendMessage(_ context.Context, r *parleyv1.SendMessageRequest) (*parleyv1.SendMessageResponse, error) {
	b.ids = append(b.ids, r.GetRequestId())
	if n := len(b.ids); n <= len(b.ends) {
		return nil, b.ends[n-1]
	}
	return &parleyv1.SendMessageResponse{Id: 7}, nil
}

func (b *teller) SetPresence(context.Context, *parleyv1.SetPresenceRequest) (*parleyv1.SetPresenceResponse, error) {
	return &parleyv1.SetPresenceResponse{}, nil
}

// nodes is a cluster of processes that are not there.
type nodes struct {
	mu    sync.Mutex
	did   []string
	ready chan struct{} // WaitNodeReady waits for it
	exits chan local.Exit
}

func (n *nodes) Nodes() []local.Node                 { return []local.Node{{Name: "n1", PID: 1}, {Name: "n2", PID: 2}} }
func (n *nodes) Kill(name string) (time.Time, error) { return time.Now(), n.do("kill " + name) }
func (n *nodes) Restart(name string) error           { return n.do("restart " + name) }
func (n *nodes) Pause(name string) error             { return n.do("pause " + name) }
func (n *nodes) Resume(name string) error            { return n.do("resume " + name) }
func (n *nodes) Exits() <-chan local.Exit            { return n.exits }

func (n *nodes) do(what string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.did = append(n.did, what)
	return nil
}

func (n *nodes) WaitNodeReady(ctx context.Context, _ string) error {
	select {
	case <-n.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func quiet(bots map[string]Bot, c Cluster) *Demo {
	return &Demo{
		o:      Options{Cluster: c, Bots: bots, User: "alice", NewID: newID},
		states: make(chan common.DemoState, 1), cues: make(chan line, maxCues),
		phases: map[string]common.DemoPhase{}, runs: map[string]int{}, ledger: newLedger(),
	}
}

// A line keeps its request id over all tries; what is refused for good is dropped and not counted as sent.
func TestSay(t *testing.T) {
	unknown := &client.Error{Code: codes.Unavailable, Outcome: client.Unknown}
	not := &client.Error{Code: codes.Unavailable, Outcome: client.NotApplied}
	refused := &client.Error{Code: codes.PermissionDenied, Outcome: client.Refused}
	for name, c := range map[string]struct {
		ends        []error
		tries, sent int
	}{
		"at once":            {nil, 1, 1},
		"unknown, then done": {[]error{unknown, unknown}, 3, 1},
		"no leader at first": {[]error{not}, 2, 1},
		"refused":            {[]error{refused}, 1, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := &teller{ends: c.ends}
			d := quiet(map[string]Bot{"carol": b}, &nodes{})
			if !d.say(t.Context(), line{"carol", Room, "x"}) {
				t.Errorf("%s: given up", name)
			}
			if same := slices.Compact(slices.Clone(b.ids)); len(b.ids) != c.tries || len(same) != 1 {
				t.Errorf("%s: the tries carried %q, want %d of one id", name, b.ids, c.tries)
			}
			if got := now(d).Sent; got != c.sent {
				t.Errorf("%s: %d sent, want %d", name, got, c.sent)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d := quiet(map[string]Bot{"carol": &teller{ends: []error{unknown}}}, &nodes{})
	if d.say(ctx, line{"carol", Room, "x"}) {
		t.Error("a line without an outcome is called said at the end of the demo")
	}
}

// What is done to a node fits its phase, and the panel hears of each phase.
func TestDirector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &nodes{ready: make(chan struct{}), exits: make(chan local.Exit)}
		d := quiet(nil, c)
		phase := func(want common.DemoPhase) {
			t.Helper()
			if got := now(d).Nodes[0].Phase; got != want {
				t.Errorf("n1 is in phase %d, want %d", got, want)
			}
		}
		refused := func(err error) {
			t.Helper()
			if err == nil {
				t.Error("it was done")
			}
		}
		done := func(err error) {
			t.Helper()
			if err != nil {
				t.Error(err)
			}
		}
		ctx := t.Context()
		refused(d.Kill(ctx, "n9"))
		refused(d.Revive(ctx, "n1"))
		done(d.Pause(ctx, "n1"))
		phase(common.DemoPaused)
		refused(d.Pause(ctx, "n1"))
		done(d.Kill(ctx, "n1"))
		phase(common.DemoDead)
		refused(d.Kill(ctx, "n1"))

		// Killed again while it starts: the "ready" of the first run says nothing of the second.
		first := make(chan error)
		go func() { first <- d.Revive(ctx, "n1") }()
		synctest.Wait()
		phase(common.DemoStarting)
		done(d.Kill(ctx, "n1"))
		close(c.ready)
		done(<-first)
		phase(common.DemoDead)
		done(d.Revive(ctx, "n1"))
		phase(common.DemoRunning)

		if want := []string{"pause n1", "kill n1", "restart n1", "kill n1", "restart n1"}; !slices.Equal(c.did, want) {
			t.Errorf("the nodes saw %q, want %q", c.did, want)
		}
	})
}

// now is the state that the panel is told next.
func now(d *Demo) common.DemoState {
	d.change(func() {})
	return <-d.States()
}
