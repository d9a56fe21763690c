package node

// handover is a leadership transfer that loses nobody's command: new proposals wait, those in the log are committed first,
// then raft transfers, and who waited is handed on to the new leader.
type handover struct {
	active bool
	to     uint64 // 0: whoever is most caught up when the time has come
	since  uint64 // tick
	pushed bool
}

const (
	// handoverDrainTicks is how long a transfer waits for what is in the log. A cluster that cannot commit within it
	// transfers all the same, and the waiters learn that their outcome is unknown.
	handoverDrainTicks = 20
	// handoverGiveUpTicks ends the wait for a successor that does not take over; raft gives up after an election timeout.
	handoverGiveUpTicks = handoverDrainTicks + ElectionTicks
)

// transferLeader begins to hand leadership to a voter, or, when to is 0, to the most caught-up one. On a follower it asks
// the leader to.
func (c *core) transferLeader(to uint64) {
	switch {
	case to == c.id && c.isLeader():
	case c.isLeader():
		c.handover = handover{active: true, to: to, since: c.tick}
	case to == 0:
		c.rn.TransferLeader(c.id)
	default:
		c.rn.TransferLeader(to)
	}
}

// pushHandover lets raft transfer once nothing is in flight.
func (c *core) pushHandover() {
	h := &c.handover
	if !h.active {
		return
	}
	age := c.tick - h.since
	if age >= handoverGiveUpTicks || !c.isLeader() {
		*h = handover{}
		return
	}
	if h.to == 0 {
		h.to = c.mostCaughtUp() // a new leader has to hear of its followers first
	}
	idle := len(c.proposals.inflight) == 0 && len(c.proposals.stepped) == 0
	if !h.pushed && h.to != 0 && (idle || age >= handoverDrainTicks) {
		h.pushed = true
		c.rn.TransferLeader(h.to)
	}
}
