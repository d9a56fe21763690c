package node

import (
	"context"
	"sync"
	"time"

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
	n.proposeAsync(cmd, done)
}

// proposeAsync takes a command whose version is in force.
func (n *Node) proposeAsync(cmd []byte, done func([]byte, error)) {
	n.metrics.proposalsPending.Inc()
	a := &asyncProposal{n: n, began: time.Now(), done: done}
	a.p = proposal{cmd: cmd, done: a.proposed}
	if len(cmd) > MaxCommandBytes { // also a leader would say so
		a.end(outcome{err: &Error{Outcome: NotApplied, Cause: CauseTooLarge}})
		return
	}
	a.propose()
}

// asyncProposal is a command of ProposeAsync on its way. One goroutine at a time has it.
type asyncProposal struct {
	n       *Node
	p       proposal
	handOns int
	leader  uint64 // that it was handed on to
	began   time.Time
	done    func([]byte, error)
}

// propose gives it to the loop, or right to the leader when another node leads: the loop would only say so.
func (a *asyncProposal) propose() {
	if r := a.n.reign.Load(); r != nil && r.leader != 0 && r.leader != a.n.id && r.ctx.Err() == nil {
		a.handOn(r.leader)
		return
	}
	if !a.n.inbox.propose(&a.p) {
		a.end(outcome{err: &Error{Outcome: NotApplied, Cause: CauseStopped}})
	}
}

// proposed is how the loop or the apply worker ends it here. The advice to hand it on comes from the loop.
func (a *asyncProposal) proposed(o outcome) {
	switch o.leader {
	case 0:
		a.end(o)
	case a.n.id:
		a.leader = o.leader
		a.handOns++
		a.again()
	default:
		a.handOn(o.leader)
	}
}

// handOn hands it to the leader, once. A reign that ended just before takes nothing; one that ends just after is noticed here,
// for then the loop may have looked for what it has to give up before this was there.
func (a *asyncProposal) handOn(leader uint64) {
	a.handOns++
	a.leader = leader
	reign := a.n.reignOf(leader)
	if reign.Err() != nil {
		a.again()
		return
	}
	a.n.metrics.handedOn.Inc()
	a.n.transport.HandOn(leader, a.p.cmd, a.answered)
	if reign.Err() != nil {
		time.AfterFunc(handOnGrace, a.n.transport.GiveUpHandOns(leader))
	}
}

// answered takes the leader's answer, or the end of the way to it.
func (a *asyncProposal) answered(ans peer.Answer, err error) {
	o := fromAnswer(ans, err)
	if o.err != nil && o.err.Outcome == NotApplied && o.err.Cause == CauseLeaderLost {
		a.again()
		return
	}
	a.end(o)
}

// again proposes once more when the leader that was asked took nothing, for leadership is moving.
func (a *asyncProposal) again() {
	if a.handOns >= maxHandOns {
		a.end(outcome{err: &Error{Outcome: NotApplied, Cause: CauseLeaderLost}})
		return
	}
	// When this node knows that another one leads, or after a pause: who was asked has said that it does not lead any more, and
	// without the pause it would be asked again before its successor is heard.
	var once sync.Once
	next := func() { once.Do(a.propose) }
	stop := context.AfterFunc(a.n.reignOf(a.leader), next)
	time.AfterFunc(handOnPause, func() { stop(); next() })
}

func (a *asyncProposal) end(o outcome) {
	a.n.metrics.proposalsPending.Dec()
	if o.err != nil {
		a.n.metrics.proposalsFailed.Inc()
		a.done(nil, a.n.withHint(o.err))
		return
	}
	if len(o.data) == 0 {
		panic("node: a proposal ended with neither a result nor an error")
	}
	if a.handOns == 0 { // else it is the leader's to tell
		a.n.commits.note(time.Now(), time.Since(a.began))
	}
	a.done(o.data, nil)
}
