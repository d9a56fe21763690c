package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/api/client"
	"parley/proto/parleyv1"
)

// Room measures one sender's messages to a room with n members beside it, each with a stream, spread over all nodes. An
// operation is a message, from when its send was to begin to its arrival at the last of them. Every member must get every message
// once, in order. Without a rate it sends DefaultRoomRate in a second.
func (b *Bench) Room(ctx context.Context, n int) (Result, error) {
	if b.o.Rate == 0 {
		b.o.Rate = DefaultRoomRate
		defer func() { b.o.Rate = 0 }()
	}
	m := b.next()
	r := b.result("room", 1)
	r.Subscribers, r.Convs = n, 1
	if n < 1 || n > MaxRoom {
		return r, fmt.Errorf("%d members of a room: choose 1 to %d", n, MaxRoom)
	}
	clients, err := b.clients(ctx, 1)
	if err != nil {
		return r, err
	}
	nodes, err := b.allowed(ctx, ViaAll)
	if err != nil {
		return r, err
	}
	room := fmt.Sprintf("#bench-%s-%d", b.run, m)
	if _, err := b.accounts[0].c.CreateRoom(ctx, &parleyv1.CreateRoomRequest{Room: room}); err != nil {
		return r, fmt.Errorf("create a room: %w", err)
	}
	b.plan = plan{convs: []pair{{room: room}}, places: [][]place{{{name: room}}}}
	members, end, err := b.roomMembers(ctx, m, room, n, nodes)
	defer end()
	if err != nil {
		return r, err
	}
	cs := b.callers(1, clients, nil)
	streams := b.subscribers(ctx, m, n)
	defer streams.stop()
	streams.last = newLastArrivals(n)
	for j, c := range members {
		streams.add(c, fmt.Sprintf("member %d on node %s", j, nodes[j%len(nodes)].GetName()), "")
	}
	if err := streams.stand(); err != nil {
		return r, err
	}
	w := b.window()
	streams.w.Store(&w)
	r, logs, met, err := b.measure(ctx, w, r, cs, b.send(m))
	if err != nil {
		return r, err
	}
	if err := b.awaitAll(ctx, cs, func(place) []*subscriber { return streams.all }); err != nil {
		return r, err
	}
	streams.stop()
	each, _ := streams.latencies()
	r.Sends, r.EachP50MS, r.EachP99MS = r.Ops, ms(each.quantile(0.5)), ms(each.quantile(0.99))
	r.fillFrom(&streams.last.waited, b.o.Span)
	met.into(&r)
	if err := b.verify(ctx, m, logs); err != nil {
		return r, err
	}
	r.Verified = true
	return r, nil
}

// roomMembers makes n accounts that join a room, each with a session of its own on one node, in turn. Sessions on the same node
// share connections. end closes these, also after an error.
func (b *Bench) roomMembers(ctx context.Context, measurement int, room string, n int, nodes []*parleyv1.Member) (
	members []*client.Client, end func(), err error,
) {
	var connections []*client.Client
	end = func() {
		for _, c := range connections {
			_ = c.Close()
		}
	}
	b.o.Progress(fmt.Sprintf("logging %d members of a room in", n))
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("bench-%s-room%d-%05d", b.run, measurement, i)
	}
	if b.o.Operator == nil {
		return nil, end, errors.New("room makes many accounts: it needs an operator")
	}
	if err := b.importAccounts(ctx, names); err != nil {
		return nil, end, err
	}
	for j := range n {
		k := j/len(nodes)/streamsPerClient*len(nodes) + j%len(nodes)
		if k == len(connections) {
			c, err := b.dial(client.Options{Servers: []string{nodes[j%len(nodes)].GetAddress()}, OnlyServers: true})
			if err != nil {
				return nil, end, err
			}
			connections = append(connections, c)
		}
		members = append(members, connections[k].Share(client.NewToken()))
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(setupParallel)
	for j, c := range members {
		g.Go(func() error {
			if _, err := c.Login(ctx, names[j], b.password, "parley bench"); err != nil {
				return fmt.Errorf("log %s in: %w", names[j], err)
			}
			_, err := c.SetMembership(ctx, &parleyv1.SetMembershipRequest{Room: room, Membership: parleyv1.Membership_MEMBERSHIP_MEMBER})
			return err
		})
	}
	return members, end, g.Wait()
}

// lastArrivals are the latencies of messages to the last of n streams that they come to. Safe for concurrent use.
type lastArrivals struct {
	n int

	mu     sync.Mutex
	open   map[int]*arrivals // by operation
	waited hist
}

// arrivals are those of one message so far.
type arrivals struct {
	n    int
	last time.Time
}

func newLastArrivals(n int) *lastArrivals { return &lastArrivals{n: n, open: make(map[int]*arrivals)} }

// arrived notes that one more stream has a message.
func (l *lastArrivals) arrived(of label, at time.Time, w *window) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.open[of.op]
	if a == nil {
		a = new(arrivals)
		l.open[of.op] = a
	}
	if a.n++; at.After(a.last) {
		a.last = at
	}
	if a.n == l.n {
		delete(l.open, of.op)
		if w != nil && w.counts(of.intended) {
			l.waited.record(a.last.Sub(of.intended))
		}
	}
}
