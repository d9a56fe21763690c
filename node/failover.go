package node

import (
	"slices"
	"time"

	"go.etcd.io/raft/v3"
)

// quickElection is the fast path after a leader's process died. Its end is seen within a millisecond (its sockets close,
// a redial is refused), far earlier than an election timeout. The votes are ordinary Raft votes, so safety does not rest
// on any of this; only the moment of the campaign does.
//
// A voter that still believes in its leader drops a pre-vote silently (the lease of CheckQuorum), so every follower first
// forgets the leader, and a campaign is tried again with growing gaps.
type quickElection struct {
	peer, term uint64        // the leader that is gone, and its term
	tries      int           // left
	stagger    time.Duration // by rank, so that two do not campaign at the same time again and again
	gap        time.Duration
	at         time.Duration // when to campaign next; 0 when nothing is scheduled
	patient    bool          // a vote that was asked for was already given time
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
	_ = c.rn.ForgetLeader()
	stagger := time.Duration(rank) * quickCampaignStagger
	c.quick = quickElection{
		peer: peer, term: term, tries: quickCampaignTries, stagger: stagger,
		gap: time.Duration(len(voters)+1) * quickCampaignStagger,
		at:  c.now + quickCampaignDelay + stagger,
	}
}

// deferTo another candidate: while its votes are being collected an own campaign would only split them. A node that still
// believes in the old leader drops the other's pre-vote, so it keeps its own turn.
func (c *core) deferTo() {
	if q := &c.quick; q.at != 0 && c.rn.BasicStatus().Lead == raft.None {
		q.at = max(q.at, c.now+q.gap+q.stagger)
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
	q.at = 0
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
		_ = c.rn.ForgetLeader()
	case st.Lead != 0, st.GetTerm() > q.term+2, q.tries == 0:
		return // somebody leads, or the election timeout shall decide
	}
	q.tries--
	q.patient = false
	_ = c.rn.Campaign()
	q.at = c.now + q.gap + q.stagger
	q.gap *= 2
}
