package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
	"parley/store"
)

// testCluster runs whole nodes, with sockets and files, in this process.
type testCluster struct {
	t     testing.TB
	cfgs  []Config
	nodes []*Node
}

func startCluster(t testing.TB, size int) *testCluster {
	t.Helper()
	return startClusterOf(t, size, func(int, *Config) {})
}

// startClusterOf starts nodes with changed configurations.
func startClusterOf(t testing.TB, size int, change func(i int, cfg *Config)) *testCluster {
	t.Helper()
	c := &testCluster{t: t, nodes: make([]*Node, size)}
	members := map[string]string{}
	for i := range size {
		l := listen(t, "127.0.0.1:0")
		name := fmt.Sprintf("n%d", i+1)
		members[name] = l.Addr().String()
		c.cfgs = append(c.cfgs, Config{
			Name: name, Dir: t.TempDir(), Address: "127.0.0.1:" + fmt.Sprint(i+1), PeerAddress: l.Addr().String(), PeerListener: l,
			FirstMembers: members, Logger: testLogger(t),
		})
		change(i, &c.cfgs[i])
	}
	var wg sync.WaitGroup
	for i := range size {
		wg.Go(func() { c.start(i) })
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	t.Cleanup(func() {
		for _, n := range c.nodes {
			if n != nil {
				n.shutdown()
				<-n.Done()
			}
		}
	})
	return c
}

// testLogger shows the nodes' log with a failed test.
func testLogger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func listen(t testing.TB, addr string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (c *testCluster) start(i int) {
	n, err := Start(c.t.Context(), c.cfgs[i])
	if err != nil {
		c.t.Errorf("start node %d: %v", i+1, err)
		return
	}
	c.nodes[i] = n
}

// restart starts a stopped node on its directory and address.
func (c *testCluster) restart(i int) {
	c.t.Helper()
	c.cfgs[i].PeerListener = listen(c.t, c.cfgs[i].PeerAddress)
	c.start(i)
}

// leader waits until every running node agrees on a leader, and returns its place.
func (c *testCluster) leader() int {
	c.t.Helper()
	var lead int
	c.await("one leader that all agree on", func() bool {
		lead = -1
		var id uint64
		for i, n := range c.nodes {
			if n == nil {
				continue
			}
			st := n.Status()
			if st.Leader == 0 || !st.Quorum || id != 0 && st.Leader != id {
				return false
			}
			id = st.Leader
			if st.Leader == st.ID {
				lead = i
			}
		}
		return lead >= 0
	})
	return lead
}

func (c *testCluster) await(what string, ok func() bool) {
	c.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			c.t.Fatalf("waited 20 s for %s", what)
		}
		<-tick.C
	}
}

func (c *testCluster) propose(i int, cmd *internalv1.Command) *internalv1.Result {
	c.t.Helper()
	res, err := tryPropose(c.t.Context(), c.nodes[i], cmd)
	if err != nil {
		c.t.Fatalf("propose on node %d: %v", i+1, err)
	}
	if r := res.GetRefusal(); r != nil {
		c.t.Fatalf("node %d refused: %v", i+1, r)
	}
	return res
}

func tryPropose(ctx context.Context, n *Node, cmd *internalv1.Command) (*internalv1.Result, error) {
	b, err := proto.Marshal(cmd)
	if err != nil {
		return nil, err
	}
	data, err := n.Propose(ctx, b)
	if err != nil {
		return nil, err
	}
	res := new(internalv1.Result)
	return res, proto.Unmarshal(data, res)
}

func newRequest() []byte {
	id := uuid.Must(uuid.NewV7())
	return id[:]
}

// account makes an account with a session.
func (c *testCluster) account(i int, name string) {
	c.t.Helper()
	c.propose(i, &internalv1.Command{RequestId: newRequest(), Body: &internalv1.Command_CreateUser{
		CreateUser: &internalv1.CreateUser{Username: name, DisplayName: name, PasswordPhc: "$argon2id$test"},
	}})
	c.propose(i, &internalv1.Command{RequestId: newRequest(), Body: &internalv1.Command_Login{
		Login: &internalv1.Login{Username: name, TokenSha256: token(name), CredentialGeneration: 1},
	}})
}

func message(from, to, text string) *internalv1.Command {
	return &internalv1.Command{RequestId: newRequest(), Session: token(from), Body: &internalv1.Command_SendMessage{
		SendMessage: &internalv1.SendMessage{Conversation: "@" + to, Text: text},
	}}
}

// texts reads a conversation on one node, linearizably.
func (c *testCluster) texts(i int, who, with string) []string {
	c.t.Helper()
	if err := c.nodes[i].ReadBarrier(c.t.Context()); err != nil {
		c.t.Fatalf("read barrier on node %d: %v", i+1, err)
	}
	v, err := c.nodes[i].Store().View()
	must(c.t, err)
	defer v.Close()
	s, err := v.Session(token(who))
	must(c.t, err)
	page, err := v.Messages(s, store.MessageQuery{Conversation: "@" + with, Limit: 1000})
	must(c.t, err)
	var out []string
	for _, m := range page.Messages {
		out = append(out, m.GetText())
	}
	return out
}

// P3: any node serves any operation, and a read sees what was acknowledged before it began.
func TestAnyNodeServes(t *testing.T) {
	c := startCluster(t, 3)
	c.leader()
	c.account(0, "alice")
	c.account(1, "bob")
	for k := range 9 {
		c.propose(k%3, message("alice", "bob", fmt.Sprint(k)))
		if got := c.texts((k+1)%3, "bob", "alice"); len(got) != k+1 || got[k] != fmt.Sprint(k) {
			t.Fatalf("after message %d node %d reads %v", k, (k+1)%3+1, got)
		}
	}
	hashes, voters, err := c.nodes[0].StateHashes(t.Context())
	if err != nil || voters != 3 || len(hashes) != 3 {
		t.Fatalf("hashes: %v, %d voters, %v", hashes, voters, err)
	}
	for _, h := range hashes {
		if h.Err != nil || string(h.Hash) != string(hashes[0].Hash) {
			t.Errorf("node %s hashes %x at %d (%v), node %s %x", h.Name, h.Hash, h.Applied, h.Err, hashes[0].Name, hashes[0].Hash)
		}
	}
}

// A graceful stop fails no command: what is under way is finished, what comes meanwhile goes to the successor.
func TestHandOverFailsNothing(t *testing.T) {
	c := startCluster(t, 3)
	lead := c.leader()
	c.account(lead, "alice")
	c.account(lead, "bob")
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var mu sync.Mutex
	acked := map[string]*internalv1.SendResult{}
	for i := range 3 {
		wg.Go(func() {
			for k := 0; ctx.Err() == nil; k++ {
				text := fmt.Sprintf("%d from node %d", k, i+1)
				// The command itself must not be cut off by the end of the test.
				res, err := tryPropose(t.Context(), c.nodes[i], message("alice", "bob", text))
				if err != nil || res.GetRefusal() != nil {
					t.Errorf("node %d: %v %v", i+1, err, res)
					return
				}
				mu.Lock()
				acked[text] = res.GetSend()
				mu.Unlock()
			}
		})
	}
	c.await("some load", func() bool { mu.Lock(); defer mu.Unlock(); return len(acked) > 50 })
	for range 3 {
		if err := c.nodes[c.leader()].HandOver(t.Context()); err != nil {
			t.Fatalf("hand over: %v", err)
		}
	}
	stop()
	wg.Wait()
	there := map[string]int{}
	for _, text := range c.texts(0, "bob", "alice") {
		there[text]++
	}
	for text, res := range acked {
		if there[text] != 1 {
			t.Errorf("acknowledged %q as %v, and it is there %d times of %d", text, res, there[text], len(there))
		}
	}
}

// A leader that is short of space says so, to whoever asked a follower too: that an operator must act is not "overloaded".
func TestDiskLowReachesWhoAskedAFollower(t *testing.T) {
	c := startCluster(t, 3)
	c.account(0, "alice")
	leader := c.leader()
	for i := range c.nodes {
		// The next look at the disk finds that there is space; until then this is what the leader knows.
		c.await(fmt.Sprintf("node %d to say that space is low", i+1), func() bool {
			c.nodes[leader].disk.low.Store(true)
			_, err := tryPropose(t.Context(), c.nodes[i], message("alice", "alice", "hi"))
			var e *Error
			return errors.As(err, &e) && e.Cause == CauseDiskLow && e.Outcome == NotApplied
		})
	}
}

// P1: everything stops and starts again; nothing that was acknowledged is missing, and a retry has its first answer.
func TestRestartKeepsEverything(t *testing.T) {
	c := startCluster(t, 3)
	c.leader()
	c.account(0, "alice")
	c.account(0, "bob")
	again := message("alice", "bob", "again")
	first := c.propose(0, again)
	for i, n := range c.nodes {
		n.shutdown()
		<-n.Done()
		c.nodes[i] = nil
	}
	for i := range c.nodes {
		c.restart(i)
	}
	c.leader()
	second := c.propose(2, again)
	if second.GetSend().GetSeq() != 1 || second.GetSend().GetId() != first.GetSend().GetId() {
		t.Errorf("the retry was answered %v, the first time %v", second.GetSend(), first.GetSend())
	}
	if got := c.texts(1, "bob", "alice"); len(got) != 1 {
		t.Errorf("bob reads %v", got)
	}
}

// P7: without a quorum a node says so, and says what became of the command.
func TestNoQuorumIsSaid(t *testing.T) {
	c := startCluster(t, 3)
	lead := c.leader()
	c.account(lead, "alice")
	c.account(lead, "bob")
	for i, n := range c.nodes {
		if i != lead {
			n.shutdown()
			<-n.Done()
			c.nodes[i] = nil
		}
	}
	n := c.nodes[lead]
	c.await("the loss of quorum to be noticed", func() bool { return !n.Status().Quorum })
	_, err := tryPropose(t.Context(), n, message("alice", "bob", "held, then refused"))
	var e *Error
	if !errors.As(err, &e) || e.Outcome != NotApplied || e.Cause != CauseNoLeader {
		t.Errorf("propose: %v, want not applied for want of a leader", err)
	}
	if err := n.ReadBarrier(t.Context()); !errors.As(err, &e) || e.Cause != CauseNoLeader {
		t.Errorf("read barrier: %v, want no leader", err)
	}
}
