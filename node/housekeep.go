package node

import (
	"context"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
	"parley/store"
)

const (
	// housekeepInterval is how often a node looks after itself when nothing else wakes it.
	housekeepInterval = time.Second
	// sliceTimeout bounds one command of the housekeeper; it is made again if it fails.
	sliceTimeout = 5 * time.Second
)

// housekeep does what nobody asks for: it announces this node, proposes what a leader owes the cluster, and watches the
// disk and the clock. It ends with the node.
func (n *Node) housekeep() {
	var marks hashMarks
	for {
		changed := n.Changed()
		n.disk.check(n.cfg.Dir, n.logger)
		known := n.noteMembers()
		if known {
			n.settle()
			n.followMembers()
			n.checkRemoved()
		}
		n.catchUp()
		n.announce()
		n.compareStates(&marks)
		if st := n.Status(); st.Leader == n.id {
			n.announceOthers(st)
			n.raiseVersion(st)
			if known {
				n.inbox.call(func(c *core) { c.manageMembers(*n.members.Load()) })
			}
			n.work()
			n.watchClock(st)
		}
		select {
		case <-changed:
		case <-time.After(n.housekeepPause()):
		case <-n.ctx.Done():
			return
		}
	}
}

// housekeepPause is short while the membership is being changed, and on a leader with work left.
func (n *Node) housekeepPause() time.Duration {
	st := n.status.Load()
	if st.joint || st.changing || st.Leader == n.id && n.store.Work() != (store.Work{}) {
		return busyInterval
	}
	return housekeepInterval
}

// catchUp notes when this node has applied everything that was committed before it started.
func (n *Node) catchUp() {
	if n.caughtUp.Load() || !n.Status().Quorum {
		return
	}
	ctx, cancel := context.WithTimeout(n.ctx, sliceTimeout)
	defer cancel()
	if n.ReadBarrier(ctx) == nil {
		n.caughtUp.Store(true)
		n.inbox.call(func(*core) { n.publishStatus() })
	}
}

// announce records this start in the replicated state, so that a copy of an older directory is known for what it is.
func (n *Node) announce() {
	if m, err := readMembership(n.store); err == nil && n.Status().Quorum && !m.removed(n.id) && !announced(m.records, n.self) {
		n.proposeInternal(announcement(n.self))
	}
}

// announced says whether the replicated state has this start.
func announced(records []*internalv1.AnnounceMember, self *internalv1.Identity) bool {
	return slices.ContainsFunc(records, func(m *internalv1.AnnounceMember) bool {
		return m.GetId() == self.GetId() && m.GetBoot() == self.GetBoot() && slices.Equal(m.GetBootNonce(), self.GetBootNonce())
	})
}

// announceOthers has the leader record members that were heard and are not recorded yet. Without it a first member that
// dies before its own announcement could come back with an empty directory unnoticed.
func (n *Node) announceOthers(st Status) {
	records, err := n.store.Members()
	if err != nil {
		return
	}
	for _, m := range st.Members {
		known := slices.ContainsFunc(records, func(r *internalv1.AnnounceMember) bool { return r.GetId() == m.ID })
		if id := n.transport.Seen(m.ID); !known && m.ID != n.id && id != nil {
			n.proposeInternal(announcement(id))
		}
	}
}

func announcement(id *internalv1.Identity) *internalv1.Command {
	return &internalv1.Command{Body: &internalv1.Command_AnnounceMember{AnnounceMember: &internalv1.AnnounceMember{
		Id: id.GetId(), Name: id.GetName(), Incarnation: id.GetIncarnation(), Boot: id.GetBoot(),
		BootNonce: id.GetBootNonce(), Address: id.GetAddress(), PeerAddress: id.GetPeerAddress(),
		MaxClusterVersion: id.GetMaxClusterVersion(), SoftwareVersion: id.GetSoftwareVersion(),
	}}}
}

// work proposes slices of work that one command may not do at once, until none is left, leadership moves or its turn is over.
func (n *Node) work() {
	for began := time.Now(); time.Since(began) < workTurn && n.ctx.Err() == nil && n.Status().Leader == n.id; {
		var ok bool
		switch work := n.store.Work(); {
		case work.Erase:
			ok = n.proposeInternal(&internalv1.Command{
				Body: &internalv1.Command_EraseSlice{EraseSlice: &internalv1.EraseSlice{}},
			})
		case work.Expire:
			ok = n.proposeInternal(&internalv1.Command{
				Body: &internalv1.Command_ExpireSlice{ExpireSlice: &internalv1.ExpireSlice{}},
			})
		case work.Retain:
			ok = n.proposeInternal(&internalv1.Command{
				Body: &internalv1.Command_RetainSlice{RetainSlice: &internalv1.RetainSlice{}},
			})
		}
		if !ok {
			return
		}
	}
}

// proposeInternal proposes a command of the node's own and reports whether it was applied.
func (n *Node) proposeInternal(cmd *internalv1.Command) bool {
	data, err := proto.Marshal(cmd)
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithTimeout(n.ctx, sliceTimeout)
	defer cancel()
	if data, err = n.Propose(ctx, data); err != nil {
		n.logger.Debug("an internal command was not applied", "err", err)
		return false
	}
	res := new(internalv1.Result)
	if err := proto.Unmarshal(data, res); err != nil || res.GetRefusal() != nil {
		n.logger.Warn("an internal command was refused", "refusal", res.GetRefusal())
		return false
	}
	return true
}

// watchClock gives leadership away when this node's clock is far off the others': the leader's clock stamps messages.
func (n *Node) watchClock(st Status) {
	median, clocks := medianOffset(&st, n.id, n.transport.ClockOffset)
	n.metrics.clockOffset.Set(-median.Seconds())
	if clocks < 3 || median.Abs() <= maxClockOffset {
		return
	}
	n.inbox.call(func(c *core) {
		if c.mostCaughtUp() == 0 {
			return // nobody could take it: proposals would wait for nothing
		}
		n.logger.Error("this node's clock is off the quorum's median; giving leadership away", "offset", -median)
		c.transferLeader(0)
	})
}

// medianOffset is the median of the voters' clocks against this node's own, and of how many clocks. Learners do not count: they
// are no part of the quorum.
func medianOffset(st *Status, self uint64, offset func(uint64) (time.Duration, bool)) (median time.Duration, clocks int) {
	offsets := []time.Duration{0}
	for _, m := range st.Members {
		if off, ok := offset(m.ID); ok && m.ID != self && m.Reachable && !m.Learner {
			offsets = append(offsets, off)
		}
	}
	slices.Sort(offsets)
	return offsets[len(offsets)/2], len(offsets)
}
