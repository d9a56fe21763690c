package node

import (
	"context"
	"time"

	pb "go.etcd.io/raft/v3/raftpb"

	"parley/node/peer"
	"parley/proto/internalv1"
)

// handler is the node as its peers see it.
type handler struct{ n *Node }

var _ peer.Handler = handler{}

// Step gives a peer's message to the loop. It waits while the loop is far behind, which slows the peer down.
// A node that has no store yet, because it heals it, is deaf: what it is told now it is told again.
func (h handler) Step(m *pb.Message) {
	if h.n.serving.Load() != nil {
		h.n.inbox.message(m)
	}
}

// LinkDown has the loop find out whether a leader is gone. It queues behind the last message of that link.
func (h handler) LinkDown(from, boot uint64) {
	if s := h.n.soft.Load(); s != nil {
		(*s).Down(from)
	}
	h.n.inbox.call(func(c *core) { c.linkDown(from, boot) })
}

// HandOn proposes what a follower handed on: a frame of commands at a time.
func (h handler) HandOn(_ context.Context, cmds []peer.Command, answer func(uint64, peer.Answer)) {
	began := time.Now()
	made, ps := make([]proposal, len(cmds)), make([]*proposal, len(cmds))
	for i, cmd := range cmds {
		made[i] = proposal{cmd: cmd.Bytes, handedOn: true, done: func(o outcome) {
			if o.err == nil && o.leader == 0 {
				h.n.commits.note(time.Now(), time.Since(began))
			}
			answer(cmd.ID, toAnswer(o))
		}}
		ps[i] = &made[i]
	}
	if h.n.serving.Load() == nil || !h.n.inbox.propose(ps...) {
		for _, cmd := range cmds {
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
		return peer.Answer{Outcome: peer.Overloaded, DiskLow: o.err.Cause == CauseDiskLow}
	default:
		return peer.Answer{Outcome: peer.NotApplied}
	}
}

// fromAnswer is how a command ended that was handed on. What the leader gives no cause for is put down to its reign or link.
func fromAnswer(a peer.Answer, err error) outcome {
	switch {
	case a.Outcome == peer.Result && err == nil:
		return outcome{index: a.Index, data: a.Result}
	case a.Outcome == peer.NotApplied:
		return outcome{err: &Error{Outcome: NotApplied, Cause: CauseLeaderLost}}
	case a.Outcome == peer.Overloaded && a.DiskLow:
		return outcome{err: &Error{Outcome: NotApplied, Cause: CauseDiskLow}}
	case a.Outcome == peer.Overloaded:
		return outcome{err: &Error{Outcome: NotApplied, Cause: CauseOverloaded}}
	default:
		return outcome{err: &Error{Outcome: Unknown, Cause: CauseLeaderLost}}
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
	if old == nil {
		return
	}
	old.end()
	if old.leader != 0 && old.leader != n.id {
		// A leader that hangs answers nothing. Who handed something to it and has no answer yet learns soon that there may be none.
		time.AfterFunc(handOnGrace, n.transport.GiveUpHandOns(old.leader))
	}
}

// Status tells this node's progress.
func (h handler) Status() *internalv1.PeerStatusResponse {
	if h.n.status.Load() == nil {
		return &internalv1.PeerStatusResponse{} // about to start
	}
	st := h.n.Status()
	resp := &internalv1.PeerStatusResponse{
		Term: st.Term, Leader: st.Leader, Committed: st.Committed, Applied: st.Applied, Flushed: st.Flushed,
		Compacted: st.Compacted, UptimeMs: h.n.uptimeMS(),
	}
	if st.Leader == st.ID {
		resp.Progress, resp.CommitUs = st.progress, h.n.commits.recent(time.Now())
	}
	return resp
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
