package bench

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"parley/api/client"
	"parley/proto/parleyv1"
)

// expectation is what must be found in one conversation.
type expectation struct {
	sum   uint64
	count int
	// after is the id below the first acknowledged one.
	after uint64
}

// verify reads everything of one measurement back from two nodes: each acknowledged message exactly once, at its seq and
// id, with its label; no message twice; no message that was never sent; each caller's in the order in which it sent them.
// Then all state hashes must agree.
func (b *Bench) verify(ctx context.Context, measurement int, logs []*callerLog) error {
	b.o.Progress("reading everything back")
	expected, err := b.expectations(logs)
	if err != nil {
		return err
	}
	nodes, err := b.twoNodes(ctx)
	if err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	for _, node := range nodes {
		g.Go(func() error {
			if err := b.verifyOn(gctx, node, measurement, expected, logs); err != nil {
				return fmt.Errorf("on node %s: %w", node.GetName(), err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("verification failed: %w", err)
	}
	return b.verifyHashes(ctx)
}

// expectations sums the acknowledgements up by conversation.
func (b *Bench) expectations(logs []*callerLog) ([]expectation, error) {
	expected := make([]expectation, len(b.plan.convs))
	for i, log := range logs {
		if log.wrong != nil {
			return nil, fmt.Errorf("verification failed: %w", log.wrong)
		}
		for k, g := range log.ledgers {
			if g.count == 0 {
				continue
			}
			e := &expected[b.placesOf(i)[k].conv]
			if e.count == 0 || g.first-1 < e.after {
				e.after = g.first - 1
			}
			e.sum += g.sum
			e.count += g.count
		}
	}
	return expected, nil
}

// placesOf are the conversations of a caller.
func (b *Bench) placesOf(caller int) []place { return b.plan.places[caller%len(b.plan.places)] }

// twoNodes are the leader and another reachable node; one when the cluster has only one.
func (b *Bench) twoNodes(ctx context.Context) ([]*parleyv1.Member, error) {
	st, err := b.accounts[0].c.Status(ctx, &parleyv1.StatusRequest{})
	if err != nil {
		return nil, err
	}
	var nodes []*parleyv1.Member
	for _, m := range st.GetMembers() {
		if m.GetReachable() && m.GetName() == st.GetLeader() {
			nodes = append(nodes, m)
		}
	}
	for _, m := range st.GetMembers() {
		if m.GetReachable() && m.GetName() != st.GetLeader() && len(nodes) < 2 {
			nodes = append(nodes, m)
		}
	}
	if len(nodes) < min(2, len(st.GetMembers())) {
		return nil, fmt.Errorf("only %d of %d nodes are reachable, two are needed to verify", len(nodes), len(st.GetMembers()))
	}
	return nodes, nil
}

// verifyOn reads every conversation from one node, with linearizable reads: a follower must have it too.
func (b *Bench) verifyOn(
	ctx context.Context, node *parleyv1.Member, measurement int, expected []expectation, logs []*callerLog,
) error {
	c, err := b.dial(client.Options{Servers: []string{node.GetAddress()}, OnlyServers: true})
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	v := &verifier{b: b, measurement: measurement, logs: logs, seen: make([]bitset, len(logs))}
	for k, e := range expected {
		if e.count == 0 {
			continue
		}
		conv := b.plan.convs[k]
		c.SetToken(b.accounts[conv.first].c.Token())
		if err := v.conversation(ctx, c, k, e); err != nil {
			return fmt.Errorf("%s to %s: %w", b.accounts[conv.first].name, b.title(conv), err)
		}
	}
	return nil
}

// verifier reads one node's messages, page after page; it keeps a bit for each message and no page.
type verifier struct {
	b           *Bench
	measurement int
	logs        []*callerLog
	seen        []bitset // by caller
}

func (v *verifier) conversation(ctx context.Context, c *client.Client, conv int, e expectation) error {
	var sum uint64
	found, lastSeq := 0, uint64(0)
	// Each caller's own messages ascend.
	last := make(map[int]int)
	for after := e.after; ; {
		req := &parleyv1.ReadMessagesRequest{
			Conversation: v.b.title(v.b.plan.convs[conv]), AfterId: after, Limit: verifyPage,
		}
		if after == 0 { // which would mean the newest page: begin with the first message of all
			req.BeforeId, req.Limit = 2, 1
		}
		resp, err := c.ReadMessages(ctx, req)
		if err != nil {
			return err
		}
		for _, m := range resp.GetMessages() {
			if lastSeq != 0 && m.GetSeq() != lastSeq+1 {
				return fmt.Errorf("seq %d follows %d: the order has a gap", m.GetSeq(), lastSeq)
			}
			lastSeq = m.GetSeq()
			if m.GetId() <= after {
				return fmt.Errorf("id %d does not ascend", m.GetId())
			}
			after = m.GetId()
			l, ours := v.b.parse(m.GetText(), v.measurement)
			if !ours {
				continue
			}
			acked, err := v.message(l, m)
			if err != nil {
				return err
			}
			if !acked { // one that a caller gave up on may come after those that it sent later
				continue
			}
			if before, ok := last[l.caller]; ok && before >= l.op {
				return fmt.Errorf("caller %d's message %d comes after %d, which it sent later", l.caller, l.op, before)
			}
			last[l.caller] = l.op
			found++
			sum += ackHash(l.caller, l.op, m.GetSeq(), m.GetId())
		}
		if !resp.GetMore() && req.BeforeId == 0 {
			break
		}
		after = max(after, 1)
	}
	switch {
	case found != e.count:
		return fmt.Errorf("%d acknowledged messages are there, %d were acknowledged", found, e.count)
	case sum != e.sum:
		return fmt.Errorf("the %d messages are there, and not all at the seq and id that were acknowledged", found)
	}
	return nil
}

// message checks one: that it was sent, and is there once.
func (v *verifier) message(l label, m *parleyv1.Message) (acked bool, err error) {
	if l.caller >= len(v.logs) {
		return false, fmt.Errorf("seq %d is of caller %d, and there is none", m.GetSeq(), l.caller)
	}
	if !v.seen[l.caller].set(l.op) {
		return false, fmt.Errorf("caller %d's message %d is there twice, once at seq %d", l.caller, l.op, m.GetSeq())
	}
	acked = v.logs[l.caller].acked.has(l.op)
	if !acked && !v.logs[l.caller].unknown[l.op] {
		return false, fmt.Errorf("caller %d's message %d is there, though its send was refused", l.caller, l.op)
	}
	return acked, nil
}

// verifyHashes compares the state of all nodes that answer.
func (b *Bench) verifyHashes(ctx context.Context) error {
	resp, err := b.accounts[0].c.StateHash(ctx, &parleyv1.StateHashRequest{})
	if err != nil {
		return fmt.Errorf("ask for the state hashes: %w", err)
	}
	hash, answered := "", 0
	for _, m := range resp.GetMembers() {
		if m.GetHash() == "" {
			continue
		}
		if hash != "" && m.GetHash() != hash {
			return fmt.Errorf("verification failed: the state of node %s differs at index %d", m.GetName(), m.GetApplied())
		}
		hash = m.GetHash()
		answered++
	}
	if answered <= int(resp.GetVoters())/2 {
		return fmt.Errorf("verification failed: only %d of %d nodes told their state hash", answered, resp.GetVoters())
	}
	return nil
}
