package e2e

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"parley/e2e/cluster"
	"parley/proto/parleyv1"
)

// TestKillUnderOneStream kills the leader, through which one client sends for many callers on one stream (P1, P2, P4): every
// send is acknowledged in the end, and is there once.
func TestKillUnderOneStream(t *testing.T) {
	const callers, each = 64, 20
	c := start(t, 3)
	p := newProbe(t, c, "stream.probe")
	leader := c.Leader()
	p.aim(leader)
	ctx, cancel := context.WithTimeout(context.Background(), cluster.Patience)
	defer cancel()
	var acked atomic.Int64
	half := make(chan struct{})
	var mu sync.Mutex
	seqs := map[uint64]string{1: "a note to oneself"} // aim has sent one
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for k := range each {
				text := fmt.Sprintf("%d of caller %d", k, i)
				resp, err := p.cl.SendMessage(ctx, &parleyv1.SendMessageRequest{Conversation: "@" + p.name, Text: text})
				if err != nil {
					t.Errorf("%s: %v", text, err)
					return
				}
				mu.Lock()
				if was, twice := seqs[resp.GetSeq()]; twice {
					t.Errorf("%q and %q have the seq %d", was, text, resp.GetSeq())
				}
				seqs[resp.GetSeq()] = text
				mu.Unlock()
				if acked.Add(1) == callers*each/2 {
					close(half)
				}
			}
		})
	}
	select {
	case <-half:
		leader.Kill()
	case <-ctx.Done():
		t.Error("half of the sends took too long")
	}
	wg.Wait()
	var before uint64
	for more := true; more; {
		resp, err := p.cl.ReadMessages(ctx, &parleyv1.ReadMessagesRequest{Conversation: "@" + p.name, BeforeId: before, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range resp.GetMessages() {
			if seqs[m.GetSeq()] != m.GetText() {
				t.Errorf("seq %d is %q, and was acknowledged as %q", m.GetSeq(), m.GetText(), seqs[m.GetSeq()])
			}
			delete(seqs, m.GetSeq())
		}
		if ms := resp.GetMessages(); len(ms) > 0 {
			before = ms[0].GetId() // the next page is of older ones
		}
		more = resp.GetMore()
	}
	if len(seqs) != 0 {
		t.Errorf("%d acknowledged sends are not there: %v", len(seqs), seqs)
	}
}
