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
	// leader was killed in this term; its process had ended exit after the signal.
	leader string
	term   uint64
	exit   time.Duration
}

// Failover is what is told of kills beside the latencies.
type Failover struct {
	// ElectionsPerKill is how much the term rose by kill, 1 being the least; ElectionsMax the most of one kill.
	ElectionsPerKill float64 `json:"elections_per_kill"`
	ElectionsMax     uint64  `json:"elections_max"`
	// Exit… are from the signal to the end of the killed process: until its kernel has closed its sockets nobody can know.
	ExitP50MS float64 `json:"exit_p50_ms"`
	ExitP99MS float64 `json:"exit_p99_ms"`
	ExitMaxMS float64 `json:"exit_max_ms"`
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

// Failover kills the leader with SIGKILL, rounds times, under callers that send in a closed loop. All times count from just before
// the signal. caller_p50_ms and so on are the time to each caller's next acknowledged write, by caller and kill; p50_ms and so
// on the time to the first such write of any caller, by kill. A write counts when it began after the kill: one that was in
// flight may have been committed by the dead leader and proves nothing, so each caller first sees that one through.
func (b *Bench) Failover(ctx context.Context, callers, rounds int) (Result, error) {
	if b.o.Control == nil {
		return Result{}, errors.New("failover kills nodes: it needs a cluster of its own")
	}
	if rounds < 1 {
		return Result{}, fmt.Errorf("%d rounds: choose 1 or more", rounds)
	}
	if err := checkCallers(callers); err != nil {
		return Result{}, err
	}
	m := b.next()
	r := b.result("failover", callers)
	r.Via, r.Rate = ViaAny, 0 // callers go on wherever they find a node, one write after another
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

	var kills []*outage
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
		kills = append(kills, o)
		b.o.Progress(fmt.Sprintf("kill %d, of %s: its process ended after %.1f ms, a write was acknowledged after %.1f ms",
			round+1, o.leader, ms(o.exit), ms(o.first.Sub(o.killed))))
	}
	var last *parleyv1.StatusResponse
	if failed == nil {
		last, failed = b.whole(ctx)
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
	r.addKills(kills, last.GetTerm(), time.Since(begun))
	if err := b.verify(ctx, m, logs); err != nil {
		return r, err
	}
	r.Verified = true
	return r, nil
}

// outage waits until the cluster is whole, lets the callers run, kills the leader, waits until all callers have gone on and
// brings the node back.
func (b *Bench) outage(ctx context.Context, o *outage) error {
	st, err := b.whole(ctx)
	if err != nil {
		return err
	}
	o.leader, o.term = st.GetLeader(), st.GetTerm()
	if !waitUntil(ctx, time.Now().Add(failoverLoad)) {
		return ctx.Err()
	}
	o.arm()
	sent, err := b.o.Control.Kill(o.leader)
	if err != nil {
		return err
	}
	o.exit = time.Since(sent)
	o.at(sent)
	timer := time.NewTimer(failoverWait)
	defer timer.Stop()
	select {
	case <-o.over:
	case <-timer.C:
		return fmt.Errorf("not every caller got an acknowledgement within %s after node %s was killed", failoverWait, o.leader)
	case <-ctx.Done():
		return ctx.Err()
	}
	return b.o.Control.Restart(ctx, o.leader)
}

// whole waits until there is a leader and every member is reachable.
func (b *Bench) whole(ctx context.Context) (*parleyv1.StatusResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, settleWait)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		st, err := b.accounts[0].c.Status(ctx, &parleyv1.StatusRequest{})
		if err == nil && st.GetQuorum() && st.GetLeader() != "" &&
			!slices.ContainsFunc(st.GetMembers(), func(m *parleyv1.Member) bool { return !m.GetReachable() }) {
			return st, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("the cluster was not whole within %s (last answer: %v, %w)", settleWait, st, err)
		}
	}
}

// addKills fills in what the kills cost; term is that after the last one.
func (r *Result) addKills(kills []*outage, term uint64, span time.Duration) {
	var firsts, callers, exits []time.Duration
	f := &Failover{}
	for i, o := range kills {
		firsts = append(firsts, o.first.Sub(o.killed))
		for _, at := range o.next {
			callers = append(callers, at.Sub(o.killed))
		}
		exits = append(exits, o.exit)
		after := term
		if i+1 < len(kills) {
			after = kills[i+1].term
		}
		f.ElectionsMax = max(f.ElectionsMax, after-o.term)
	}
	r.Elections = term - kills[0].term
	f.ElectionsPerKill = round(float64(r.Elections) / float64(len(kills)))
	r.fill(firsts, span)
	slices.Sort(callers)
	r.CallerP50MS, r.CallerP90MS = ms(quantile(callers, 0.5)), ms(quantile(callers, 0.9))
	r.CallerP99MS, r.CallerMaxMS = ms(quantile(callers, 0.99)), ms(quantile(callers, 1))
	slices.Sort(exits)
	f.ExitP50MS, f.ExitP99MS, f.ExitMaxMS = ms(quantile(exits, 0.5)), ms(quantile(exits, 0.99)), ms(quantile(exits, 1))
	r.Failover = f
}
