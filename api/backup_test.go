package api

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"testing"

	"google.golang.org/grpc/codes"

	"parley/node"
	"parley/proto/parleyv1"
	"parley/store"
)

// closing tells whether the copy was given back.
type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error { c.closed = true; return nil }

// A backup is a header, chunks within the bound and a trailer whose checksum is that of the chunks, and the copy is given
// back at its end.
func TestBackupFrames(t *testing.T) {
	r := newRig(t)
	data := bytes.Repeat([]byte("0123456789abcdef"), 40_000) // 640 kB: two full chunks and a part of one
	copied := &closing{Reader: bytes.NewReader(data)}
	r.replica.backup = func() (*node.Backup, error) {
		return &node.Backup{SizeBytes: int64(len(data)), ReadCloser: copied, Info: store.Info{
			Mark: store.Mark{Index: 9, Term: 3}, ClusterID: []byte("0123456789abcdef"), Hash: []byte{0xab},
		}}, nil
	}
	st, err := parleyv1.NewClusterServiceClient(r.socket).Backup(bounded(t), &parleyv1.BackupRequest{})
	must(t, err)
	f, err := st.Recv()
	must(t, err)
	if h := f.GetHeader(); h.GetIndex() != 9 || h.GetTerm() != 3 || h.GetSizeBytes() != uint64(len(data)) ||
		h.GetStateHash() != "ab" || h.GetClusterId() != "30313233343536373839616263646566" || h.GetNode() != "n1" {
		t.Fatalf("header %v", f)
	}
	var got []byte
	for {
		f, err = st.Recv()
		must(t, err)
		if f.GetTrailer() != nil {
			break
		}
		if len(f.GetChunk()) == 0 || len(f.GetChunk()) > 256<<10 {
			t.Fatalf("a chunk of %d bytes", len(f.GetChunk()))
		}
		got = append(got, f.GetChunk()...)
	}
	if want := crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)); !bytes.Equal(got, data) || f.GetTrailer().GetCrc32C() != want {
		t.Fatalf("%d bytes, checksum %x, want %d and %x", len(got), f.GetTrailer().GetCrc32C(), len(data), want)
	}
	if _, err := st.Recv(); !errors.Is(err, io.EOF) || !copied.closed {
		t.Fatalf("after the trailer: %v, closed %v", err, copied.closed)
	}
}

// What keeps a backup from being made is told apart, and nothing is sent.
func TestBackupRefused(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		err    error
		code   codes.Code
		reason string
	}{
		{node.ErrBackupBusy, codes.ResourceExhausted, "OVERLOADED"},
		{fmt.Errorf("%w: it needs 5 bytes", node.ErrNoRoom), codes.ResourceExhausted, "DISK_LOW"},
		{&node.Error{Outcome: node.NotApplied, Cause: node.CauseNoLeader}, codes.Unavailable, "NO_QUORUM"},
		{store.ErrClosed, codes.Unavailable, "STOPPING"},
		{errors.New("EIO"), codes.Internal, "INTERNAL"},
	} {
		r.replica.backup = func() (*node.Backup, error) { return nil, c.err }
		st, err := parleyv1.NewClusterServiceClient(r.socket).Backup(bounded(t), &parleyv1.BackupRequest{})
		must(t, err)
		_, err = st.Recv()
		wantError(t, err, c.code, c.reason)
	}
}

// A copy that cannot be read to its end has no trailer.
func TestBackupBreaksOff(t *testing.T) {
	r := newRig(t)
	copied := &closing{Reader: io.MultiReader(bytes.NewReader(make([]byte, 300<<10)), &failing{})}
	r.replica.backup = func() (*node.Backup, error) { return &node.Backup{ReadCloser: copied}, nil }
	st, err := parleyv1.NewClusterServiceClient(r.socket).Backup(bounded(t), &parleyv1.BackupRequest{})
	must(t, err)
	for err == nil {
		var f *parleyv1.BackupResponse
		if f, err = st.Recv(); f.GetTrailer() != nil {
			t.Fatal("a trailer")
		}
	}
	wantError(t, err, codes.Internal, "INTERNAL")
	if !copied.closed {
		t.Error("the copy was not given back")
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("EIO") }
