package peer

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
)

var errTransferStalled = errors.New("the transfer stood still for too long")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// SendSnapshot streams a store file to a peer and returns when the peer has made it durable and given its message to
// raft. h.message is the marshalled MsgSnap and h.size_bytes the file's size, which r must have exactly; the rest of
// h is filled here. It gives up after snapshotStall without progress. It blocks for the length of the transfer; the
// caller bounds how many run.
func (t *Transport) SendSnapshot(
	ctx context.Context, to uint64, h *internalv1.SnapshotHeader, r io.Reader,
) (err error) {
	l := t.link(to)
	if l == nil {
		return ErrUnknownPeer
	}
	if !t.begin() {
		return ErrClosed
	}
	defer t.wg.Done()
	defer func() {
		if err != nil {
			l.v.snapshotsFailed.Add(1)
			err = fmt.Errorf("peer: send a snapshot to %d: %w", to, err)
		} else {
			l.v.snapshotsSent.Add(1)
		}
	}()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(l.ctx, func() { cancel(ErrClosed) })()
	stall := time.AfterFunc(t.patience.snapshotStall, func() { cancel(errTransferStalled) })
	defer stall.Stop()

	// A connection of its own: a file in the buffers of the shared one would stand before heartbeats.
	cc, err := t.dial(l.addr)
	if err != nil {
		return err
	}
	defer cc.Close()
	client := internalv1.NewPeerServiceClient(cc)
	resp, err := t.ask(ctx, client, to)
	if err != nil {
		return cause(ctx, err)
	}
	if r := RefusalIn(resp); r != nil {
		return r
	}
	stream, err := client.Snapshot(ctx, grpc.WaitForReady(false))
	if err != nil {
		return cause(ctx, err)
	}
	if err := t.sendFile(stream, to, h, r, stall); err != nil && !errors.Is(err, io.EOF) {
		return cause(ctx, err)
	}
	// After io.EOF this tells why the receiver ended the stream.
	stall.Reset(snapshotCommitTimeout)
	if _, err = stream.CloseAndRecv(); err != nil {
		return cause(ctx, err)
	}
	return nil
}

// cause is the reason why ctx was cancelled, when it was.
func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil {
		return c
	}
	return err
}

// sendFile writes header, chunks and trailer.
func (t *Transport) sendFile(
	stream internalv1.PeerService_SnapshotClient, to uint64, h *internalv1.SnapshotHeader, r io.Reader,
	stall *time.Timer,
) error {
	header := &internalv1.SnapshotRequest_Header{Header: &internalv1.SnapshotHeader{
		Hello: t.me(), To: to, Message: h.GetMessage(), SizeBytes: h.GetSizeBytes(),
	}}
	if err := stream.Send(&internalv1.SnapshotRequest{Part: header}); err != nil {
		return err
	}
	var (
		buf   = make([]byte, snapshotChunkBytes)
		chunk = &internalv1.SnapshotRequest_Chunk{}
		req   = &internalv1.SnapshotRequest{Part: chunk}
		left  = h.GetSizeBytes()
		sum   uint32
	)
	for left > 0 {
		n, err := io.ReadFull(r, buf[:min(left, snapshotChunkBytes)])
		if err != nil {
			return fmt.Errorf("the file ends %d bytes before the announced size: %w", left-uint64(n), noEOF(err))
		}
		sum = crc32.Update(sum, castagnoli, buf[:n])
		chunk.Chunk = buf[:n]
		if err := stream.Send(req); err != nil {
			return err
		}
		stall.Reset(t.patience.snapshotStall)
		left -= uint64(n)
	}
	if n, _ := r.Read(buf[:1]); n > 0 {
		return errors.New("the file is longer than the size that was announced")
	}
	trailer := &internalv1.SnapshotTrailer{Crc32C: sum}
	return stream.Send(&internalv1.SnapshotRequest{Part: &internalv1.SnapshotRequest_Trailer{Trailer: trailer}})
}

// noEOF keeps a short file from looking like the end of the stream.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Snapshot takes one store file.
func (s *service) Snapshot(stream internalv1.PeerService_SnapshotServer) error {
	watchdog := time.NewTimer(helloTimeout)
	return s.t.attend(nil, watchdog, func() error { return s.takeFile(stream, watchdog) })
}

func (s *service) takeFile(stream internalv1.PeerService_SnapshotServer, watchdog *time.Timer) error {
	t := s.t
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	h := first.GetHeader()
	if err := t.admitStream(stream.Context(), h.GetHello(), h.GetTo()); err != nil {
		return err
	}
	m := &raftpb.Message{}
	if err := proto.Unmarshal(h.GetMessage(), m); err != nil {
		return status.Errorf(codes.InvalidArgument, "the raft message cannot be read: %v", err)
	}
	if self := t.self.Load().Id; m.GetType() != raftpb.MsgSnap || m.GetFrom() != h.Hello.Id || m.GetTo() != self {
		return status.Errorf(codes.InvalidArgument, "node %d sent a %s from %d to %d with a file; this is node %d",
			h.Hello.Id, m.GetType(), m.GetFrom(), m.GetTo(), self)
	}
	if h.GetSizeBytes() > maxSnapshotBytes {
		return status.Errorf(codes.InvalidArgument, "the file has %d bytes; the limit is %d",
			h.GetSizeBytes(), uint64(maxSnapshotBytes))
	}
	turn := time.NewTimer(snapshotTurn)
	defer turn.Stop()
	select {
	case t.receiving <- struct{}{}:
		defer func() { <-t.receiving }()
	case <-turn.C:
		return status.Error(codes.ResourceExhausted, "another file is coming in")
	case <-stream.Context().Done():
		return errClosing
	}
	watchdog.Reset(t.patience.snapshotStall)
	w, err := t.o.Handler.OpenIncoming(m, h.GetSizeBytes())
	if err != nil {
		return statusOf(err)
	}
	if err := t.receiveFile(stream, w, h.GetSizeBytes(), watchdog); err != nil {
		w.Abort()
		t.log.Warn("a store file did not arrive whole", "peer", h.Hello.Id, "err", err)
		return err
	}
	watchdog.Reset(snapshotCommitTimeout)
	if t.ctx.Err() != nil {
		w.Abort()
		return errClosing
	}
	if err := w.Commit(); err != nil {
		return statusOf(err)
	}
	return stream.SendAndClose(&internalv1.SnapshotResponse{})
}

// receiveFile writes the chunks to w and checks size and checksum.
func (t *Transport) receiveFile(
	stream internalv1.PeerService_SnapshotServer, w io.Writer, size uint64, watchdog *time.Timer,
) error {
	var got uint64
	var sum uint32
	for {
		req, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return status.Error(codes.DataLoss, "the stream ended before the trailer")
		}
		if err != nil {
			return err
		}
		watchdog.Reset(t.patience.snapshotStall)
		switch p := req.GetPart().(type) {
		case *internalv1.SnapshotRequest_Chunk:
			got += uint64(len(p.Chunk))
			if got > size {
				return status.Errorf(codes.DataLoss, "more than the announced %d bytes came", size)
			}
			sum = crc32.Update(sum, castagnoli, p.Chunk)
			if _, err := w.Write(p.Chunk); err != nil {
				return statusOf(err)
			}
		case *internalv1.SnapshotRequest_Trailer:
			if got != size {
				return status.Errorf(codes.DataLoss, "%d of %d bytes came", got, size)
			}
			if sum != p.Trailer.GetCrc32C() {
				return status.Errorf(codes.DataLoss, "the checksum is %08x, the sender's is %08x",
					sum, p.Trailer.GetCrc32C())
			}
			return nil
		default:
			return status.Error(codes.InvalidArgument, "a chunk or the trailer was expected")
		}
	}
}
