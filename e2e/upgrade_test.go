package e2e

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"parley/e2e/cluster"
	"parley/e2e/load"
	"parley/store"
)

// TestRollingUpgrade upgrades a cluster from the last program of cluster version 1 to today's, one node after the other,
// under load. While both run side by side it kills and moves leaders on either side and goes back once. The cluster version
// stays 1 until the last node was upgraded, then rises by itself. A node that goes back is refused with words that help, does no
// harm, and comes back with the right program (P1, P2, P6): its log has today's format since its first start.
func TestRollingUpgrade(t *testing.T) {
	t.Parallel()
	u := &upgrade{T: t, old: cluster.BuildAt(t, v1Commit)}
	u.c = cluster.Start(t, cluster.Options{Binary: u.old, Nodes: 3})
	l := load.Start(t, u.c, load.Options{Pause: upgradePause})
	l.AwaitAcked(100)

	// One of three: leaders of both kinds, killed, and followers of both kinds.
	leader := u.c.Leader()
	first := u.c.Others(leader)[0]
	u.change(first, binary)
	l.AwaitAcked(50)
	u.wantVersion(1, first)
	for _, lead := range []*cluster.Node{first, leader} {
		u.transfer(lead)
		l.AwaitAcked(50)
		u.refused(first)
		lead.Kill()
		l.AwaitAcked(50)
		lead.Start()
		u.c.AwaitServing(lead)
		follower := u.c.Others(u.c.Leader())[0]
		follower.Kill()
		l.AwaitAcked(50)
		follower.Start()
		u.c.AwaitServing(follower)
		load.VerifyHashes(t, u.c)
	}

	u.noWayBack(first, l)

	// Two of three, under a new leader and an old follower, then under an old leader.
	second := u.c.Others(first)[0]
	third := u.c.Others(first, second)[0]
	u.change(second, binary)
	u.transfer(second)
	l.AwaitAcked(50)
	u.transfer(third)
	l.AwaitAcked(50)
	u.wantVersion(1, first, second)
	u.refused(first, second)
	load.VerifyHashes(t, u.c)

	// The last one.
	u.change(third, binary)
	awaitVersion(t, u.c, store.MaxClusterVersion)
	l.AwaitAcked(50)
	load.VerifyHashes(t, u.c)

	back := u.c.Others(u.c.Leader())[0]
	u.noWayBack(back, l)
	u.transfer(back)
	l.AwaitAcked(50)
	l.Stop()
	l.Verify()
}

// upgrade is a cluster on its way from one program to another.
type upgrade struct {
	*testing.T
	c   *cluster.Cluster
	old string
}

// change stops a node as an operator does and starts it with another program.
func (u *upgrade) change(n *cluster.Node, program string) {
	u.Helper()
	if _, code := n.Terminate(); code != 0 {
		u.Errorf("%s: exit code %d after SIGTERM", n.Name, code)
	}
	n.Use(program)
	n.Start()
	u.c.AwaitServing(n)
}

// noWayBack starts the old program on a directory that today's has had, and today's again.
func (u *upgrade) noWayBack(n *cluster.Node, l *load.Load) {
	u.Helper()
	if _, code := n.Terminate(); code != 0 {
		u.Errorf("%s: exit code %d after SIGTERM", n.Name, code)
	}
	n.Use(u.old)
	n.Start()
	if code := n.AwaitExit(cluster.Patience); code <= 0 {
		u.Errorf("%s: want an error as exit code, got %d", n.Name, code)
	}
	for _, want := range []string{"unknown file format 2", "run the version that wrote it"} {
		if err := n.Logged(want); err != nil {
			u.Error(err)
		}
	}
	l.AwaitAcked(50)
	n.Use(binary)
	n.Start()
	u.c.AwaitServing(n)
}

// transfer moves leadership to a node.
func (u *upgrade) transfer(to *cluster.Node) {
	u.Helper()
	cluster.Await(u, cluster.Patience, to.Name+" to lead", func() error {
		if u.c.Leader() == to {
			return nil
		}
		out, err := exec.Command(binary, "cluster", "transfer", to.Name, "--data", to.Dir).CombinedOutput()
		if err != nil {
			return errors.Join(err, errors.New(string(out)))
		}
		return nil
	})
}

// wantVersion holds nodes of today's program to a cluster version; the old one does not tell.
func (u *upgrade) wantVersion(version uint32, nodes ...*cluster.Node) {
	u.Helper()
	for _, n := range nodes {
		st, err := u.c.Status(n)
		if err != nil {
			u.Fatal(err)
		}
		if st.GetClusterVersion() != version {
			u.Fatalf("%s is at cluster version %d, want %d", n.Name, st.GetClusterVersion(), version)
		}
	}
}

// refused tries a command of cluster version 2 on every node while the cluster is at 1. Nodes of today's program say what to
// do; the old program has no such operation. No node stops over it.
func (u *upgrade) refused(today ...*cluster.Node) {
	u.Helper()
	for _, n := range u.c.Nodes {
		out, err := exec.Command(binary, "cluster", "remove", "n9", "--data", n.Dir).CombinedOutput()
		want := "upgrade every node"
		if !slices.Contains(today, n) {
			want = "unknown method ChangeMembers"
		}
		if err == nil || !strings.Contains(string(out), want) {
			u.Errorf("a command of cluster version 2 through %s: %v, %s; want %q in it", n.Name, err, out, want)
		}
	}
	u.c.AwaitServing(u.c.Nodes...)
}

// TestProgramOfThePast starts today's program, made to know cluster version 1 only, on the directory of a node that has
// version 2 behind it: it says at every start what to do, leaves everything as it is, and the right program goes on.
func TestProgramOfThePast(t *testing.T) {
	t.Parallel()
	past := cluster.BuildPatched(t, cluster.Patch{File: "store/version.go", Constant: "MaxClusterVersion", Value: "1"})
	c := start(t, 3)
	l := load.Start(t, c, load.Options{Pause: upgradePause})
	awaitVersion(t, c, store.MaxClusterVersion)
	l.AwaitAcked(50)
	n := c.Others(c.Leader())[0]
	n.Terminate()
	n.Use(past)
	for range 2 {
		n.Start()
		if code := n.AwaitExit(cluster.Patience); code <= 0 {
			t.Errorf("%s: want an error as exit code, got %d", n.Name, code)
		}
		for _, want := range []string{"version 2", "upgrade this node", "nothing is lost"} {
			if err := n.Logged(want); err != nil {
				t.Error(err)
			}
		}
		l.AwaitAcked(50)
	}
	n.Use(binary)
	n.Start()
	c.AwaitServing(n)
	l.AwaitAcked(50)
	l.Stop()
	l.Verify()
}
