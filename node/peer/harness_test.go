package peer

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
)

// patienceOfTests is how long a test waits for what must happen.
const patienceOfTests = 20 * time.Second

var cluster = []byte("cluster-0123456!")

// down is one call of LinkDown.
type down struct{ from, boot uint64 }

// fakeNode is a Handler that records, and a transport with a real server around it.
type fakeNode struct {
	id   uint64
	addr string
	t    *Transport
	srv  *grpc.Server

	mu     sync.Mutex
	events []any // *raftpb.Message, down or softFrame, in the order of the calls
	more   chan struct{}

	step     func(m *raftpb.Message) // runs before the message is recorded
	handOn   func(ctx context.Context, cmds []Command, answer func(uint64, Answer))
	check    func(id *internalv1.Identity) error
	open     func(m *raftpb.Message, size uint64) (Incoming, error)
	outgoing func(to, minIndex uint64) (Outgoing, error)
	ups      chan uint64
	lost     chan uint64
	refused  chan *Refusal
}

func (n *fakeNode) record(e any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.events = append(n.events, e)
	close(n.more)
	n.more = make(chan struct{})
}

func (n *fakeNode) Step(m *raftpb.Message) {
	if n.step != nil {
		n.step(m)
	}
	n.record(m)
}

// softFrame is one call of Soft.
type softFrame struct {
	from uint64
	text string
}

func (n *fakeNode) Soft(from uint64, frame []byte) { n.record(softFrame{from, string(frame)}) }

func (n *fakeNode) LinkDown(from, boot uint64) { n.record(down{from, boot}) }

func (n *fakeNode) HandOn(ctx context.Context, cmds []Command, answer func(uint64, Answer)) {
	n.handOn(ctx, cmds, answer)
}

func (n *fakeNode) CheckIdentity(id *internalv1.Identity) error {
	if n.check != nil {
		return n.check(id)
	}
	return nil
}

func (n *fakeNode) Join(_ context.Context, from *internalv1.Identity) (*internalv1.JoinResponse, error) {
	if from.GetName() != "new" {
		return nil, &Refusal{Reason: ReasonOther, Text: "no member is called " + from.GetName()}
	}
	return &internalv1.JoinResponse{Id: 9, ClusterId: cluster}, nil
}

func (n *fakeNode) OpenIncoming(m *raftpb.Message, size uint64) (Incoming, error) {
	return n.open(m, size)
}

func (n *fakeNode) OpenOutgoing(to, minIndex uint64) (Outgoing, error) {
	return n.outgoing(to, minIndex)
}

func (n *fakeNode) Status() *internalv1.PeerStatusResponse {
	return &internalv1.PeerStatusResponse{Term: 7, Applied: n.id * 100}
}

func (n *fakeNode) HashAt(ctx context.Context, index uint64) ([]byte, uint64, error) {
	if index > 1000 {
		<-ctx.Done()
		return nil, 0, ctx.Err()
	}
	if index == 13 {
		return nil, 0, errors.New("no hash mark at 13")
	}
	return []byte{byte(n.id), byte(index)}, index + 1, nil
}

// identity is node id's first start; tests change it.
func identity(id uint64) *internalv1.Identity {
	return &internalv1.Identity{
		Id: id, Name: string(rune('a' + id)), ClusterId: cluster, Incarnation: []byte{1, byte(id)},
		Boot: 10, BootNonce: []byte{byte(id), 10},
	}
}

func listen(t *testing.T, addr string) net.Listener {
	t.Helper()
	lis, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return lis
}

// newNode makes a node that is not started, so that a test can set its hooks.
func newNode() *fakeNode {
	return &fakeNode{
		more: make(chan struct{}),
		ups:  make(chan uint64, 1000), lost: make(chan uint64, 10000), refused: make(chan *Refusal, 1000),
	}
}

// start runs the node; its server listens on lis, or not at all when that is nil.
func (n *fakeNode) start(t *testing.T, self *internalv1.Identity, lis net.Listener, peers map[uint64]string,
	opts ...func(*Options, *patience),
) *fakeNode {
	t.Helper()
	n.id = self.Id
	o := Options{
		Self: self, Handler: n, Peers: peers,
		LinkUp:      func(id uint64) { n.ups <- id },
		Unreachable: func(id uint64) { n.lost <- id },
		Refused:     func(_ uint64, r *Refusal) { n.refused <- r },
	}
	p := defaultPatience
	for _, f := range opts {
		f(&o, &p)
	}
	n.t = newTransport(o, p)
	n.srv = grpc.NewServer(n.t.ServerOptions()...)
	n.t.Register(n.srv)
	if lis != nil {
		n.addr = lis.Addr().String()
		served := make(chan struct{})
		go func() {
			defer close(served)
			_ = n.srv.Serve(lis) // its error is that it was stopped
		}()
		t.Cleanup(func() { <-served })
	}
	t.Cleanup(n.stop)
	return n
}

func (n *fakeNode) stop() {
	n.t.Close()
	n.srv.Stop()
}

// await waits until the recorded events satisfy ok.
func (n *fakeNode) await(t *testing.T, what string, ok func(events []any) bool) []any {
	t.Helper()
	deadline := time.After(patienceOfTests)
	for {
		n.mu.Lock()
		events, more := n.events[:len(n.events):len(n.events)], n.more
		n.mu.Unlock()
		if ok(events) {
			return events
		}
		select {
		case <-more:
		case <-deadline:
			last := events[max(0, len(events)-5):]
			t.Fatalf("node %d: waited for %s; %d events came, the last are %v", n.id, what, len(events), last)
		}
	}
}

// wait takes the next value of a channel.
func wait[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patienceOfTests):
		t.Fatalf("waited for %s", what)
		panic("unreachable")
	}
}

func message(from, to, index uint64) *raftpb.Message {
	return &raftpb.Message{
		Type: raftpb.MsgHeartbeat.Enum(), From: proto.Uint64(from), To: proto.Uint64(to), Index: proto.Uint64(index),
	}
}

func appendMessage(from, to, index uint64, size int) *raftpb.Message {
	m := message(from, to, index)
	m.Type = raftpb.MsgApp.Enum()
	m.Entries = []*raftpb.Entry{{Index: proto.Uint64(index), Data: make([]byte, size)}}
	return m
}

// pair starts nodes 1 and 2 that know each other, and waits until both links are up.
func pair(t *testing.T, one, two *fakeNode, opts ...func(*Options, *patience)) {
	t.Helper()
	l1, l2 := listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0")
	one.start(t, identity(1), l1, map[uint64]string{2: l2.Addr().String()}, opts...)
	two.start(t, identity(2), l2, map[uint64]string{1: l1.Addr().String()}, opts...)
	wait(t, "the link from 1 to 2", one.ups)
	wait(t, "the link from 2 to 1", two.ups)
}

// proxy is a wire between two nodes that can be cut and frozen.
type proxy struct {
	lis    net.Listener
	mu     sync.Mutex
	conns  []net.Conn
	frozen chan struct{} // closed while bytes flow
}

func newProxy(t *testing.T, to string) *proxy {
	p := &proxy{lis: listen(t, "127.0.0.1:0"), frozen: make(chan struct{})}
	close(p.frozen)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			in, err := p.lis.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			p.mu.Lock()
			p.conns = append(p.conns, in, out)
			p.mu.Unlock()
			wg.Go(func() { p.copy(out, in) })
			wg.Go(func() { p.copy(in, out) })
		}
	})
	t.Cleanup(func() {
		p.lis.Close()
		p.thaw()
		p.cut()
		wg.Wait()
	})
	return p
}

func (p *proxy) addr() string { return p.lis.Addr().String() }

func (p *proxy) copy(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		p.mu.Lock()
		flow := p.frozen
		p.mu.Unlock()
		<-flow
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// cut resets every connection; new ones are taken.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}

func (p *proxy) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen = make(chan struct{})
}

func (p *proxy) thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.frozen:
	default:
		close(p.frozen)
	}
}

// received is a store file that arrived, or did not.
type received struct {
	io.Writer
	commit  func() error
	ended   chan string
	written int
}

func (r *received) Write(p []byte) (int, error) {
	r.written += len(p)
	return len(p), nil
}

func (r *received) Commit() error {
	r.ended <- "commit"
	if r.commit != nil {
		return r.commit()
	}
	return nil
}

func (r *received) Abort() { r.ended <- "abort" }
