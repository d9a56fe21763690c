package peer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	grpcpeer "google.golang.org/grpc/peer"
	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
)

// link is this node's way to one peer at one address: one connection, and on it the raft stream, the hand-on stream and
// the questions. Its goroutines are the writer, the hander-on and the prober; all end when ctx does.
type link struct {
	t      *Transport
	id     uint64
	addr   string
	v      *vitals
	ctx    context.Context
	cancel context.CancelFunc

	// mu guards the replacement of conn.
	mu   sync.Mutex
	conn atomic.Pointer[conn]

	lanes  lanes
	up     atomic.Bool
	lost   atomic.Bool
	kicked chan struct{}
	hand   handOn
}

// conn is a connection with its client.
type conn struct {
	*grpc.ClientConn
	internalv1.PeerServiceClient
}

func newLink(t *Transport, id uint64, addr string, old *link) (*link, error) {
	cc, err := t.dial(addr)
	if err != nil {
		return nil, err
	}
	l := &link{
		t: t, id: id, addr: addr,
		lanes:  newLanes(),
		kicked: make(chan struct{}, 1),
		hand:   newHandOn(),
	}
	if old != nil {
		l.v = old.v
	} else {
		l.v = &vitals{began: time.Now()}
	}
	l.conn.Store(&conn{cc, internalv1.NewPeerServiceClient(cc)})
	l.ctx, l.cancel = context.WithCancel(t.ctx)
	return l, nil
}

// start begins the link's goroutines; the caller holds t.mu.
func (l *link) start() {
	l.t.wg.Go(l.write)
	l.t.wg.Go(l.handOver)
	l.t.wg.Go(l.probe)
}

// close ends the link without waiting for its goroutines.
func (l *link) close() {
	l.cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn.Load().Close()
}

// kick ends the gap before the next dial: the peer was just heard. gRPC's ResetConnectBackoff is not used: as of
// v1.85 it walks a map that others write (grpc-go pull request 9155), which ends the process. A new connection has no
// gap.
func (l *link) kick() {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.conn.Load()
	if l.ctx.Err() == nil && old.GetState() == connectivity.TransientFailure {
		if cc, err := l.t.dial(l.addr); err == nil {
			l.conn.Store(&conn{cc, internalv1.NewPeerServiceClient(cc)})
			old.Close()
		}
	}
	select {
	case l.kicked <- struct{}{}:
	default:
	}
}

// drop counts lost messages and has the node told.
func (l *link) drop(n int) {
	l.v.dropped.Add(uint64(n))
	l.lost.Store(true)
	select {
	case l.t.lost <- struct{}{}:
	default:
	}
}

// write is the writer goroutine: it keeps the raft stream to this peer open and writes what Send queued.
func (l *link) write() {
	select {
	case <-l.t.formed:
	case <-l.ctx.Done():
		return
	}
	var gap time.Duration
	for l.ctx.Err() == nil {
		lived, err := l.session()
		if l.ctx.Err() != nil {
			return
		}
		if lived > dialMaxDelay {
			gap = 0
			continue // dial at once
		}
		// It never came up, or it breaks again and again: then a gap keeps this from being a busy loop.
		l.t.log.Debug("no link to a peer", "peer", l.id, "address", l.addr, "err", err)
		gap = min(max(2*gap, dialBaseDelay), dialMaxDelay)
		if r := refusalOf(err); r != nil {
			l.t.refused(l.id, r)
			gap = dialMaxDelay
		}
		l.pause(gap)
	}
}

// pause waits, less when the peer is heard meanwhile.
func (l *link) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.kicked:
	case <-l.ctx.Done():
	}
}

// session opens one raft stream and writes to it until it breaks. It tells how long the link was up, and always returns
// an error.
func (l *link) session() (lived time.Duration, err error) {
	ctx, cancel := context.WithCancel(l.ctx)
	defer cancel()
	stream, err := l.conn.Load().Raft(ctx, grpc.WaitForReady(true))
	if err != nil {
		return 0, err
	}
	deadline := time.AfterFunc(helloTimeout, cancel)
	defer deadline.Stop()
	if err := l.greet(stream); err != nil {
		return 0, err
	}
	deadline.Stop()
	deadline = time.AfterFunc(l.t.patience.write, func() {
		l.v.stalls.Add(1)
		cancel()
	})
	deadline.Stop()

	// The acceptor says nothing after its hello, so a Recv returns when the stream ends. The goroutine ends with the
	// stream, which this function cancels.
	ended := make(chan error, 1)
	go func() {
		_, err := stream.Recv()
		if err == nil {
			err = errors.New("the acceptor spoke out of turn")
		}
		ended <- err
	}()

	since := time.Now()
	l.lanes.setOpen(true)
	l.up.Store(true)
	l.v.linkUps.Add(1)
	l.hand.warm()
	l.t.log.Info("the link to a peer is up", "peer", l.id, "address", l.addr)
	if l.t.o.LinkUp != nil {
		l.t.o.LinkUp(l.id)
	}

	f := frame{}
	for err == nil {
		select {
		case err = <-ended:
			ended <- err
		case <-l.lanes.wake:
			for err == nil && l.fill(&f) {
				deadline.Reset(l.t.patience.write)
				err = stream.Send(&f.req)
				deadline.Stop()
				if err == nil {
					l.sent(&f)
				}
			}
		}
	}
	cancel()
	err = <-ended // says why, where Send says only EOF
	l.up.Store(false)
	// What was written to the stream may be lost too, so the node is told even when nothing waited.
	l.drop(l.lanes.setOpen(false) + len(f.req.Messages))
	l.t.log.Info("the link to a peer broke", "peer", l.id, "address", l.addr, "err", err)
	return time.Since(since), err
}

// greet exchanges hellos on a new raft stream.
func (l *link) greet(stream internalv1.PeerService_RaftClient) error {
	if err := stream.Send(&internalv1.RaftRequest{Hello: l.t.me(), To: l.id}); err != nil {
		// The status is with Recv.
		if _, rerr := stream.Recv(); rerr != nil {
			return rerr
		}
		return err
	}
	resp, err := stream.Recv()
	if err != nil {
		return err
	}
	return l.accept(stream.Context(), resp.GetHello())
}

// accept checks what the peer said about itself on a stream of this link.
func (l *link) accept(ctx context.Context, hello *internalv1.Identity) error {
	p, _ := grpcpeer.FromContext(ctx)
	if err := l.t.checkPeer(p, hello, l.id); err != nil {
		if l.t.news.is("not accepted", l.id, err.Error()) {
			l.t.log.Warn("this node does not accept a peer", "peer", l.id, "address", l.addr, "err", err)
		}
		return fmt.Errorf("peer %d is not accepted: %w", l.id, err)
	}
	l.v.hear()
	return nil
}

// frame is one frame in the making; its memory is used again and again, which gRPC allows once Send returned.
type frame struct {
	req   internalv1.RaftRequest
	arena []byte
}

// fill takes queued messages and one frame of soft state into the frame, and reports whether there was anything. Each is marshalled once, into one piece
// of memory.
func (l *link) fill(f *frame) bool {
	f.req.Messages = f.req.Messages[:0]
	f.arena = f.arena[:0]
	for len(f.req.Messages) < maxFrameMessages && len(f.arena) < maxFrameBytes {
		m := l.lanes.pop()
		if m == nil {
			break
		}
		from := len(f.arena)
		arena, err := proto.MarshalOptions{}.MarshalAppend(f.arena, m)
		if err != nil || len(arena)-from > MaxMessageBytes {
			l.t.log.Error("a raft message cannot be sent", "peer", l.id, "type", m.GetType().String(),
				"bytes", len(arena)-from, "max", MaxMessageBytes, "err", err)
			l.drop(1)
			continue
		}
		// When append moved the arena, earlier messages stay valid in the old memory.
		f.arena = arena
		f.req.Messages = append(f.req.Messages, arena[from:len(arena):len(arena)])
	}
	if cap(f.arena) > 2*maxFrameBytes && len(f.arena) < maxFrameBytes/4 {
		// One huge message must not pin its memory for ever. The messages keep what they point to.
		f.arena = nil
	}
	if f.req.Soft = l.lanes.popSoft(); f.req.Soft != nil {
		l.v.softSent.Add(1)
	}
	return len(f.req.Messages) > 0 || f.req.Soft != nil
}

func (l *link) sent(f *frame) {
	n := 0
	for _, m := range f.req.Messages {
		n += len(m)
	}
	l.v.framesSent.Add(1)
	l.v.messagesSent.Add(uint64(len(f.req.Messages)))
	l.v.bytesSent.Add(uint64(n))
	f.req.Messages = f.req.Messages[:0]
}

// probe asks the peer for its hello once in probeInterval; see limits.go for what depends on it.
func (l *link) probe() {
	tick := time.NewTicker(probeInterval)
	defer tick.Stop()
	for {
		ctx, cancel := context.WithTimeout(l.ctx, probeTimeout)
		_, err := l.hello(ctx)
		cancel()
		if err != nil {
			l.t.log.Debug("no answer to a hello", "peer", l.id, "err", err)
		}
		select {
		case <-l.ctx.Done():
			return
		case <-tick.C:
		}
	}
}
