package node

import (
	"sync/atomic"
	"time"
)

// commitSeconds is how far back the times of commits are kept: what a person who looks at the cluster wants to see at once.
const commitSeconds = 60

// commitTimes keeps the slowest commit of each second, as the leader that proposed it measured it. Any goroutine may note.
type commitTimes struct {
	// Each slot is a second since the epoch in the upper half and microseconds in the lower.
	slots [commitSeconds]atomic.Uint64
}

// note takes one commit that ended now.
func (t *commitTimes) note(now time.Time, took time.Duration) {
	second := uint64(now.Unix()) & 0xffffffff
	mine := second<<32 | uint64(min(max(took.Microseconds(), 1), 0xffffffff))
	slot := &t.slots[second%commitSeconds]
	for {
		old := slot.Load()
		if old >= mine || slot.CompareAndSwap(old, mine) { // a later second is greater too
			return
		}
	}
}

// recent is the microseconds of the last seconds, the running one last; 0 where there was none.
func (t *commitTimes) recent(now time.Time) []uint32 {
	out := make([]uint32, commitSeconds)
	for i := range out {
		second := uint64(now.Unix()-int64(commitSeconds-1-i)) & 0xffffffff
		if v := t.slots[second%commitSeconds].Load(); v>>32 == second {
			out[i] = uint32(v)
		}
	}
	return out
}
