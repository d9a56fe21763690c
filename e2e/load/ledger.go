package load

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// Ack is one acknowledged message, as its answer described it.
type Ack struct {
	Writer, To, Text, RequestID string
	ID, Seq                     uint64
	Started, Acked              time.Time
}

// ledger is what the writers were told; safe for all of them.
type ledger struct {
	mu   sync.Mutex
	acks []Ack
}

func (l *ledger) add(a Ack) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acks = append(l.acks, a)
}

func (l *ledger) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acks)
}

func (l *ledger) all() []Ack {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.acks)
}

// Stalls returns, for each writer, how long after the moment at its first send begun after it was acknowledged. A send that
// was under way may have been answered by who died, and proves nothing. Writers that had none are left out.
func (l *Load) Stalls(at time.Time) []time.Duration {
	first := map[string]time.Time{}
	for _, a := range l.ledger.all() {
		if f, ok := first[a.Writer]; a.Started.After(at) && (!ok || a.Acked.Before(f)) {
			first[a.Writer] = a.Acked
		}
	}
	var stalls []time.Duration
	for _, f := range first {
		stalls = append(stalls, f.Sub(at))
	}
	return stalls
}

// Figures is a sorted set of durations for a log line.
type Figures []time.Duration

// String gives the percentiles in milliseconds.
func (f Figures) String() string {
	if len(f) == 0 {
		return "none"
	}
	f = slices.Sorted(slices.Values(f))
	at := func(p int) float64 {
		i := (len(f)*p + 99) / 100
		return float64(f[max(i, 1)-1].Microseconds()) / 1000
	}
	return fmt.Sprintf("n=%d p50=%.1f ms p99=%.1f ms max=%.1f ms", len(f), at(50), at(99), at(100))
}
