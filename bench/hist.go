package bench

import (
	"math/bits"
	"time"
)

const (
	// histSub buckets for each power of two: a quantile is at most 1/128 too high.
	histSub     = 128
	histSubBits = 7
	// histPowers covers 1 ns up to 2^42 ns, over an hour; longer counts as that.
	histPowers  = 42
	histBuckets = (histPowers - histSubBits + 1) * histSub
)

// hist counts durations in buckets that grow with them: its memory, 18 KiB, does not depend on how many there were. For one
// goroutine at a time.
type hist struct {
	counts []uint32
	n      uint64
	max    time.Duration
}

func (h *hist) record(d time.Duration) {
	if h.counts == nil {
		h.counts = make([]uint32, histBuckets)
	}
	d = max(d, 0)
	h.counts[histBucket(d)]++
	h.n++
	h.max = max(h.max, d)
}

// add takes over what another one counted.
func (h *hist) add(o *hist) {
	if o.n == 0 {
		return
	}
	if h.counts == nil {
		h.counts = make([]uint32, histBuckets)
	}
	for i, c := range o.counts {
		h.counts[i] += c
	}
	h.n += o.n
	h.max = max(h.max, o.max)
}

// quantile is the highest duration of the bucket below which at least a share q of all lies; never more than the longest.
func (h *hist) quantile(q float64) time.Duration {
	need := uint64(q * float64(h.n))
	if float64(need) < q*float64(h.n) {
		need++
	}
	var sum uint64
	for i, c := range h.counts {
		sum += uint64(c)
		if sum >= need && c > 0 {
			return min(histTop(i), h.max)
		}
	}
	return h.max
}

// histBucket: below 128 ns each has its own; above, the seven bits behind the leading one choose.
func histBucket(d time.Duration) int {
	v := uint64(d)
	if v < histSub {
		return int(v)
	}
	p := bits.Len64(v) - 1
	if p >= histPowers {
		return histBuckets - 1
	}
	return (p-histSubBits+1)*histSub + int(v>>(p-histSubBits))&(histSub-1)
}

// histTop is the longest duration of a bucket.
func histTop(i int) time.Duration {
	if i < histSub {
		return time.Duration(i)
	}
	shift := i/histSub - 1
	return time.Duration(uint64(histSub+i%histSub+1)<<shift - 1)
}
