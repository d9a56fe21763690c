package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"parley/proto/parleyv1"
)

// patience is how long a test waits for a condition. It is not a bound on anything but the test.
const patience = 20 * time.Second

func dial(t *testing.T, o Options) *Client {
	t.Helper()
	c, err := Dial(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// dialWith connects with a session.
func dialWith(t *testing.T, servers ...string) *Client {
	t.Helper()
	return dial(t, Options{Servers: servers, Token: make([]byte, TokenBytes)})
}

func ctxFor(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// await follows the client's states until one satisfies ok.
func await(t *testing.T, c *Client, what string, ok func(State) bool) State {
	t.Helper()
	states := c.States()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	var last State
	for {
		select {
		case s, open := <-states:
			if !open {
				t.Fatalf("waiting for %s: the client closed; last state %+v", what, last)
			}
			if last = s; ok(s) {
				return s
			}
		case <-timeout.C:
			t.Fatalf("waiting for %s: last state %+v", what, last)
		}
	}
}

// awaitAll waits until all n nodes are connected, serve, and have told their names: from then on the test knows which
// node is tried first.
func awaitAll(t *testing.T, c *Client, n int) State {
	t.Helper()
	return await(t, c, fmt.Sprintf("%d serving nodes", n), func(s State) bool {
		serving := 0
		for _, m := range s.Members {
			if m.Serving && m.Name != "" {
				serving++
			}
		}
		return s.Phase == Ready && s.Node != "" && serving == n && len(s.Members) == n
	})
}

// awaitTaker waits until n nodes serve and the client knows who leads: its sends go there, wherever it is at home.
func awaitTaker(t *testing.T, c *Client, fc *fakeCluster, n int) *fakeNode {
	t.Helper()
	awaitAll(t, c, n)
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for deadline := time.Now().Add(patience); ; <-again.C {
		leader := c.pool.snap.Load().leader
		for _, n := range fc.nodes {
			if n.addr == leader {
				return n
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("the client never learned who leads")
		}
	}
}

func member(s State, addr string) Member {
	for _, m := range s.Members {
		if m.Address == addr {
			return m
		}
	}
	return Member{}
}

func send(ctx context.Context, c *Client, text string) (*parleyv1.SendMessageResponse, error) {
	return c.SendMessage(ctx, &parleyv1.SendMessageRequest{Conversation: "@bob", Text: text})
}

// asError demands a *Error.
func asError(t *testing.T, err error) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got error %v (%T), want a *Error", err, err)
	}
	return e
}

// dieAfterApplying makes n apply one message and die before it answers.
func (n *fakeNode) dieAfterApplying() {
	n.script(func() {
		n.onSent = func(ctx context.Context) error {
			go n.kill() // Stop waits for this handler, which waits for the connection to end
			<-ctx.Done()
			return ctx.Err()
		}
	})
}

func testLogger(t *testing.T) *slog.Logger {
	t.Helper()
	return slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}
