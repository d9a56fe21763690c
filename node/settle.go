package node

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	pb "go.etcd.io/raft/v3/raftpb"

	"parley/store"
)

// settlement knows whether the configuration is on the disks of a majority of its voters. Before that a removed member may be
// needed: who has not applied the last step of a joint change still counts its vote, and if all who have applied it are
// down, nobody can lead without it. The simulator found that: with members that left after a pause, seed 100655.
type settlement struct {
	// done is the configuration that is settled, as stored; nil for none since the start.
	done atomic.Pointer[string]
	// The housekeeper's: the configuration that it asks about, and what a voter must have flushed to have it.
	conf  string
	index uint64
}

// settle asks the voters until a majority has what this node has flushed. It costs nothing once that is known.
func (n *Node) settle() {
	mark, s := n.store.Flushed(), &n.settlement
	if n.members.Load().last == 0 || n.settledAt(mark) {
		return
	}
	conf, err := parseConfState(mark.ConfState)
	if err != nil || len(conf.GetVoters()) == 0 || len(conf.GetVotersOutgoing()) > 0 {
		return
	}
	if s.conf != string(mark.ConfState) {
		s.conf, s.index = string(mark.ConfState), mark.Index
	}
	if n.countFlushed(conf, s.index) >= len(conf.GetVoters())/2+1 {
		conf := s.conf
		s.done.Store(&conf)
	}
}

// settledAt says whether the configuration of a mark is settled.
func (n *Node) settledAt(m store.Mark) bool {
	done := n.settlement.done.Load()
	return done != nil && *done == string(m.ConfState)
}

// countFlushed asks how many of the voters have flushed an index.
func (n *Node) countFlushed(conf *pb.ConfState, index uint64) int {
	ctx, cancel := context.WithTimeout(n.ctx, peerAskTimeout)
	defer cancel()
	var count atomic.Int32
	var wg sync.WaitGroup
	for _, id := range conf.GetVoters() {
		if id == n.id {
			count.Add(1)
			continue
		}
		wg.Go(func() {
			if resp, err := n.transport.PeerStatus(ctx, id); err == nil && resp.GetFlushed() >= index {
				count.Add(1)
			}
		})
	}
	wg.Wait()
	return int(count.Load())
}

// gone says whether a member was removed, is out of the configuration, and is not needed any more.
func (n *Node) gone(m *membership, id uint64) bool {
	st := n.serving.Load()
	if st == nil || !m.removed(id) || n.configured(id) {
		return false
	}
	mark := st.Flushed()
	conf, err := parseConfState(mark.ConfState)
	return err == nil && !slices.Contains(everyMember(conf), id) && n.settledAt(mark)
}
