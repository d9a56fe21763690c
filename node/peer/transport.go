package peer

import (
	"context"
	"crypto/tls"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
)

// Transport connects this node with its peers, both ways. All methods are safe for concurrent use.
type Transport struct {
	o    Options
	log  *slog.Logger
	self atomic.Pointer[internalv1.Identity]
	// formed is closed once the cluster id is known.
	formed chan struct{}
	known  registry

	// ctx ends with Close; wg counts every goroutine of the transport.
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	// mu guards changes of links, self and closed. The map behind links is never mutated, so that Send takes no lock.
	mu     sync.Mutex
	closed bool
	links  atomic.Pointer[map[uint64]*link]

	inMu sync.Mutex
	in   map[uint64]*incoming
	// receiving holds a token while a store file comes in.
	receiving chan struct{}

	// patience holds the limits that tests shorten.
	patience patience

	news news

	// lost wakes the goroutine that reports unreachable peers.
	lost chan struct{}
}

// New starts a transport. It dials the first peers at once; raft messages flow when the cluster id is known.
func New(o Options) *Transport { return newTransport(o, defaultPatience) }

func newTransport(o Options, p patience) *Transport {
	t := &Transport{
		o:         o,
		log:       o.Logger,
		formed:    make(chan struct{}),
		in:        make(map[uint64]*incoming),
		lost:      make(chan struct{}, 1),
		receiving: make(chan struct{}, 1),
		patience:  p,
	}
	t.known.seen = make(map[uint64]*internalv1.Identity)
	if t.log == nil {
		t.log = slog.New(slog.DiscardHandler)
	}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.links.Store(&map[uint64]*link{})
	self := proto.CloneOf(o.Self)
	self.Protocol, self.OldestProtocol, self.TakesSoft = protocol, oldestProtocol, true
	t.self.Store(self)
	if len(o.Self.ClusterId) > 0 {
		close(t.formed)
	}
	t.wg.Go(t.reportLost)
	t.SetPeers(o.Peers)
	return t
}

// begin counts something that Close must wait for, unless the transport is closed; the caller ends it with t.wg.Done.
func (t *Transport) begin() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		t.wg.Add(1)
	}
	return !t.closed
}

// Close ends all streams and connections and waits until no callback runs. Handler.Step and the other callbacks must
// have been unblocked before.
func (t *Transport) Close() {
	t.mu.Lock()
	t.closed = true
	t.cancel()
	t.mu.Unlock()
	for _, l := range *t.links.Load() {
		l.close()
	}
	t.wg.Wait()
}

// Register adds the peer service to the server of the peer address.
func (t *Transport) Register(g *grpc.Server) {
	internalv1.RegisterPeerServiceServer(g, &service{t: t})
}

// ServerOptions are what the server of the peer address is made with, TLS included. There is no maximum connection age:
// a stream that ends by itself looks like a dead leader.
func (t *Transport) ServerOptions() []grpc.ServerOption {
	creds := insecure.NewCredentials()
	if t.o.Server != nil {
		creds = credentials.NewTLS(t.o.Server)
	}
	return []grpc.ServerOption{
		grpc.Creds(creds),
		grpc.MaxRecvMsgSize(maxReceiveBytes),
		grpc.MaxSendMsgSize(maxReceiveBytes),
		grpc.MaxConcurrentStreams(maxStreamsPerConn),
		grpc.InitialWindowSize(streamWindowBytes),
		grpc.InitialConnWindowSize(connWindowBytes),
		grpc.ConnectionTimeout(dialTimeout),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: serverKeepalive, Timeout: serverKeepaliveTimeout}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{
			MinTime: minPingInterval, PermitWithoutStream: true,
		}),
	}
}

// dial makes a client connection; it does not connect yet.
func (t *Transport) dial(addr string, more ...grpc.DialOption) (*grpc.ClientConn, error) {
	return dial(t.o.Client, addr, more...)
}

func dial(client *tls.Config, addr string, more ...grpc.DialOption) (*grpc.ClientConn, error) {
	creds := insecure.NewCredentials()
	if client != nil {
		creds = credentials.NewTLS(client)
	}
	return grpc.NewClient("passthrough:///"+addr, append([]grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithNoProxy(),
		grpc.WithDisableRetry(),
		grpc.WithDisableServiceConfig(),
		grpc.WithIdleTimeout(0),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{
				BaseDelay: dialBaseDelay, Multiplier: 1.6, Jitter: 0.2, MaxDelay: dialMaxDelay,
			},
			MinConnectTimeout: dialTimeout,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: clientKeepalive, Timeout: clientKeepaliveTimeout, PermitWithoutStream: true,
		}),
		grpc.WithInitialWindowSize(streamWindowBytes),
		grpc.WithInitialConnWindowSize(connWindowBytes),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxReceiveBytes), grpc.MaxCallSendMsgSize(maxReceiveBytes)),
	}, more...)...)
}

// SetPeers replaces the set of peers. Links to peers that stay at their address are not touched; the others are closed
// or made. It does not wait for the network. What a removed peer still sends is taken until CheckIdentity refuses it;
// what it said of itself is forgotten.
func (t *Transport) SetPeers(peers map[uint64]string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	old := *t.links.Load()
	next := make(map[uint64]*link, len(peers))
	for id, addr := range peers {
		if id == t.self.Load().Id {
			continue
		}
		if l := old[id]; l != nil && l.addr == addr {
			next[id] = l
			continue
		}
		l, err := newLink(t, id, addr, old[id])
		if err != nil {
			t.log.Error("cannot use this peer address", "peer", id, "address", addr, "err", err)
			continue
		}
		next[id] = l
	}
	t.links.Store(&next)
	for id, l := range old {
		if next[id] != l {
			l.close()
		}
		if next[id] == nil {
			t.known.forget(id)
		}
	}
	for id, l := range next {
		if old[id] != l {
			l.start()
		}
	}
}

func (t *Transport) link(id uint64) *link { return (*t.links.Load())[id] }

// Send queues messages, each for the peer that it is addressed to, in the order given. It never blocks; see invariant 1. The
// messages must not change any more. Those of one call for one peer share a frame when they fit. MsgSnap goes by SendSnapshot.
func (t *Transport) Send(ms ...*raftpb.Message) {
	links := *t.links.Load()
	for i, m := range ms {
		l := links[m.GetTo()]
		if l == nil {
			continue // the peer was removed a moment ago
		}
		if m.GetType() == raftpb.MsgSnap || !l.lanes.push(m) {
			l.drop(1)
		}
		if !sends(ms[i+1:], m.GetTo()) {
			l.lanes.signal()
		}
	}
}

// sends says whether one of the messages is for that peer. There are a few in a call.
func sends(ms []*raftpb.Message, to uint64) bool {
	return slices.ContainsFunc(ms, func(m *raftpb.Message) bool { return m.GetTo() == to && m.GetType() != raftpb.MsgSnap })
}

// SendSoft queues a frame of soft state for every peer that said it takes them. It never blocks; what does not fit, or meets
// a link that is down, is lost. The frame must not change any more.
func (t *Transport) SendSoft(frame []byte) {
	if len(frame) > MaxSoftFrameBytes {
		return
	}
	for id, l := range *t.links.Load() {
		if !t.known.get(id).GetTakesSoft() {
			continue
		}
		if l.lanes.pushSoft(frame) {
			l.lanes.signal()
		} else {
			l.v.softDropped.Add(1)
		}
	}
}

// Reachable tells whether messages to this peer can be sent and it was heard lately.
func (t *Transport) Reachable(id uint64) bool {
	l := t.link(id)
	return l != nil && l.up.Load() && time.Since(l.v.lastHeard()) < reachableFor
}

// LastHeard is when anything last came from this peer; zero when never in this run.
func (t *Transport) LastHeard(id uint64) time.Time {
	if l := t.link(id); l != nil {
		return l.v.lastHeard()
	}
	return time.Time{}
}

// ClockOffset is how far the peer's clock is ahead of this node's, taken from the hello with the shortest round trip of
// the last few; false when there was none. Its error is at most half that round trip and a millisecond.
func (t *Transport) ClockOffset(id uint64) (time.Duration, bool) {
	if l := t.link(id); l != nil {
		return l.v.clockOffset()
	}
	return 0, false
}

// Stats returns the counters of every current peer.
func (t *Transport) Stats() map[uint64]Stats {
	links := *t.links.Load()
	s := make(map[uint64]Stats, len(links))
	for id, l := range maps.All(links) {
		s[id] = l.stats()
	}
	return s
}

// reportLost tells the node which peers lost messages, each at most once in unreachableInterval. It is a goroutine of
// its own because the writer of a stuck peer cannot report, and Send must not call back.
func (t *Transport) reportLost() {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-t.ctx.Done():
			return
		case <-pause.C:
		}
		select {
		case <-t.ctx.Done():
			return
		case <-t.lost:
		}
		for id, l := range *t.links.Load() {
			if l.lost.Swap(false) && t.o.Unreachable != nil {
				t.o.Unreachable(id)
			}
		}
		pause.Reset(unreachableInterval)
	}
}

// refused tells the node that a peer does not accept it.
func (t *Transport) refused(id uint64, r *Refusal) {
	if t.news.is("refused by", id, r.Error()) {
		t.log.Warn("a peer refused this node", "peer", id, "reason", string(r.Reason), "text", r.Text)
	}
	if t.o.Refused != nil && t.ctx.Err() == nil {
		t.o.Refused(id, r)
	}
}

// news keeps what is said again at every attempt from being logged again. It is bounded: what does not fit is logged.
type news struct {
	mu   sync.Mutex
	last map[newsKey]string
}

type newsKey struct {
	what string
	peer uint64
}

// is reports whether text differs from what was last said of this.
func (n *news) is(what string, peer uint64, text string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	k := newsKey{what, peer}
	if n.last[k] == text {
		return false
	}
	if n.last == nil {
		n.last = make(map[newsKey]string)
	}
	if len(n.last) < maxKnownPeers {
		n.last[k] = text
	}
	return true
}
