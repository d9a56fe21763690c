package node

import (
	"cmp"
	"slices"
	"time"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
)

// quickElection is the fast path after a leader's process died. Its end is seen as soon as the kernel closes its sockets
// (a stream ends, a redial is refused), far earlier than an election timeout. The votes are ordinary Raft votes, so safety
// does not rest on any of this: it chooses the moment of a campaign, holds a question back as a slow network might, or
// loses one as a bad network might.
//
// Who asks: every follower forgets the leader when it knows that it is gone, and campaigns in the order of ranks, stagger
// apart. Three things keep this from costing more than one round:
//
//  1. A voter that still believes in its leader would drop a pre-vote in silence (the lease of CheckQuorum). It keeps it,
//     and answers when it knows too: whoever asks first need not ask again.
//  2. A voter that refuses a pre-vote, because its own log is longer, campaigns at once: one that refused has to win.
//  3. Of two that ask at the same time and could both be granted, the one with the lower id goes on and the other yields,
//     before any of them votes for itself.
type quickElection struct {
	peer, term uint64        // the leader that is gone, and its term
	tries      int           // left
	stagger    time.Duration // by rank, so that two do not campaign at the same time again and again
	gap        time.Duration
	at         time.Duration // when to campaign next; 0 when nothing is scheduled
	patient    bool          // a vote that was asked for was already given time

	voters  int         // that live
	quorum  int         // of all
	asked   *pb.Message // the own pre-vote of this try
	yielded bool        // another one's goes first: what is granted to the own one comes to nothing
	refused []uint64    // voters that refused the real vote of this try
}

// heldPreVote is a question that came while this node believed in its leader.
type heldPreVote struct {
	m    *pb.Message
	tick uint64
}

// linkDown says that the incoming stream of a peer's process ended. Only a leader's is of interest, and only a refused
// redial proves anything: the owner finds out.
func (c *core) linkDown(peer, boot uint64) {
	if c.state == raft.StateFollower && c.lead == peer {
		c.out.probes = append(c.out.probes, probe{peer: peer, boot: boot, term: c.term})
	}
}

// peerGone says that the process that led term is gone. A second report against the same leader and term is left to the
// election timeout: the first quick campaign found the leader alive after all.
func (c *core) peerGone(peer, term uint64) {
	st := c.rn.BasicStatus()
	if st.RaftState != raft.StateFollower || st.Lead != peer || st.GetTerm() != term {
		return
	}
	if c.quick.peer == peer && c.quick.term == term {
		return
	}
	voters := c.liveVoters(peer)
	rank := slices.Index(voters, c.id)
	if rank < 0 {
		return // a learner
	}
	stagger := time.Duration(rank) * quickCampaignStagger
	c.quick = quickElection{
		peer: peer, term: term, tries: quickCampaignTries, stagger: stagger,
		gap: time.Duration(len(voters)+1) * quickCampaignGap,
		at:  max(c.now+stagger, 1), voters: len(voters), quorum: (len(voters)+1)/2 + 1,
	}
	c.forgetLeader()
}

// forgetLeader opens this node to other candidates, and answers the best of those that have asked already: to grant them all
// would let them split the vote.
func (c *core) forgetLeader() {
	_ = c.rn.ForgetLeader()
	var best *pb.Message
	for _, h := range c.held {
		if c.tick-h.tick > heldPreVoteTicks || h.m.GetTerm() != c.rn.BasicStatus().GetTerm()+1 {
			continue
		}
		if best == nil || goesBefore(h.m, best) {
			best = h.m
		}
	}
	c.held = nil
	if best != nil {
		c.step(best)
		c.drain() // what it answered says whether it still has to campaign itself
	}
}

// preVote looks at a candidate's question before raft does; false keeps it from raft.
func (c *core) preVote(m *pb.Message) bool {
	st, q := c.rn.BasicStatus(), &c.quick
	if st.Lead != raft.None {
		if st.RaftState == raft.StateFollower && m.GetTerm() == st.GetTerm()+1 {
			c.hold(m)
		}
		return true // raft drops it, or grants it when the leader was silent for long
	}
	if q.at == 0 || st.RaftState != raft.StatePreCandidate || q.asked == nil || m.GetTerm() != q.asked.GetTerm() {
		return true
	}
	if !goesBefore(m, q.asked) {
		return false
	}
	q.yielded = true
	q.at = max(q.at, c.now+q.gap+q.stagger)
	return true
}

// hold keeps the newest pre-vote of each candidate, of a few.
func (c *core) hold(m *pb.Message) {
	c.held = slices.DeleteFunc(c.held, func(h heldPreVote) bool {
		return h.m.GetFrom() == m.GetFrom() || c.tick-h.tick > heldPreVoteTicks
	})
	if len(c.held) < maxHeldPreVotes {
		c.held = append(c.held, heldPreVote{m, c.tick})
	}
}

// goesBefore tells which of two pre-votes of different candidates goes first: that with the more complete log, which alone
// can win; of equals that of the lower id.
func goesBefore(a, b *pb.Message) bool {
	return cmp.Or(-cmp.Compare(a.GetLogTerm(), b.GetLogTerm()), -cmp.Compare(a.GetIndex(), b.GetIndex()),
		cmp.Compare(a.GetFrom(), b.GetFrom())) < 0
}

// yielded tells whether an answer came too late: this node lets another candidate go first.
func (c *core) yielded(m *pb.Message) bool {
	q := &c.quick
	return q.at != 0 && q.yielded && !m.GetReject() && q.asked != nil && m.GetTerm() == q.asked.GetTerm()
}

// noteAsked remembers what this node asked, whatever made it campaign.
func (c *core) noteAsked(m *pb.Message) {
	if m.GetType() == pb.MsgPreVote {
		q := &c.quick // raft's own timer campaigns too: what is known of an earlier vote ends with it
		q.asked, q.yielded, q.patient, q.refused = m, false, false, nil
	}
}

// noteAnswers follows up what this node answers to candidates, and takes the answers to pre-votes out of what waits for the
// disk. Raft has everything about elections wait for it; but a pre-vote is an opinion and no promise, nothing of it is
// ever written, and the disk is busy with the last entries of the dead leader.
func (c *core) noteAnswers(work *pb.Message) {
	work.Responses = slices.DeleteFunc(work.GetResponses(), func(m *pb.Message) bool {
		if m.GetType() == pb.MsgVoteResp && m.GetTo() != c.id && !m.GetReject() && c.quick.at != 0 {
			// That candidate has won its pre-vote and waits for disks, as patiently as this node would.
			c.quick.at = max(c.quick.at, c.now+quickVotePatience+c.quick.stagger)
		}
		if m.GetType() != pb.MsgPreVoteResp {
			return false
		}
		if m.GetTo() == c.id {
			c.ownPreVotes = append(c.ownPreVotes, m)
		} else {
			c.preVoteAnswered(m)
			c.out.messages = append(c.out.messages, m)
		}
		return true
	})
}

// preVoteAnswered follows up this node's own answer to a pre-vote.
func (c *core) preVoteAnswered(m *pb.Message) {
	q, st := &c.quick, c.rn.BasicStatus()
	switch {
	case q.at == 0 || st.Lead != raft.None:
	case !m.GetReject():
		// While its votes are being collected an own campaign would only split them.
		q.at = max(q.at, c.now+q.gap+q.stagger)
	case st.GetTerm() == q.term && st.RaftState == raft.StateFollower:
		// Nobody has voted yet, so it was refused for its log.
		q.at = max(c.now, 1)
	}
}

// voteRefused counts what a real vote brought: with one that cannot be won any more there is nothing to wait for.
func (c *core) voteRefused(m *pb.Message) {
	q, st := &c.quick, c.rn.BasicStatus()
	if q.at == 0 || st.RaftState != raft.StateCandidate || m.GetTerm() != st.GetTerm() || slices.Contains(q.refused, m.GetFrom()) {
		return
	}
	q.refused = append(q.refused, m.GetFrom())
	if q.voters-len(q.refused) < q.quorum {
		q.patient = true
		q.at = min(q.at, max(c.now+q.stagger, 1))
	}
}

// liveVoters are the voters without the one that is gone, by id.
func (c *core) liveVoters(gone uint64) []uint64 {
	var ids []uint64
	for id := range c.rn.Status().Config.Voters.IDs() {
		if id != gone {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// deadline is when fireTimers has something to do; 0 when nothing is scheduled.
func (c *core) deadline() time.Duration { return c.quick.at }

// fireTimers campaigns when the time has come.
func (c *core) fireTimers() {
	q := &c.quick
	if q.at == 0 || c.now < q.at {
		return
	}
	// What came in the same turn counts first: on a busy machine it may have waited as long as the timer, and a vote that was
	// just given puts the timer off.
	if c.drain(); q.at == 0 || c.now < q.at {
		return
	}
	st := c.rn.BasicStatus()
	switch {
	case st.RaftState == raft.StateCandidate && !q.patient:
		// The pre-vote was won, so nobody's lease is in the way: the answers wait for disks, and to campaign again would
		// throw them away.
		q.patient = true
		q.at = c.now + quickVotePatience
		return
	case st.Lead == q.peer && st.GetTerm() == q.term && q.tries == quickCampaignTries:
		// A message of the dead leader that was still on its way made raft believe in it again.
		if c.forgetLeader(); c.now < q.at {
			return // another one has asked meanwhile
		}
	case st.Lead != 0, st.GetTerm() > q.term+2, q.tries == 0:
		q.at = 0
		return // somebody leads, or the election timeout shall decide
	}
	q.tries--
	q.patient, q.yielded, q.asked, q.refused = false, false, nil, nil
	_ = c.rn.Campaign()
	q.at = c.now + q.gap + q.stagger
	q.gap *= 2
}
