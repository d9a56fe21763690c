package load

import (
	"context"
	"errors"
	"sync"

	"parley/api/client"
	"parley/e2e/cluster"
	"parley/proto/parleyv1"
)

// follower is a subscriber that lives through the whole scenario and keeps the ids of the messages it was shown, in order.
type follower struct {
	start  string
	cancel context.CancelFunc
	done   chan struct{}

	mu  sync.Mutex
	ids []uint64
	// reset is why the stream could not be continued; that is a broken promise here, where no history is cut.
	reset string
	err   error
}

// startFollower subscribes as cl's account and returns once the subscription stands, so that nothing sent later is missed.
func startFollower(t cluster.TB, cl *client.Client) *follower {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	f := &follower{cancel: cancel, done: make(chan struct{})}
	setup, cancelSetup := context.WithTimeout(ctx, setupTimeout)
	defer cancelSetup()
	cs, err := cl.ListConversations(setup, &parleyv1.ListConversationsRequest{})
	if err != nil {
		cancel()
		t.Fatalf("follow: %v", err)
	}
	f.start = cs.GetCursor()
	sub := cl.Subscribe(ctx, f.start)
	t.Cleanup(func() {
		cancel()
		<-f.done
	})
	// Owned by the follower: ends with its context, and touches what mu guards.
	go func() {
		defer close(f.done)
		defer sub.Close()
		for {
			frame, err := sub.Next(ctx)
			f.mu.Lock()
			if err != nil {
				if !errors.Is(err, context.Canceled) && ctx.Err() == nil {
					f.err = err
				}
				f.mu.Unlock()
				return
			}
			f.take(frame)
			f.mu.Unlock()
		}
	}()
	return f
}

func (f *follower) take(frame *parleyv1.SubscribeResponse) {
	if r := frame.GetReset_(); r != nil {
		f.reset = r.GetReason()
	}
	if m := frame.GetEvent().GetMessage(); m != nil {
		f.ids = append(f.ids, m.GetId())
	}
}

// seen returns the ids so far, or why there will be no more.
func (f *follower) seen() ([]uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.reset != "" {
		return nil, errors.New("the stream was reset: " + f.reset)
	}
	return f.ids[:len(f.ids):len(f.ids)], f.err
}
