package measure

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestQuantileIsTheSmallestThatCoversTheShare(t *testing.T) {
	var d []time.Duration
	for i := 1; i <= 100; i++ {
		d = append(d, time.Duration(i))
	}
	for q, want := range map[float64]time.Duration{0.5: 50, 0.99: 99, 1: 100, 0: 1} {
		if got := quantile(d, q); got != want {
			t.Errorf("quantile %v of 1..100 is %d, want %d", q, got, want)
		}
	}
}

func TestOnlyWhatWasAcknowledgedInTheWindowCounts(t *testing.T) {
	c := &Cluster{}
	p := Plan{Warmup: 20 * time.Millisecond, Span: 50 * time.Millisecond, Size: 256}
	r := c.Closed(context.Background(), Result{Callers: 2}, p, func(_ context.Context, caller, _ int) error {
		if caller == 1 {
			return errors.New("refused")
		}
		return nil
	})
	if r.Ops == 0 || r.Errors == 0 || r.Size != 256 || r.Seconds != 0.05 {
		t.Errorf("got %+v", r)
	}
}

func TestADeliveryThatComesTwiceOrNeverIsAnError(t *testing.T) {
	c := &Cluster{}
	var d *Delivery
	subscribe := func(x *Delivery) (func(), error) { d = x; return func() {}, nil }
	send := func(_ context.Context, _, n int) error {
		d.Arrived(n)
		if n == 3 {
			d.Arrived(n)
		}
		return nil
	}
	r, err := c.Deliver(context.Background(), Result{}, Plan{Span: 100 * time.Millisecond}, 100, subscribe, send)
	if err != nil || r.Ops != 10 || r.Errors != 1 {
		t.Errorf("got %+v, %v", r, err)
	}
}
