package node

import (
	"testing"

	"parley/proto/internalv1"
)

// A leader's housekeeper has the messages looked at that are too old, once the cluster keeps them for a time only, and not
// again and again.
func TestLeaderProposesRetention(t *testing.T) {
	c := startCluster(t, 3)
	lead := c.leader()
	c.await("the cluster version to rise", func() bool { return c.atVersion(MaxClusterVersion) })
	c.account(lead, "alice")
	c.propose(lead, message("alice", "alice", "young"))
	for i, n := range c.nodes {
		if n.Store().Work().Retain {
			t.Errorf("node %d has work, and everything is kept for ever", i+1)
		}
	}
	days := uint32(1)
	c.propose(lead, &internalv1.Command{RequestId: newRequest(), Body: &internalv1.Command_UpdateSettings{
		UpdateSettings: &internalv1.UpdateSettings{RetainDays: &days, FromAdminSocket: true}}})
	c.await("a pass on every node", func() bool {
		for _, n := range c.nodes {
			if n.Store().Work().Retain {
				return false
			}
		}
		return c.leader() >= 0
	})
	if got := c.texts(lead, "alice", "alice"); len(got) != 1 {
		t.Errorf("alice reads %v", got)
	}
}
