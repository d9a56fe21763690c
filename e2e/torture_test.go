package e2e

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"parley/e2e/cluster"
	"parley/e2e/load"
)

var (
	seed   = flag.Uint64("seed", 0, "TestTorture: which faults to inject; 0 draws one")
	rounds = flag.Int("rounds", 12, "TestTorture: how many faults to inject")
)

// fault hurts a cluster and heals it again.
type fault struct {
	name string
	do   func(c *cluster.Cluster, l *load.Load, r *rand.Rand)
}

// faults are what machines do. Each leaves all nodes running.
var faults = []fault{
	{"kill one, back when others went on", func(c *cluster.Cluster, l *load.Load, r *rand.Rand) {
		n := anyOf(c, r)
		n.Kill()
		l.AwaitAcked(1 + r.IntN(100))
		n.Start()
	}},
	{"kill one, back at once", func(c *cluster.Cluster, _ *load.Load, r *rand.Rand) {
		n := anyOf(c, r)
		n.Kill()
		n.Start()
	}},
	{"kill one, and again as it starts", func(c *cluster.Cluster, l *load.Load, r *rand.Rand) {
		n := anyOf(c, r)
		for range 3 {
			n.Kill()
			n.Start()
		}
		l.AwaitAcked(10)
	}},
	{"kill a majority, back at once", func(c *cluster.Cluster, _ *load.Load, r *rand.Rand) {
		perm := r.Perm(len(c.Nodes))[:len(c.Nodes)/2+1]
		for _, i := range perm {
			c.Nodes[i].Kill()
		}
		for _, i := range perm {
			c.Nodes[i].Start()
		}
	}},
	{"kill all, back in another order", func(c *cluster.Cluster, _ *load.Load, r *rand.Rand) {
		for _, i := range r.Perm(len(c.Nodes)) {
			c.Nodes[i].Kill()
		}
		for _, i := range r.Perm(len(c.Nodes)) {
			c.Nodes[i].Start()
		}
	}},
	{"stop one gracefully", func(c *cluster.Cluster, l *load.Load, r *rand.Rand) {
		n := anyOf(c, r)
		n.Terminate()
		l.AwaitAcked(1 + r.IntN(50))
		n.Start()
	}},
	{"pause one until others went on", func(c *cluster.Cluster, l *load.Load, r *rand.Rand) {
		n := anyOf(c, r)
		n.Pause()
		l.AwaitAcked(1 + r.IntN(100))
		n.Resume()
	}},
	{"pause one, kill another, resume", func(c *cluster.Cluster, _ *load.Load, r *rand.Rand) {
		perm := r.Perm(len(c.Nodes))
		paused, killed := c.Nodes[perm[0]], c.Nodes[perm[1]]
		paused.Pause()
		killed.Kill()
		killed.Start()
		paused.Resume()
	}},
	{"kill a paused one", func(c *cluster.Cluster, l *load.Load, r *rand.Rand) {
		n := anyOf(c, r)
		n.Pause()
		l.AwaitAcked(1 + r.IntN(20))
		n.Kill()
		n.Start()
	}},
	{"close a client port", func(c *cluster.Cluster, l *load.Load, r *rand.Rand) {
		n := anyOf(c, r)
		n.Front.Close()
		l.AwaitAcked(1 + r.IntN(50))
		if err := n.Front.Open(); err != nil {
			panic(fmt.Sprintf("open the port of %s again: %v", n.Name, err))
		}
	}},
}

func anyOf(c *cluster.Cluster, r *rand.Rand) *cluster.Node { return c.Nodes[r.IntN(len(c.Nodes))] }

// TestTorture injects faults in an order drawn from a seed, under load, without waiting for the cluster to recover between
// them, and then holds it to every promise. A red seed is replayed with -args -seed=N; the faults are then the same, their
// timing is the machine's.
func TestTorture(t *testing.T) {
	t.Parallel()
	s := *seed
	if s == 0 {
		s = uint64(time.Now().UnixNano())
	}
	t.Logf("replay: go test ./e2e -count=1 -v -run '^TestTorture$' -args -seed=%d -rounds=%d", s, *rounds)
	r := rand.New(rand.NewPCG(s, 0))
	// Twenty entries are kept for who lags, so that many a node comes back through a snapshot, and dies while it does.
	short := cluster.BuildPatched(t, cluster.Patch{File: "node/limits.go", Constant: "DefaultRetainEntries", Value: "20"})
	c := cluster.Start(t, cluster.Options{Binary: short, Nodes: 3, Fronts: true})
	l := load.Start(t, c, load.Options{})
	for i := range *rounds {
		l.AwaitAcked(r.IntN(60))
		f := faults[r.IntN(len(faults))]
		t.Logf("%2d: %s (%d acked)", i+1, f.name, l.Acked())
		f.do(c, l, r)
	}
	c.AwaitServing(c.Nodes...)
	l.AwaitAcked(50)
	l.Stop()
	l.Verify()
}
