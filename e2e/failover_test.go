package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"parley/api/client"
	"parley/e2e/cluster"
	"parley/e2e/load"
	"parley/proto/parleyv1"
)

// TestKillLeader kills the actual leader again and again under load (P1, P2, P4, P5). Not parallel: its times are figures
// that docs/RELIABILITY.md quotes.
func TestKillLeader(t *testing.T) {
	c := start(t, 3)
	l := load.Start(t, c, load.Options{})
	probe := newProbe(t, c, "kill.probe")
	var next, stalls load.Figures
	for range kills {
		l.AwaitAcked(50)
		leader := c.Leader()
		probe.aim(leader)
		at := leader.Kill()
		next = append(next, probe.send(at))
		l.AwaitAcked(50)
		stalls = append(stalls, l.Stalls(at)...)
		leader.Start()
		c.AwaitServing(leader)
	}
	l.Stop()
	t.Logf("kill -9 of the leader, %d times under load, %d acked", kills, l.Acked())
	t.Logf("  to the next acknowledged write of a client of the killed leader: %s", next)
	t.Logf("  to the first acknowledged send begun after it, of each writer: %s", stalls)
	l.Verify()
}

// TestGracefulStop stops the leader with SIGTERM under load: no request fails, none is even made again by its caller.
func TestGracefulStop(t *testing.T) {
	c := start(t, 3)
	l := load.Start(t, c, load.Options{})
	probe := newProbe(t, c, "stop.probe")
	var next, stalls load.Figures
	for range 6 {
		l.AwaitAcked(50)
		leader := c.Leader()
		probe.aim(leader)
		at, code := leader.Terminate()
		if code != 0 {
			t.Errorf("%s: want exit code 0 after SIGTERM, got %d", leader.Name, code)
		}
		l.AwaitAcked(50)
		next = append(next, probe.send(time.Now()))
		stalls = append(stalls, l.Stalls(at)...)
		leader.Start()
		c.AwaitServing(leader)
	}
	l.Stop()
	t.Logf("graceful stop of the leader under load, %d acked", l.Acked())
	t.Logf("  a write right after it ended: %s", next)
	t.Logf("  to the first acknowledged send begun after it, of each writer: %s", stalls)
	if n := l.Retries(); n != 0 {
		t.Errorf("want no failed request, got %d calls that ended without a result", n)
	}
	l.Verify()
}

// TestPauseLeader stops the leader with SIGSTOP: the kernel still takes connections for it, nothing answers. The others
// replace it, and when it wakes up it must not believe that it still leads (stale reads, P3).
func TestPauseLeader(t *testing.T) {
	c := start(t, 3)
	l := load.Start(t, c, load.Options{})
	probe := newProbe(t, c, "pause.probe")
	var next, stalls load.Figures
	for range 4 {
		l.AwaitAcked(50)
		leader := c.Leader()
		probe.aim(leader)
		at := leader.Pause()
		next = append(next, probe.send(at))
		l.AwaitAcked(50)
		stalls = append(stalls, l.Stalls(at)...)
		c.LeaderAmong(c.Others(leader)...)
		acked := l.Acked()
		leader.Resume()
		// What it answers first, asked as it wakes, holds everything that was acknowledged before.
		history, err := load.History(leader, l.Token())
		if err != nil {
			t.Logf("%s answered nothing when it woke: %v", leader.Name, err)
		} else if len(history) < acked {
			t.Errorf("%s woke and answered a linearizable read with %d messages; %d were acknowledged before it was asked",
				leader.Name, len(history), acked)
		}
		c.AwaitServing(leader)
	}
	l.Stop()
	t.Logf("SIGSTOP of the leader, 4 times under load, %d acked", l.Acked())
	t.Logf("  to the next acknowledged write of a client of the paused leader: %s", next)
	t.Logf("  to the first acknowledged send begun after it, of each writer: %s", stalls)
	l.Verify()
}

// TestTwoOfFive kills f=2 of 2f+1=5 at once, the leader among them, under load; the three others serve on, and the two come
// back to the same state.
func TestTwoOfFive(t *testing.T) {
	t.Parallel()
	c := start(t, 5)
	l := load.Start(t, c, load.Options{})
	for range 3 {
		l.AwaitAcked(50)
		leader := c.Leader()
		dead := []*cluster.Node{leader, c.Others(leader)[0]}
		for _, n := range dead {
			n.Kill()
		}
		l.AwaitAcked(100)
		for _, n := range dead {
			n.Start()
		}
		c.AwaitServing(dead...)
	}
	l.Stop()
	l.Verify()
}

// TestKillAll kills every node at once under load, as a power cut of the rack does, and starts them again (P1).
func TestKillAll(t *testing.T) {
	t.Parallel()
	c := start(t, 3)
	l := load.Start(t, c, load.Options{})
	for range 3 {
		l.AwaitAcked(200)
		for _, n := range c.Nodes {
			n.Kill()
		}
		for _, n := range c.Nodes {
			n.Start()
		}
		c.AwaitServing(c.Nodes...)
	}
	l.AwaitAcked(50)
	l.Stop()
	l.Verify()
}

// probe is one client whose next acknowledged write is timed.
type probe struct {
	t    *testing.T
	c    *cluster.Cluster
	name string
	cl   *client.Client
	// token is the session of every client that aim makes.
	token []byte
}

func newProbe(t *testing.T, c *cluster.Cluster, name string) *probe {
	t.Helper()
	return &probe{t: t, c: c, name: name, token: load.Account(t, c.Addresses(0), name).Token()}
}

// aim makes a client that is told of this node only, works through it, and has learned the others from it.
func (p *probe) aim(n *cluster.Node) {
	p.t.Helper()
	if p.cl != nil {
		_ = p.cl.Close() // it has done its part
	}
	p.cl = load.Dial(p.t, client.Options{Servers: []string{n.Address}, Token: p.token})
	cluster.Await(p.t, cluster.Patience, "the client to work through "+n.Name+" and to learn the others", func() error {
		s := p.cl.State()
		if s.Phase != client.Ready || s.Node != n.Name || len(s.Members) != len(p.c.Nodes) {
			return fmt.Errorf("it is %s on %q and knows %d members", s.Phase, s.Node, len(s.Members))
		}
		return nil
	})
	p.send(time.Now())
}

// send sends one message until it is acknowledged and returns how long that was after since.
func (p *probe) send(since time.Time) time.Duration {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	req := &parleyv1.SendMessageRequest{Conversation: "@" + p.name, Text: "a note to oneself"}
	if _, err := p.cl.SendMessage(ctx, req); err != nil {
		p.t.Errorf("probe: %v", err)
	}
	return time.Since(since)
}
