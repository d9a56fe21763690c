package node

import (
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
)

// ready lets raft act on the inputs and returns what is to be done. The lists are the caller's.
func (c *core) ready() output {
	for {
		c.fireTimers()
		c.pushHandover()
		c.flushConfChange()
		c.flushProposals()
		c.startReadRound()
		if !c.drain() {
			break
		}
	}
	out := c.out
	c.out = output{}
	return out
}

// drain takes what raft has to say; false when that was nothing.
func (c *core) drain() (took bool) {
	for ; c.rn.HasReady(); took = true {
		c.take(c.rn.Ready())
		own := c.ownPreVotes
		c.ownPreVotes = nil
		for _, m := range own {
			c.step(m)
		}
	}
	return took
}

// take sorts one Ready into the output.
func (c *core) take(rd raft.Ready) {
	c.proposals.placed(rd.Entries)
	if rd.Snapshot != nil {
		c.restored = max(c.restored, rd.Snapshot.GetMetadata().GetIndex())
	}
	if rd.SoftState != nil {
		c.noteSoftState(rd.SoftState)
	}
	if !raft.IsEmptyHardState(rd.HardState) && rd.HardState.GetTerm() != c.term {
		c.term = rd.HardState.GetTerm()
		c.out.changed = true
	}
	for _, rs := range rd.ReadStates {
		c.confirmReads(rs)
	}
	var save *pb.Message
	var asked []*pb.Message // the own requests for votes
	for _, m := range rd.Messages {
		switch {
		case m.GetTo() == raft.LocalAppendThread:
			save = m
			holds := len(m.GetEntries()) > 0
			c.appends = append(c.appends, unansweredAppend{c.tick, holds})
			if holds {
				c.writing++
			}
			c.noteAnswers(m)
			c.out.appends = append(c.out.appends, m)
		case m.GetTo() == raft.LocalApplyThread:
			if es := m.GetEntries(); len(es) > 0 {
				c.committedTerm = es[len(es)-1].GetTerm()
			}
			c.out.applies = append(c.out.applies, c.proposals.claim(m))
		case m.GetType() == pb.MsgSnap:
			c.out.snapshots = append(c.out.snapshots, m)
		case m.GetType() == pb.MsgVote:
			asked = append(asked, m)
		default:
			c.noteAsked(m)
			c.out.messages = append(c.out.messages, m)
		}
	}
	if len(asked) > 0 {
		askAfter(save, asked)
	}
}

// askAfter has a candidate ask for votes when its own is on its disk, and the term with it. Raft's asynchronous mode lets the
// requests go at once, so that the votes of the others alone can elect a node that then loses the term in a crash: it asks for
// it again, gets it again, from those who gave it before, and there are two logs of one term (seed 418945 of the simulator,
// node/testdata/vote_before_save.txt).
func askAfter(save *pb.Message, asked []*pb.Message) {
	if save == nil {
		panic("node: raft asks for votes in a term that it does not save")
	}
	save.Responses = append(save.Responses, asked...)
}

// noteSoftState follows a change of leader or role, and answers at once whom it concerns.
func (c *core) noteSoftState(s *raft.SoftState) {
	wasLeader := c.state == raft.StateLeader
	if c.lead != 0 && s.Lead == 0 {
		c.leaderlessSince = c.tick
	}
	if s.Lead != c.lead {
		c.restartReads()
	}
	if s.Lead != 0 && s.Lead != c.lead {
		c.currentTick = c.tick
	}
	c.state, c.lead = s.RaftState, s.Lead
	c.confChange, c.confAsked = nil, 0
	c.out.changed = true
	if c.lead != 0 && c.lead != c.id {
		c.handover = handover{}
	}
	if wasLeader && s.RaftState != raft.StateLeader {
		c.failInflight(&Error{Outcome: Unknown, Cause: CauseLeaderLost})
		// CheckQuorum may take two election timeouts to notice that the others are gone.
		c.currentTick = max(c.currentTick, c.tick-min(c.tick, 2*ElectionTicks))
	}
}

// leaderless says whether there has been no leader for so long that waiting for one is no use.
func (c *core) leaderless() bool { return c.lead == 0 && c.tick-c.leaderlessSince >= holdTicks }
