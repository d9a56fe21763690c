package bench

import (
	"context"
	"fmt"
	"sync"
	"time"

	"parley/api/client"
)

// arrivals is what one subscriber heard. Its goroutine writes, the measurement reads, both under mu.
type arrivals struct {
	mu        sync.Mutex
	ids       map[uint64]int
	latencies []time.Duration
	news      chan struct{} // has room for one: something arrived
	err       error
}

// Deliver measures from the beginning of a send to the message's arrival at the receiver's subscription, which hangs on
// whichever node the receiver uses. Every acknowledged message must arrive exactly once.
func (b *Bench) Deliver(ctx context.Context, callers int) (Result, error) {
	m := b.next()
	subscribers, stop, err := b.subscribe(ctx, m, b.o.Warmup)
	if err != nil {
		return Result{}, err
	}
	defer stop()
	r, logs, err := b.measure(ctx, "deliver", callers, b.send(m))
	if err != nil {
		return r, err
	}
	if err := b.awaitArrivals(ctx, subscribers, logs); err != nil {
		return r, err
	}
	stop()
	var latencies []time.Duration
	for _, s := range subscribers {
		latencies = append(latencies, s.latencies...)
	}
	cpu, node, ops := r.CPU, r.NodeCPU, r.Ops
	r.fill(latencies, b.o.Span)
	if r.Ops > 0 { // per delivery, not per send
		r.CPU, r.NodeCPU = round(cpu*float64(ops)/float64(r.Ops)), round(node*float64(ops)/float64(r.Ops))
	}
	if err := b.verify(ctx, m, logs); err != nil {
		return r, err
	}
	r.Verified = true
	return r, nil
}

// subscribe follows every account, and returns when every stream stands. Arrivals count when their send began after the
// warm-up.
func (b *Bench) subscribe(ctx context.Context, measurement int, warmup time.Duration) ([]*arrivals, func(), error) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	subscribers := make([]*arrivals, len(b.accounts))
	stands := make(chan error, len(b.accounts))
	from := time.Now().Add(warmup)
	for i, a := range b.accounts {
		s := &arrivals{ids: make(map[uint64]int), news: make(chan struct{}, 1)}
		subscribers[i] = s
		sub := a.c.Subscribe(ctx, "")
		// Owned by the measurement, ends with ctx; touches its own arrivals alone.
		wg.Go(func() {
			defer sub.Close()
			b.follow(ctx, sub, a.name, measurement, from, s, stands)
		})
	}
	stop := func() { cancel(); wg.Wait() }
	for range b.accounts {
		if err := <-stands; err != nil {
			stop()
			return nil, nil, fmt.Errorf("subscribe: %w", err)
		}
	}
	return subscribers, stop, nil
}

func (b *Bench) follow(
	ctx context.Context, sub *client.Subscription, name string, measurement int, from time.Time, s *arrivals, stands chan<- error,
) {
	standing := false
	for {
		frame, err := sub.Next(ctx)
		at := time.Now()
		if err != nil || frame.GetReset_() != nil {
			if err == nil {
				err = fmt.Errorf("the stream was cut: %s", frame.GetReset_().GetReason())
			}
			if !standing {
				stands <- err
			}
			s.mu.Lock()
			if ctx.Err() == nil {
				s.err = err
			}
			s.mu.Unlock()
			return
		}
		if !standing {
			standing = true
			stands <- nil
		}
		msg := frame.GetEvent().GetMessage()
		if msg == nil || msg.GetSender() == name {
			continue
		}
		_, _, began, ours := b.parseLabel(msg.GetText(), measurement)
		if !ours {
			continue
		}
		s.mu.Lock()
		s.ids[msg.GetId()]++
		if sent := b.began.Add(began); sent.After(from) {
			s.latencies = append(s.latencies, at.Sub(sent))
		}
		s.mu.Unlock()
		select {
		case s.news <- struct{}{}:
		default:
		}
	}
}

// awaitArrivals returns when each acknowledged message has arrived; once, or it is an error.
func (b *Bench) awaitArrivals(ctx context.Context, subscribers []*arrivals, logs []*callerLog) error {
	ctx, cancel := context.WithTimeout(ctx, deliverWait)
	defer cancel()
	due := make([][]uint64, len(b.accounts))
	for _, log := range logs {
		for _, a := range log.acks {
			r := b.convs[a.conv].receiver
			due[r] = append(due[r], a.id)
		}
	}
	for i, s := range subscribers {
		for {
			missing, err := s.check(due[i])
			if err != nil {
				return fmt.Errorf("verification failed: receiver %s: %w", b.accounts[i].name, err)
			}
			if missing == 0 {
				break
			}
			select {
			case <-s.news:
			case <-ctx.Done():
				return fmt.Errorf("verification failed: receiver %s: %d of %d acknowledged messages did not arrive",
					b.accounts[i].name, missing, len(due[i]))
			}
		}
	}
	return nil
}

func (s *arrivals) check(due []uint64) (missing int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range due {
		switch n := s.ids[id]; {
		case n == 0:
			missing++
		case n > 1:
			return 0, fmt.Errorf("message %d arrived %d times", id, n)
		}
	}
	if missing > 0 && s.err != nil {
		return missing, s.err
	}
	return missing, nil
}
