package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/api/client"
	"parley/proto/parleyv1"
)

// Idle measures what n subscriptions cost one node while nobody writes: a follower, or the leader with ViaLeader. Operations
// are the heartbeats that came. It needs the node's process.
func (b *Bench) Idle(ctx context.Context, n int) (Result, error) {
	r := b.result("idle", 0)
	r.Subscribers, r.Senders, r.Connections, r.Convs, r.Size, r.Rate = n, 0, 0, 0, 0, 0
	if n < 1 || n > MaxIdle {
		return r, fmt.Errorf("%d subscriptions: choose 1 to %d", n, MaxIdle)
	}
	via := b.o.Via
	if via == ViaAny && len(b.nodes) > 1 {
		via = ViaFollowers
	}
	nodes, err := b.allowed(ctx, via)
	if err != nil {
		return r, err
	}
	node := nodes[len(nodes)-1]
	ps := b.processOf(node.GetName())
	before := rssAnon(ps)
	if before == nil {
		return r, errors.New("idle looks at the node's process: it needs a cluster of its own, on Linux")
	}
	tokens, err := b.idleTokens(ctx, node, (n+streamsPerAccount-1)/streamsPerAccount)
	if err != nil {
		return r, err
	}
	var beats, lost atomic.Int64
	w, end, err := b.idleStreams(ctx, node, tokens, n, &beats, &lost)
	if err != nil {
		return r, err
	}
	defer end()
	b.o.Progress(fmt.Sprintf("%d subscriptions stand on node %s", n, node.GetName()))
	met := b.meter(ctx, w)
	if !waitUntil(ctx, w.from) {
		return r, ctx.Err()
	}
	cpu, count := sampleCPU(ps), beats.Load()
	if !waitUntil(ctx, w.to) {
		return r, ctx.Err()
	}
	count = beats.Load() - count
	spent := sampleCPU(ps).nodes - cpu.nodes
	if err := met.wait(); err != nil {
		return r, err
	}
	r.count(int(count), b.o.Span)
	r.Errors = int(lost.Load())
	met.into(&r)
	after := r.RSS[node.GetName()]
	r.Idle = &Idle{
		Node: node.GetName(), BeforeMB: before[node.GetName()], AfterMB: after,
		EachKB: round((after - before[node.GetName()]) * 1024 / float64(n)),
		CPUPct: round(100 * spent.Seconds() / b.o.Span.Seconds()),
	}
	return r, nil
}

func (b *Bench) processOf(name string) []Process {
	for _, p := range b.processes() {
		if p.Name == name {
			return []Process{p}
		}
	}
	return nil
}

// idleTokens logs so many accounts in, made anew, through one client; not on this node, whose memory shall not be that of
// password hashes.
func (b *Bench) idleTokens(ctx context.Context, node *parleyv1.Member, n int) ([][]byte, error) {
	b.o.Progress(fmt.Sprintf("logging %d accounts in", n))
	names, m := make([]string, n), b.next()
	for i := range names {
		names[i] = fmt.Sprintf("bench-%s-idle%d-%05d", b.run, m, i)
	}
	if b.o.Operator == nil {
		return nil, errors.New("idle makes many accounts: it needs an operator")
	}
	if err := b.importAccounts(ctx, names); err != nil {
		return nil, err
	}
	servers := slices.DeleteFunc(slices.Clone(b.o.Servers), func(s string) bool { return s == node.GetAddress() })
	if len(servers) == 0 {
		servers = b.o.Servers
	}
	c, err := b.dial(client.Options{Servers: servers, OnlyServers: true})
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	tokens := make([][]byte, n)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(setupParallel)
	for i, name := range names {
		tokens[i] = client.NewToken()
		g.Go(func() error {
			_, err := c.LoginWith(ctx, &parleyv1.LoginRequest{
				Username: name, Password: b.password, Token: tokens[i], Client: "parley bench",
			})
			return err
		})
	}
	return tokens, g.Wait()
}

// idleStreams subscribes n times, and returns when all stand, with the window that then begins. end ends them.
func (b *Bench) idleStreams(
	ctx context.Context, node *parleyv1.Member, tokens [][]byte, n int, beats, lost *atomic.Int64,
) (w window, end func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	var clients []*client.Client
	end = func() {
		cancel()
		wg.Wait()
		for _, c := range clients {
			_ = c.Close()
		}
	}
	stands := make(chan error, n)
	for j := range n {
		if j%streamsPerClient == 0 {
			c, err := b.dial(client.Options{Servers: []string{node.GetAddress()}, OnlyServers: true, StatusInterval: -1})
			if err != nil {
				end()
				return w, nil, err
			}
			clients = append(clients, c)
		}
		c := clients[len(clients)-1]
		c.SetToken(tokens[j/streamsPerAccount])
		sub := c.Subscribe(ctx, "")
		// Owned by the measurement, ends with ctx.
		wg.Go(func() {
			defer sub.Close()
			b.idle(ctx, sub, stands, beats, lost)
		})
	}
	timer := time.NewTimer(standWait)
	defer timer.Stop()
	for i := range n {
		select {
		case err = <-stands:
		case <-timer.C:
			err = fmt.Errorf("only %d of %d subscriptions stand after %s", i, n, standWait)
		}
		if err != nil {
			end()
			return w, nil, fmt.Errorf("subscribe: %w", err)
		}
	}
	return b.window(), end, nil
}

// idle follows one stream. Each frame after the first that says the stream stands is a heartbeat; a second such is a stream
// that was lost.
func (b *Bench) idle(ctx context.Context, sub *client.Subscription, stands chan<- error, beats, lost *atomic.Int64) {
	for first := true; ; first = false {
		frame, err := sub.Next(ctx)
		switch {
		case first:
			stands <- err
		case err != nil && ctx.Err() == nil:
			lost.Add(1)
		case err == nil && frame.GetSubscribed() != nil:
			lost.Add(1)
		case err == nil:
			beats.Add(1)
		}
		if err != nil {
			return
		}
	}
}
