package client

import (
	"context"
	"testing"

	"google.golang.org/grpc/codes"
)

// A leader that hangs is neither named as leading nor told to be up, from the moment its followers lost it: also by a node that
// serves again and still has the old name to tell.
func TestHungLeaderIsNotNamed(t *testing.T) {
	fc := newFakeCluster(t, 3)
	c := dialWith(t, fc.nodes[1].addr)
	awaitAll(t, c, 3)
	await(t, c, "the leader", func(s State) bool { return s.Leader == "n1" && s.Node == "n2" && s.Term == 1 })
	hung, followers := fc.nodes[0], fc.nodes[1:]
	hung.freeze()
	t.Cleanup(hung.thaw)
	for _, n := range followers {
		n.setQuorum(false)
	}
	s := await(t, c, "the election", func(s State) bool { return s.Phase == FailingOver })
	if m := member(s, hung.addr); s.Leader != "" || s.Term != 0 || m.Leader || !m.Unheard && !m.Suspect {
		t.Errorf("during the election: leader %q, term %d, the hung node is %+v; want no leader, and that it is in doubt", s.Leader, s.Term, m)
	}
	for _, n := range followers {
		n.setQuorum(true)
	}
	if s = await(t, c, "a node that serves", func(s State) bool { return s.Phase == Ready }); s.Leader != "" {
		t.Errorf("the first state after the election: leader %q, want none: the node's word is older than the doubt", s.Leader)
	}
	fc.setLeader("n3")
	s = await(t, c, "the new leader", func(s State) bool { return s.Leader != "" })
	if m := member(s, hung.addr); s.Leader != "n3" || s.Term != 2 || !m.Unheard && !m.Suspect {
		t.Errorf("leader %q, term %d, the hung node is %+v; want n3, term 2, and the hung one in doubt", s.Leader, s.Term, m)
	}
	await(t, c, "the verdict on the hung node", func(s State) bool { return member(s, hung.addr).Suspect })
}

// A leader that died is not named, nor told to be up because others have not noticed.
func TestDeadLeaderIsNotNamed(t *testing.T) {
	fc := newFakeCluster(t, 3)
	c := dialWith(t, fc.nodes[1].addr)
	awaitAll(t, c, 3)
	await(t, c, "the leader", func(s State) bool { return s.Leader == "n1" })
	fc.nodes[0].kill()
	s := await(t, c, "the loss", func(s State) bool { return !member(s, fc.nodes[0].addr).Connected })
	if m := member(s, fc.nodes[0].addr); s.Leader != "" || m.Leader || m.Reachable {
		t.Errorf("leader %q, member %+v; want none, and the dead node down", s.Leader, m)
	}
	fc.setLeader("n2")
	s = await(t, c, "the new leader", func(s State) bool { return s.Leader != "" })
	if s.Leader != "n2" || s.Term != 2 {
		t.Errorf("leader %q, term %d, want n2, term 2", s.Leader, s.Term)
	}
}

// A follower that loses its quorum says nothing about a leader that answers and serves.
func TestLeaderOutlivesItsFollowersDoubt(t *testing.T) {
	fc := newFakeCluster(t, 3)
	c := dialWith(t, fc.nodes[1].addr)
	awaitAll(t, c, 3)
	await(t, c, "the leader", func(s State) bool { return s.Leader == "n1" })
	fc.nodes[2].setQuorum(false)
	s := await(t, c, "the end of the doubt", func(s State) bool {
		return !member(s, fc.nodes[2].addr).Serving && !member(s, fc.nodes[0].addr).Unheard
	})
	if s.Leader != "n1" || s.Term != 1 || s.Phase != Ready {
		t.Errorf("leader %q, term %d, %v; want n1, term 1, ready", s.Leader, s.Term, s.Phase)
	}
}

// Which address is being tried, the how manieth of how many, and when the next try is due.
func TestTriesAreTold(t *testing.T) {
	fc := newFakeCluster(t, 2)
	for _, n := range fc.nodes {
		n.freeze()
	}
	c := dialWith(t, fc.addrs()...)
	s := c.State()
	if s.Phase != Connecting || s.Trying != fc.nodes[0].addr || s.Attempt != 1 || s.Attempts != 2 || !s.NextTry.IsZero() {
		t.Errorf("at the start: %v, trying %q %d/%d, next %v; want connecting to %s, 1/2, no pause", s.Phase, s.Trying, s.Attempt, s.Attempts,
			s.NextTry, fc.nodes[0].addr)
	}
	for _, n := range fc.nodes {
		n.thaw()
	}
	s = awaitAll(t, c, 2)
	if s.Trying != "" || s.Attempts != 0 || !s.NextTry.IsZero() {
		t.Errorf("ready: trying %q %d/%d, next %v; want nothing", s.Trying, s.Attempt, s.Attempts, s.NextTry)
	}
	for _, n := range fc.nodes {
		n.kill()
	}
	s = await(t, c, "offline", func(s State) bool { return s.Phase == Offline })
	if s.NextTry.IsZero() || s.NextTry.Sub(s.Since) > 2*ConnectBackoffMax || s.Attempt != 2 || s.Attempts != 2 || s.Trying != "" {
		t.Errorf("offline since %v: trying %q %d/%d, next %v; want a time about now and 2/2", s.Since, s.Trying, s.Attempt, s.Attempts, s.NextTry)
	}
	for _, n := range fc.nodes {
		n.restart()
	}
	c.Reconnect()
	await(t, c, "ready again", func(s State) bool { return s.Phase == Ready && s.Attempts == 0 && s.NextTry.IsZero() })
}

// A node that is taken out of service is named for as long as it is connected, also when the client has left it.
func TestDrainingIsTold(t *testing.T) {
	fc := newFakeCluster(t, 2)
	c := dialWith(t, fc.addrs()...)
	goes := fc.byName(awaitAll(t, c, 2).Node)
	goes.script(func() {
		goes.onSubscribe = func(context.Context, string) error {
			return failure(codes.Unavailable, reasonDraining, map[string]string{"applied": "no"})
		}
	})
	awaitSubscribed(t, c.Subscribe(context.Background(), ""))
	s := await(t, c, "the move", func(s State) bool { return s.Node != goes.name && s.Phase == Ready })
	if m := member(s, goes.addr); s.Draining != goes.name || !m.Draining || s.Phase != Ready {
		t.Errorf("%v, draining %q, %+v; want ready, and %s draining", s.Phase, s.Draining, m, goes.name)
	}
	goes.kill()
	s = await(t, c, "the end of it", func(s State) bool { return s.Draining == "" && !member(s, goes.addr).Connected })
	if s.Drained != goes.name {
		t.Errorf("drained %q, want %s: why the client moved is known", s.Drained, goes.name)
	}
}
