package e2e

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"parley/e2e/cluster"
	"parley/e2e/load"
	"parley/proto/parleyv1"
)

// Names of the counters that scenarios read.
const (
	metricReadRounds         = "parley_server_read_indexes_total"
	metricSnapshotsInstalled = "parley_network_snapshot_receive_success_total"
)

// TestReadsShareRounds sends many linearizable reads at once through every node and counts what they cost: everyone who
// waits shares one heartbeat round. One round a read would be right as well, and slow.
func TestReadsShareRounds(t *testing.T) {
	t.Parallel()
	const callers, each = 128, 10
	c := start(t, 3)
	a := load.Account(t, c.Addresses(0), "rr.a")
	before := readRounds(t, c)
	ctx, cancel := context.WithTimeout(context.Background(), 2*cluster.Patience)
	defer cancel()
	gate := make(chan struct{})
	errs := make(chan error, len(c.Nodes)*callers)
	var wg sync.WaitGroup
	for _, n := range c.Nodes {
		d, err := n.Direct(a.Token())
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		for range callers {
			wg.Add(1)
			go func() {
				defer wg.Done()
				<-gate
				for range each {
					r, err := d.Chat.WhoAmI(d.Context(ctx), &parleyv1.WhoAmIRequest{
						Consistency: parleyv1.Consistency_CONSISTENCY_LINEARIZABLE,
					})
					if err == nil && r.GetUser().GetUsername() != "rr.a" {
						err = fmt.Errorf("want rr.a, got %v", r.GetUser())
					}
					if err != nil {
						errs <- fmt.Errorf("%s: %w", n.Name, err)
						return
					}
				}
			}()
		}
	}
	close(gate)
	wg.Wait()
	close(errs)
	for err := range errs {
		t.Error(err)
	}
	reads := len(c.Nodes) * callers * each
	rounds := int(readRounds(t, c) - before)
	t.Logf("%d linearizable reads of %d callers cost %d heartbeat rounds", reads, len(c.Nodes)*callers, rounds)
	if rounds == 0 || rounds > reads/2 {
		t.Errorf("want between 1 and %d rounds for %d reads, got %d", reads/2, reads, rounds)
	}
}

func readRounds(t *testing.T, c *cluster.Cluster) float64 {
	t.Helper()
	sum := 0.0
	for _, n := range c.Nodes {
		v, err := n.Metric(metricReadRounds)
		if err != nil {
			t.Fatal(err)
		}
		sum += v
	}
	return sum
}

// TestReadAfterWrite sends through one node and at once reads through another: a linearizable read holds what was
// acknowledged before it began, on a follower as on the leader (P3).
func TestReadAfterWrite(t *testing.T) {
	t.Parallel()
	c := start(t, 3)
	a := load.Account(t, c.Addresses(0), "rw.a")
	ctx, cancel := context.WithTimeout(context.Background(), 2*cluster.Patience)
	defer cancel()
	var ds []*cluster.Direct
	for _, n := range c.Nodes {
		d, err := n.Direct(a.Token())
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		ds = append(ds, d)
	}
	for i := range 100 * len(ds) {
		to, from := ds[i%len(ds)], (i+1+i/len(ds)%2)%len(ds)
		sent, err := to.Chat.SendMessage(to.Context(ctx), &parleyv1.SendMessageRequest{
			RequestId: newID(t), Conversation: "@rw.a", Text: fmt.Sprint(i),
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := ds[from].Chat.ReadMessages(ds[from].Context(ctx), &parleyv1.ReadMessagesRequest{
			Conversation: "@rw.a", Limit: 1, Consistency: parleyv1.Consistency_CONSISTENCY_LINEARIZABLE,
		})
		if err != nil {
			t.Fatal(err)
		}
		if ms := got.GetMessages(); len(ms) != 1 || ms[0].GetId() != sent.GetId() {
			t.Fatalf("read through %s after a send through %s: want id %d, got %v",
				c.Nodes[from].Name, c.Nodes[i%len(ds)].Name, sent.GetId(), ms)
		}
	}
}
