package bench

import (
	"context"
	"fmt"

	"parley/api/client"
)

// MaxFanout is how many streams can follow one conversation on so many nodes: its two people's, on every node as many as one
// account may have there.
func MaxFanout(nodes int) int { return 2 * streamsPerAccount * nodes }

// Fanout measures one sender's messages to n streams spread over all nodes, from when a send was to begin to each arrival.
// Operations are deliveries. Every stream must get every message once, in order.
func (b *Bench) Fanout(ctx context.Context, n int) (Result, error) {
	m := b.next()
	r := b.result("fanout", 1)
	clients, err := b.clients(ctx, 1)
	if err != nil {
		return r, err
	}
	nodes, err := b.allowed(ctx, ViaAll)
	if err != nil {
		return r, err
	}
	if most := MaxFanout(len(nodes)); n < 1 || n > most {
		return r, fmt.Errorf("%d subscribers of one conversation: choose 1 to %d, for two people have %d streams on each of %d nodes",
			n, most, streamsPerAccount, len(nodes))
	}
	b.plan = newPlan(1, 1, len(b.accounts), b.name)
	cs := b.callers(1, clients, nil)
	people := []int{b.plan.convs[0].second, b.plan.convs[0].first}
	if err := b.login(ctx, people); err != nil {
		return r, err
	}
	streams := b.subscribers(ctx, m, n)
	defer streams.stop()
	for j := range n {
		person := people[(j/len(nodes))/streamsPerAccount]
		c, err := b.dial(client.Options{
			Servers: []string{nodes[j%len(nodes)].GetAddress()}, OnlyServers: true, Token: b.accounts[person].c.Token(),
		})
		if err != nil {
			return r, err
		}
		defer func() { _ = c.Close() }()
		streams.add(c, fmt.Sprintf("%d on node %s", j, nodes[j%len(nodes)].GetName()), "")
	}
	if err := streams.stand(); err != nil {
		return r, err
	}
	r.Subscribers, r.Convs = n, 1
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
	b.deliveries(&r, streams, met)
	if err := b.verify(ctx, m, logs); err != nil {
		return r, err
	}
	r.Verified = true
	return r, nil
}
