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
	acks map[uint64]ack // by seq
	// after is the id below the first acknowledged one.
	after uint64
}

// verify reads everything of one measurement back from two nodes: each acknowledged message exactly once, at its seq and
// id, with its label; no message twice; no message that was never sent. Then all state hashes must agree.
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

// expectations sorts the acknowledgements by conversation and checks what needs no node: no seq was given twice, and a
// caller's own messages in a conversation have the order in which it sent them.
func (b *Bench) expectations(logs []*callerLog) ([]expectation, error) {
	expected := make([]expectation, len(b.convs))
	for _, log := range logs {
		last := make(map[int]ack)
		for _, a := range log.acks {
			e := &expected[a.conv]
			if e.acks == nil {
				e.acks = make(map[uint64]ack)
				e.after = a.id - 1
			}
			e.after = min(e.after, a.id-1)
			if other, twice := e.acks[a.seq]; twice {
				return nil, fmt.Errorf("verification failed: seq %d of %s was given to two messages: %+v and %+v",
					a.seq, b.convs[a.conv].name, other, a)
			}
			e.acks[a.seq] = a
			if before, ok := last[a.conv]; ok && (before.seq >= a.seq || before.id >= a.id) {
				return nil, fmt.Errorf("verification failed: caller %d sent %+v before %+v in %s, and the order is reversed",
					a.caller, before, a, b.convs[a.conv].name)
			}
			last[a.conv] = a
		}
	}
	return expected, nil
}

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

// verifyOn reads every conversation from one node, with a linearizable read: a follower must have it too.
func (b *Bench) verifyOn(
	ctx context.Context, node *parleyv1.Member, measurement int, expected []expectation, logs []*callerLog,
) error {
	c, err := client.Dial(client.Options{
		Servers: []string{node.GetAddress()}, OnlyServers: true, TLS: b.o.TLS, UserAgent: "parley-bench",
	})
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	for i, e := range expected {
		if len(e.acks) == 0 {
			continue
		}
		conv := b.convs[i]
		c.SetToken(b.accounts[conv.sender].c.Token())
		if err := b.verifyConversation(ctx, c, conv, measurement, e, logs); err != nil {
			return fmt.Errorf("%s to %s: %w", b.accounts[conv.sender].name, conv.name, err)
		}
	}
	return nil
}

func (b *Bench) verifyConversation(
	ctx context.Context, c *client.Client, conv conversation, measurement int, e expectation, logs []*callerLog,
) error {
	type sent struct{ caller, op int }
	seen := make(map[sent]uint64)
	found, lastSeq := 0, uint64(0)
	for after := e.after; ; {
		resp, err := c.ReadMessages(ctx, &parleyv1.ReadMessagesRequest{
			Conversation: conv.name, AfterId: after, Limit: verifyPage,
		})
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
			caller, op, _, ours := b.parseLabel(m.GetText(), measurement)
			if !ours {
				continue
			}
			if first, twice := seen[sent{caller, op}]; twice {
				return fmt.Errorf("caller %d's message %d is there twice, at seq %d and %d", caller, op, first, m.GetSeq())
			}
			seen[sent{caller, op}] = m.GetSeq()
			a, acked := e.acks[m.GetSeq()]
			switch {
			case acked && (a.caller != caller || a.op != op || a.id != m.GetId()):
				return fmt.Errorf("seq %d holds caller %d's message %d with id %d, acknowledged was %+v",
					m.GetSeq(), caller, op, m.GetId(), a)
			case acked:
				found++
			case !logs[caller].unknown[op]:
				return fmt.Errorf("caller %d's message %d is there, though its send was refused", caller, op)
			}
		}
		if !resp.GetMore() {
			break
		}
	}
	if found != len(e.acks) {
		return fmt.Errorf("%d of %d acknowledged messages are missing", len(e.acks)-found, len(e.acks))
	}
	return nil
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
