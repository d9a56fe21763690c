package load

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"parley/api/client"
	"parley/e2e/cluster"
	"parley/proto/parleyv1"
)

// Options say how much to write.
type Options struct {
	// Spokes is the number of conversations; each has two writers. 0 is 3.
	Spokes int
	// Each is how many messages each writer sends before it ends by itself; 0: until Stop.
	Each int
	// Pause is the least time between two sends of a writer; 0: none.
	Pause time.Duration
	// Hub names the hub account; "hub" when empty. Spokes are named after it.
	Hub string
}

// Load is a set of writers and the ledger of what they were told.
type Load struct {
	tb      cluster.TB
	c       *cluster.Cluster
	hub     string
	token   []byte
	writers []*writer
	follow  *follower

	ledger ledger
	stop   chan struct{}
	wg     sync.WaitGroup
	// stopped is set once; Stop may be called by the test and by Cleanup.
	stopped sync.Once
	retries atomic.Int64
}

// writer is one goroutine's: nobody else touches it after Start.
type writer struct {
	name string
	to   string
	cl   *client.Client
}

// Start makes the accounts, begins to follow as the hub, and starts the writers.
func Start(t cluster.TB, c *cluster.Cluster, o Options) *Load {
	t.Helper()
	if o.Spokes == 0 {
		o.Spokes = 3
	}
	if o.Hub == "" {
		o.Hub = "hub"
	}
	l := &Load{tb: t, c: c, hub: o.Hub, stop: make(chan struct{})}
	hub := Account(t, c.Addresses(0), l.hub)
	l.token = hub.Token()
	l.writers = make([]*writer, 2*o.Spokes)
	spokes := make([]*client.Client, o.Spokes)
	for i := range spokes {
		spokes[i] = Dial(t, client.Options{Servers: c.Addresses(i)})
		name := fmt.Sprintf("%s.s%d", l.hub, i+1)
		out := Dial(t, client.Options{Servers: c.Addresses(i + 1), Token: l.token})
		l.writers[2*i] = &writer{name: name, to: "@" + l.hub, cl: spokes[i]}
		l.writers[2*i+1] = &writer{name: fmt.Sprintf("%s.%d", l.hub, i+1), to: "@" + name, cl: out}
	}
	if err := each(o.Spokes, func(i int) error { return register(spokes[i], l.writers[2*i].name) }); err != nil {
		t.Fatalf("%v", err)
	}
	l.follow = startFollower(t, hub)
	for _, w := range l.writers {
		l.wg.Add(1)
		// Owned by the load: ends after Stop or after Each messages, and touches its writer and the ledger.
		go func() {
			defer l.wg.Done()
			l.write(w, o)
		}()
	}
	t.Cleanup(func() { l.Stop() })
	return l
}

// Stop lets every writer finish the send it has under way, and waits for them.
func (l *Load) Stop() {
	l.stopped.Do(func() { close(l.stop) })
	l.wg.Wait()
}

// Wait waits until every writer has sent its Each messages.
func (l *Load) Wait() { l.wg.Wait() }

// Token is the hub's session, which sees every message of the load.
func (l *Load) Token() []byte { return l.token }

// Acked is how many messages were acknowledged so far.
func (l *Load) Acked() int { return l.ledger.len() }

// Retries is how often a call of the client library ended without a result and was made again with its request id.
func (l *Load) Retries() int64 { return l.retries.Load() }

// AwaitAcked waits until n more messages were acknowledged.
func (l *Load) AwaitAcked(n int) {
	l.tb.Helper()
	from := l.Acked()
	cluster.Await(l.tb, cluster.Patience, fmt.Sprintf("%d more acknowledged messages", n), func() error {
		if got := l.Acked() - from; got < n {
			return fmt.Errorf("%d so far", got)
		}
		return nil
	})
}

func (l *Load) write(w *writer, o Options) {
	var pace <-chan time.Time
	if o.Pause > 0 {
		tick := time.NewTicker(o.Pause)
		defer tick.Stop()
		pace = tick.C
	}
	for i := 1; o.Each == 0 || i <= o.Each; i++ {
		select {
		case <-l.stop:
			return
		default:
		}
		if pace != nil {
			select {
			case <-l.stop:
				return
			case <-pace:
			}
		}
		if !l.send(w, fmt.Sprintf("%s/%d", w.name, i)) {
			return
		}
	}
}

// send sends one message until it is acked; false when that failed for good, which fails the test.
func (l *Load) send(w *writer, text string) bool {
	id, err := uuid.NewV7()
	if err != nil {
		l.tb.Errorf("%v", err)
		return false
	}
	req := &parleyv1.SendMessageRequest{RequestId: id.String(), Conversation: w.to, Text: text}
	started := time.Now()
	for {
		ctx, cancel := context.WithTimeout(context.Background(), sendTimeout)
		resp, err := w.cl.SendMessage(ctx, req)
		cancel()
		if err == nil {
			l.ledger.add(Ack{
				Writer: w.name, To: w.to, Text: text, RequestID: req.GetRequestId(),
				ID: resp.GetId(), Seq: resp.GetSeq(), Started: started, Acked: time.Now(),
			})
			return true
		}
		if client.OutcomeOf(err) == client.Refused {
			l.tb.Errorf("send of %q by %s to %s was refused: %v", text, w.name, w.to, err)
			return false
		}
		if time.Since(started) > ackPatience {
			l.tb.Errorf("send of %q by %s to %s got no answer in %s: %v", text, w.name, w.to, ackPatience, err)
			return false
		}
		l.retries.Add(1)
	}
}
