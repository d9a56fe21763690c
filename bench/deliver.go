package bench

import (
	"cmp"
	"context"
	"slices"

	"parley/api/client"
	"parley/proto/parleyv1"
)

// Deliver measures from when a send was to begin to the message's arrival on the receiver's stream, which hangs on another
// node than the one that takes the send. Every acknowledged message must arrive exactly once, in order.
func (b *Bench) Deliver(ctx context.Context, callers int) (Result, error) {
	m := b.next()
	cs, err := b.ready(ctx, callers)
	if err != nil {
		return Result{}, err
	}
	r := b.result("deliver", callers)
	streams, of, same, err := b.receivers(ctx, m, cs)
	if err != nil {
		return r, err
	}
	defer streams.stop()
	r.SameNode, r.Subscribers = same, len(streams.all)
	w := b.window()
	streams.w.Store(&w)
	r, logs, met, err := b.measure(ctx, w, r, cs, b.send(m))
	if err != nil {
		return r, err
	}
	if err := b.awaitAll(ctx, cs, func(p place) []*subscriber { return []*subscriber{of[p.to]} }); err != nil {
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

// deliveries makes them the result's operations instead of the sends.
func (b *Bench) deliveries(r *Result, streams *subscribers, met *meter) {
	waited, served := streams.latencies()
	r.Sends = r.Ops
	r.fillFrom(&waited, b.o.Span)
	if b.o.Rate > 0 {
		r.ServedP50MS, r.ServedP99MS = ms(served.quantile(0.5)), ms(served.quantile(0.99))
	}
	met.into(r)
}

// receivers subscribes all accounts that the callers write to, each on one node, and gives the callers clients on others. same
// is set when there were too few nodes for that.
func (b *Bench) receivers(ctx context.Context, measurement int, callers []*caller) (
	streams *subscribers, of map[int]*subscriber, same bool, err error,
) {
	all, err := b.allowed(ctx, ViaAll)
	if err != nil {
		return nil, nil, false, err
	}
	from, err := b.allowed(ctx, cmp.Or(b.o.Via, ViaLeader)) // where a client's sends go by themselves
	if err != nil {
		return nil, nil, false, err
	}
	homes := all
	if len(from) == 1 && len(all) > 1 {
		homes = slices.DeleteFunc(slices.Clone(all), func(m *parleyv1.Member) bool { return m.GetName() == from[0].GetName() })
	}
	home := make(map[int]*parleyv1.Member)
	var accounts []int
	for _, cl := range callers {
		cl.through = make([]*client.Client, len(cl.places))
		for k, p := range cl.places {
			if home[p.to] == nil {
				home[p.to] = homes[len(accounts)%len(homes)]
				accounts = append(accounts, p.to)
			}
			at := from[(cl.i+k)%len(from)]
			for j := 1; at.GetName() == home[p.to].GetName() && j < len(from); j++ {
				at = from[(cl.i+k+j)%len(from)]
			}
			same = same || at.GetName() == home[p.to].GetName()
			if cl.through[k], err = b.pin(at.GetAddress(), cl.i%len(b.plan.places)); err != nil {
				return nil, nil, false, err
			}
		}
		if err := connect(ctx, cl.through); err != nil {
			return nil, nil, false, err
		}
	}
	if err := b.login(ctx, accounts); err != nil {
		return nil, nil, false, err
	}
	streams, of = b.subscribers(ctx, measurement, len(accounts)), make(map[int]*subscriber, len(accounts))
	for _, a := range accounts {
		c, err := b.pin(home[a].GetAddress(), a)
		if err != nil {
			streams.stop()
			return nil, nil, false, err
		}
		of[a] = streams.add(c, b.accounts[a].name, b.accounts[a].name)
	}
	if err := streams.stand(); err != nil {
		streams.stop()
		return nil, nil, false, err
	}
	return streams, of, same, nil
}

// awaitAll returns when every acknowledged message of the callers has arrived wherever it must.
func (b *Bench) awaitAll(ctx context.Context, callers []*caller, to func(place) []*subscriber) error {
	ctx, cancel := context.WithTimeout(ctx, deliverWait)
	defer cancel()
	messages := make(map[*subscriber][]due)
	for _, cl := range callers {
		for op := range len(cl.log.acked) * 64 {
			if !cl.log.acked.has(op) {
				continue
			}
			for _, u := range to(cl.places[cl.place(op)]) {
				messages[u] = append(messages[u], due{cl.i, op})
			}
		}
	}
	for u, list := range messages {
		if err := u.await(ctx, list); err != nil {
			return err
		}
	}
	return nil
}
