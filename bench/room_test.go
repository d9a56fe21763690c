package bench

import (
	"testing"
	"time"
)

// TestAMessageCountsWhenTheLastStreamHasIt: not before, whatever the order of arrivals, and only within the window.
func TestAMessageCountsWhenTheLastStreamHasIt(t *testing.T) {
	began := time.Unix(100, 0)
	at := func(ms int) time.Time { return began.Add(time.Duration(ms) * time.Millisecond) }
	w := &window{from: began, to: began.Add(time.Second)}
	l := newLastArrivals(3)
	for _, a := range []struct{ op, intended, ms, counted int }{
		{0, 0, 10, 0}, {1, 100, 130, 0}, {0, 0, 30, 0}, {0, 0, 20, 1}, {1, 100, 120, 1}, {1, 100, 180, 2},
		{2, 1000, 1001, 2}, {2, 1000, 1002, 2}, {2, 1000, 1003, 2},
	} {
		l.arrived(label{op: a.op, intended: at(a.intended)}, at(a.ms), w)
		if int(l.waited.n) != a.counted {
			t.Fatalf("after message %d at %d ms, %d count, want %d", a.op, a.ms, l.waited.n, a.counted)
		}
	}
	if l.waited.max != 80*time.Millisecond {
		t.Errorf("the longest took %s, want 80 ms", l.waited.max)
	}
	if len(l.open) != 0 {
		t.Errorf("%d messages are kept that every stream has", len(l.open))
	}
}
