package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"

	"parley/proto/parleyv1"
)

// WhoAmI names the account by its token, as Login took it.
func (n *fakeNode) WhoAmI(ctx context.Context, _ *parleyv1.WhoAmIRequest) (*parleyv1.WhoAmIResponse, error) {
	name := n.c.user(ctx)
	if name == "" {
		return nil, failure(codes.Unauthenticated, "SESSION_MISSING", map[string]string{"applied": "no"})
	}
	return &parleyv1.WhoAmIResponse{User: &parleyv1.User{Username: name}}, nil
}

// user is whose session a call carries; "" if nobody's.
func (c *fakeCluster) user(ctx context.Context) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.users[auth(ctx)]
}

// holdSends makes every node keep each send from its end, until the test's. Each that a node has is told on the channel.
func (c *fakeCluster) holdSends() <-chan struct{} {
	held := make(chan struct{}, MaxStreamSends)
	for _, n := range c.nodes {
		n.script(func() {
			n.onSend = func(ctx context.Context, _ *parleyv1.SendMessageRequest) error {
				held <- struct{}{}
				<-ctx.Done()
				return ctx.Err()
			}
		})
	}
	return held
}

// login makes a session of its own over the connections of c.
func login(t *testing.T, c *Client, name string) *Client {
	t.Helper()
	s := c.Share(nil)
	t.Cleanup(func() { _ = s.Close() })
	if _, err := s.Login(ctxFor(t), name, "secret", "test"); err != nil {
		t.Fatal(err)
	}
	return s
}

func wantUser(t *testing.T, c *Client, want string) {
	t.Helper()
	who, err := c.WhoAmI(ctxFor(t), &parleyv1.WhoAmIRequest{})
	if got := who.GetUser().GetUsername(); err != nil || got != want {
		t.Errorf("the session is of %q, %v, want %q", got, err, want)
	}
}

// Sessions over the same connections are told apart: calls and sends carry their own token, on a stream of their own, and the
// logout of one does not touch the other's stream.
func TestSharedConnectionsKeepSessionsApart(t *testing.T) {
	fc := newFakeCluster(t, 3)
	base := dial(t, Options{Servers: fc.addrs()})
	ann, bob := login(t, base, "ann"), login(t, base, "bob")
	awaitAll(t, base, 3) // the keeper asks with the token of one of them
	wantUser(t, ann, "ann")
	wantUser(t, bob, "bob")
	if len(base.Token()) != 0 {
		t.Error("a login of one session gave the base a token")
	}
	texts := map[string]*Client{"of ann": ann, "of bob": bob}
	for text, c := range texts {
		if _, err := send(ctxFor(t), c, text); err != nil {
			t.Fatal(err)
		}
	}
	if n := fc.streams(); n != 2 {
		t.Errorf("%d streams, want one for each session", n)
	}
	if tries := fc.tries(); len(tries) != 2 || tries[0].auth == tries[1].auth {
		t.Errorf("the sends were %+v, want two with different tokens", tries)
	}
	if err := ann.Logout(ctxFor(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := ann.WhoAmI(ctxFor(t), &parleyv1.WhoAmIRequest{}); !IsUnauthenticated(err) {
		t.Errorf("after the logout: %v", err)
	}
	wantUser(t, bob, "bob")
	if _, err := send(ctxFor(t), bob, "still"); err != nil {
		t.Error(err)
	}
	if n := fc.streams(); n != 2 {
		t.Errorf("%d streams, want still two: the logout was not bob's", n)
	}
	for _, n := range fc.nodes {
		if got := n.gate.conns.Load(); got != 1 {
			t.Errorf("%d connections to %s, want 1", got, n.name)
		}
	}
}

// A session that ended does not keep the keeper from asking with another's token.
func TestKeeperAsksWithASessionThatIsThere(t *testing.T) {
	fc := newFakeCluster(t, 3)
	base := dial(t, Options{Servers: fc.addrs()[:1]})
	for _, n := range fc.nodes {
		n.script(func() {
			n.onStatus = func(ctx context.Context) error {
				if fc.user(ctx) == "" {
					return failure(codes.Unauthenticated, "SESSION_ENDED", map[string]string{"applied": "no"})
				}
				return nil
			}
		})
	}
	base.Share(NewToken())
	base.Share(NewToken())
	login(t, base, "ann")
	awaitAll(t, base, 3)
}

// Close of a session ends what it has under way, with what is known of it, and nothing of the others'.
func TestCloseOfASessionLeavesTheOthers(t *testing.T) {
	fc := newFakeCluster(t, 3)
	base := dialWith(t, fc.addrs()...)
	ann, bob := login(t, base, "ann"), login(t, base, "bob")
	awaitAll(t, base, 3)
	held := fc.holdSends()
	annErrs, bobErrs := make(chan error, 2), make(chan error, 1)
	large := string(make([]byte, MaxFrameBytes+1)) // goes as a unary call
	for _, text := range []string{"x", large} {
		go func() { _, err := send(ctxFor(t), ann, text); annErrs <- err }()
	}
	go func() { _, err := send(ctxFor(t), bob, "y"); bobErrs <- err }()
	sub := ann.Subscribe(context.Background(), "")
	if _, err := sub.Next(ctxFor(t)); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		<-held
	}
	if err := ann.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if e := asError(t, <-annErrs); !errors.Is(e, ErrClosed) || e.Outcome != Unknown {
			t.Errorf("a send under way ended with %+v, want closed and unknown", *e)
		}
	}
	if _, err := sub.Next(ctxFor(t)); !errors.Is(err, ErrClosed) {
		t.Errorf("the subscription ended with %v", err)
	}
	if e := asError(t, sendErr(ctxFor(t), ann)); !errors.Is(e, ErrClosed) || e.Outcome != NotApplied {
		t.Errorf("a send after Close: %+v", *e)
	}
	select {
	case err := <-bobErrs:
		t.Errorf("the other session's send ended with %v", err)
	default:
	}
	for _, n := range fc.nodes {
		n.script(func() { n.onSend = nil })
	}
	wantUser(t, bob, "bob")
	if err := sendErr(ctxFor(t), bob); err != nil {
		t.Error(err)
	}

	carl := login(t, base, "carl")
	if err := base.Close(); err != nil {
		t.Fatal(err)
	}
	if e := asError(t, <-bobErrs); !errors.Is(e, ErrClosed) {
		t.Errorf("the end of the connections ended a send with %v", e)
	}
	for name, c := range map[string]*Client{"bob": bob, "carl": carl, "base": base, "a late one": base.Share(NewToken())} {
		if err := sendErr(ctxFor(t), c); !errors.Is(err, ErrClosed) {
			t.Errorf("%s sends after the end of the connections: %v", name, err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

func sendErr(ctx context.Context, c *Client) error {
	_, err := send(ctx, c, "z")
	return err
}

// P2: when the node of many sessions dies, and when it hangs, every session's sends go on elsewhere, and are there once.
func TestSessionsFailOverTogether(t *testing.T) {
	for what, end := range map[string]func(*fakeNode){"dies": (*fakeNode).kill, "hangs": (*fakeNode).freeze} {
		t.Run(what, func(t *testing.T) {
			fc := newFakeCluster(t, 3)
			base := dial(t, Options{Servers: fc.addrs(), Timeout: patience})
			const sessions, each = 8, 4
			clients := make([]*Client, sessions)
			for i := range clients {
				clients[i] = login(t, base, fmt.Sprint("u", i))
			}
			n := awaitTaker(t, base, fc, 3)
			var applied sync.WaitGroup
			applied.Add(sessions * each)
			n.script(func() {
				n.onSent = func(ctx context.Context) error { // applied, and not answered
					applied.Done()
					<-ctx.Done()
					return ctx.Err()
				}
			})
			var wg sync.WaitGroup
			for i, c := range clients {
				for k := range each {
					wg.Go(func() {
						if _, err := send(ctxFor(t), c, fmt.Sprint(i, k)); err != nil {
							t.Error(err)
						}
					})
				}
			}
			applied.Wait()
			end(n)
			wg.Wait()
			n.thaw()
			if got := len(fc.logged()); got != sessions*each {
				t.Errorf("%d messages, want %d", got, sessions*each)
			}
			byID := make(map[string]string)
			for _, tr := range fc.tries() {
				if before := byID[tr.requestID]; before != "" && before != tr.auth {
					t.Errorf("%s was tried with the tokens of two sessions", tr.requestID)
				}
				byID[tr.requestID] = tr.auth
			}
		})
	}
}

// More sessions than there may be streams of sends: the others' messages go as unary calls, and a stream that ends makes room.
func TestSessionsBeyondTheStreamsSendWithCalls(t *testing.T) {
	fc := newFakeCluster(t, 1)
	base := dialWith(t, fc.addrs()...)
	awaitAll(t, base, 1)
	clients := make([]*Client, MaxSendStreams+2)
	for i := range clients {
		clients[i] = base.Share(NewToken())
		if err := sendErr(ctxFor(t), clients[i]); err != nil {
			t.Fatal(err)
		}
	}
	if n := fc.streams(); n != MaxSendStreams {
		t.Errorf("%d streams, want %d", n, MaxSendStreams)
	}
	_ = clients[0].Close()
	if err := sendErr(ctxFor(t), clients[MaxSendStreams]); err != nil {
		t.Fatal(err)
	}
	if n := fc.streams(); n != MaxSendStreams+1 {
		t.Errorf("%d streams were opened, want one more than %d", n, MaxSendStreams)
	}
}

// Sessions come and go, log in and out and send, all at once.
func TestSessionsComeAndGo(t *testing.T) {
	fc := newFakeCluster(t, 3)
	base := dialWith(t, fc.addrs()...)
	awaitAll(t, base, 3)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for range 10 {
				c := base.Share(nil)
				if _, err := c.Login(ctxFor(t), fmt.Sprint("u", i), "secret", "test"); err != nil {
					t.Error(err)
				}
				if err := sendErr(ctxFor(t), c); err != nil {
					t.Error(err)
				}
				c.SetToken(NewToken())
				_ = c.Close()
			}
		})
	}
	wg.Wait()
	if n := base.streams.Load(); n != 0 {
		t.Errorf("%d streams are counted, want none", n)
	}
	base.clientsMu.Lock()
	defer base.clientsMu.Unlock()
	if len(base.clients) != 1 {
		t.Errorf("%d Clients are known, want the base alone", len(base.clients))
	}
}
