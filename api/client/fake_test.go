package client

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"

	"parley/proto/parleyv1"
)

// fakeCluster is a replicated chat in one mutex: what its nodes answer is scripted, what they apply is shared. It is real
// gRPC on real sockets; only the consensus is missing.
type fakeCluster struct {
	t       *testing.T
	options []grpc.ServerOption
	open    bool // Status needs no session
	nodes   []*fakeNode

	mu      sync.Mutex
	leader  string
	term    uint64
	byID    map[string]*parleyv1.SendMessageResponse
	log     []*parleyv1.Message
	seen    []seenTry
	users   map[string]string // names by what their calls carry as authorization
	changed chan struct{}     // closed and replaced when log grows
}

// seenTry is one SendMessage as it arrived.
type seenTry struct{ node, requestID, auth string }

// fakeNode is one server. Its script is changed by tests while it runs.
type fakeNode struct {
	parleyv1.UnimplementedChatServiceServer
	parleyv1.UnimplementedClusterServiceServer
	c    *fakeCluster
	name string
	addr string

	mu     sync.Mutex
	server *grpc.Server
	health *health.Server
	gate   *gate
	quorum bool
	// onSend runs after a SendMessage was noted and before it is applied; an error is the answer.
	onSend func(ctx context.Context, r *parleyv1.SendMessageRequest) error
	// onSent runs after it was applied; an error is the answer instead of the result.
	onSent func(ctx context.Context) error
	// onStream may refuse a stream of sends.
	onStream func(ctx context.Context) error
	// onStatus may refuse to tell.
	onStatus func(ctx context.Context) error
	// onSubscribe may refuse a stream.
	onSubscribe func(ctx context.Context, cursor string) error
	// onBackup is the whole of a Backup.
	onBackup   func(parleyv1.ClusterService_BackupServer) error
	beat       time.Duration
	subscribes atomic.Int64
	streams    atomic.Int64 // of sends
}

func newFakeCluster(t *testing.T, n int, options ...grpc.ServerOption) *fakeCluster {
	t.Helper()
	c := &fakeCluster{
		t: t, options: options, leader: "n1", term: 1, byID: make(map[string]*parleyv1.SendMessageResponse), users: make(map[string]string), changed: make(chan struct{}),
	}
	for i := range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		node := &fakeNode{c: c, name: fmt.Sprintf("n%d", i+1), addr: l.Addr().String(), quorum: true, beat: time.Second}
		c.nodes = append(c.nodes, node)
		node.serve(l)
		t.Cleanup(node.kill)
	}
	return c
}

func (c *fakeCluster) addrs() []string {
	var out []string
	for _, n := range c.nodes {
		out = append(out, n.addr)
	}
	return out
}

func (c *fakeCluster) byAddr(addr string) *fakeNode {
	for _, n := range c.nodes {
		if n.addr == addr {
			return n
		}
	}
	c.t.Fatalf("no node at %s", addr)
	return nil
}

func (c *fakeCluster) byName(name string) *fakeNode {
	for _, n := range c.nodes {
		if n.name == name {
			return n
		}
	}
	c.t.Fatalf("no node %q", name)
	return nil
}

func (c *fakeCluster) tries() []seenTry {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]seenTry(nil), c.seen...)
}

func (c *fakeCluster) logged() []*parleyv1.Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*parleyv1.Message(nil), c.log...)
}

// apply is exactly-once by request id, as the store is.
func (c *fakeCluster) apply(r *parleyv1.SendMessageRequest) *parleyv1.SendMessageResponse {
	c.mu.Lock()
	defer c.mu.Unlock()
	if resp := c.byID[r.GetRequestId()]; resp != nil {
		return resp
	}
	seq := uint64(len(c.log) + 1)
	cursor := strconv.FormatUint(seq, 10)
	c.log = append(c.log, &parleyv1.Message{
		Id: seq, Seq: seq, Conversation: r.GetConversation(), Text: r.GetText(), RequestId: r.GetRequestId(), Cursor: cursor,
	})
	resp := &parleyv1.SendMessageResponse{Id: seq, Seq: seq, Conversation: r.GetConversation(), Cursor: cursor}
	c.byID[r.GetRequestId()] = resp
	close(c.changed)
	c.changed = make(chan struct{})
	return resp
}

// after returns the log above a cursor and a channel for more.
func (c *fakeCluster) after(cursor uint64) ([]*parleyv1.Message, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*parleyv1.Message(nil), c.log[min(cursor, uint64(len(c.log))):]...), c.changed
}

func (c *fakeCluster) setLeader(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leader = name
	c.term++
}

func (n *fakeNode) serve(l net.Listener) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.gate = newGate()
	n.health = health.NewServer()
	n.server = grpc.NewServer(append([]grpc.ServerOption{grpc.KeepaliveEnforcementPolicy(
		keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true})}, n.c.options...)...)
	parleyv1.RegisterChatServiceServer(n.server, n)
	parleyv1.RegisterClusterServiceServer(n.server, n)
	grpc_health_v1.RegisterHealthServer(n.server, n.health)
	n.setHealthLocked()
	server, gated := n.server, &gatedListener{l, n.gate}
	go func() { _ = server.Serve(gated) }() // owned by the node, ended by kill
}

// kill is kill -9 as a client sees it: all connections end, new ones are refused.
func (n *fakeNode) kill() {
	n.mu.Lock()
	s, g := n.server, n.gate
	n.server = nil
	n.mu.Unlock()
	if s != nil {
		g.open()
		s.Stop()
	}
}

// restart listens on the same address again. The system may have lent the port to an outgoing connection meanwhile: then
// it tries again until it is back.
func (n *fakeNode) restart() {
	n.c.t.Helper()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for deadline := time.Now().Add(patience); ; <-again.C {
		l, err := net.Listen("tcp", n.addr)
		if err == nil {
			n.serve(l)
			return
		}
		if time.Now().After(deadline) {
			n.c.t.Fatal(err)
		}
	}
}

// freeze is SIGSTOP: the kernel goes on accepting connections and bytes, the process does nothing. thaw is SIGCONT.
func (n *fakeNode) freeze() { n.script(func() { n.gate.close() }) }
func (n *fakeNode) thaw()   { n.script(func() { n.gate.open() }) }

func (n *fakeNode) setQuorum(q bool) {
	n.script(func() {
		n.quorum = q
		n.setHealthLocked()
	})
}

func (n *fakeNode) setHealthLocked() {
	st := grpc_health_v1.HealthCheckResponse_NOT_SERVING
	if n.quorum {
		st = grpc_health_v1.HealthCheckResponse_SERVING
	}
	n.health.SetServingStatus(chatService, st)
}

func (n *fakeNode) script(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
}

func (n *fakeNode) hasQuorum() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.quorum
}
