package node

import (
	"parley/node/peer"
	"parley/store"
)

// ProposeAsync is Propose for a caller that does not wait: done gets the marshalled Result or an *Error, exactly once and in
// any case, from any goroutine and possibly before ProposeAsync returns. It must return soon, wait for nothing and call
// nothing of the node: the loop, the apply worker and the readers of the links call it.
//
// There is no deadline: a command ends with its entry, with the leadership under which it was given to raft, with the
// leader's reign or link when it was handed on, or with the node. A command above the cluster version that this node has
// applied is refused at once. cmd must not change any more.
func (n *Node) ProposeAsync(cmd []byte, done func(result []byte, err error)) {
	if store.CommandVersion(cmd) > n.store.ClusterVersion() {
		n.metrics.proposalsFailed.Inc()
		done(nil, n.withHint(&Error{Outcome: NotApplied, Cause: CauseVersionTooLow}))
		return
	}
	n.metrics.proposalsPending.Inc()
	a := &asyncProposal{n: n, done: done}
	a.p = proposal{cmd: cmd, done: a.proposed}
	a.propose()
}

// asyncProposal is a command of ProposeAsync on its way. One goroutine at a time has it.
type asyncProposal struct {
	n       *Node
	p       proposal
	handOns int
	done    func([]byte, error)
}

func (a *asyncProposal) propose() {
	if !a.n.inbox.propose(&a.p) {
		a.end(outcome{err: &Error{Outcome: NotApplied, Cause: CauseStopped}})
	}
}

// proposed is how the loop or the apply worker ends it here. The advice to hand it on comes from the loop.
func (a *asyncProposal) proposed(o outcome) {
	if o.leader == 0 {
		a.end(o)
		return
	}
	a.handOns++
	if o.leader == a.n.id || a.n.reignOf(o.leader).Err() != nil {
		a.again(o.leader)
		return
	}
	a.n.metrics.handedOn.Inc()
	a.n.transport.HandOnAsync(o.leader, a.p.cmd, func(ans peer.Answer, err error) {
		o := fromAnswer(ans, err, CauseLeaderLost)
		if o.err != nil && o.err.Outcome == NotApplied && o.err.Cause == CauseLeaderLost {
			a.again(o.leader)
			return
		}
		a.end(o)
	})
}

// again proposes once more when the leader that was asked took nothing, for leadership is moving.
func (a *asyncProposal) again(leader uint64) {
	if a.handOns >= maxHandOns {
		a.end(outcome{err: &Error{Outcome: NotApplied, Cause: CauseLeaderLost}})
		return
	}
	a.n.helpers.Go(func() { // rare; the loop and the transport, which end before the helpers are waited for, start it
		a.n.awaitReignEnd(a.n.ctx, leader)
		a.propose()
	})
}

func (a *asyncProposal) end(o outcome) {
	a.n.metrics.proposalsPending.Dec()
	if o.err != nil {
		a.n.metrics.proposalsFailed.Inc()
		a.done(nil, a.n.withHint(o.err))
		return
	}
	a.done(o.data, nil)
}
