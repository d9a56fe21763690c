package node

import (
	"errors"
	"fmt"
	"time"

	pb "go.etcd.io/raft/v3/raftpb"
)

// loop owns core. It ends when quit is closed; what still waits is then answered.
func (n *Node) loop() {
	defer n.workers.Done()
	ticker := time.NewTicker(TickInterval)
	defer ticker.Stop()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		ticked, quit := false, false
		select {
		case <-ticker.C:
			ticked = true
		case <-timer.C:
		case <-n.inbox.wake:
		case <-n.quit:
			quit = true
			n.inbox.stop()
		}
		n.turn(ticked)
		if quit {
			n.endWaiters()
			return
		}
		if at := n.core.deadline(); at != 0 {
			timer.Reset(at - time.Since(n.started))
		}
	}
}

// turn feeds core everything that arrived and carries out what it answers.
func (n *Node) turn(ticked bool) {
	c := n.core
	c.advance(time.Since(n.started), time.Now().UnixMilli())
	if ticked {
		c.doTick()
	}
	in := n.inbox.take()
	for _, f := range in.calls {
		f(c)
	}
	behind := n.behind()
	var files []*pb.Message // that came with a store file
	for _, m := range in.messages {
		if behind && m.GetType() == pb.MsgApp && len(m.GetEntries()) > 0 {
			continue // raft sends it again
		}
		if m.GetType() == pb.MsgSnap {
			files = append(files, m)
		}
		c.step(m)
	}
	if in.reads != nil {
		c.read(&in.reads.wait)
	}
	low, full := n.disk.low.Load(), behind || n.applyStuck()
	for _, p := range in.proposals {
		switch {
		case full && c.isLeader():
			c.fail(p, &Error{Outcome: NotApplied, Cause: CauseOverloaded})
		case low && c.isLeader() && commandAdds(p.cmd):
			c.fail(p, &Error{Outcome: NotApplied, Cause: CauseDiskLow})
		default:
			c.propose(p)
		}
	}
	out := c.ready()
	if out.changed {
		n.noteReign(c.lead)
	}
	if len(files) > 0 {
		n.settleFiles(files, out.appends)
	}
	n.dispatch(out)
	n.inbox.gather(c.gathering(), len(c.proposals.queued))
	n.metrics.readRounds.Store(c.reads.rounds)
	if out.changed || ticked {
		n.publishStatus()
	}
}

// dispatch hands every output to who carries it out. It never blocks.
func (n *Node) dispatch(out output) {
	n.transport.Send(out.messages...)
	n.appendQueue.put(out.appends...)
	n.applyQueue.put(applyJobs(out.applies)...)
	for _, f := range out.failed {
		f.p.done(outcome{err: f.err})
	}
	for _, h := range out.handOns {
		h.p.done(outcome{leader: h.leader})
	}
	for _, r := range out.readable {
		r.done(r.err)
	}
	for _, m := range out.snapshots {
		n.startSnapshotSend(m)
	}
	for _, p := range out.probes {
		n.startProbe(p)
	}
}

func applyJobs(works []applyWork) []applyJob {
	jobs := make([]applyJob, len(works))
	for i, w := range works {
		jobs[i].work = w
	}
	return jobs
}

// endWaiters answers everybody at the end: what raft has accepted is unknown, what still waited was not applied.
func (n *Node) endWaiters() {
	c := n.core
	c.failInflight(&Error{Outcome: Unknown, Cause: CauseStopped})
	c.failReads(&Error{Outcome: NotApplied, Cause: CauseStopped})
	for _, r := range c.reads.confirmed {
		r.err = &Error{Outcome: NotApplied, Cause: CauseStopped}
		c.out.readable = append(c.out.readable, r)
	}
	for _, p := range c.proposals.queued {
		c.fail(p, &Error{Outcome: NotApplied, Cause: CauseStopped})
	}
	for _, f := range c.out.failed {
		f.p.done(outcome{err: f.err})
	}
	for _, r := range c.out.readable {
		r.done(r.err)
	}
}

// appendWorker is the only writer of the log. It ends when its mailbox is closed, or at the first error, which is fatal:
// after a failed fsync nobody knows what the disk holds.
func (n *Node) appendWorker() {
	defer n.workers.Done()
	for {
		ms, ok := n.appendQueue.wait()
		if !ok {
			return
		}
		for len(ms) > 0 {
			batch, rest := splitAtSnapshot(ms)
			if err := n.persist(batch); err != nil {
				if !errors.Is(err, errStopping) {
					n.fatal(err)
				}
				return
			}
			ms = rest
		}
	}
}

// persist makes a batch durable and then says so. Responses to peers leave from here; those to this node go back to core.
func (n *Node) persist(batch []*pb.Message) error {
	began := time.Now()
	if sn := batch[0].GetSnapshot(); sn.GetMetadata().GetIndex() != 0 {
		if err := n.install(batch[0]); err != nil {
			return fmt.Errorf("install snapshot at index %d: %w", sn.GetMetadata().GetIndex(), err)
		}
	} else if err := n.log.Append(mergeAppends(batch)); err != nil {
		return fmt.Errorf("write the raft log: %w", err)
	}
	n.metrics.appendSeconds.Observe(time.Since(began).Seconds())
	var own, others []*pb.Message
	for _, m := range responses(batch) {
		if m.GetTo() == n.id {
			own = append(own, m)
		} else {
			others = append(others, m)
		}
	}
	n.transport.Send(others...)
	n.inbox.call(func(c *core) {
		c.appendDone(len(batch))
		for _, m := range own {
			c.step(m)
		}
	})
	return nil
}

// applyJob is committed entries, or a task that must run after all entries before it and before all after it.
type applyJob struct {
	work  applyWork
	alone func()
}

// applyWorker is the only writer of the store. It ends when its mailbox is closed; after an error, which is fatal, it only
// answers the waiters of what it does not apply.
func (n *Node) applyWorker() {
	defer n.workers.Done()
	defer n.failApplies()
	a := &applier{sm: n.store, confChange: n.confChange}
	for {
		jobs, ok := n.applyQueue.wait()
		if !ok {
			return
		}
		for len(jobs) > 0 {
			if jobs[0].alone != nil {
				jobs[0].alone()
				jobs = jobs[1:]
				continue
			}
			var works []applyWork
			for len(jobs) > 0 && jobs[0].alone == nil {
				works = append(works, jobs[0].work)
				jobs = jobs[1:]
			}
			if err := a.apply(works); err != nil {
				if !errors.Is(err, errStopping) {
					n.fatal(err)
				}
				failJobs(jobs)
				return
			}
			n.applyDone(works)
		}
	}
}

// failApplies answers the waiters of what still comes, until the mailbox is closed.
func (n *Node) failApplies() {
	for {
		jobs, ok := n.applyQueue.wait()
		if !ok {
			return
		}
		failJobs(jobs)
	}
}

func failJobs(jobs []applyJob) {
	for _, j := range jobs {
		failWaiters(j.work.waiters)
	}
}

// applyDone tells core what the state machine has applied.
func (n *Node) applyDone(works []applyWork) {
	n.inbox.call(func(c *core) {
		c.appliedTo(lastIndex(works))
		for _, w := range works {
			for _, m := range w.m.GetResponses() {
				c.step(m)
			}
		}
	})
}

// confChange has the loop apply a configuration change, and waits: raft wants it applied before the apply is acknowledged.
// It returns errStopping when the loop has ended.
func (n *Node) confChange(index uint64, before *pb.ConfState, cc pb.ConfChangeI) (*pb.ConfState, error) {
	type answer struct {
		conf *pb.ConfState
		err  error
	}
	done := make(chan answer, 1)
	if !n.inbox.call(func(c *core) {
		conf, err := c.applyConfChange(index, before, cc)
		n.publishStatus()
		done <- answer{conf, err}
	}) {
		return nil, errStopping
	}
	select {
	case a := <-done:
		return a.conf, a.err
	case <-n.loopDone:
		return nil, errStopping
	}
}
