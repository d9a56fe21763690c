package measure

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	// TryTimeout bounds one write during a fail-over. A client without a deadline would hang on the dead leader; a shorter one
	// would give up on answers that are on their way.
	TryTimeout = 250 * time.Millisecond
	// killAfter is how long the callers write undisturbed before a kill.
	killAfter = time.Second
	// outageWait is the longest outage that is waited for.
	outageWait = 60 * time.Second
)

// Killing is what Failover needs to know of a system.
type Killing struct {
	// Leader waits until every node is back and up to date, and returns the one that leads.
	Leader func(context.Context) (*Node, error)
	// Write is one write with a client of the caller's own; each try of it has TryTimeout.
	Write Operation
}

// Failover kills the leader rounds times while callers write. The latencies are those from each kill to the first
// acknowledged write, of any caller, that began after it.
func (c *Cluster) Failover(ctx context.Context, r Result, p Plan, rounds int, k Killing) (Result, error) {
	begun := time.Now()
	var outages []time.Duration
	for range rounds {
		leader, err := k.Leader(ctx)
		if err != nil {
			return r, err
		}
		d, failed, err := c.outage(ctx, r.Callers, leader, k.Write)
		if err != nil {
			return r, err
		}
		outages = append(outages, d)
		r.Errors += failed
		if err := leader.Restart(); err != nil {
			return r, err
		}
	}
	r.Nodes, r.Size = len(c.Nodes), p.Size
	r.fill(outages, time.Since(begun))
	return r, nil
}

func (c *Cluster) outage(ctx context.Context, callers int, leader *Node, write Operation) (time.Duration, int, error) {
	ctx, cancel := context.WithTimeout(ctx, killAfter+outageWait)
	defer cancel()
	var mu sync.Mutex
	var killed, first time.Time
	failed := 0
	over := make(chan struct{})
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				began := time.Now()
				try, done := context.WithTimeout(ctx, TryTimeout)
				err := write(try, i, n)
				done()
				ended := time.Now()
				mu.Lock()
				after := !killed.IsZero() && began.After(killed)
				if err != nil && ctx.Err() == nil {
					failed++
				}
				if err == nil && after && first.IsZero() {
					first = ended
					close(over)
				}
				mu.Unlock()
				if err != nil {
					time.Sleep(errorPause)
				}
			}
		})
	}
	time.Sleep(killAfter)
	// Held while the signal goes out, so that no answer is judged before the time is known.
	mu.Lock()
	at, err := leader.Kill()
	killed = at
	mu.Unlock()
	if err != nil {
		cancel()
		wg.Wait()
		return 0, 0, err
	}
	select {
	case <-over:
	case <-ctx.Done():
	}
	cancel()
	wg.Wait()
	if first.IsZero() {
		return 0, failed, fmt.Errorf("no acknowledged write within %s of the kill of %s", outageWait, leader.Name)
	}
	return first.Sub(killed), failed, nil
}
