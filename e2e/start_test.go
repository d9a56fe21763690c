package e2e

import (
	"net"
	"testing"

	"parley/e2e/cluster"
)

// TestStopWhileStarting sends SIGTERM to a node at each moment of its start, from before it has opened its log until after it
// serves: it ends every time. Once a signal that came while the node opened its files was forgotten, and it served on.
func TestStopWhileStarting(t *testing.T) {
	t.Parallel()
	c := start(t, 3)
	n := c.Nodes[0]
	moments := []struct {
		what string
		came func() error
	}{
		{"its process", func() error { return nil }},
		{"its listener", func() error {
			conn, err := net.Dial("tcp", n.AdminAddress)
			if err == nil {
				conn.Close()
			}
			return err
		}},
		{"its raft", func() error { return n.Logged("node started") }},
		{"its services", func() error { return n.Logged(`"serving"`) }},
		{"its links", func() error { return n.Logged("the link to a peer is up") }},
	}
	n.Terminate()
	for _, m := range moments {
		for range 5 {
			n.Start()
			cluster.Await(t, cluster.Patience, n.Name+" to have "+m.what, m.came)
			n.Terminate() // fails the test when the process does not end
		}
	}
	n.Start()
	c.AwaitServing(c.Nodes...)
}
