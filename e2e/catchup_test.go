package e2e

import (
	"testing"

	"parley/e2e/cluster"
	"parley/e2e/load"
)

// TestCatchUpBySnapshot keeps a node down for 10,000 messages, long enough that the others have compacted their logs: it
// comes back through a snapshot, proven by its counter, under load, and has the same state (P1, P6). Its parley keeps 200
// entries for members that lag: by default it keeps 10,000, and one entry holds many messages.
func TestCatchUpBySnapshot(t *testing.T) {
	t.Parallel()
	short := cluster.BuildPatched(t, cluster.Patch{File: "node/limits.go", Constant: "DefaultRetainEntries", Value: "200"})
	c := cluster.Start(t, cluster.Options{Binary: short, Nodes: 3})
	down := c.Others(c.Leader())[0]
	l := load.Start(t, c, load.Options{Spokes: 8})
	l.AwaitAcked(100)
	down.Kill()
	missed := l.Acked()
	cluster.Await(t, 2*cluster.Patience, "10,000 messages without the node", func() error {
		if l.Acked()-missed < lagMessages {
			return cluster.ErrNotYet
		}
		return nil
	})
	down.Start()
	c.AwaitServing(down)
	got, err := down.Metric(metricSnapshotsInstalled)
	if err != nil {
		t.Fatal(err)
	}
	if got < 1 {
		t.Errorf("%s: want at least one snapshot installed, got %s = %v", down.Name, metricSnapshotsInstalled, got)
	}
	l.AwaitAcked(200)
	l.Stop()
	l.Verify()
	// What came by snapshot is on its disk like anything else.
	down.Kill()
	down.Start()
	c.AwaitServing(down)
	l.Verify()
}
