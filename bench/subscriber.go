package bench

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"parley/api/client"
)

// subscriber is one stream and what came on it. Its goroutine writes, the measurement reads, both under mu.
type subscriber struct {
	who string
	mu  sync.Mutex
	// arrived are the operations of each caller whose message came.
	arrived map[int]*bitset
	n       int
	// seqs are the latest of each conversation: a stream must skip none.
	seqs map[string]uint64
	// waited are the latencies from when a send was to begin, served from when it began.
	waited, served hist
	news           chan struct{} // has room for one: something arrived
	err            error
}

// subscribers are all streams of a measurement.
type subscribers struct {
	b           *Bench
	measurement int
	all         []*subscriber
	// last, where it is set, learns of each arrival that counts.
	last *lastArrivals
	// w is set before the first send; only then do deliveries count.
	w      atomic.Pointer[window]
	stands chan error
	wg     sync.WaitGroup
	cancel context.CancelFunc
	ctx    context.Context
}

func (b *Bench) subscribers(ctx context.Context, measurement, n int) *subscribers {
	s := &subscribers{b: b, measurement: measurement, stands: make(chan error, n)}
	s.ctx, s.cancel = context.WithCancel(ctx)
	return s
}

// add subscribes c's account; messages of skip are its own and no deliveries.
func (s *subscribers) add(c *client.Client, who, skip string) *subscriber {
	u := &subscriber{
		who: who, arrived: make(map[int]*bitset), seqs: make(map[string]uint64), news: make(chan struct{}, 1),
	}
	s.all = append(s.all, u)
	sub := c.Subscribe(s.ctx, "")
	// Owned by the measurement, ends with s.ctx; touches its own subscriber alone.
	s.wg.Go(func() {
		defer sub.Close()
		s.follow(sub, u, skip)
	})
	return u
}

// stand returns when every stream stands.
func (s *subscribers) stand() error {
	timer := time.NewTimer(standWait)
	defer timer.Stop()
	for i := range s.all {
		select {
		case err := <-s.stands:
			if err != nil {
				return fmt.Errorf("subscribe: %w", err)
			}
		case <-timer.C:
			return fmt.Errorf("only %d of %d subscriptions stand after %s", i, len(s.all), standWait)
		}
	}
	return nil
}

// stop ends all streams; what came is kept.
func (s *subscribers) stop() {
	s.cancel()
	s.wg.Wait()
}

func (s *subscribers) follow(sub *client.Subscription, u *subscriber, skip string) {
	standing := false
	for {
		frame, err := sub.Next(s.ctx)
		at := time.Now()
		if err == nil && frame.GetReset_() != nil {
			err = fmt.Errorf("the stream was cut: %s", frame.GetReset_().GetReason())
		}
		if !standing {
			standing = true
			s.stands <- err
		}
		if err == nil {
			if m := frame.GetEvent().GetMessage(); m != nil {
				l, ours := s.b.parse(m.GetText(), s.measurement)
				counts := ours && m.GetSender() != skip
				err = u.take(m.GetConversation(), m.GetSeq(), l, counts, at, s.w.Load())
				if err == nil && counts && s.last != nil {
					s.last.arrived(l, at, s.w.Load())
				}
			}
		}
		if err != nil {
			u.mu.Lock()
			if s.ctx.Err() == nil {
				u.err = err
			}
			u.mu.Unlock()
			u.wake()
			return
		}
	}
}

// take notes one message of a conversation; counts is false for those that are nobody's delivery.
func (u *subscriber) take(conversation string, seq uint64, l label, counts bool, at time.Time, w *window) error {
	u.mu.Lock()
	last, known := u.seqs[conversation]
	u.seqs[conversation] = seq
	if known && seq != last+1 {
		u.mu.Unlock()
		return fmt.Errorf("seq %d of %s came after %d", seq, conversation, last)
	}
	if !counts {
		u.mu.Unlock()
		return nil
	}
	bits := u.arrived[l.caller]
	if bits == nil {
		bits = new(bitset)
		u.arrived[l.caller] = bits
	}
	once := bits.set(l.op)
	u.n++
	if w != nil && w.counts(l.intended) {
		u.waited.record(at.Sub(l.intended))
		u.served.record(at.Sub(l.began))
	}
	u.mu.Unlock()
	u.wake()
	if !once {
		return fmt.Errorf("caller %d's message %d arrived twice", l.caller, l.op)
	}
	return nil
}

func (u *subscriber) wake() {
	select {
	case u.news <- struct{}{}:
	default:
	}
}

// due is a message that a subscriber must have got.
type due struct{ caller, op int }

// await returns when each of these has arrived; an error when one does not, or the stream was wrong.
func (u *subscriber) await(ctx context.Context, messages []due) error {
	for {
		missing, err := u.missing(messages)
		if err != nil {
			return fmt.Errorf("verification failed: subscriber %s: %w", u.who, err)
		}
		if missing == 0 {
			return nil
		}
		select {
		case <-u.news:
		case <-ctx.Done():
			return fmt.Errorf("verification failed: subscriber %s: %d of %d acknowledged messages did not arrive",
				u.who, missing, len(messages))
		}
	}
}

// missing counts exactly only when it may be none.
func (u *subscriber) missing(messages []due) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.err != nil {
		return 0, u.err
	}
	if u.n < len(messages) {
		return len(messages) - u.n, nil
	}
	missing := 0
	for _, m := range messages {
		if bits := u.arrived[m.caller]; bits == nil || !bits.has(m.op) {
			missing++
		}
	}
	return missing, nil
}

// latencies puts those of all streams together.
func (s *subscribers) latencies() (waited, served hist) {
	for _, u := range s.all {
		u.mu.Lock()
		waited.add(&u.waited)
		served.add(&u.served)
		u.mu.Unlock()
	}
	return waited, served
}
