package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"parley/e2e/check"
	"parley/e2e/cluster"
	"parley/proto/parleyv1"
)

// verify judges the round that has ended: everybody is quiet, every node serves. The next round then begins with what was
// verified as given.
func (p *party) verify() check.Findings {
	var f check.Findings
	p.timed("the sends of unknown outcome", func() {
		for _, t := range p.talks {
			p.settle(t)
		}
	})
	for _, t := range p.talks {
		f.Add(p.verifyTalk(t))
	}
	p.timed("the state hashes", func() { f.Add(p.verifyHashes()) })
	return f
}

// timed tells of a part of the verification that takes longer than it should on a cluster that is whole.
func (p *party) timed(what string, f func()) {
	from := time.Now()
	f()
	if took := time.Since(from); took > slowVerification {
		p.tb.Logf("slow: %s took %s", what, took.Round(time.Millisecond))
	}
}

// settle sends every request of unknown outcome again, until it is acknowledged: nothing of this round can then take effect
// in the next one.
func (p *party) settle(t *talk) {
	for _, d := range t.doubts {
		p.insist(t, d.w, d.req, check.Op{Client: d.w.id, Call: p.clock.now(), Key: check.KeyOf(d.req.GetText())})
		p.tally.count(&p.tally.resolved)
	}
	t.doubts = nil
}

// verifyTalk holds one conversation, on every node and in every stream, to what its callers were told.
func (p *party) verifyTalk(t *talk) check.Findings {
	var f check.Findings
	h := check.History{Name: t.name, Base: t.base, Ops: t.ops}
	for i, n := range p.c.Running() {
		for side := range t.tokens {
			got, err := readAll(n, t.tokens[side], t.peers[side], t.baseID)
			if err != nil {
				f.Say(&f.Unverified, "%s: read through %s alone: %v", t.name, n.Name, err)
				return f
			}
			if i == 0 && side == 0 {
				h.Final = got
			} else if !slices.Equal(got, h.Final) {
				f.Say(&f.Illegal, "%s: %s shows %d messages, another node shows %d, or in another order",
					t.name, n.Name, len(got), len(h.Final))
			}
		}
	}
	f.Add(check.Ordered(&h))
	if !t.hot {
		p.timed("porcupine on "+t.name, func() { f.Add(check.Model(&h, modelPatience)) })
	}
	patience := streamPatience
	for i, s := range t.streams {
		var got []check.Message
		var err error
		p.timed(fmt.Sprintf("stream %d of %s", i, t.name), func() { got, err = s.take(len(h.Final), patience) })
		if err != nil {
			patience = 0 // they all had that time
			f.Say(&f.Lost, "%s: a subscriber: %v", t.name, err)
		}
		f.Add(check.Stream(t.name, got, h.Final))
	}
	t.ops = nil
	if len(h.Final) > 0 {
		t.baseID = h.Final[len(h.Final)-1].ID
	}
	t.base = slices.Concat(h.Base, h.Final)
	t.base = slices.Clone(t.base[max(0, len(t.base)-check.PageSize):])
	return f
}

// readAll reads what follows an id through one node alone, linearizably, page by page from the newest back, and returns it
// oldest first.
func readAll(n *cluster.Node, token []byte, conversation string, after uint64) ([]check.Message, error) {
	d, err := n.Direct(token)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	var all []check.Message
	before := uint64(0)
	for {
		ctx, cancel := context.WithTimeout(d.Context(context.Background()), callTimeout)
		resp, err := d.Chat.ReadMessages(ctx, &parleyv1.ReadMessagesRequest{
			Conversation: conversation, Limit: pageSize, BeforeId: before,
		})
		cancel()
		if err != nil {
			return nil, err
		}
		page := messages(resp.GetMessages())
		for _, m := range slices.Backward(page) {
			if m.ID <= after {
				slices.Reverse(all)
				return all, nil
			}
			all = append(all, m)
			before = m.ID
		}
		if len(page) == 0 || !resp.GetMore() {
			slices.Reverse(all)
			return all, nil
		}
	}
}

// verifyHashes awaits the state hash of every running node at one applied index; all are equal.
func (p *party) verifyHashes() check.Findings {
	var f check.Findings
	nodes := p.c.Running()
	var hashes map[string]string
	if err := cluster.Poll(cluster.Patience, func() error {
		var err error
		if hashes, err = p.c.Hashes(nodes[0]); err != nil {
			return err
		}
		for _, n := range nodes {
			if hashes[n.Name] == "" {
				return fmt.Errorf("%s gave none", n.Name)
			}
		}
		return nil
	}); err != nil {
		f.Say(&f.Unverified, "the state hashes: %v", err)
	}
	for _, n := range nodes {
		if hashes[n.Name] != hashes[nodes[0].Name] {
			f.Say(&f.Illegal, "the state hash of %s differs from %s's at one applied index", n.Name, nodes[0].Name)
		}
	}
	return f
}

// stalls returns, for every writer, how long after the moment the first send that it began later was acknowledged; ascending,
// so the first is when the cluster took the next write.
func (p *party) stalls(at time.Duration) []time.Duration {
	first := map[int]time.Duration{}
	for _, t := range p.talks {
		t.mu.Lock()
		for _, op := range t.ops {
			if op.Read || op.Outcome != check.Acked || op.Call < at || p.pinned[op.Client] {
				continue
			}
			if f, ok := first[op.Client]; !ok || op.Return < f {
				first[op.Client] = op.Return
			}
		}
		t.mu.Unlock()
	}
	var all []time.Duration
	for _, f := range first {
		all = append(all, f-at)
	}
	slices.SortFunc(all, cmp.Compare[time.Duration])
	return all
}
