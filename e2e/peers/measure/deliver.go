package measure

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// arrivalWait is how long the last deliveries may take before they count as errors.
const arrivalWait = 10 * time.Second

// Delivery times messages from the moment at which their send was due to their arrival at a subscriber.
type Delivery struct {
	mu        sync.Mutex
	due       []time.Time
	arrived   []bool
	latencies []time.Duration
	from      time.Time
	missing   int
	errors    int
	all       chan struct{} // closed when nothing is missing
}

// Arrived is called by the subscriber with the number of the message; a second arrival counts as an error.
func (d *Delivery) Arrived(i int) {
	at := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if i < 0 || i >= len(d.due) || d.arrived[i] {
		d.errors++
		return
	}
	d.arrived[i] = true
	if !d.due[i].Before(d.from) {
		d.latencies = append(d.latencies, at.Sub(d.due[i]))
	}
	if d.missing--; d.missing == 0 {
		close(d.all)
	}
}

// Deliver sends at a rate, without waiting for answers, to a subscriber that calls Arrived. subscribe returns when the
// subscription stands, and how it is ended.
func (c *Cluster) Deliver(
	ctx context.Context, r Result, p Plan, rate float64, subscribe func(*Delivery) (func(), error), send Operation,
) (Result, error) {
	n := int(rate * (p.Warmup + p.Span).Seconds())
	if n < 1 {
		return r, fmt.Errorf("%g a second for %s is nothing", rate, p.Warmup+p.Span)
	}
	gap := time.Duration(float64(time.Second) / rate)
	d := &Delivery{due: make([]time.Time, n), arrived: make([]bool, n), missing: n, all: make(chan struct{})}
	stop, err := subscribe(d)
	if err != nil {
		return r, err
	}
	defer stop()
	start := time.Now().Add(gap)
	d.from = start.Add(p.Warmup)
	for i := range n {
		d.due[i] = start.Add(time.Duration(i) * gap)
	}
	var wg sync.WaitGroup
	var before sample
	for i := range n {
		time.Sleep(time.Until(d.due[i]))
		if before.at.IsZero() && !d.due[i].Before(d.from) {
			before = c.sample()
		}
		wg.Go(func() {
			if err := send(ctx, 0, i); err != nil {
				d.mu.Lock()
				d.errors++
				d.mu.Unlock()
			}
		})
	}
	wg.Wait()
	timer := time.NewTimer(arrivalWait)
	defer timer.Stop()
	select {
	case <-d.all:
	case <-timer.C:
	}
	after := c.sample()
	d.mu.Lock()
	defer d.mu.Unlock()
	r.Errors = d.errors + d.missing
	r.Nodes, r.Size = len(c.Nodes), p.Size
	r.fill(d.latencies, p.Span)
	r.addCPU(before, after)
	return r, nil
}
