package e2e

import (
	"context"
	"testing"
	"time"

	"parley/e2e/cluster"
	"parley/e2e/load"
	"parley/proto/parleyv1"
)

// TestReceiverOnAnotherNode sends through node 1 to a receiver on node 3, which sees it at once: pushed by Apply on every
// node, not only on the one that took the send.
func TestReceiverOnAnotherNode(t *testing.T) {
	t.Parallel()
	c := start(t, 3)
	t.Logf("from the acknowledgement through one node to the stream of another: %s", deliver(t, c))
}

// deliver sends 100 messages through each node to a subscriber on each, one at a time, and returns how long after its
// acknowledgement each was delivered.
func deliver(t *testing.T, c *cluster.Cluster) load.Figures {
	t.Helper()
	a, b := load.Account(t, c.Addresses(0), "dl.a"), load.Account(t, c.Addresses(1), "dl.b")
	ctx, cancel := context.WithTimeout(context.Background(), 2*cluster.Patience)
	defer cancel()
	var took load.Figures
	for i, to := range c.Nodes {
		from, err := c.Nodes[(i+1)%len(c.Nodes)].Direct(a.Token())
		if err != nil {
			t.Fatal(err)
		}
		defer from.Close()
		d, err := to.Direct(b.Token())
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		stream, err := d.Chat.Subscribe(d.Context(ctx), &parleyv1.SubscribeRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if f, err := stream.Recv(); err != nil || f.GetSubscribed() == nil {
			t.Fatalf("the first frame through %s: want subscribed, got %v (%v)", to.Name, f, err)
		}
		for n := range 100 {
			resp, err := from.Chat.SendMessage(from.Context(ctx), &parleyv1.SendMessageRequest{
				RequestId: newID(t), Conversation: "@dl.b", Text: "now",
			})
			if err != nil {
				t.Fatal(err)
			}
			acked := time.Now()
			for {
				f, err := stream.Recv()
				if err != nil {
					t.Fatalf("message %d through %s was not delivered: %v", n, to.Name, err)
				}
				m := f.GetEvent().GetMessage()
				if m != nil && n == 0 && m.GetId() < resp.GetId() {
					continue // sent before the subscription began, on a node that had not applied it by then
				}
				if m != nil {
					if m.GetId() != resp.GetId() {
						t.Fatalf("through %s: want message id %d next, got %d", to.Name, resp.GetId(), m.GetId())
					}
					break
				}
			}
			took = append(took, max(time.Since(acked), 0))
		}
	}
	return took
}
