package peer

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"parley/proto/internalv1"
)

// Outgoing is a store file on its way to a member that asked for it. Close gives it up or ends it; it is called once.
type Outgoing interface {
	io.ReadCloser
	// Size is the file's length in bytes.
	Size() uint64
}

// FetchStore asks the node at an address for its store file and writes it to w: size and checksum were right when it
// returns nil, what the file holds is the caller's to check. A w with a method Expect(size uint64) error is told the size first. The node is known by its address only, for who lost the store
// lost the member records; its identity is checked as that of any peer is. It gives up after snapshotStall without
// progress, and blocks for the length of the transfer.
func (t *Transport) FetchStore(ctx context.Context, addr string, minIndex uint64, w io.Writer) (
	from *internalv1.Identity, err error,
) {
	if !t.begin() {
		return nil, ErrClosed
	}
	defer t.wg.Done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(t.ctx, func() { cancel(ErrClosed) })()
	stall := time.AfterFunc(helloTimeout, func() { cancel(errTransferStalled) })
	defer stall.Stop()
	cc, err := t.dial(addr)
	if err != nil {
		return nil, err
	}
	defer cc.Close()
	client := internalv1.NewPeerServiceClient(cc)
	resp, err := t.ask(ctx, client, 0)
	if err != nil {
		return nil, cause(ctx, err)
	}
	if r := RefusalIn(resp); r != nil {
		return nil, r
	}
	from = resp.GetIdentity()
	stall.Reset(storeSpoolTimeout) // the answer begins when the other side has copied its file
	stream, err := client.FetchStore(ctx, &internalv1.FetchStoreRequest{From: t.me(), To: from.GetId(), MinIndex: minIndex},
		grpc.WaitForReady(false))
	if err != nil {
		return from, cause(ctx, err)
	}
	if err := t.readStore(stream, w, stall); err != nil {
		return from, cause(ctx, err)
	}
	return from, nil
}

// readStore writes the chunks to w and checks size and checksum.
func (t *Transport) readStore(stream internalv1.PeerService_FetchStoreClient, w io.Writer, stall *time.Timer) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	size := first.GetHeader().GetSizeBytes()
	if first.GetHeader() == nil || size > maxSnapshotBytes {
		return errors.New("the answer does not begin with the header of a store file")
	}
	if e, ok := w.(interface{ Expect(size uint64) error }); ok {
		if err := e.Expect(size); err != nil {
			return err
		}
	}
	var got uint64
	var sum uint32
	for {
		stall.Reset(t.patience.snapshotStall)
		resp, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("the stream ended after %d of %d bytes: %w", got, size, io.ErrUnexpectedEOF)
		}
		if err != nil {
			return err
		}
		switch p := resp.GetPart().(type) {
		case *internalv1.FetchStoreResponse_Chunk:
			if got += uint64(len(p.Chunk)); got > size {
				return fmt.Errorf("more than the announced %d bytes came", size)
			}
			sum = crc32.Update(sum, castagnoli, p.Chunk)
			if _, err := w.Write(p.Chunk); err != nil {
				return err
			}
		case *internalv1.FetchStoreResponse_Trailer:
			if got != size || sum != p.Trailer.GetCrc32C() {
				return fmt.Errorf("%d of %d bytes came, with checksum %08x; the sender's is %08x",
					got, size, sum, p.Trailer.GetCrc32C())
			}
			return nil
		default:
			return errors.New("a chunk or the trailer was expected")
		}
	}
}

// FetchStore gives this node's store file to a member.
func (s *service) FetchStore(req *internalv1.FetchStoreRequest, stream internalv1.PeerService_FetchStoreServer) error {
	watchdog := time.NewTimer(storeSpoolTimeout)
	return s.t.attend(nil, watchdog, func() error { return s.giveStore(req, stream, watchdog) })
}

func (s *service) giveStore(
	req *internalv1.FetchStoreRequest, stream internalv1.PeerService_FetchStoreServer, watchdog *time.Timer,
) (err error) {
	t := s.t
	if err := t.admitStream(stream.Context(), req.GetFrom(), req.GetTo()); err != nil {
		return err
	}
	f, err := t.o.Handler.OpenOutgoing(req.GetFrom().GetId(), req.GetMinIndex())
	if err != nil {
		return statusOf(err)
	}
	defer f.Close() // it was only read
	left := f.Size()
	header := &internalv1.FetchStoreResponse_Header{Header: &internalv1.SnapshotHeader{
		Hello: t.me(), To: req.GetFrom().GetId(), SizeBytes: left,
	}}
	if err := stream.Send(&internalv1.FetchStoreResponse{Part: header}); err != nil {
		return err
	}
	buf := make([]byte, snapshotChunkBytes)
	var sum uint32
	for left > 0 {
		n, err := io.ReadFull(f, buf[:min(left, snapshotChunkBytes)])
		if err != nil {
			return status.Errorf(codes.DataLoss, "the file ends %d bytes before its size: %v", left-uint64(n), noEOF(err))
		}
		sum = crc32.Update(sum, castagnoli, buf[:n])
		part := &internalv1.FetchStoreResponse_Chunk{Chunk: buf[:n]}
		if err := stream.Send(&internalv1.FetchStoreResponse{Part: part}); err != nil {
			return err
		}
		watchdog.Reset(t.patience.snapshotStall)
		left -= uint64(n)
	}
	trailer := &internalv1.FetchStoreResponse_Trailer{Trailer: &internalv1.SnapshotTrailer{Crc32C: sum}}
	return stream.Send(&internalv1.FetchStoreResponse{Part: trailer})
}
