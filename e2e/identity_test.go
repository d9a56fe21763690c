package e2e

import (
	"strings"
	"testing"

	"parley/e2e/cluster"
	"parley/e2e/load"
)

// TestWipedNode starts a node with an empty directory under its old name. It has forgotten what it voted and acknowledged,
// so that taking it back could lose acknowledged writes: it must not serve, and it says how to replace it (P1).
func TestWipedNode(t *testing.T) {
	t.Parallel()
	c := start(t, 3)
	l := load.Start(t, c, load.Options{})
	l.AwaitAcked(100)
	wiped := c.Others(c.Leader())[0]
	wiped.Kill()
	l.AwaitAcked(100)
	wiped.Wipe()
	wiped.Start()
	if code := wiped.AwaitExit(cluster.Patience); code <= 0 {
		t.Errorf("want the wiped node to exit with an error, got code %d", code)
	}
	last := wiped.LastStart()
	for _, want := range []string{"replace", wiped.Name} {
		if !strings.Contains(last, want) {
			t.Errorf("the wiped node must say what to do: want %q in its log, got\n%s", want, last)
		}
	}
	// It was not counted, and did no harm: with it and one more node down there is no quorum, with one there is.
	l.AwaitAcked(100)
	l.Stop()
	l.Verify()
}

// TestCopiedBackDirectory starts a node on a copy of its directory from before. The copy has forgotten what the node has
// acknowledged since, so the others refuse it (P1).
func TestCopiedBackDirectory(t *testing.T) {
	t.Parallel()
	c := start(t, 3)
	l := load.Start(t, c, load.Options{})
	l.AwaitAcked(100)
	n := c.Others(c.Leader())[0]
	n.Kill()
	old := n.CopyDir()
	n.Start()
	c.AwaitServing(n)
	l.AwaitAcked(100)
	n.Kill()
	n.ReplaceDir(old)
	n.Start()
	if code := n.AwaitExit(cluster.Patience); code <= 0 {
		t.Errorf("want the node on a copied-back directory to exit with an error, got code %d", code)
	}
	if last := n.LastStart(); !strings.Contains(last, "copied back") {
		t.Errorf("it must say why: want \"copied back\" in its log, got\n%s", last)
	}
	l.AwaitAcked(100)
	l.Stop()
	l.Verify()
}
