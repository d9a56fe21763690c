package node

import (
	"slices"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"

	"parley/store"
)

// proposal is one command on its way. Exactly one of result or err is set when done is called, once.
type proposal struct {
	cmd []byte
	// handedOn marks a command that a follower handed to this node. It is not handed on again.
	handedOn bool
	// done is called by whoever ends the proposal, from any goroutine; it does not block.
	done func(outcome)
}

// outcome is how a proposal ended here: with a result, with an error, or with the advice to hand it to the leader.
type outcome struct {
	index  uint64
	data   []byte // marshalled Result
	err    *Error
	leader uint64 // not 0: hand the command to this node, once
}

// proposalQueue follows proposals from their arrival to the moment they are handed to the apply worker.
//
// A waiter is found by the (index, term) of the entry that its command went into, known as soon as raft has appended it:
// the entries that a leader's own proposals became are the last ones of the next Ready.
type proposalQueue struct {
	queued      []*proposal // not given to raft yet
	queuedBytes int
	queuedSince uint64          // tick at which the oldest of them came
	stepped     [][]*proposal   // accepted by raft since the last Ready: one list per entry
	inflight    []inflightEntry // in the log, by ascending index
	inflightN   int
}

type inflightEntry struct {
	index, term uint64
	proposals   []*proposal
}

// applyWork is one MsgStorageApply with the waiters of its entries.
type applyWork struct {
	m       *pb.Message
	waiters []inflightEntry // ascending; a subset of the entries
}

// propose takes a command. It answers later, through done; a refusal for want of room comes with the next ready.
func (c *core) propose(p *proposal) {
	q := &c.proposals
	switch {
	case len(p.cmd) > MaxCommandBytes:
		c.fail(p, &Error{Outcome: NotApplied, Cause: CauseTooLarge})
	case len(q.queued) >= maxQueuedProposals || q.queuedBytes+len(p.cmd) > maxQueuedProposalBytes:
		c.fail(p, &Error{Outcome: NotApplied, Cause: CauseOverloaded})
	case c.isLeader() && c.diskStuck():
		c.fail(p, &Error{Outcome: NotApplied, Cause: CauseDiskStuck})
	case c.leaderless():
		c.fail(p, &Error{Outcome: NotApplied, Cause: CauseNoLeader})
	default:
		if len(q.queued) == 0 {
			q.queuedSince = c.tick
		}
		q.queued = append(q.queued, p)
		q.queuedBytes += len(p.cmd)
	}
}

func (c *core) fail(p *proposal, err *Error) { c.out.failed = append(c.out.failed, failure{p, err}) }

// flushProposals gives everything that is queued to raft, to the leader, or, while there is no leader, to patience.
func (c *core) flushProposals() {
	q := &c.proposals
	if len(q.queued) == 0 || c.lead == 0 || c.handover.active {
		return
	}
	if st := c.rn.BasicStatus(); st.RaftState != c.state || st.Lead != c.lead {
		return // leadership moved with these inputs; the Ready that follows says who takes the commands now
	}
	if c.gathering() {
		return
	}
	batch := q.queued
	q.queued, q.queuedBytes = nil, 0
	if c.state != raft.StateLeader {
		for _, p := range batch {
			if p.handedOn {
				c.fail(p, &Error{Outcome: NotApplied, Cause: CauseNoLeader})
			} else {
				c.out.handOns = append(c.out.handOns, handOn{p, c.lead})
			}
		}
		return
	}
	batch = c.refuseAbove(c.version(), batch)
	for len(batch) > 0 {
		n, size := 0, envelopeHeaderSize
		for n < len(batch) && n < maxEntryCommands && (n == 0 || size+commandSize(batch[n].cmd) <= maxEntryBytes) {
			size += commandSize(batch[n].cmd)
			n++
		}
		c.proposeEntry(batch[:n:n], size)
		batch = batch[n:]
	}
}

// gathering says whether commands wait for more to share their entry. While the leader writes entries that a quorum does not
// have yet, a later one could not become durable here before them: what comes meanwhile costs one entry, one message to each
// follower and one answer instead of many, and loses no time. A full entry does not wait, nor does anything wait longer than
// two ticks: a disk that is slow alone must not hold up a quorum that is not.
func (c *core) gathering() bool {
	q := &c.proposals
	if c.state != raft.StateLeader || c.writing == 0 || len(q.inflight) == 0 {
		return false
	}
	return len(q.queued) == 0 || c.tick == q.queuedSince && len(q.queued) < maxEntryCommands && q.queuedBytes < maxEntryBytes
}

// refuseAbove fails the commands that need a higher cluster version, and returns the others.
func (c *core) refuseAbove(version uint32, batch []*proposal) []*proposal {
	return slices.DeleteFunc(batch, func(p *proposal) bool {
		if store.CommandVersion(p.cmd) <= version {
			return false
		}
		c.fail(p, &Error{Outcome: NotApplied, Cause: CauseVersionTooLow})
		return true
	})
}

// proposeEntry makes one entry of the batch.
func (c *core) proposeEntry(batch []*proposal, size int) {
	q := &c.proposals
	if q.inflightN+len(batch) > maxInflightProposals {
		for _, p := range batch {
			c.fail(p, &Error{Outcome: NotApplied, Cause: CauseOverloaded})
		}
		return
	}
	data := appendEnvelopeHeader(make([]byte, 0, size), c.wallMS)
	for _, p := range batch {
		data = appendCommand(data, p.cmd)
	}
	if err := c.rn.Propose(data); err != nil {
		// Raft drops a proposal during a leadership transfer, without a leader, and above the uncommitted limit.
		cause := CauseNoLeader
		if st := c.rn.BasicStatus(); st.RaftState == raft.StateLeader && st.LeadTransferee == 0 {
			cause = CauseOverloaded
		}
		for _, p := range batch {
			c.fail(p, &Error{Outcome: NotApplied, Cause: cause})
		}
		return
	}
	q.stepped = append(q.stepped, batch)
	q.inflightN += len(batch)
}

// placed learns the index and term of the entries that the stepped proposals became: the last ones of the new entries,
// since nothing is stepped between a proposal and the Ready that follows it.
func (q *proposalQueue) placed(entries []*pb.Entry) {
	if len(q.stepped) == 0 {
		return
	}
	if len(entries) < len(q.stepped) {
		panic("node: raft accepted more proposals than it has new entries")
	}
	for i, e := range entries[len(entries)-len(q.stepped):] {
		q.inflight = append(q.inflight, inflightEntry{e.GetIndex(), e.GetTerm(), q.stepped[i]})
	}
	q.stepped = nil
}

// claim takes the waiters of the entries that are about to be applied.
func (q *proposalQueue) claim(m *pb.Message) applyWork {
	w := applyWork{m: m}
	for _, e := range m.GetEntries() {
		if len(q.inflight) == 0 {
			break
		}
		if head := q.inflight[0]; head.index == e.GetIndex() && head.term == e.GetTerm() {
			w.waiters = append(w.waiters, head)
			q.inflightN -= len(head.proposals)
			q.inflight = q.inflight[1:]
		}
	}
	return w
}

// failInflight ends everything that raft has accepted and that is not handed to the apply worker yet.
func (c *core) failInflight(err *Error) {
	q := &c.proposals
	for _, e := range q.inflight {
		for _, p := range e.proposals {
			c.fail(p, err)
		}
	}
	q.inflight, q.inflightN = nil, 0
}

// expireHeld answers those that waited for a leader in vain.
func (c *core) expireHeld() {
	if !c.leaderless() {
		return
	}
	q := &c.proposals
	for _, p := range q.queued {
		c.fail(p, &Error{Outcome: NotApplied, Cause: CauseNoLeader})
	}
	q.queued, q.queuedBytes = nil, 0
	c.failReads(&Error{Outcome: NotApplied, Cause: CauseNoLeader})
}
