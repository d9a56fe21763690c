package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"parley/api/client"
	"parley/e2e/cluster"
	"parley/e2e/load"
	"parley/proto/parleyv1"
)

const (
	// backgroundMessages are stored before: the store file that is sent has several hundred MB.
	backgroundMessages = 1_000_000
	// backgroundRate is how many sends begin in a second: about a fifth of what the cluster takes, so that what delays one is not
	// its neighbours.
	backgroundRate = 1000
	// backgroundSpan is how long the sends are watched before a store file is sent as well.
	backgroundSpan = 40 * time.Second
	// indexPatience is how long the nodes may take to index the history.
	indexPatience = 5 * time.Minute
	// pollEvery is how often each node is asked how far it is.
	pollEvery = 20 * time.Millisecond
	// around is how long before its end a flush is taken to have begun: several times what one of that load takes.
	around = 150 * time.Millisecond
)

// sample is one send: when it was due, and when it was acknowledged.
type sample struct{ due, done time.Time }

func (s sample) latency() time.Duration { return s.done.Sub(s.due) }

// span is when something went on.
type span struct{ from, to time.Time }

// background measures sends on a fixed schedule, and tells apart those during which a node flushed its store, cut its log, or
// was sent a store file.
func (p *points) background(t *cluster.Program, o options, binary string, messages int) error {
	t.Logf("background work over %d messages", messages)
	_, c, end, err := filledCluster(t, o, binary, messages, &filler{})
	if err != nil {
		return err
	}
	defer end()
	s := &schedule{}
	for i := range callers {
		s.clients = append(s.clients, load.Account(t, c.Addresses(i), fmt.Sprintf("sender%d", i)))
	}
	awaitIndexes(t, c, s.clients[0].Token())
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	w := &watch{c: c, last: make(map[string]*parleyv1.StatusResponse)}
	watched := make(chan error, 1)
	// Owned by this call, which waits for it; the only one that writes w.
	go func() { watched <- w.run(ctx) }()

	quiet, err := s.run(ctx, backgroundSpan)
	if err != nil {
		return err
	}
	healed := make(chan span, 1)
	// Owned by this call, which waits for it: a follower loses its store file under the load and gets one from another node.
	go func() { healed <- reload(t, c) }()
	loaded, err := s.run(ctx, backgroundSpan)
	if err != nil {
		return err
	}
	sent := <-healed
	stop()
	if err := <-watched; err != nil {
		return err
	}
	load.VerifyHashes(t, c)

	add := func(what string, of []sample) {
		if len(of) == 0 {
			return
		}
		p.add("background", messages, what+", sends", float64(len(of)))
		p.add("background", messages, what+", p50 ms", quantile(of, 0.5))
		p.add("background", messages, what+", p99 ms", quantile(of, 0.99))
	}
	during := func(of []sample, spans []span) (in, out []sample) {
		for _, v := range of {
			if slices.ContainsFunc(spans, func(s span) bool { return v.due.Before(s.to) && v.done.After(s.from) }) {
				in = append(in, v)
			} else {
				out = append(out, v)
			}
		}
		return in, out
	}
	flushing, rest := during(quiet, w.flushes)
	add("no node flushes", rest)
	add("a node flushes", flushing)
	cutting, _ := during(quiet, w.cuts)
	add("a node flushes and cuts its log", cutting)
	receiving, _ := during(loaded, []span{sent})
	add("a store file goes to a node", receiving)
	p.add("background", messages, "a store file goes to a node, s", sent.to.Sub(sent.from).Seconds())
	return p.failed
}

// awaitIndexes waits until every node has made its search index: that is another piece of work of its own, once for a node.
func awaitIndexes(t *cluster.Program, c *cluster.Cluster, token []byte) {
	for _, n := range c.Nodes {
		d, err := n.Direct(token)
		if err != nil {
			t.Fatalf("%v", err)
		}
		cluster.Await(t, indexPatience, n.Name+" to index", func() error {
			ctx, cancel := context.WithTimeout(d.Context(context.Background()), cluster.Patience)
			defer cancel()
			r, err := d.Chat.SearchMessages(ctx, &parleyv1.SearchMessagesRequest{Query: "way"})
			if err == nil && r.GetBehind() {
				err = fmt.Errorf("it is at index %d", r.GetIndexedIndex())
			}
			return err
		})
		d.Close()
	}
}

// quantile is in milliseconds.
func quantile(of []sample, q float64) float64 {
	ds := make([]time.Duration, len(of))
	for i, v := range of {
		ds[i] = v.latency()
	}
	slices.Sort(ds)
	return float64(ds[min(len(ds)-1, int(q*float64(len(ds))))]) / float64(time.Millisecond)
}

// schedule sends at backgroundRate, whatever the answers take.
type schedule struct{ clients []*client.Client }

func (s *schedule) run(ctx context.Context, d time.Duration) ([]sample, error) {
	start := time.Now().Add(100 * time.Millisecond)
	var mu sync.Mutex
	var all []sample
	errs := make([]error, len(s.clients))
	var wg sync.WaitGroup
	for i, cl := range s.clients {
		to := fmt.Sprintf("@sender%d", i^1)
		wg.Go(func() {
			var mine []sample
			for k := i; ; k += len(s.clients) {
				due := start.Add(time.Duration(k) * time.Second / backgroundRate)
				if due.Sub(start) >= d {
					break
				}
				at := time.NewTimer(time.Until(due))
				select {
				case <-at.C:
				case <-ctx.Done():
					errs[i] = ctx.Err()
					return
				}
				if _, err := cl.SendMessage(ctx, &parleyv1.SendMessageRequest{Conversation: to, Text: "under way"}); err != nil {
					errs[i] = err
					return
				}
				mine = append(mine, sample{due, time.Now()})
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, mine...)
		})
	}
	wg.Wait()
	return all, errors.Join(errs...)
}

// watch notes when the nodes flushed and cut their logs.
type watch struct {
	c             *cluster.Cluster
	last          map[string]*parleyv1.StatusResponse
	flushes, cuts []span
}

func (w *watch) run(ctx context.Context) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for _, n := range w.c.Nodes {
			st, err := w.c.Status(n)
			if err != nil {
				continue // it is being restarted
			}
			now := time.Now()
			if was := w.last[n.Name]; was != nil {
				s := span{now.Add(-around), now}
				if st.GetFlushed() != was.GetFlushed() {
					w.flushes = append(w.flushes, s)
				}
				if st.GetCompacted() != was.GetCompacted() {
					w.cuts = append(w.cuts, s)
				}
			}
			w.last[n.Name] = st
		}
	}
}

// reload kills a follower, takes its store file away and starts it: another node sends it one. It returns from the start to
// the node's serving.
func reload(t *cluster.Program, c *cluster.Cluster) span {
	leader := c.Leader()
	for _, n := range c.Nodes {
		if n == leader {
			continue
		}
		n.Kill()
		if err := os.Remove(filepath.Join(n.Dir, "store.db")); err != nil {
			t.Fatalf("%v", err)
		}
		from := time.Now()
		n.Start()
		c.AwaitServing(n)
		return span{from, time.Now()}
	}
	t.Fatalf("no follower")
	return span{}
}
