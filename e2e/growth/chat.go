package main

import (
	"context"
	"errors"
	"time"

	"parley/api/client"
	"parley/bench"
	"parley/e2e/cluster"
	"parley/proto/parleyv1"
)

const (
	// chatRate is how many sends a second go on beside the searches.
	chatRate = 1000
	// chatRoom is where the history is.
	chatRoom = "#history"
	// enterTimeout bounds the making of the room.
	enterTimeout = time.Minute
)

// chat measures what a person does in a room with so many messages: opening it at any place, searching it while others send, and
// what the searches cost those.
func (p *points) chat(t *cluster.Program, o options, binary string, messages int) error {
	t.Logf("chat over %d messages", messages)
	f := &filler{room: chatRoom}
	_, c, end, err := filledCluster(t, o, binary, messages, f)
	if err != nil {
		return err
	}
	defer end()
	h := bench.History{Token: f.tokens[0], Conversation: chatRoom, IDs: f.ids}
	add := func(figure string, value float64) { p.add("chat", messages, figure, value) }
	latencies := func(what string, r bench.Result) {
		add(what+", p50 ms", r.P50MS)
		add(what+", p99 ms", r.P99MS)
		add(what+", other load %", r.OtherCPU)
		add(what+", errors", float64(r.Errors))
	}
	return withBench(c, o, func(ctx context.Context, reads *bench.Bench) error {
		reads.UseHistory(h)
		from := time.Now()
		r, err := reads.Search(ctx, 1) // once every node has indexed all
		if err != nil {
			return err
		}
		add("search index made within, s", time.Since(from).Seconds())
		latencies("search", r)
		if r, err = reads.ReadDeep(ctx, 1); err != nil {
			return err
		}
		latencies("open at any place", r)
		return p.searchBesideSends(ctx, c, o, reads, latencies)
	})
}

// searchBesideSends sends at a fixed rate without searches, with them, and without again: what the machine does by itself in
// between shows in the difference of the first and the last.
func (p *points) searchBesideSends(
	ctx context.Context, c *cluster.Cluster, o options, reads *bench.Bench, latencies func(string, bench.Result),
) error {
	sends, err := bench.New(ctx, bench.Options{
		Servers: c.Addresses(0), Senders: callers, Warmup: warmup, Span: seconds(o), Rate: chatRate, Control: control{c},
	})
	if err != nil {
		return err
	}
	defer sends.Close()
	for _, what := range []string{"send at 1,000/s", "send at 1,000/s beside searches", "send at 1,000/s again"} {
		searched := make(chan error, 1)
		if what == "send at 1,000/s beside searches" {
			// Owned by this call, which waits for it.
			go func() {
				r, err := reads.Search(ctx, 1)
				if err == nil {
					latencies("search beside sends", r)
				}
				searched <- err
			}()
		} else {
			searched <- nil
		}
		r, err := sends.Send(ctx, callers)
		if err := errors.Join(err, <-searched); err != nil {
			return err
		}
		latencies(what, r)
	}
	return nil
}

func seconds(o options) time.Duration { return time.Duration(o.seconds * float64(time.Second)) }

// enter makes the room that a history is written to, with the accounts in it.
func enter(room string, accounts []*client.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), enterTimeout)
	defer cancel()
	if _, err := accounts[0].CreateRoom(ctx, &parleyv1.CreateRoomRequest{Room: room}); err != nil {
		return err
	}
	for _, a := range accounts[1:] {
		_, err := a.SetMembership(ctx, &parleyv1.SetMembershipRequest{Room: room, Membership: parleyv1.Membership_MEMBERSHIP_MEMBER})
		if err != nil {
			return err
		}
	}
	return nil
}
