package measure

import (
	"context"
	"sync"
	"time"
)

// errorPause keeps a caller whose operation failed from spinning.
const errorPause = 5 * time.Millisecond

// Operation is the n-th of a caller. It returns nil when it is done and acknowledged. Callers run it concurrently.
type Operation func(ctx context.Context, caller, n int) error

// Plan is how long a measurement runs.
type Plan struct {
	Warmup, Span time.Duration
	Size         int
}

// tally is what one caller saw; it alone writes it until it ends.
type tally struct {
	latencies []time.Duration
	errors    int
}

// Closed runs callers that each wait for one operation before they begin the next.
func (c *Cluster) Closed(ctx context.Context, r Result, p Plan, op Operation) Result {
	from := time.Now().Add(p.Warmup)
	to := from.Add(p.Span)
	tallies := make([]tally, r.Callers)
	var before, after sample
	var wg sync.WaitGroup
	wg.Go(func() {
		time.Sleep(time.Until(from))
		before = c.sample()
		time.Sleep(time.Until(to))
		after = c.sample()
	})
	for i := range tallies {
		wg.Go(func() {
			t := &tallies[i]
			for n := 0; ctx.Err() == nil; n++ {
				began := time.Now()
				if !began.Before(to) {
					return
				}
				err := op(ctx, i, n)
				ended := time.Now()
				counts := !ended.Before(from) && ended.Before(to)
				switch {
				case err != nil:
					if counts {
						t.errors++
					}
					time.Sleep(errorPause)
				case counts:
					t.latencies = append(t.latencies, ended.Sub(began))
				}
			}
		})
	}
	wg.Wait()
	var latencies []time.Duration
	for i := range tallies {
		latencies = append(latencies, tallies[i].latencies...)
		r.Errors += tallies[i].errors
	}
	r.Nodes, r.Size = len(c.Nodes), p.Size
	r.fill(latencies, p.Span)
	r.addCPU(before, after)
	return r
}
