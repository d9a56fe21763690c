package node

import (
	"testing"

	pb "go.etcd.io/raft/v3/raftpb"
)

// A leader that loses its quorum was current a moment ago, not when its reign began.
func TestAgeOfDeposedLeader(t *testing.T) {
	c := newSimCluster(t, 3)
	n := c.nodes[1]
	must(t, n.core.rn.Campaign())
	c.stabilize(func(*pb.Message) bool { return false })
	for range 100 {
		n.core.doTick()
		c.stabilize(func(*pb.Message) bool { return false })
	}
	for n.core.isLeader() {
		n.core.doTick()
		n.ready()
	}
	if age := n.core.tick - n.core.currentTick; age < ElectionTicks || age > 2*ElectionTicks {
		t.Errorf("it was current %d ticks ago", age)
	}
}
