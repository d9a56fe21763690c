package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"parley/api/client"
	"parley/e2e/check"
	"parley/e2e/cluster"
	"parley/proto/parleyv1"
)

// follower is a subscriber that lives through the whole run.
type follower struct {
	mu  sync.Mutex
	got []check.Message
	err error
}

// follow subscribes as the client's account and keeps what it is shown of one conversation.
func follow(t cluster.TB, cl *client.Client, conversation string) *follower {
	f := &follower{}
	ctx, cancel := context.WithCancel(context.Background())
	setup, cancelSetup := context.WithTimeout(ctx, setupTimeout)
	defer cancelSetup()
	cs, err := cl.ListConversations(setup, &parleyv1.ListConversationsRequest{})
	if err != nil {
		cancel()
		t.Fatalf("follow %s: %v", conversation, err)
	}
	sub := cl.Subscribe(ctx, cs.GetCursor())
	done := make(chan struct{})
	t.Cleanup(func() { cancel(); <-done })
	// Owned by the follower: ends with its context, and touches what mu guards.
	go func() {
		defer close(done)
		defer sub.Close()
		for {
			frame, err := sub.Next(ctx)
			if ctx.Err() != nil {
				return
			}
			f.mu.Lock()
			if r := frame.GetReset_(); r != nil {
				err = errors.New("reset: " + r.GetReason())
			}
			if err != nil {
				f.err = err
				f.mu.Unlock()
				return
			}
			if m := frame.GetEvent().GetMessage(); m != nil && m.GetConversation() == conversation {
				f.got = append(f.got, messages([]*parleyv1.Message{m})...)
			}
			f.mu.Unlock()
		}
	}()
	return f
}

// take waits until n messages were shown and returns them; what comes later is the next round's.
func (f *follower) take(n int, patience time.Duration) ([]check.Message, error) {
	var got []check.Message
	err := cluster.Poll(patience, func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.err != nil {
			return f.err
		}
		if len(f.got) < n {
			return fmt.Errorf("it shows %d of %d messages", len(f.got), n)
		}
		return nil
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	got, f.got = f.got, nil
	return got, err
}
