package node

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	pb "go.etcd.io/raft/v3/raftpb"

	"parley/node/peer"
	"parley/proto/internalv1"
)

// handler is the node as its peers see it.
type handler struct{ n *Node }

var _ peer.Handler = handler{}

// Step gives a peer's message to the loop. It waits while the loop is far behind, which slows the peer down.
func (h handler) Step(m *pb.Message) { h.n.inbox.message(m) }

// LinkDown has the loop find out whether a leader is gone. It queues behind the last message of that link.
func (h handler) LinkDown(from, boot uint64) {
	h.n.inbox.call(func(c *core) { c.linkDown(from, boot) })
}

// HandOn proposes what a follower handed on.
func (h handler) HandOn(_ context.Context, cmds []peer.Command, answer func(uint64, peer.Answer)) {
	for _, cmd := range cmds {
		p := &proposal{cmd: cmd.Bytes, handedOn: true, done: func(o outcome) { answer(cmd.ID, toAnswer(o)) }}
		if !h.n.inbox.propose(p) {
			answer(cmd.ID, peer.Answer{Outcome: peer.NotApplied})
		}
	}
}

func toAnswer(o outcome) peer.Answer {
	switch {
	case o.err == nil:
		return peer.Answer{Outcome: peer.Result, Result: o.data, Index: o.index}
	case o.err.Outcome == Unknown:
		return peer.Answer{Outcome: peer.Unknown}
	case o.err.Cause == CauseOverloaded || o.err.Cause == CauseDiskLow:
		return peer.Answer{Outcome: peer.Overloaded}
	default:
		return peer.Answer{Outcome: peer.NotApplied}
	}
}

// handOn is the follower's side: it sends a command to the leader, once.
func (n *Node) handOn(ctx context.Context, leader uint64, cmd []byte) outcome {
	if leader == n.id {
		return outcome{err: &Error{Outcome: NotApplied, Cause: CauseLeaderLost}}
	}
	n.metrics.handedOn.Inc()
	// A leader that hangs answers nothing. Once another leads, whoever waits for the old one learns that soon.
	reign, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(n.reignOf(leader), func() { time.AfterFunc(handOnGrace, cancel) })()
	a, err := n.transport.HandOn(reign, leader, cmd)
	cause := CauseLeaderLost
	if ctx.Err() != nil {
		cause = CauseDeadline
	}
	switch {
	case a.Outcome == peer.Result && err == nil:
		return outcome{index: a.Index, data: a.Result}
	case a.Outcome == peer.NotApplied:
		return outcome{err: &Error{Outcome: NotApplied, Cause: cause}}
	case a.Outcome == peer.Overloaded:
		return outcome{err: &Error{Outcome: NotApplied, Cause: CauseOverloaded}}
	default:
		return outcome{err: &Error{Outcome: Unknown, Cause: cause}}
	}
}

// reign ends when another leader, or none, is known.
type reign struct {
	leader uint64
	ctx    context.Context
	end    context.CancelFunc
}

// reignOf is the context of a leader's reign; it has ended when another one's has begun.
func (n *Node) reignOf(leader uint64) context.Context {
	if r := n.reign.Load(); r != nil && r.leader == leader {
		return r.ctx
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// noteReign runs on the loop, before anything is handed to that leader.
func (n *Node) noteReign(leader uint64) {
	old := n.reign.Load()
	if old != nil && old.leader == leader {
		return
	}
	r := &reign{leader: leader}
	r.ctx, r.end = context.WithCancel(n.ctx)
	n.reign.Store(r)
	if old != nil {
		old.end()
	}
}

// identities are what this node holds against a hello: the replicated member records, and what was heard of first members
// whose record is not replicated yet.
type identities struct {
	mu    sync.Mutex
	heard map[uint64]*internalv1.Identity
}

// CheckIdentity refuses a data directory that is not the one the cluster knows, and, while the cluster is being formed,
// one that was told of other first members.
func (h handler) CheckIdentity(id *internalv1.Identity) error {
	n := h.n
	st := n.serving.Load()
	if st == nil { // forming
		if mine, theirs := n.self.GetFirstMembers(), id.GetFirstMembers(); mine != theirs {
			return fmt.Errorf("node %s was started with --cluster %s, node %s with %s: they must be equal",
				n.self.GetName(), mine, id.GetName(), theirs)
		}
		n.identities.note(id)
		return nil
	}
	records := st.Members()
	if err := checkMember(records, id); err != nil {
		return err
	}
	if slices.ContainsFunc(records, func(m *internalv1.AnnounceMember) bool { return m.GetId() == id.GetId() }) {
		return nil
	}
	if len(id.GetClusterId()) == 0 && !n.identities.knows(id) {
		return &peer.Refusal{Reason: peer.ReasonOtherIncarnation, Text: fmt.Sprintf(
			"the cluster exists and does not know this data directory of %s", id.GetName())}
	}
	n.identities.note(id)
	return nil
}

// checkMember holds an identity against the replicated member records. It refuses another incarnation (the disk was wiped)
// and a start that is not above the last one (a directory that was copied back): either could have forgotten a vote or an
// acknowledged entry, so it must not be counted.
func checkMember(records []*internalv1.AnnounceMember, id *internalv1.Identity) error {
	for _, m := range records {
		switch {
		case m.GetId() != id.GetId():
		case !bytes.Equal(m.GetIncarnation(), id.GetIncarnation()):
			return &peer.Refusal{Reason: peer.ReasonOtherIncarnation, Text: fmt.Sprintf(
				"member %s (id %d) has another data directory; this one was made anew, so its promises are lost",
				m.GetName(), m.GetId())}
		case id.GetBoot() < m.GetBoot(),
			id.GetBoot() == m.GetBoot() && !bytes.Equal(m.GetBootNonce(), id.GetBootNonce()):
			return &peer.Refusal{Reason: peer.ReasonStaleBoot, Text: fmt.Sprintf(
				"member %s (id %d) has started %d times, this directory counts %d: it was copied back or is used twice",
				m.GetName(), m.GetId(), m.GetBoot(), id.GetBoot())}
		}
	}
	return nil
}

func (i *identities) note(id *internalv1.Identity) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.heard == nil {
		i.heard = map[uint64]*internalv1.Identity{}
	}
	i.heard[id.GetId()] = id
}

func (i *identities) knows(id *internalv1.Identity) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return bytes.Equal(i.heard[id.GetId()].GetIncarnation(), id.GetIncarnation())
}

// Status tells this node's progress.
func (h handler) Status() *internalv1.PeerStatusResponse {
	if h.n.status.Load() == nil {
		return &internalv1.PeerStatusResponse{} // about to start
	}
	st := h.n.Status()
	return &internalv1.PeerStatusResponse{
		Term: st.Term, Leader: st.Leader, Committed: st.Committed, Applied: st.Applied, Flushed: st.Flushed,
		Compacted: st.Compacted,
	}
}

// HashAt tells the state hash recorded at a HashMark.
func (h handler) HashAt(ctx context.Context, index uint64) ([]byte, uint64, error) {
	st := h.n.serving.Load()
	if st == nil {
		return nil, 0, errStopping
	}
	hash, err := st.HashAt(ctx, index)
	return hash, st.Applied(), err
}

// startProbe finds out whether a leader's process is gone, and tells core if it is.
func (n *Node) startProbe(p probe) {
	n.helpers.Go(func() {
		if n.transport.Gone(n.ctx, p.peer, p.boot) {
			n.logger.Info("the leader's process is gone", "peer", p.peer, "term", p.term)
			n.inbox.call(func(c *core) { c.peerGone(p.peer, p.term) })
		}
	})
}
