package sim

import (
	"container/heap"
	"time"
)

// event is something that happens at a time. Events of one time happen in the order in which they were planned.
type event struct {
	at  time.Duration
	seq uint64
	run func()
}

// agenda is the queue of all events.
type agenda struct {
	now  time.Duration
	seq  uint64
	heap eventHeap
}

// at plans an event.
func (a *agenda) at(t time.Duration, run func()) {
	a.seq++
	heap.Push(&a.heap, event{max(t, a.now), a.seq, run})
}

// after plans an event a while from now.
func (a *agenda) after(d time.Duration, run func()) { a.at(a.now+d, run) }

// next makes the earliest event happen, unless it lies after the end.
func (a *agenda) next(end time.Duration) bool {
	if len(a.heap) == 0 || a.heap[0].at > end {
		return false
	}
	e := heap.Pop(&a.heap).(event)
	a.now = e.at
	e.run()
	return true
}

type eventHeap []event

func (h eventHeap) Len() int { return len(h) }
func (h eventHeap) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].seq < h[j].seq
}
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(x any)   { *h = append(*h, x.(event)) }
func (h *eventHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = event{}
	*h = old[:len(old)-1]
	return e
}
