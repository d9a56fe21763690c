package main

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"parley/api/client"
	"parley/proto/parleyv1"
)

// fakeChat has 5 unread messages of one conversation, and keeps what was marked.
type fakeChat struct {
	parleyv1.UnimplementedChatServiceServer
	mu      sync.Mutex
	marked  []*parleyv1.ReadRange
	markErr error
}

func (f *fakeChat) ReadMessages(_ context.Context, r *parleyv1.ReadMessagesRequest) (*parleyv1.ReadMessagesResponse, error) {
	var resp parleyv1.ReadMessagesResponse
	for i := uint64(1); i <= 5; i++ {
		if i > r.GetAfterId() && len(resp.Messages) < int(min(r.GetLimit(), 2)) { // short pages, as of large messages
			resp.Messages = append(resp.Messages, &parleyv1.Message{
				Id: i, Seq: i, Conversation: "@ann", Sender: "ann", Text: fmt.Sprint("text ", i), Unread: true,
			})
			resp.More = i < 5
		}
	}
	return &resp, nil
}

func (f *fakeChat) MarkRead(_ context.Context, r *parleyv1.MarkReadRequest) (*parleyv1.MarkReadResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.markErr != nil {
		return nil, f.markErr
	}
	f.marked = append(f.marked, r.GetRanges()...)
	return &parleyv1.MarkReadResponse{}, nil
}

// startFake serves it on loopback and returns the address.
func startFake(t *testing.T, f *fakeChat) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer()
	parleyv1.RegisterChatServiceServer(g, f)
	h := health.NewServer()
	h.SetServingStatus("parley.v1.ChatService", healthpb.HealthCheckResponse_SERVING)
	healthpb.RegisterHealthServer(g, h)
	go func() { _ = g.Serve(l) }()
	t.Cleanup(g.Stop)
	return l.Addr().String()
}

// brokenPipe takes so many writes and then is gone.
type brokenPipe struct{ left int }

func (b *brokenPipe) Write(p []byte) (int, error) {
	if b.left == 0 {
		return 0, syscall.EPIPE
	}
	b.left--
	return len(p), nil
}

func TestReadMarksExactlyWhatWasWritten(t *testing.T) {
	for _, tc := range []struct {
		args    string
		written int // writes that stdout takes
		code    int
		marked  string
	}{
		{"read --unread", 100, exitDone, "1-2 3-4 5-5"},
		{"read --unread --limit 3", 100, exitDone, "1-2 3-3"},
		{"read --unread --peek", 100, exitDone, ""},
		{"read --unread", 3, exitFailed, "1-2 3-3"},
		{"read --unread", 2, exitFailed, "1-2"},
		{"read --unread -o json", 1, exitFailed, "1-1"},
		{"read --unread", 0, exitFailed, ""},
	} {
		f := &fakeChat{}
		a, _, errs := testApp(t, map[string]string{
			"HOME": t.TempDir(), "PARLEY_SERVERS": startFake(t, f), "PARLEY_TOKEN": encodeToken(client.NewToken()),
		})
		a.out = &brokenPipe{left: tc.written}
		code := run(a, strings.Fields(tc.args))
		var marked []string
		for _, r := range f.marked {
			marked = append(marked, fmt.Sprintf("%d-%d", r.GetFromSeq(), r.GetToSeq()))
		}
		if got := strings.Join(marked, " "); got != tc.marked || code != tc.code || errs.Len() != 0 {
			t.Errorf("parley %s with room for %d lines: marked %q, exit %d, %q; want %q, %d and no word",
				tc.args, tc.written, got, code, errs, tc.marked, tc.code)
		}
	}
}

func TestReadPrintsAlthoughNothingCanBeMarked(t *testing.T) {
	noQuorum, err := status.New(codes.Unavailable, "no leader with a quorum").WithDetails(&errdetails.ErrorInfo{
		Domain: "parley", Reason: "NO_QUORUM", Metadata: map[string]string{"applied": "no"},
	})
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeChat{markErr: noQuorum.Err()}
	a, out, errs := testApp(t, map[string]string{
		"HOME": t.TempDir(), "PARLEY_SERVERS": startFake(t, f), "PARLEY_TOKEN": encodeToken(client.NewToken()),
	})
	code := run(a, []string{"read", "--unread", "--limit", "1", "--timeout", "5s"})
	if code != exitDone || !strings.Contains(out.String(), "text 1") || !strings.Contains(errs.String(), "nothing was marked") {
		t.Errorf("exit %d, stdout %q, stderr %q; want 0, the message and a warning", code, out, errs)
	}
}
