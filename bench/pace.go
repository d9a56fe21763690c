package bench

import (
	"context"
	"sync/atomic"
	"time"
)

// pacer hands out beginnings at a fixed rate, whether the cluster keeps up or not: the k-th is due at start + k/rate. Callers
// take them from a queue; a caller that is free takes the next one, so at most as many operations are under way as there are
// callers. A latency counts from when its operation was due: what had to wait for a slow answer waited as long as a user would.
type pacer struct {
	due chan time.Time
	// missed could not even be queued, or were never begun.
	missed atomic.Int64
}

// newPacer begins to hand out at start and ends at the window's end. It closes due then.
func newPacer(ctx context.Context, rate float64, start time.Time, w window) *pacer {
	p := &pacer{due: make(chan time.Time, maxBacklog)}
	// Owned by the measurement, ends with ctx or at the end of the window; the only one that sends on due.
	go p.run(ctx, rate, start, w)
	return p
}

func (p *pacer) run(ctx context.Context, rate float64, start time.Time, w window) {
	defer close(p.due)
	sleep, release := preciseSleep()
	defer release()
	for k := 0; ctx.Err() == nil; k++ {
		at := start.Add(time.Duration(float64(k) / rate * float64(time.Second)))
		if !at.Before(w.to) {
			return
		}
		for d := time.Until(at); d > 0 && ctx.Err() == nil; d = time.Until(at) {
			sleep(min(d, maxNap))
		}
		select {
		case p.due <- at:
		default:
			p.miss(at, w)
		}
	}
}

// miss counts a beginning that did not happen, when it belongs to the measurement.
func (p *pacer) miss(at time.Time, w window) {
	if w.counts(at) {
		p.missed.Add(1)
	}
}
