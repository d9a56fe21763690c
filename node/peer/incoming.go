package peer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
)

// service is the acceptor's side of every method.
type service struct {
	internalv1.UnimplementedPeerServiceServer
	t *Transport
}

var (
	errClosing  = status.Error(codes.Unavailable, "the node is stopping")
	errFormless = status.Error(codes.Unavailable, "this node does not belong to a cluster yet")
	errEnded    = status.Error(codes.Aborted, "the stream was replaced by a newer one, or cannot be written")
	errStalled  = status.Error(codes.DeadlineExceeded, "the stream stood still for too long")
)

// attend runs f on a goroutine of its own and returns what it returned, or earlier when the transport closes, ended
// is closed or the watchdog fires; f may stop or reset the watchdog. gRPC ends the stream's context when its handler
// returns, and that makes a pending Recv or Send of f fail: from the acceptor's side it is the only way to end one
// stream.
func (t *Transport) attend(ended <-chan struct{}, watchdog *time.Timer, f func() error) error {
	done := make(chan error, 1)
	if !t.begin() {
		return errClosing
	}
	go func() {
		defer t.wg.Done()
		done <- f()
	}()
	defer watchdog.Stop()
	select {
	case err := <-done:
		return err
	case <-ended:
		return errEnded
	case <-watchdog.C:
		return errStalled
	case <-t.ctx.Done():
		return errClosing
	}
}

// admitStream is admit for the methods that need a cluster.
func (t *Transport) admitStream(ctx context.Context, from *internalv1.Identity, to uint64) error {
	if r := t.admit(ctx, from, to); r != nil {
		if t.news.is("refused", from.GetId(), r.Error()) {
			t.log.Warn("a peer was refused", "peer", from.GetId(), "name", from.GetName(), "boot", from.GetBoot(),
				"reason", string(r.Reason), "text", r.Text)
		}
		return refusalError(r)
	}
	if len(t.self.Load().ClusterId) == 0 || len(from.ClusterId) == 0 {
		return errFormless
	}
	return nil
}

// incoming is one accepted raft stream.
type incoming struct {
	from *internalv1.Identity
	// replaced is closed when a newer stream of the same id was accepted; same is written before, and tells whether
	// it is of the same process.
	replaced chan struct{}
	same     bool
	// done is closed after the last Step and LinkDown.
	done chan struct{}
}

// Raft takes the raft messages of one peer.
func (s *service) Raft(stream internalv1.PeerService_RaftServer) error {
	in := &incoming{replaced: make(chan struct{}), done: make(chan struct{})}
	watchdog := time.NewTimer(helloTimeout)
	return s.t.attend(in.replaced, watchdog, func() error {
		first, err := stream.Recv()
		if err != nil {
			return err
		}
		t, from := s.t, first.GetHello()
		if err := t.admitStream(stream.Context(), from, first.GetTo()); err != nil {
			return err
		}
		if !watchdog.Stop() {
			return errStalled
		}
		in.from = from
		old := t.enter(in)
		defer t.leave(in)
		if l := t.link(from.Id); l != nil {
			l.kick()
		}
		err = stream.Send(&internalv1.RaftResponse{Hello: t.me()})
		if old != nil {
			<-old.done // invariant 3; its Step ends when the node takes the message or stops
		}
		if err != nil {
			return err
		}
		return t.receive(stream, from.Id)
	})
}

// enter makes this the stream of its peer, and returns the one that it replaces.
func (t *Transport) enter(in *incoming) (old *incoming) {
	t.inMu.Lock()
	defer t.inMu.Unlock()
	old = t.in[in.from.Id]
	t.in[in.from.Id] = in
	if old != nil {
		old.same = old.from.Boot == in.from.Boot && bytes.Equal(old.from.BootNonce, in.from.BootNonce)
		close(old.replaced)
	}
	return old
}

// leave ends a stream that was entered. A process that opened a newer stream is not down, and a node that stops does
// not care.
func (t *Transport) leave(in *incoming) {
	t.inMu.Lock()
	current := t.in[in.from.Id] == in
	t.inMu.Unlock()
	if t.ctx.Err() == nil && (current || !in.same) {
		t.o.Handler.LinkDown(in.from.Id, in.from.Boot)
	}
	t.inMu.Lock()
	if t.in[in.from.Id] == in {
		delete(t.in, in.from.Id)
	}
	t.inMu.Unlock()
	close(in.done)
}

// receive gives every message of the stream to the handler.
func (t *Transport) receive(stream internalv1.PeerService_RaftServer, from uint64) error {
	self := t.self.Load().Id
	var req internalv1.RaftRequest
	for {
		if err := stream.RecvMsg(&req); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		n := 0
		for _, b := range req.Messages {
			n += len(b)
			m := &raftpb.Message{}
			if err := proto.Unmarshal(b, m); err != nil {
				return status.Errorf(codes.InvalidArgument, "a raft message cannot be read: %v", err)
			}
			if err := checkMessage(m, from, self); err != nil {
				t.log.Error("a peer sent a message that it may not send", "peer", from, "err", err)
				return err
			}
			if t.ctx.Err() != nil {
				return errClosing
			}
			t.o.Handler.Step(m)
		}
		if n := len(req.Soft); n > 0 && n <= MaxSoftFrameBytes && t.ctx.Err() == nil {
			t.o.Handler.Soft(from, req.Soft)
		}
		if l := t.link(from); l != nil {
			l.v.hear()
			l.v.framesReceived.Add(1)
			l.v.messagesReceived.Add(uint64(len(req.Messages)))
			l.v.bytesReceived.Add(uint64(n))
		}
	}
}

// checkMessage is invariant 4, and lets only those types through that raft nodes send each other: raft takes a local one (a
// tick, a disk's answer) from nobody else, and a proposal would put bytes into the log that no leader made. A MsgSnap comes
// with its file or not at all.
func checkMessage(m *raftpb.Message, from, self uint64) error {
	// Raft names in a MsgTransferLeader who shall lead; a follower that is asked passes it on for another.
	other := m.GetFrom() != from && m.GetType() != raftpb.MsgTransferLeader
	if other || m.GetTo() != self {
		return status.Errorf(codes.PermissionDenied, "node %d sent a message from %d to %d; this is node %d",
			from, m.GetFrom(), m.GetTo(), self)
	}
	switch m.GetType() {
	case raftpb.MsgApp, raftpb.MsgAppResp, raftpb.MsgHeartbeat, raftpb.MsgHeartbeatResp,
		raftpb.MsgPreVote, raftpb.MsgPreVoteResp, raftpb.MsgVote, raftpb.MsgVoteResp,
		raftpb.MsgReadIndex, raftpb.MsgReadIndexResp, raftpb.MsgTransferLeader, raftpb.MsgTimeoutNow:
		return nil
	case raftpb.MsgSnap:
		return status.Error(codes.InvalidArgument, "a snapshot came without its file")
	default:
		return status.Errorf(codes.InvalidArgument, "a %s is not for another node", m.GetType())
	}
}
