package api

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"parley/api/soft"
	"parley/node"
	"parley/proto/parleyv1"
)

// handClock is a clock that a test sets.
type handClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *handClock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// trio is three real nodes in this process, with the services on them and one clock for their soft state.
type trio struct {
	t     *testing.T
	clock *handClock
	nodes []*node.Node
	deaf  []*deafNode
	apis  []*Server
	chats []parleyv1.ChatServiceClient
}

// deafNode is a node that can be cut off from the soft state of the others.
type deafNode struct {
	*node.Node
	mu  sync.Mutex
	cut bool
}

func (d *deafNode) isCut() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cut
}

func (d *deafNode) setCut(cut bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cut = cut
}

func (d *deafNode) SendSoft(frame []byte) {
	if !d.isCut() {
		d.Node.SendSoft(frame)
	}
}

func (d *deafNode) OnSoft(h node.SoftHandler) { d.Node.OnSoft(deafHandler{h, d}) }

type deafHandler struct {
	node.SoftHandler
	d *deafNode
}

func (h deafHandler) Frame(from uint64, frame []byte) {
	if !h.d.isCut() {
		h.SoftHandler.Frame(from, frame)
	}
}

func newTrio(t *testing.T) *trio {
	t.Helper()
	c := &trio{t: t, clock: &handClock{now: time.Unix(1_000_000, 0)}, nodes: make([]*node.Node, 3)}
	listeners, members := make([]net.Listener, 3), map[string]string{}
	for i := range listeners {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		listeners[i], members[fmt.Sprintf("n%d", i+1)] = l, l.Addr().String()
	}
	var wg sync.WaitGroup
	for i, l := range listeners {
		wg.Go(func() {
			n, err := node.Start(t.Context(), node.Config{
				Name: fmt.Sprintf("n%d", i+1), Dir: t.TempDir(), Address: fmt.Sprintf("127.0.0.1:%d", i+1),
				PeerAddress: l.Addr().String(), PeerListener: l, FirstMembers: members,
			})
			if err != nil {
				t.Errorf("start node %d: %v", i+1, err)
			}
			c.nodes[i] = n
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	for i, n := range c.nodes {
		t.Cleanup(func() { _ = n.Stop(context.Background()) })
		d := &deafNode{Node: n}
		s := New(d, n.Store(), Options{now: c.clock.time, Logger: slog.New(slog.DiscardHandler)})
		t.Cleanup(s.Drain)
		conn := served(t, s)
		c.deaf, c.apis, c.chats = append(c.deaf, d), append(c.apis, s), append(c.chats, parleyv1.NewChatServiceClient(conn))
		await(t, fmt.Sprintf("node %d to serve", i+1), func() bool { return ready(n.Status()) })
	}
	return c
}

// pass sets the clock, and has the nodes look at it.
func (c *trio) pass(d time.Duration) {
	c.clock.mu.Lock()
	c.clock.now = c.clock.now.Add(d)
	c.clock.mu.Unlock()
	for _, s := range c.apis {
		s.soft.Nudge()
	}
}

// account makes an account with a session; its context is for any node.
func (c *trio) account(name string) user {
	c.t.Helper()
	_, err := c.chats[0].CreateUser(c.t.Context(), &parleyv1.CreateUserRequest{RequestId: rid().s, Username: name,
		Password: testPassword})
	must(c.t, err)
	token := randomToken()
	_, err = c.chats[0].Login(c.t.Context(), &parleyv1.LoginRequest{RequestId: rid().s, Username: name, Password: testPassword,
		Token: token})
	must(c.t, err)
	return user{name: name, token: token, ctx: withToken(bounded(c.t), token)}
}

// talk makes a direct conversation, and waits until every node has it.
func (c *trio) talk(a, b user) {
	c.t.Helper()
	_, err := c.chats[0].SendMessage(a.ctx, &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: "@" + b.name, Text: "hi"})
	must(c.t, err)
	for _, n := range c.nodes {
		must(c.t, n.ReadBarrier(c.t.Context()))
	}
}

// follow opens a stream on a node; the function ends it.
func (c *trio) follow(i int, u user) (events, func()) {
	c.t.Helper()
	ctx, cancel := context.WithCancel(u.ctx)
	c.t.Cleanup(cancel)
	st, err := c.chats[i].Subscribe(ctx, &parleyv1.SubscribeRequest{})
	must(c.t, err)
	f, err := st.Recv()
	must(c.t, err)
	if f.GetSubscribed() == nil {
		c.t.Fatalf("the first frame is %v", f)
	}
	return st, cancel
}

// presence is what a node answers of an account to another.
func (c *trio) presence(i int, asks user, of string) parleyv1.Presence {
	c.t.Helper()
	r, err := c.chats[i].ListPresence(asks.ctx, &parleyv1.ListPresenceRequest{Usernames: []string{of}})
	must(c.t, err)
	if len(r.People) != 1 || r.People[0].Username != of {
		c.t.Fatalf("asked for %s, got %v", of, r)
	}
	return r.People[0].Presence
}

// awaitPresence lets a second pass again and again until a node knows it; most bounds how much may have to pass.
func (c *trio) awaitPresence(i int, asks user, of string, want parleyv1.Presence, most time.Duration) {
	c.t.Helper()
	passed := time.Duration(0)
	await(c.t, fmt.Sprintf("node %d to know %s as %v", i+1, of, want), func() bool {
		if c.presence(i, asks, of) == want {
			return true
		}
		if passed += time.Second; passed <= most {
			c.pass(time.Second)
		}
		return false
	})
}

// nextSoft is the next frame of soft state; what else comes is passed over.
func nextSoft(t *testing.T, st events) *parleyv1.SubscribeResponse {
	t.Helper()
	for {
		f, err := st.Recv()
		must(t, err)
		if f.GetPresence() != nil || f.GetTyping() != nil {
			return f
		}
	}
}

const (
	offline = parleyv1.Presence_PRESENCE_OFFLINE
	away    = parleyv1.Presence_PRESENCE_AWAY
	active  = parleyv1.Presence_PRESENCE_ACTIVE
)

// TestPresenceBetweenNodes: who follows a stream on one node is there on all, told to whom it concerns, and forgotten after
// the stream's end, the node's partition and the node's death, each in its time.
func TestPresenceBetweenNodes(t *testing.T) {
	c := newTrio(t)
	alice, bob, eve := c.account("alice"), c.account("bob"), c.account("eve")
	c.talk(alice, bob)
	watch, _ := c.follow(0, alice)
	c.follow(0, eve)
	_, end := c.follow(2, bob)
	told := func(p parleyv1.Presence) {
		t.Helper()
		c.pass(time.Second) // the next round of telling
		if f := nextSoft(t, watch); f.GetPresence().GetUsername() != "bob" || f.GetPresence().GetPresence() != p {
			t.Fatalf("alice was told %v, expected that bob is %v", f, p)
		}
	}
	c.awaitPresence(0, alice, "bob", away, time.Minute)
	told(away)
	_, err := c.chats[1].SetPresence(bob.ctx, &parleyv1.SetPresenceRequest{Presence: active})
	must(t, err)
	c.awaitPresence(0, alice, "bob", active, 10*time.Second)
	told(active)
	c.pass(soft.ActiveFor)
	c.awaitPresence(0, alice, "bob", away, 10*time.Second)
	told(away)

	end()
	await(t, "the end of the stream", func() bool { return !c.apis[2].soft.Follows(2) })
	c.awaitPresence(0, alice, "bob", offline, soft.Linger+10*time.Second)
	told(offline)

	c.follow(2, bob)
	c.awaitPresence(0, alice, "bob", away, 10*time.Second)
	told(away)
	c.deaf[2].setCut(true)
	if p := c.presence(0, alice, "bob"); p != away {
		t.Errorf("at the cut bob became %v", p)
	}
	c.awaitPresence(0, alice, "bob", offline, soft.Expiry+10*time.Second)
	told(offline)
	if p := c.presence(2, alice, "bob"); p != away {
		t.Errorf("behind the cut bob is %v, whose stream is there", p)
	}
	c.deaf[2].setCut(false)
	c.awaitPresence(0, alice, "bob", away, soft.Heartbeat+10*time.Second)
	told(away)

	must(t, c.nodes[2].Stop(t.Context())) // no stream ends before the links do
	began := c.clock.time()
	c.awaitPresence(0, alice, "bob", offline, soft.Expiry)
	if took := c.clock.time().Sub(began); took >= soft.Expiry {
		t.Errorf("a node whose links are down was forgotten after %v, expected about %v", took, soft.Linger)
	}
	told(offline)
	if p := c.presence(0, eve, "nobody"); p != parleyv1.Presence_PRESENCE_UNSPECIFIED {
		t.Errorf("an account that does not exist is %v", p)
	}
}

// TestTypingBetweenNodes: typing reaches the other side, on whatever node, and nobody else.
func TestTypingBetweenNodes(t *testing.T) {
	c := newTrio(t)
	alice, bob, eve := c.account("alice"), c.account("bob"), c.account("eve")
	c.talk(alice, bob)
	c.talk(alice, eve)
	here, _ := c.follow(0, bob)
	there, _ := c.follow(2, bob)
	other, _ := c.follow(2, eve)
	c.pass(time.Second)
	type_ := func(to string) {
		t.Helper()
		_, err := c.chats[1].SendTyping(alice.ctx, &parleyv1.SendTypingRequest{Conversation: to})
		must(t, err)
		c.pass(time.Second)
	}
	typing := func(st events) {
		t.Helper()
		for {
			f := nextSoft(t, st)
			if f.GetPresence() != nil {
				continue
			}
			if g := f.GetTyping(); g.Conversation != "@alice" || g.Username != "alice" {
				t.Errorf("got %v", g)
			}
			return
		}
	}
	type_("@bob")
	typing(here)
	typing(there)
	type_("@eve") // the first that eve sees: typing to bob is none of hers
	typing(other)
	if frames := c.apis[0].soft.Presence(1); frames != offline {
		t.Errorf("typing made alice %v", frames)
	}
}

// TestTypingIsLimitedAndChecked: a caller types where it may send, and not faster than it may.
func TestTypingIsLimitedAndChecked(t *testing.T) {
	clock := &handClock{now: time.Unix(1_000_000, 0)}
	r := newRig(t, func(s *Server) { s.typings = newBuckets(typingsPerSecond, typingBurst, maxBuckets, clock.time) })
	alice, _ := r.user(t, "alice"), r.user(t, "bob")
	for _, tc := range []struct {
		to     string
		code   codes.Code
		reason string
	}{
		{"bob", codes.InvalidArgument, reasonInvalidField},
		{"@nobody", codes.NotFound, "CONVERSATION_NOT_FOUND"},
		{"#room", codes.NotFound, "CONVERSATION_NOT_FOUND"},
	} {
		_, err := r.chat.SendTyping(alice.ctx, &parleyv1.SendTypingRequest{Conversation: tc.to})
		wantError(t, err, tc.code, tc.reason)
	}
	clock.now = clock.now.Add(time.Minute)
	for range typingBurst {
		_, err := r.chat.SendTyping(alice.ctx, &parleyv1.SendTypingRequest{Conversation: "@bob"})
		must(t, err) // never talked: nobody has to hear of it
	}
	_, err := r.chat.SendTyping(alice.ctx, &parleyv1.SendTypingRequest{Conversation: "@bob"})
	wantError(t, err, codes.ResourceExhausted, reasonTooFast)
	_, err = r.chat.SetPresence(alice.ctx, &parleyv1.SetPresenceRequest{Presence: offline})
	wantError(t, err, codes.InvalidArgument, reasonInvalidField)
	_, err = r.chat.ListPresence(alice.ctx, &parleyv1.ListPresenceRequest{Usernames: make([]string, maxPage+1)})
	wantError(t, err, codes.InvalidArgument, reasonInvalidField)
	if n := r.proposed(); n != 4 { // two accounts, a session each
		t.Errorf("%d commands were proposed: soft state is not for the log", n)
	}
}

// TestSoftStateIsNoHeartbeat: a stream that is told soft state all the time still says that the node is alive.
func TestSoftStateIsNoHeartbeat(t *testing.T) {
	r := newRig(t, func(s *Server) { s.heartbeatAfter = 20 * time.Millisecond })
	u := r.user(t, "alice")
	st, _ := r.subscribe(t, u, "")
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { // ends with the test
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			<-tick.C
			r.server.soft.Tell(1, &parleyv1.SubscribeResponse{Frame: &parleyv1.SubscribeResponse_Typing{Typing: &parleyv1.Typing{}}})
		}
	})
	defer wg.Wait()
	defer stop()
	typed, beats := 0, 0
	for beats < 3 || typed == 0 {
		f, err := st.Recv()
		must(t, err)
		if f.GetTyping() != nil {
			typed++
		}
		if f.GetHeartbeat() != nil {
			beats++
		}
	}
}

// TestWhoIsTold: presence goes to those whom it concerns, by the rule of store.View.Circle, and not across a block.
func TestWhoIsTold(t *testing.T) {
	r := newRig(t)
	alice, _, eve := r.user(t, "alice"), r.user(t, "bob"), r.user(t, "eve")
	r.send(t, alice, "@bob", "hi")
	r.send(t, eve, "@bob", "hi")
	for _, tc := range []struct {
		account uint64
		here    []uint64
		want    []uint64
	}{
		{1, nil, []uint64{2}}, {2, nil, []uint64{1, 3}}, {2, []uint64{3}, []uint64{3}}, {2, []uint64{4}, nil}, {99, nil, nil},
	} {
		v, err := r.store.View()
		must(t, err)
		here := func(id uint64) bool { return slices.Contains(tc.here, id) }
		if tc.here == nil {
			here = nil
		}
		_, got, err := v.Circle(tc.account, here)
		v.Close()
		must(t, err)
		if !slices.Equal(got, tc.want) {
			t.Errorf("the presence of account %d concerns %v where %v are here, expected %v", tc.account, got, tc.here, tc.want)
		}
	}
}
