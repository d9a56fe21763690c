package client

import (
	"bytes"
	"errors"
	"hash/crc32"
	"io"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"parley/proto/parleyv1"
)

// bufferSink keeps the last try's bytes.
type bufferSink struct {
	bytes.Buffer
	begun int
	fail  error // of Write
}

func (s *bufferSink) Begin(*parleyv1.BackupHeader) error {
	s.begun++
	s.Reset()
	return nil
}

func (s *bufferSink) Write(p []byte) (int, error) {
	if s.fail != nil {
		return 0, s.fail
	}
	return s.Buffer.Write(p)
}

// sendBackup scripts the frames of a backup; cut of them are left out at the end.
func sendBackup(data []byte, crc uint32, cut int) func(parleyv1.ClusterService_BackupServer) error {
	half := len(data) / 2
	frames := []*parleyv1.BackupResponse{
		{Frame: &parleyv1.BackupResponse_Header{Header: &parleyv1.BackupHeader{Index: 5, SizeBytes: uint64(len(data))}}},
		{Frame: &parleyv1.BackupResponse_Chunk{Chunk: data[:half]}},
		{Frame: &parleyv1.BackupResponse_Chunk{Chunk: data[half:]}},
		{Frame: &parleyv1.BackupResponse_Trailer{Trailer: &parleyv1.BackupTrailer{Crc32C: crc}}},
	}
	return func(st parleyv1.ClusterService_BackupServer) error {
		for _, f := range frames[:len(frames)-cut] {
			if err := st.Send(f); err != nil {
				return err
			}
		}
		return nil
	}
}

var backupData = []byte("a store file, for all that this package knows")

func backupSum() uint32 { return crc32.Checksum(backupData, crc32.MakeTable(crc32.Castagnoli)) }

// A backup that breaks off, ends early or arrives changed begins anew on another node, and never counts as one.
func TestBackupBeginsAnew(t *testing.T) {
	for name, bad := range map[string]func(parleyv1.ClusterService_BackupServer) error{
		"ends before the trailer": sendBackup(backupData, backupSum(), 1),
		"ends before a chunk":     sendBackup(backupData, backupSum(), 2),
		"another checksum":        sendBackup(backupData, backupSum()+1, 0),
		"no frame":                sendBackup(backupData, backupSum(), 4),
		"no header": func(st parleyv1.ClusterService_BackupServer) error {
			return st.Send(&parleyv1.BackupResponse{Frame: &parleyv1.BackupResponse_Chunk{Chunk: []byte("x")}})
		},
		"the node goes down": func(st parleyv1.ClusterService_BackupServer) error {
			return errors.Join(sendBackup(backupData, backupSum(), 2)(st), failure(codes.Unavailable, reasonStopping, nil))
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newFakeCluster(t, 2)
			first := true // the first node asked, whichever it is
			for _, n := range c.nodes {
				n.onBackup = func(st parleyv1.ClusterService_BackupServer) error {
					c.mu.Lock()
					f := sendBackup(backupData, backupSum(), 0)
					if first {
						first, f = false, bad
					}
					c.mu.Unlock()
					return f(st)
				}
			}
			sink := &bufferSink{}
			h, sum, err := dialWith(t, c.addrs()...).Backup(ctxFor(t), sink)
			if err != nil || h.GetIndex() != 5 || sum != backupSum() || !bytes.Equal(sink.Bytes(), backupData) {
				t.Fatalf("header %v, checksum %x, %q, %v", h, sum, sink.Bytes(), err)
			}
		})
	}
}

// A refusal is not tried again, and an error of the sink ends it.
func TestBackupEnds(t *testing.T) {
	c := newFakeCluster(t, 1)
	n := c.nodes[0]
	n.onBackup = func(parleyv1.ClusterService_BackupServer) error {
		return failure(codes.PermissionDenied, "NOT_ALLOWED", nil)
	}
	cl := dialWith(t, c.addrs()...)
	_, _, err := cl.Backup(ctxFor(t), &bufferSink{})
	var e *Error
	if !errors.As(err, &e) || status.Code(e.Unwrap()) != codes.PermissionDenied || e.Tries != 1 {
		t.Fatalf("refused: %v", err)
	}
	n.script(func() { n.onBackup = sendBackup(backupData, backupSum(), 0) })
	full := &bufferSink{fail: io.ErrShortWrite}
	if _, _, err := cl.Backup(ctxFor(t), full); !errors.Is(err, io.ErrShortWrite) || full.begun != 1 {
		t.Fatalf("the sink failed: %v after %d tries", err, full.begun)
	}
}
