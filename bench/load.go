package bench

import (
	"context"
	"fmt"
	"sync"
	"time"

	"parley/api/client"
	"parley/proto/parleyv1"
)

// ack is one acknowledged message.
type ack struct {
	caller, op int
	conv       int
	seq, id    uint64
}

// callerLog is what one caller did; the caller alone writes it, and it is read after all have ended.
type callerLog struct {
	latencies []time.Duration
	acks      []ack
	errors    int
	// unknown are the messages that may or may not be there.
	unknown map[int]bool
	// done, when set, is told of each operation as it ends well.
	done func(caller int, began, ended time.Time)
}

// operation is one step of a caller: the n-th, on a conversation. It returns nil when it is done and acknowledged.
type operation func(ctx context.Context, log *callerLog, caller, n, conv int, began time.Time) error

// window is when operations count: those that end between from and to.
type window struct{ from, to time.Time }

// load runs callers until the window's end, or until ctx ends when the window has none.
func (b *Bench) load(ctx context.Context, callers int, w window, op operation, done func(int, time.Time, time.Time)) []*callerLog {
	logs := make([]*callerLog, callers)
	var wg sync.WaitGroup
	for i := range callers {
		log := &callerLog{unknown: make(map[int]bool), done: done}
		logs[i] = log
		wg.Go(func() { b.caller(ctx, log, i, w, op) })
	}
	wg.Wait()
	return logs
}

// caller does one operation after another. Its first conversation differs from the other callers', and it goes on in turn.
func (b *Bench) caller(ctx context.Context, log *callerLog, i int, w window, op operation) {
	for n := 0; ctx.Err() == nil; n++ {
		began := time.Now()
		if !w.to.IsZero() && !began.Before(w.to) {
			return
		}
		err := op(ctx, log, i, n, (i*7+n)%len(b.convs), began)
		ended := time.Now()
		counts := w.to.IsZero() || (!ended.Before(w.from) && ended.Before(w.to))
		switch {
		case err == nil:
			if counts {
				log.latencies = append(log.latencies, ended.Sub(began))
			}
			if log.done != nil {
				log.done(i, began, ended)
			}
		case ctx.Err() != nil: // the end of the run, not of the service
		default:
			if counts {
				log.errors++
			}
			if b.failures.Add(1) <= 10 {
				b.o.Progress(fmt.Sprintf("caller %d: %v", i, err))
			}
		}
	}
}

// send is the operation that sends one message.
func (b *Bench) send(measurement int) operation {
	return func(ctx context.Context, log *callerLog, caller, n, conv int, began time.Time) error {
		c := b.convs[conv]
		// An interrupted send would have an unknown outcome for no reason: let the last one finish.
		resp, err := b.accounts[c.sender].c.SendMessage(context.WithoutCancel(ctx), &parleyv1.SendMessageRequest{
			Conversation: c.name, Text: b.label(measurement, caller, n, began),
		})
		if err != nil {
			if client.IsUnknown(err) {
				log.unknown[n] = true
			}
			return err
		}
		log.acks = append(log.acks, ack{caller: caller, op: n, conv: conv, seq: resp.GetSeq(), id: resp.GetId()})
		return nil
	}
}

// read is the operation that reads the newest messages of a conversation.
func (b *Bench) read(consistency parleyv1.Consistency) operation {
	return func(ctx context.Context, _ *callerLog, _, _, conv int, _ time.Time) error {
		c := b.convs[conv]
		_, err := b.accounts[c.sender].c.ReadMessages(ctx, &parleyv1.ReadMessagesRequest{
			Conversation: c.name, Limit: readLimit, Consistency: consistency,
		})
		return err
	}
}

// measure runs an operation for warm-up and span and fills a result; the caller checks it before it hands it out.
func (b *Bench) measure(ctx context.Context, name string, callers int, op operation) (Result, []*callerLog, error) {
	if callers < 1 || callers > MaxCallers {
		return Result{}, nil, fmt.Errorf("%d callers: choose 1 to %d", callers, MaxCallers)
	}
	r := b.result(name, callers)
	start := time.Now()
	w := window{from: start.Add(b.o.Warmup), to: start.Add(b.o.Warmup + b.o.Span)}
	b.o.Progress(fmt.Sprintf("%s with %d callers for %s", name, callers, b.o.Warmup+b.o.Span))

	var before, after cpuSample
	var samples sync.WaitGroup
	// Owned by this call; it takes the two samples at the ends of the window and ends then, or with ctx.
	samples.Go(func() {
		if waitUntil(ctx, w.from) {
			before = sampleCPU(b.pids())
		}
		if waitUntil(ctx, w.to) {
			after = sampleCPU(b.pids())
		}
	})
	logs := b.load(ctx, callers, w, op, nil)
	samples.Wait()
	if err := ctx.Err(); err != nil {
		return r, logs, err
	}
	var latencies []time.Duration
	for _, log := range logs {
		latencies = append(latencies, log.latencies...)
		r.Errors += log.errors
		r.Unknown += len(log.unknown)
	}
	r.fill(latencies, b.o.Span)
	r.addCPU(before, after)
	return r, logs, nil
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

// Send measures acknowledged messages.
func (b *Bench) Send(ctx context.Context, callers int) (Result, error) {
	m := b.next()
	r, logs, err := b.measure(ctx, "send", callers, b.send(m))
	if err != nil {
		return r, err
	}
	if err := b.verify(ctx, m, logs); err != nil {
		return r, err
	}
	r.Verified = true
	return r, nil
}

// Read measures reads of a conversation's newest messages, which are made first.
func (b *Bench) Read(ctx context.Context, callers int, local bool) (Result, error) {
	if err := b.fillConversations(ctx); err != nil {
		return Result{}, err
	}
	name, consistency := "read", parleyv1.Consistency_CONSISTENCY_LINEARIZABLE
	if local {
		name, consistency = "read-local", parleyv1.Consistency_CONSISTENCY_LOCAL
	}
	r, _, err := b.measure(ctx, name, callers, b.read(consistency))
	return r, err
}

// next numbers a measurement.
func (b *Bench) next() int {
	b.measured++
	return b.measured
}

// fillConversations makes sure that a read has a screen of messages to find in every conversation.
func (b *Bench) fillConversations(ctx context.Context) error {
	m := b.next()
	per := make([]int, len(b.convs))
	for i, c := range b.convs {
		resp, err := b.accounts[c.sender].c.ReadMessages(ctx, &parleyv1.ReadMessagesRequest{Conversation: c.name, Limit: readLimit})
		if err != nil && !client.IsNotFound(err) {
			return err
		}
		per[i] = readLimit - len(resp.GetMessages())
	}
	var wg sync.WaitGroup
	errs := make(chan error, len(b.convs))
	for i := range b.convs {
		wg.Go(func() {
			log := &callerLog{unknown: make(map[int]bool)}
			for n := range per[i] {
				if err := b.send(m)(ctx, log, i, n, i, time.Now()); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}
