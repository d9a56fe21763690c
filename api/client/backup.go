package client

import (
	"context"
	"errors"
	"hash/crc32"
	"io"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"parley/proto/parleyv1"
)

// BackupSink takes the bytes of a backup. Begin comes before the first one, and again when a try broke off and another node
// begins anew: what was written before is void then. An error of either ends the backup.
type BackupSink interface {
	Begin(*parleyv1.BackupHeader) error
	io.Writer
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Backup streams a consistent copy of the replicated state into sink and returns its header and the CRC-32C of its bytes,
// which was compared with the node's. A long transfer is no reason to give up, so Options.Timeout bounds only how long
// failed tries are repeated. The error is an *Error or the sink's.
func (c *Client) Backup(ctx context.Context, sink BackupSink) (*parleyv1.BackupHeader, uint32, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var header *parleyv1.BackupHeader
	var sum uint32
	var sinkErr error
	cl := &call{c: c, method: "Backup", kind: kindStream}
	err := cl.unary(ctx, func(ctx context.Context) (err error) {
		st, err := c.cluster.Backup(ctx, &parleyv1.BackupRequest{})
		if err != nil {
			return err
		}
		header, sum, err = receiveBackup(st.Recv, sink, &sinkErr)
		if sinkErr != nil {
			cancel()
		}
		return err
	})
	if sinkErr != nil {
		return nil, 0, sinkErr
	}
	return header, sum, err
}

// receiveBackup reads one try's frames to their end. The sink's error goes to sinkErr too.
func receiveBackup(recv func() (*parleyv1.BackupResponse, error), sink BackupSink, sinkErr *error) (
	h *parleyv1.BackupHeader, sum uint32, err error,
) {
	size := uint64(0)
	for {
		f, err := recv()
		switch {
		case errors.Is(err, io.EOF):
			return nil, 0, status.Error(codes.Unavailable, "the backup broke off")
		case err != nil:
			return nil, 0, err
		case (h == nil) != (f.GetHeader() != nil):
			return nil, 0, status.Error(codes.DataLoss, "the backup's frames are out of order")
		}
		switch f := f.GetFrame().(type) {
		case *parleyv1.BackupResponse_Header:
			h = f.Header
			*sinkErr = sink.Begin(h)
		case *parleyv1.BackupResponse_Chunk:
			size += uint64(len(f.Chunk))
			sum = crc32.Update(sum, castagnoli, f.Chunk)
			_, *sinkErr = sink.Write(f.Chunk)
		case *parleyv1.BackupResponse_Trailer:
			if size != h.GetSizeBytes() || sum != f.Trailer.GetCrc32C() {
				return nil, 0, status.Errorf(codes.DataLoss, "%d bytes with checksum %08x arrived, %d with %08x were sent",
					size, sum, h.GetSizeBytes(), f.Trailer.GetCrc32C())
			}
			return h, sum, nil
		}
		if *sinkErr != nil {
			return nil, 0, *sinkErr
		}
	}
}
