package bench

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/api/client"
	"parley/proto/parleyv1"
)

// ReadKind is what a read measurement reads.
type ReadKind struct {
	name string
	// limit is how many messages one read asks for, and must get.
	limit       int
	consistency parleyv1.Consistency
}

var (
	// ReadScreen reads a conversation's newest messages, a client's first screen.
	ReadScreen = ReadKind{"read", readLimit, parleyv1.Consistency_CONSISTENCY_LINEARIZABLE}
	// ReadLocal is ReadScreen from one node alone.
	ReadLocal = ReadKind{"read-local", readLimit, parleyv1.Consistency_CONSISTENCY_LOCAL}
	// ReadOne reads the newest message alone: what a get is to a key-value store.
	ReadOne = ReadKind{"read-one", 1, parleyv1.Consistency_CONSISTENCY_LINEARIZABLE}
)

// Read measures reads of conversations' newest messages, which are made first.
func (b *Bench) Read(ctx context.Context, callers int, kind ReadKind) (Result, error) {
	m := b.next()
	cs, err := b.ready(ctx, callers)
	if err != nil {
		return Result{}, err
	}
	if err := b.fillConversations(ctx, m); err != nil {
		return Result{}, err
	}
	r, _, _, err := b.measure(ctx, b.window(), b.result(kind.name, callers), cs, read(kind))
	return r, err
}

// read is the operation that reads the newest messages of a conversation. An answer without them is an error.
func read(kind ReadKind) operation {
	return func(ctx context.Context, cl *caller, n int, _ begin) error {
		resp, err := cl.c.ReadMessages(ctx, &parleyv1.ReadMessagesRequest{
			Conversation: cl.places[cl.place(n)].name, Limit: uint32(kind.limit), Consistency: kind.consistency,
		})
		if err != nil {
			return err
		}
		if got := len(resp.GetMessages()); got != kind.limit {
			return fmt.Errorf("node %s answered %d messages, not %d", resp.GetReadInfo().GetNode(), got, kind.limit)
		}
		cl.log.nodes[resp.GetReadInfo().GetNode()]++
		return nil
	}
}

// fillConversations makes sure that a read has a screen of messages to find in every conversation of the plan.
func (b *Bench) fillConversations(ctx context.Context, m int) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(len(b.plan.convs))
	for k, conv := range b.plan.convs {
		g.Go(func() error {
			c, to := b.accounts[conv.first].c, b.name(conv.second)
			resp, err := c.ReadMessages(ctx, &parleyv1.ReadMessagesRequest{Conversation: to, Limit: readLimit})
			if err != nil && !client.IsNotFound(err) {
				return err
			}
			for n := len(resp.GetMessages()); n < readLimit; n++ {
				now := time.Now()
				_, err := c.SendMessage(ctx, &parleyv1.SendMessageRequest{
					Conversation: to, Text: b.text(label{measurement: m, caller: k, op: n, intended: now, began: now}),
				})
				if err != nil {
					return fmt.Errorf("fill a conversation: %w", err)
				}
			}
			return nil
		})
	}
	return g.Wait()
}
