package bench

import (
	"context"
	"fmt"
	"sync"
	"time"

	"parley/api/client"
	"parley/proto/parleyv1"
)

// caller is one who does one operation after another, as one account.
type caller struct {
	i      int
	log    *callerLog
	c      *client.Client
	places []place
	// through, when set, are the clients to use for each place instead of c.
	through []*client.Client
	// offset lets callers of the same account begin with different conversations.
	offset int
}

// place is the caller's conversation for its n-th operation.
func (cl *caller) place(n int) int { return (cl.offset + n) % len(cl.places) }

// begin is when an operation was to begin and when it did.
type begin struct{ intended, began time.Time }

// operation is one step of a caller, its n-th. It returns nil when it is done and acknowledged.
type operation func(ctx context.Context, cl *caller, n int, at begin) error

// window is when operations count: with a rate those that are due between from and to, else those that end there.
type window struct{ from, to time.Time }

func (w window) counts(t time.Time) bool {
	return w.to.IsZero() || (!t.Before(w.from) && t.Before(w.to))
}

// load runs callers until the window's end, or until ctx ends when the window has none. Each begins when it has its answer.
func (b *Bench) load(ctx context.Context, callers int, w window, op operation, done func(int, time.Time, time.Time)) []*callerLog {
	senders := min(callers, b.o.Senders)
	b.plan = newPlan(senders, b.o.Conversations, len(b.accounts), b.name)
	clients := make([]*client.Client, senders)
	for i := range clients {
		clients[i] = b.accounts[i].c
	}
	return b.loadThrough(ctx, b.callers(callers, clients, done), w, op, nil)
}

func (b *Bench) name(account int) string { return "@" + b.accounts[account].name }

// callers are as many as there shall be, as the senders of the plan.
func (b *Bench) callers(n int, clients []*client.Client, done func(int, time.Time, time.Time)) []*caller {
	callers := make([]*caller, n)
	for i := range callers {
		sender := i % len(clients)
		places := b.plan.places[sender]
		callers[i] = &caller{
			i: i, c: clients[sender], places: places, offset: (i/len(clients))*7 + i,
			log: &callerLog{
				unknown: make(map[int]bool), ledgers: make([]ledger, len(places)), nodes: make(map[string]int), done: done,
			},
		}
	}
	return callers
}

// loadThrough runs the callers; with a pacer they begin when it says, else when they have their answer.
func (b *Bench) loadThrough(ctx context.Context, callers []*caller, w window, op operation, p *pacer) []*callerLog {
	logs := make([]*callerLog, len(callers))
	var wg sync.WaitGroup
	for i, cl := range callers {
		logs[i] = cl.log
		if p == nil {
			wg.Go(func() { b.closedLoop(ctx, cl, w, op) })
		} else {
			wg.Go(func() { b.openLoop(ctx, cl, w, op, p) })
		}
	}
	wg.Wait()
	return logs
}

func (b *Bench) closedLoop(ctx context.Context, cl *caller, w window, op operation) {
	for n := 0; ctx.Err() == nil; n++ {
		began := time.Now()
		if !w.to.IsZero() && !began.Before(w.to) {
			return
		}
		err := op(ctx, cl, n, begin{began, began})
		ended := time.Now()
		b.took(ctx, cl, begin{began, began}, ended, w.counts(ended), err)
	}
}

func (b *Bench) openLoop(ctx context.Context, cl *caller, w window, op operation, p *pacer) {
	n := 0
	for due := range p.due {
		began := time.Now()
		if ctx.Err() != nil || !began.Before(w.to) {
			p.miss(due, w)
			continue
		}
		counts := w.counts(due)
		at := begin{due, began}
		if counts && began.Sub(due) > lateAfter {
			cl.log.late++
		}
		err := op(ctx, cl, n, at)
		b.took(ctx, cl, at, time.Now(), counts, err)
		if counts && err == nil {
			cl.log.served.record(time.Since(began))
		}
		n++
	}
}

// took notes how one operation ended.
func (b *Bench) took(ctx context.Context, cl *caller, at begin, ended time.Time, counts bool, err error) {
	switch {
	case err == nil:
		if counts {
			cl.log.waited.record(ended.Sub(at.intended))
		}
		if cl.log.done != nil {
			cl.log.done(cl.i, at.began, ended)
		}
	case ctx.Err() != nil: // the end of the run, not of the service
	default:
		if counts {
			cl.log.errors++
		}
		if b.failures.Add(1) <= maxLoggedFailures {
			b.o.Progress(fmt.Sprintf("caller %d: %v", cl.i, err))
		}
	}
}

// send is the operation that sends one message.
func (b *Bench) send(measurement int) operation {
	return func(ctx context.Context, cl *caller, n int, at begin) error {
		place, c := cl.place(n), cl.c
		if cl.through != nil {
			c = cl.through[place]
		}
		// An interrupted send would have an unknown outcome for no reason: let the last one finish.
		resp, err := c.SendMessage(context.WithoutCancel(ctx), &parleyv1.SendMessageRequest{
			RequestId: client.NewRequestID(), Conversation: cl.places[place].name,
			Text: b.text(label{measurement: measurement, caller: cl.i, op: n, intended: at.intended, began: at.began}),
		})
		if err != nil {
			if client.IsUnknown(err) {
				cl.log.unknown[n] = true
			}
			return err
		}
		cl.log.acknowledge(cl.i, n, place, resp)
		return nil
	}
}

// measure runs an operation for warm-up and span and fills a result; the caller checks it before it hands it out.
func (b *Bench) measure(ctx context.Context, w window, r Result, callers []*caller, op operation) (
	Result, []*callerLog, *meter, error,
) {
	b.o.Progress(fmt.Sprintf("%s with %d callers for %s", r.Op, r.Callers, b.o.Warmup+b.o.Span))
	meter := b.meter(ctx, w)
	var p *pacer
	if b.o.Rate > 0 {
		p = newPacer(ctx, b.o.Rate, w.from.Add(-b.o.Warmup), w)
	}
	logs := b.loadThrough(ctx, callers, w, op, p)
	if err := meter.wait(); err != nil {
		return r, logs, meter, err
	}
	if err := ctx.Err(); err != nil {
		return r, logs, meter, err
	}
	var waited, served hist
	for _, log := range logs {
		waited.add(&log.waited)
		served.add(&log.served)
		r.Errors += log.errors
		r.Unknown += len(log.unknown)
		r.Late += log.late
		r.addNodes(log.nodes)
	}
	if p != nil {
		r.Missed = int(p.missed.Load())
		r.ServedP50MS, r.ServedP99MS = ms(served.quantile(0.5)), ms(served.quantile(0.99))
	}
	r.fillFrom(&waited, b.o.Span)
	meter.into(&r)
	if r.Elections > 0 {
		b.o.Progress(fmt.Sprintf("the term rose by %d during this measurement: its figures hold an election", r.Elections))
	}
	return r, logs, meter, nil
}

// window begins now.
func (b *Bench) window() window {
	from := time.Now().Add(b.o.Warmup)
	return window{from: from, to: from.Add(b.o.Span)}
}

// checkCallers bounds them.
func checkCallers(callers int) error {
	if callers < 1 || callers > MaxCallers {
		return fmt.Errorf("%d callers: choose 1 to %d", callers, MaxCallers)
	}
	return nil
}

// ready makes the plan and the callers of a measurement.
func (b *Bench) ready(ctx context.Context, n int) ([]*caller, error) {
	if err := checkCallers(n); err != nil {
		return nil, err
	}
	senders := min(n, b.o.Senders)
	clients, err := b.clients(ctx, senders)
	if err != nil {
		return nil, err
	}
	b.plan = newPlan(senders, b.o.Conversations, len(b.accounts), b.name)
	return b.callers(n, clients, nil), nil
}

// Send measures acknowledged messages: on streams, as every client sends them.
func (b *Bench) Send(ctx context.Context, callers int) (Result, error) {
	return b.sends(ctx, "send", callers)
}

// SendUnary measures them with a call of its own for each.
func (b *Bench) SendUnary(ctx context.Context, callers int) (Result, error) {
	b.unary = true
	defer func() { b.unary = false }()
	return b.sends(ctx, "send-unary", callers)
}

func (b *Bench) sends(ctx context.Context, op string, callers int) (Result, error) {
	m := b.next()
	cs, err := b.ready(ctx, callers)
	if err != nil {
		return Result{}, err
	}
	r, logs, _, err := b.measure(ctx, b.window(), b.result(op, callers), cs, b.send(m))
	if err != nil {
		return r, err
	}
	if err := b.verify(ctx, m, logs); err != nil {
		return r, err
	}
	r.Verified = true
	return r, nil
}

// waitUntil is false when ctx ended first.
func waitUntil(ctx context.Context, t time.Time) bool {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
