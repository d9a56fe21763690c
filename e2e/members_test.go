package e2e

import (
	"testing"

	"parley/e2e/load"
)

// TestJoin grows a cluster under load: the new node gets the state as a snapshot, becomes a voter by itself, and has all of
// what was acknowledged.
func TestJoin(t *testing.T) {
	c := start(t, 3)
	l := load.Start(t, c, load.Options{})
	l.AwaitAcked(50)
	n4 := c.Join("n4")
	c.Change(c.Nodes[0], "add", n4.Name, n4.PeerAddress)
	n4.Start()
	c.AwaitVoters(c.Nodes[1], "n1", "n2", "n3", "n4")
	l.AwaitAcked(50)
	l.Stop()
	l.Verify()
}
