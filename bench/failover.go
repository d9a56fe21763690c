package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"parley/proto/parleyv1"
)

// outage is one kill as the callers lived through it. Callers report to it; its owner reads it when everyone has.
type outage struct {
	mu sync.Mutex
	// armed is set just before the kill. What is acknowledged until its exact time is known is kept in early and judged then.
	armed  bool
	early  []done
	killed time.Time
	// first is when a write that began after the kill was acknowledged.
	first time.Time
	// next is the same by caller.
	next map[int]time.Time
	// over is closed when all callers have gone on.
	over    chan struct{}
	callers int
}

// done is one acknowledged write.
type done struct {
	caller       int
	began, ended time.Time
}

func (o *outage) arm() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.armed = true
}

// at sets the time of the kill and judges what was acknowledged meanwhile.
func (o *outage) at(killed time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.killed = killed
	for _, d := range o.early {
		o.judge(d)
	}
	o.early = nil
}

func (o *outage) report(d done) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case !o.armed:
	case o.killed.IsZero():
		o.early = append(o.early, d)
	default:
		o.judge(d)
	}
}

// judge is called with mu held. A caller has gone on when a write that it began after the kill is through: one in flight at
// the kill may have been committed by the old leader and proves nothing.
func (o *outage) judge(d done) {
	if !d.began.After(o.killed) {
		return
	}
	if o.first.IsZero() || d.ended.Before(o.first) {
		o.first = d.ended
	}
	if _, ok := o.next[d.caller]; ok {
		return
	}
	o.next[d.caller] = d.ended
	if len(o.next) == o.callers {
		close(o.over)
	}
}

// Failover kills the leader with SIGKILL, rounds times, under callers that send. p50_ms, p99_ms and max_ms are from the kill
// to the first acknowledged write that began after it, over the rounds; caller_… are the same for each single caller.
func (b *Bench) Failover(ctx context.Context, callers, rounds int) (Result, error) {
	if b.o.Control == nil {
		return Result{}, errors.New("failover kills nodes: it needs a cluster of its own")
	}
	if rounds < 1 {
		return Result{}, fmt.Errorf("%d rounds: choose 1 or more", rounds)
	}
	m := b.next()
	r := b.result("failover", callers)
	b.o.Progress(fmt.Sprintf("killing the leader %d times under %d callers", rounds, callers))

	loadCtx, stop := context.WithCancel(ctx)
	defer stop()
	var current struct {
		sync.Mutex
		o *outage
	}
	report := func(caller int, began, ended time.Time) {
		current.Lock()
		o := current.o
		current.Unlock()
		if o != nil {
			o.report(done{caller, began, ended})
		}
	}
	begun := time.Now()
	var logs []*callerLog
	var loading sync.WaitGroup
	// Owned by this call; it runs the callers and ends with loadCtx.
	loading.Go(func() { logs = b.load(loadCtx, callers, window{}, b.send(m), report) })

	var firsts, all []time.Duration
	var failed error
	for round := range rounds {
		o := &outage{next: make(map[int]time.Time), over: make(chan struct{}), callers: callers}
		current.Lock()
		current.o = o
		current.Unlock()
		if failed = b.outage(ctx, o); failed != nil {
			failed = fmt.Errorf("kill %d: %w", round+1, failed)
			break
		}
		firsts = append(firsts, o.first.Sub(o.killed))
		for _, at := range o.next {
			all = append(all, at.Sub(o.killed))
		}
	}
	stop()
	loading.Wait()
	if failed != nil {
		return r, failed
	}
	for _, log := range logs {
		r.Errors += log.errors
		r.Unknown += len(log.unknown)
	}
	r.fill(firsts, time.Since(begun))
	slices.Sort(all)
	r.CallerP50MS, r.CallerP99MS, r.CallerMaxMS = ms(quantile(all, 0.5)), ms(quantile(all, 0.99)), ms(quantile(all, 1))
	if err := b.verify(ctx, m, logs); err != nil {
		return r, err
	}
	r.Verified = true
	return r, nil
}

// outage waits until the cluster is whole, lets the callers run, kills the leader, waits until all callers have gone on and
// brings the node back.
func (b *Bench) outage(ctx context.Context, o *outage) error {
	leader, err := b.whole(ctx)
	if err != nil {
		return err
	}
	if !waitUntil(ctx, time.Now().Add(failoverLoad)) {
		return ctx.Err()
	}
	o.arm()
	sent, err := b.o.Control.Kill(leader)
	if err != nil {
		return err
	}
	o.at(sent)
	timer := time.NewTimer(failoverWait)
	defer timer.Stop()
	select {
	case <-o.over:
	case <-timer.C:
		return fmt.Errorf("not every caller got an acknowledgement within %s after node %s was killed", failoverWait, leader)
	case <-ctx.Done():
		return ctx.Err()
	}
	return b.o.Control.Restart(ctx, leader)
}

// whole waits until there is a leader and every member is reachable, and names the leader.
func (b *Bench) whole(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, settleWait)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		st, err := b.accounts[0].c.Status(ctx, &parleyv1.StatusRequest{})
		if err == nil && st.GetQuorum() && st.GetLeader() != "" &&
			!slices.ContainsFunc(st.GetMembers(), func(m *parleyv1.Member) bool { return !m.GetReachable() }) {
			return st.GetLeader(), nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return "", fmt.Errorf("the cluster was not whole within %s (last answer: %v, %w)", settleWait, st, err)
		}
	}
}
