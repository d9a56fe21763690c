package bench

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"parley/api/client"
	"parley/proto/parleyv1"
)

// clusterState is who leads and in which term, as one node knows it.
type clusterState struct {
	leader string
	term   uint64
}

func (b *Bench) clusterState(ctx context.Context) (clusterState, error) {
	st, err := b.accounts[0].c.Status(ctx, &parleyv1.StatusRequest{})
	return clusterState{st.GetLeader(), st.GetTerm()}, err
}

// allowed are the nodes through which a measurement goes, as things stand now.
func (b *Bench) allowed(ctx context.Context, via Via) ([]*parleyv1.Member, error) {
	st, err := b.accounts[0].c.Status(ctx, &parleyv1.StatusRequest{})
	if err != nil {
		return nil, fmt.Errorf("ask for the members: %w", err)
	}
	var nodes []*parleyv1.Member
	for _, m := range st.GetMembers() {
		leads := m.GetName() == st.GetLeader()
		if m.GetReachable() && (via == ViaAny || via == ViaAll || (via == ViaLeader) == leads) {
			nodes = append(nodes, m)
		}
	}
	if len(nodes) == 0 {
		return nil, fmt.Errorf("no node is reachable to go through the %s", via)
	}
	return nodes, nil
}

// pin gives an account's client that stays on one node, or, without an address, one beside its first that makes unary calls
// alone. The account must be logged in.
func (b *Bench) pin(address string, account int) (*client.Client, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := pinned{address, account, b.unary}
	if c := b.pins[key]; c != nil {
		return c, nil
	}
	if len(b.pins) >= maxPins {
		return nil, errors.New("too many clients that stay on one node")
	}
	c, err := b.session(key, b.accounts[account].c.Token())
	if err != nil {
		return nil, err
	}
	b.pins[key] = c
	return c, nil
}

// connect has each client ask something small, so that no connection is made within a measurement.
func connect(ctx context.Context, clients []*client.Client) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(connectParallel)
	for _, c := range clients {
		g.Go(func() error {
			if _, err := c.Status(ctx, &parleyv1.StatusRequest{}); err != nil {
				return fmt.Errorf("connect: %w", err)
			}
			return nil
		})
	}
	return g.Wait()
}

// unpin closes those clients: they would ask and answer beside a measurement that does not use them.
func (b *Bench) unpin() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, c := range b.pins {
		_ = c.Close()
		delete(b.pins, key)
	}
	for key, c := range b.shared {
		if key.address != "" || key.unary {
			_ = c.Close()
			delete(b.shared, key)
		}
	}
}

// clients gives each sender the client that it goes through.
func (b *Bench) clients(ctx context.Context, senders int) ([]*client.Client, error) {
	cs := make([]*client.Client, senders)
	if b.o.Via == ViaAny {
		var err error
		for i := range cs {
			if cs[i] = b.accounts[i].c; b.unary && err == nil {
				cs[i], err = b.pin("", i)
			}
		}
		if err != nil || !b.unary {
			return cs, err
		}
		return cs, connect(ctx, cs)
	}
	nodes, err := b.allowed(ctx, b.o.Via)
	if err != nil {
		return nil, err
	}
	for i := range cs {
		if cs[i], err = b.pin(nodes[i%len(nodes)].GetAddress(), i); err != nil {
			return nil, err
		}
	}
	return cs, connect(ctx, cs)
}
