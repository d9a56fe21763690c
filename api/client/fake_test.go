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

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

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

// failure makes an error as the servers do.
func failure(code codes.Code, reason string, meta map[string]string, more ...protoadapt.MessageV1) error {
	info := &errdetails.ErrorInfo{Domain: errorDomain, Reason: reason, Metadata: meta}
	st, err := status.New(code, "scripted: "+reason).WithDetails(append([]protoadapt.MessageV1{info}, more...)...)
	if err != nil {
		panic(err)
	}
	return st.Err()
}

func noQuorum() error {
	return failure(codes.Unavailable, reasonNoQuorum, map[string]string{"applied": "no"})
}

func leaderLost() error {
	return failure(codes.Unavailable, "LEADER_LOST", map[string]string{"applied": "unknown"})
}

func retryIn(d time.Duration) protoadapt.MessageV1 {
	return &errdetails.RetryInfo{RetryDelay: durationpb.New(d)}
}

func auth(ctx context.Context) string {
	md, _ := metadata.FromIncomingContext(ctx)
	if v := md.Get("authorization"); len(v) > 0 {
		return v[0]
	}
	return ""
}

func (n *fakeNode) SendMessage(
	ctx context.Context, r *parleyv1.SendMessageRequest,
) (*parleyv1.SendMessageResponse, error) {
	n.c.mu.Lock()
	n.c.seen = append(n.c.seen, seenTry{n.name, r.GetRequestId(), auth(ctx)})
	n.c.mu.Unlock()
	n.mu.Lock()
	before, after, quorum := n.onSend, n.onSent, n.quorum
	n.mu.Unlock()
	if before != nil {
		if err := before(ctx, r); err != nil {
			return nil, err
		}
	}
	if !quorum {
		return nil, noQuorum()
	}
	resp := n.c.apply(r)
	if after != nil {
		if err := after(ctx); err != nil {
			return nil, err
		}
	}
	return resp, nil
}

// SendMessages answers each send as SendMessage does, in whatever order they are done.
func (n *fakeNode) SendMessages(
	st grpc.BidiStreamingServer[parleyv1.SendMessagesRequest, parleyv1.SendMessagesResponse],
) error {
	n.streams.Add(1)
	n.mu.Lock()
	refuse := n.onStream
	n.mu.Unlock()
	if refuse != nil {
		if err := refuse(st.Context()); err != nil {
			return err
		}
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	var mu sync.Mutex // of Send
	for {
		f, err := st.Recv()
		if err != nil {
			return err
		}
		for _, r := range f.GetSends() {
			wg.Go(func() {
				res := &parleyv1.SendResult{RequestId: r.GetRequestId()}
				resp, err := n.SendMessage(st.Context(), r)
				if st.Context().Err() != nil {
					return // the stream is broken, so is the answer
				}
				if err == nil {
					res.Outcome = &parleyv1.SendResult_Sent{Sent: resp}
				} else {
					b, _ := proto.Marshal(status.Convert(err).Proto())
					res.Outcome = &parleyv1.SendResult_Error{Error: b}
				}
				mu.Lock()
				defer mu.Unlock()
				_ = st.Send(&parleyv1.SendMessagesResponse{Results: []*parleyv1.SendResult{res}})
			})
		}
	}
}

func (n *fakeNode) Backup(_ *parleyv1.BackupRequest, st parleyv1.ClusterService_BackupServer) error {
	n.mu.Lock()
	f := n.onBackup
	n.mu.Unlock()
	return f(st)
}

func (n *fakeNode) ReadMessages(
	_ context.Context, r *parleyv1.ReadMessagesRequest,
) (*parleyv1.ReadMessagesResponse, error) {
	if r.GetConsistency() != parleyv1.Consistency_CONSISTENCY_LOCAL && !n.hasQuorum() {
		return nil, noQuorum()
	}
	return &parleyv1.ReadMessagesResponse{Messages: n.c.logged(), ReadInfo: &parleyv1.ReadInfo{Node: n.name}}, nil
}

func (n *fakeNode) Login(ctx context.Context, r *parleyv1.LoginRequest) (*parleyv1.LoginResponse, error) {
	if auth(ctx) != "" {
		return nil, status.Error(codes.InvalidArgument, "a login carries no session")
	}
	if len(r.GetToken()) != TokenBytes {
		return nil, status.Errorf(codes.InvalidArgument, "the token has %d bytes", len(r.GetToken()))
	}
	n.c.mu.Lock()
	defer n.c.mu.Unlock()
	n.c.users[bearer(r.GetToken())] = r.GetUsername()
	return &parleyv1.LoginResponse{User: &parleyv1.User{Username: r.GetUsername()}}, nil
}

func (n *fakeNode) Logout(ctx context.Context, _ *parleyv1.LogoutRequest) (*parleyv1.LogoutResponse, error) {
	if auth(ctx) == "" {
		return nil, failure(codes.Unauthenticated, "SESSION_MISSING", map[string]string{"applied": "no"})
	}
	n.c.mu.Lock()
	defer n.c.mu.Unlock()
	delete(n.c.users, auth(ctx))
	return &parleyv1.LogoutResponse{}, nil
}

func (n *fakeNode) Status(ctx context.Context, _ *parleyv1.StatusRequest) (*parleyv1.StatusResponse, error) {
	if auth(ctx) == "" && !n.c.open {
		return nil, failure(codes.Unauthenticated, "SESSION_MISSING", map[string]string{"applied": "no"})
	}
	n.mu.Lock()
	refuse := n.onStatus
	n.mu.Unlock()
	if refuse != nil {
		if err := refuse(ctx); err != nil {
			return nil, err
		}
	}
	n.c.mu.Lock()
	defer n.c.mu.Unlock()
	r := &parleyv1.StatusResponse{Node: n.name, Leader: n.c.leader, Term: n.c.term, Quorum: n.hasQuorum(), ClusterId: "c"}
	for i, m := range n.c.nodes {
		r.Members = append(r.Members, &parleyv1.Member{
			Id: uint64(i + 1), Name: m.name, Address: m.addr, Role: parleyv1.MemberRole_MEMBER_ROLE_VOTER, Reachable: true,
		})
	}
	return r, nil
}

func (n *fakeNode) TransferLeadership(
	context.Context, *parleyv1.TransferLeadershipRequest,
) (*parleyv1.TransferLeadershipResponse, error) {
	n.c.mu.Lock()
	n.c.seen = append(n.c.seen, seenTry{node: n.name})
	n.c.mu.Unlock()
	return nil, leaderLost()
}

func (n *fakeNode) Subscribe(
	r *parleyv1.SubscribeRequest, st grpc.ServerStreamingServer[parleyv1.SubscribeResponse],
) error {
	n.subscribes.Add(1)
	n.mu.Lock()
	refuse, beat := n.onSubscribe, n.beat
	n.mu.Unlock()
	if refuse != nil {
		if err := refuse(st.Context(), r.GetCursor()); err != nil {
			return err
		}
	}
	var at uint64
	if r.GetCursor() == "" {
		at = uint64(len(n.c.logged()))
	} else {
		at, _ = strconv.ParseUint(r.GetCursor(), 10, 64)
	}
	send := func(f *parleyv1.SubscribeResponse) error { return st.Send(f) }
	sub := &parleyv1.Subscribed{Node: n.name, Cursor: strconv.FormatUint(at, 10)}
	if err := send(&parleyv1.SubscribeResponse{Frame: &parleyv1.SubscribeResponse_Subscribed{Subscribed: sub}}); err != nil {
		return err
	}
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		msgs, more := n.c.after(at)
		for _, m := range msgs {
			ev := &parleyv1.Event{Cursor: m.GetCursor(), Change: &parleyv1.Event_Message{Message: m}}
			if err := send(&parleyv1.SubscribeResponse{Frame: &parleyv1.SubscribeResponse_Event{Event: ev}}); err != nil {
				return err
			}
			at++
		}
		select {
		case <-more:
		case <-tick.C:
			hb := &parleyv1.Heartbeat{Cursor: strconv.FormatUint(at, 10), Quorum: n.hasQuorum()}
			err := send(&parleyv1.SubscribeResponse{Frame: &parleyv1.SubscribeResponse_Heartbeat{Heartbeat: hb}})
			if err != nil {
				return err
			}
		case <-st.Context().Done():
			return st.Context().Err()
		}
	}
}

// gate holds bytes back while it is closed.
type gate struct {
	conns atomic.Int64 // accepted
	mu    sync.Mutex
	pass  chan struct{} // closed: bytes pass
}

func newGate() *gate {
	g := &gate{pass: make(chan struct{})}
	close(g.pass)
	return g
}

func (g *gate) wait() {
	g.mu.Lock()
	p := g.pass
	g.mu.Unlock()
	<-p
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pass = make(chan struct{})
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.pass:
	default:
		close(g.pass)
	}
}

type gatedListener struct {
	net.Listener
	gate *gate
}

func (l *gatedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.gate.conns.Add(1)
	return &gatedConn{c, l.gate}, nil
}

type gatedConn struct {
	net.Conn
	gate *gate
}

func (c *gatedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.gate.wait()
	return n, err
}

func (c *gatedConn) Write(b []byte) (int, error) {
	c.gate.wait()
	return c.Conn.Write(b)
}
