package peer

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"hash/crc32"
	"io"
	"strings"
	"testing"
	"time"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
)

func snapMessage(from, to uint64) []byte {
	m := message(from, to, 5)
	m.Type = raftpb.MsgSnap.Enum()
	b, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return b
}

// receiver makes a node take files; each file's end comes on the channel of the returned record.
func receiver(n *fakeNode) (files chan *received, opened chan *raftpb.Message) {
	files, opened = make(chan *received, 10), make(chan *raftpb.Message, 10)
	n.open = func(m *raftpb.Message, size uint64) (Incoming, error) {
		if size == 666 {
			return nil, errors.New("no space")
		}
		r := &received{ended: make(chan string, 2)}
		if size == 777 {
			r.commit = func() error { return errors.New("the file is of another cluster") }
		}
		opened <- m
		files <- r
		return r, nil
	}
	return files, opened
}

// stalling gives n bytes and then nothing until release.
type stalling struct {
	n       int
	release chan struct{}
}

func (s *stalling) Read(p []byte) (int, error) {
	if s.n == 0 {
		<-s.release
		return 0, errors.New("released")
	}
	n := min(s.n, len(p))
	s.n -= n
	return n, nil
}

// gated is a file whose first byte waits until the receiver has opened its own: a sender that fails at once may end the
// stream before.
type gated struct {
	io.Reader
	t      *testing.T
	opened chan *raftpb.Message
}

func (g *gated) Read(p []byte) (int, error) {
	if g.opened != nil {
		if m := wait(g.t, "the file to be opened", g.opened); m.GetFrom() != 1 || m.GetIndex() != 5 {
			g.t.Errorf("opened for %v", m)
		}
		g.opened = nil
	}
	return g.Reader.Read(p)
}

// A file of many chunks arrives whole and is committed once; what goes wrong on either side is told to the sender, and
// the receiver's file is aborted once.
func TestSnapshot(t *testing.T) {
	one, two := newNode(), newNode()
	files, opened := receiver(two)
	pair(t, one, two)
	data := make([]byte, 10*snapshotChunkBytes+17)
	_, _ = rand.Read(data)
	for _, c := range []struct {
		name     string
		size     int
		data     io.Reader
		message  []byte
		end      string // of the receiver's file; "" when it is never opened
		contains string // in the sender's error; "" means none
	}{
		{"whole", len(data), bytes.NewReader(data), snapMessage(1, 2), "commit", ""},
		{"empty", 0, bytes.NewReader(nil), snapMessage(1, 2), "commit", ""},
		{"shorter than announced", len(data) + 1, bytes.NewReader(data), snapMessage(1, 2), "abort", "ends 1 bytes"},
		{"longer than announced", len(data) - 1, bytes.NewReader(data), snapMessage(1, 2), "abort", "longer than"},
		{"receiver has no space", 666, bytes.NewReader(data[:666]), snapMessage(1, 2), "", "no space"},
		{"receiver refuses the file", 777, bytes.NewReader(data[:777]), snapMessage(1, 2), "commit", "another cluster"},
		{"from another node", 1, bytes.NewReader(data[:1]), snapMessage(3, 2), "", "from 3 to 2"},
		{"not a snapshot", 1, bytes.NewReader(data[:1]), nil, "", "with a file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &internalv1.SnapshotHeader{Message: c.message, SizeBytes: uint64(c.size)}
			if c.end != "" {
				c.data = &gated{c.data, t, opened}
			}
			err := one.t.SendSnapshot(context.Background(), 2, h, c.data)
			switch {
			case c.contains == "" && err != nil:
				t.Fatalf("failed: %v", err)
			case c.contains != "" && (err == nil || !strings.Contains(err.Error(), c.contains)):
				t.Errorf("ended with %v, expected %q", err, c.contains)
			}
			if c.end == "" {
				if len(files) > 0 {
					t.Error("a file was opened")
				}
				return
			}
			f := wait(t, "the file", files)
			if end := wait(t, "the file's end", f.ended); end != c.end {
				t.Errorf("the file ended in %s, expected %s", end, c.end)
			}
			if c.contains == "" && f.written != c.size {
				t.Errorf("%d bytes were written, expected %d", f.written, c.size)
			}
			if len(f.ended) > 0 {
				t.Errorf("and then in %s", <-f.ended)
			}
		})
	}
	if s := one.t.Stats()[2]; s.SnapshotsSent != 2 || s.SnapshotsFailed != 6 {
		t.Errorf("counted %d sent and %d failed, expected 2 and 6", s.SnapshotsSent, s.SnapshotsFailed)
	}
	if err := one.t.SendSnapshot(context.Background(), 9, nil, nil); !errors.Is(err, ErrUnknownPeer) {
		t.Errorf("to nobody: %v", err)
	}
}

// Bytes that changed on the way are found by the checksum, and a stream without its trailer is no file.
func TestSnapshotDamaged(t *testing.T) {
	for _, c := range []struct {
		name  string
		parts []*internalv1.SnapshotRequest
		code  codes.Code
	}{
		{"checksum", []*internalv1.SnapshotRequest{chunk("abc"), trailer("abd")}, codes.DataLoss},
		{"too short", []*internalv1.SnapshotRequest{chunk("ab"), trailer("ab")}, codes.DataLoss},
		{"too long", []*internalv1.SnapshotRequest{chunk("abcd"), trailer("abcd")}, codes.DataLoss},
		{"no trailer", []*internalv1.SnapshotRequest{chunk("abc")}, codes.DataLoss},
		{"no part", []*internalv1.SnapshotRequest{chunk("abc"), {}}, codes.InvalidArgument},
	} {
		t.Run(c.name, func(t *testing.T) {
			two := newNode()
			files, _ := receiver(two)
			two.start(t, identity(2), listen(t, "127.0.0.1:0"), nil)
			stream := rawSnapshot(t, two, identity(1))
			for _, p := range c.parts {
				if err := stream.Send(p); err != nil && !errors.Is(err, io.EOF) {
					t.Fatal(err)
				}
			}
			if _, err := stream.CloseAndRecv(); status.Code(err) != c.code {
				t.Errorf("ended with %v, expected %v", err, c.code)
			}
			f := wait(t, "the file", files)
			if end := wait(t, "its end", f.ended); end != "abort" {
				t.Errorf("the file ended in %s", end)
			}
		})
	}
}

func chunk(s string) *internalv1.SnapshotRequest {
	return &internalv1.SnapshotRequest{Part: &internalv1.SnapshotRequest_Chunk{Chunk: []byte(s)}}
}

func trailer(of string) *internalv1.SnapshotRequest {
	sum := crc32.Checksum([]byte(of), castagnoli)
	return &internalv1.SnapshotRequest{Part: &internalv1.SnapshotRequest_Trailer{
		Trailer: &internalv1.SnapshotTrailer{Crc32C: sum},
	}}
}

// rawSnapshot opens a snapshot stream by hand, for a file of 3 bytes.
func rawSnapshot(t *testing.T, n *fakeNode, hello *internalv1.Identity) internalv1.PeerService_SnapshotClient {
	t.Helper()
	cc, err := n.t.dial(n.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cc.Close() })
	ctx, cancel := context.WithTimeout(context.Background(), patienceOfTests)
	t.Cleanup(cancel)
	stream, err := internalv1.NewPeerServiceClient(cc).Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	header := &internalv1.SnapshotRequest_Header{Header: &internalv1.SnapshotHeader{
		Hello: hello, To: n.id, Message: snapMessage(hello.Id, n.id), SizeBytes: 3,
	}}
	if err := stream.Send(&internalv1.SnapshotRequest{Part: header}); err != nil {
		t.Fatal(err)
	}
	return stream
}

// A refused caller cannot send a file, and only one file comes at a time.
func TestSnapshotAdmission(t *testing.T) {
	two := newNode()
	files, _ := receiver(two)
	two.start(t, identity(2), listen(t, "127.0.0.1:0"), nil)
	greeted(t, two, two.addr, identity(1))
	stale := other(func(id *internalv1.Identity) { id.Boot = 2 })
	if _, err := rawSnapshot(t, two, stale).CloseAndRecv(); refusalOf(err) == nil {
		t.Errorf("a stale node's file ended with %v, expected a refusal", err)
	}
	first := rawSnapshot(t, two, identity(1))
	f := wait(t, "the first file", files)
	if _, err := rawSnapshot(t, two, identity(3)).CloseAndRecv(); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a second file ended with %v, expected ResourceExhausted", err)
	}
	for _, p := range []*internalv1.SnapshotRequest{chunk("ab"), chunk("c"), trailer("abc")} {
		if err := first.Send(p); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := first.CloseAndRecv(); err != nil {
		t.Errorf("the first file: %v", err)
	}
	if end := wait(t, "its end", f.ended); end != "commit" {
		t.Errorf("it ended in %s", end)
	}
}

// A transfer without progress ends on both sides, as does one whose sender or receiver goes away.
func TestSnapshotStallsAndBreaks(t *testing.T) {
	send := func(n *fakeNode, ctx context.Context, r io.Reader) <-chan error {
		c := make(chan error, 1)
		h := &internalv1.SnapshotHeader{Message: snapMessage(1, 2), SizeBytes: 10 * snapshotChunkBytes}
		go func() { c <- n.t.SendSnapshot(ctx, 2, h, r) }()
		return c
	}
	impatient := func(_ *Options, p *patience) { p.snapshotStall = 200 * time.Millisecond }
	for _, c := range []struct {
		name     string
		sender   func(*Options, *patience)
		receiver func(*Options, *patience)
		act      func(one, two *fakeNode, cancel func())
	}{
		{name: "the receiver loses patience", receiver: impatient},
		{name: "the sender is cancelled", act: func(_, _ *fakeNode, cancel func()) { cancel() }},
		{name: "the sender closes", act: func(one, _ *fakeNode, _ func()) { one.t.cancel() }},
		{name: "the peer is removed", act: func(one, _ *fakeNode, _ func()) { one.t.SetPeers(nil) }},
		{name: "the receiver closes", act: func(_, two *fakeNode, _ func()) { two.stop() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			one, two := newNode(), newNode()
			files, _ := receiver(two)
			l2 := listen(t, "127.0.0.1:0")
			keep := func(*Options, *patience) {}
			if c.receiver == nil {
				c.receiver = keep
			}
			two.start(t, identity(2), l2, nil, c.receiver)
			one.start(t, identity(1), nil, map[uint64]string{2: l2.Addr().String()})
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			r := &stalling{n: 2 * snapshotChunkBytes, release: make(chan struct{})}
			sent := send(one, ctx, r)
			f := wait(t, "the file", files)
			if c.act != nil {
				c.act(one, two, cancel)
			}
			if end := wait(t, "the file's end", f.ended); end != "abort" {
				t.Errorf("it ended in %s", end)
			}
			close(r.release)
			if err := wait(t, "the sender's end", sent); err == nil {
				t.Error("the sender believes that it was sent")
			}
		})
	}
	t.Run("the sender loses patience", func(t *testing.T) {
		two := newNode().start(t, identity(2), listen(t, "127.0.0.1:0"), nil)
		wire := newProxy(t, two.addr)
		one := newNode().start(t, identity(1), nil, map[uint64]string{2: wire.addr()}, impatient)
		wait(t, "the link", one.ups)
		wire.freeze()
		err := wait(t, "the sender's end", send(one, context.Background(), bytes.NewReader(nil)))
		if !errors.Is(err, errTransferStalled) {
			t.Errorf("ended with %v, expected %v", err, errTransferStalled)
		}
	})
}
