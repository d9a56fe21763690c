package api

import (
	"context"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"parley/node"
	"parley/proto/parleyv1"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Backup streams a copy of the store. The copy is made before the first frame; nothing of the store is held while a slow
// client takes it. Dead clients are found by keepalive.
func (s *cluster) Backup(_ *parleyv1.BackupRequest, stream grpc.ServerStreamingServer[parleyv1.BackupResponse]) error {
	ctx := stream.Context()
	// Bounds the questions to the quorum. The copy itself takes as long as the disk does.
	asking, cancel := context.WithTimeout(ctx, defaultCallTimeout)
	defer cancel()
	if err := s.operator(asking); err != nil {
		return err
	}
	b, err := s.replica.Backup(asking)
	if err != nil {
		return s.backupFailure(asking, err)
	}
	defer b.Close()
	err = stream.Send(&parleyv1.BackupResponse{Frame: &parleyv1.BackupResponse_Header{Header: &parleyv1.BackupHeader{
		ClusterId: hex.EncodeToString(b.ClusterID), Index: b.Index, Term: b.Term, SizeBytes: uint64(b.SizeBytes),
		StateHash: hex.EncodeToString(b.Hash), Version: s.opts.Version, Node: s.name,
	}}})
	if err != nil {
		return err
	}
	sum := crc32.New(castagnoli)
	for buf := make([]byte, backupChunkBytes); ; {
		if ctx.Err() != nil { // Drain ends it too
			return contextFailure(ctx.Err())
		}
		n, err := io.ReadFull(b, buf)
		if n > 0 {
			_, _ = sum.Write(buf[:n])
			if err := stream.Send(&parleyv1.BackupResponse{Frame: &parleyv1.BackupResponse_Chunk{Chunk: buf[:n]}}); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			s.log.Info("backup sent", "index", b.Index, "bytes", b.SizeBytes)
			return stream.Send(&parleyv1.BackupResponse{Frame: &parleyv1.BackupResponse_Trailer{
				Trailer: &parleyv1.BackupTrailer{Crc32C: sum.Sum32()},
			}})
		case err != nil:
			return internal(err)
		}
	}
}

func (s *cluster) backupFailure(ctx context.Context, err error) error {
	var ne *node.Error
	switch {
	case errors.Is(err, node.ErrBackupBusy):
		return exhausted(reasonOverloaded, "a backup is under way on this node; wait for it or use another node", time.Second)
	case errors.Is(err, node.ErrNoRoom):
		s.log.Error("no room for a backup", "err", err)
		return &failure{code: codes.ResourceExhausted, reason: reasonDiskLow, cause: err,
			message: "this node's disk has no room for the copy; free space there, or name another node with --servers"}
	case errors.As(err, &ne):
		return fromBarrier(ctx, err)
	}
	return storeFailure(err)
}
