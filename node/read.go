package node

import (
	"encoding/binary"
	"slices"

	"go.etcd.io/raft/v3"
)

// readWait are readers that wait until the state machine has applied what was committed when their reads began.
type readWait struct {
	index   uint64
	err     *Error
	readers int
	// done is called once, by the owner of core, when the readers may go on or failed; it does not block.
	done func(err *Error)
}

// readBatch are the readers that came between two turns of the loop: one wait for all of them, and one wake-up.
type readBatch struct {
	wait  readWait
	ended chan struct{} // closed after wait.err is set
}

func newReadBatch() *readBatch {
	b := &readBatch{ended: make(chan struct{})}
	b.wait.done = func(err *Error) {
		b.wait.err = err
		close(b.ended)
	}
	return b
}

// readQueue batches ReadIndex (Raft thesis section 6.4): one heartbeat round confirms everybody who waited when it began.
// At most one round is under way; who comes later waits for the next one. Every try of every start has a context of its own:
// an answer to an older try, which a leader may owe to this node's last life, never releases a later reader.
type readQueue struct {
	waiting   []*readWait // for the next round
	asked     []*readWait // in the round under way
	round     uint64      // context of the latest try: the start in the upper half, a counter in the lower
	askedTick uint64
	confirmed []*readWait // index known, waiting for Apply; by ascending index
	readers   int         // of all of them
	rounds    uint64      // how many were started, for the metrics
}

// read takes readers.
func (c *core) read(r *readWait) {
	q := &c.reads
	switch {
	case c.leaderless():
		r.err = &Error{Outcome: NotApplied, Cause: CauseNoLeader}
	case q.readers+r.readers > maxWaitingReads:
		r.err = &Error{Outcome: NotApplied, Cause: CauseOverloaded}
	default:
		q.waiting = append(q.waiting, r)
		q.readers += r.readers
		return
	}
	c.out.readable = append(c.out.readable, r)
}

// startReadRound asks for a read index when somebody waits and no round is under way.
func (c *core) startReadRound() {
	q := &c.reads
	if len(q.waiting) == 0 || len(q.asked) > 0 || c.lead == 0 || !c.knowsCommitted() {
		return
	}
	q.asked, q.waiting = q.waiting, nil
	c.askReadIndex()
}

// knowsCommitted is false on a leader that has not committed an entry of its term: what earlier terms committed it may have
// forgotten, for the commit index alone is never synced (Raft thesis section 6.4, step 1). Raft waits by itself, but not as
// the only voter: then it answers at once. The simulator found that, seed 102888.
func (c *core) knowsCommitted() bool {
	st := c.rn.BasicStatus()
	return st.RaftState != raft.StateLeader || c.committedTerm == st.GetTerm()
}

// onlyVoter says whether the configuration has one voter.
func (c *core) onlyVoter() bool { return len(c.rn.Status().Config.Voters.IDs()) == 1 }

func (c *core) askReadIndex() {
	q := &c.reads
	q.round++
	q.rounds++
	q.askedTick = c.tick
	c.rn.ReadIndex(binary.BigEndian.AppendUint64(nil, q.round))
}

// retryReads asks again when a round was lost: raft drops a ReadIndex silently without a leader.
func (c *core) retryReads() {
	if q := &c.reads; len(q.asked) > 0 && c.lead != 0 && c.tick-q.askedTick >= readRetryTicks {
		c.askReadIndex()
	}
}

// restartReads puts the round under way back to the waiting ones: its answer must not come from an earlier leader.
func (c *core) restartReads() {
	q := &c.reads
	q.waiting = append(q.asked, q.waiting...)
	q.asked = nil
	q.round++
}

// confirmReads takes raft's answer to a round.
func (c *core) confirmReads(rs raft.ReadState) {
	q := &c.reads
	if len(rs.RequestCtx) != 8 || binary.BigEndian.Uint64(rs.RequestCtx) != q.round || len(q.asked) == 0 {
		return // of an abandoned round
	}
	c.currentTick = c.tick
	for _, r := range q.asked {
		r.index = rs.Index
	}
	at, _ := slices.BinarySearchFunc(q.confirmed, rs.Index+1, func(r *readWait, i uint64) int {
		if r.index < i {
			return -1
		}
		return 1
	})
	q.confirmed = slices.Insert(q.confirmed, at, q.asked...)
	q.asked = nil
	c.releaseReads()
}

// releaseReads lets those go whose index is applied.
func (c *core) releaseReads() {
	q := &c.reads
	n := 0
	for n < len(q.confirmed) && q.confirmed[n].index <= c.applied {
		n++
	}
	if n > 0 {
		for _, r := range q.confirmed[:n] {
			q.readers -= r.readers
		}
		c.out.readable = append(c.out.readable, q.confirmed[:n]...)
		q.confirmed = slices.Delete(q.confirmed, 0, n)
	}
}

// failReads ends every reader whose index is not known.
func (c *core) failReads(err *Error) {
	q := &c.reads
	for _, r := range slices.Concat(q.asked, q.waiting) {
		r.err = err
		q.readers -= r.readers
		c.out.readable = append(c.out.readable, r)
	}
	q.asked, q.waiting = nil, nil
	q.round++
}
