package api

import (
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"parley/internal/cputime"
	"parley/node"
	"parley/proto/internalv1"
	"parley/proto/parleyv1"
)

// The callers and connections of the yardstick's loads.
const (
	benchCallers     = 256
	benchConnections = 8
)

// BenchmarkReadOne is a linearizable read of a conversation's newest message, as a call to a whole node: gRPC on both sides,
// a ReadIndex round of one voter, a file. cpu-us/op is the time of all processors, allocs/op those of client and node.
func BenchmarkReadOne(b *testing.B) {
	chats := newBenchNode(b)
	request := &parleyv1.ReadMessagesRequest{Conversation: "@bob", Limit: 1}
	chats.run(b, func(ctx context.Context, chat parleyv1.ChatServiceClient) error {
		_, err := chat.ReadMessages(ctx, request)
		return err
	})
}

// BenchmarkSendUnary is one message sent by a call of its own.
func BenchmarkSendUnary(b *testing.B) {
	chats := newBenchNode(b)
	text := strings.Repeat("a", 256)
	chats.run(b, func(ctx context.Context, chat parleyv1.ChatServiceClient) error {
		_, err := chat.SendMessage(ctx, &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: "@bob", Text: text})
		return err
	})
}

// benchNode is a node with two people who have talked, and connections of one of them.
type benchNode struct {
	ctx   context.Context
	chats []parleyv1.ChatServiceClient
}

func newBenchNode(b *testing.B) *benchNode {
	b.Helper()
	check := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	pl, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	n, err := node.Start(b.Context(), node.Config{
		Name: "n1", Dir: b.TempDir(), Address: "127.0.0.1:1", PeerAddress: pl.Addr().String(), PeerListener: pl,
		FirstMembers: map[string]string{"n1": pl.Addr().String()},
	})
	check(err)
	b.Cleanup(func() { _ = n.Stop(context.Background()) })
	s := New(n, n.Store(), Options{})
	b.Cleanup(s.Drain)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	g := grpc.NewServer(s.ServerOptions(false)...)
	s.Register(g)
	done := make(chan struct{})
	go func() { defer close(done); _ = g.Serve(s.Listener(l)) }() // ends with the server
	b.Cleanup(func() { g.Stop(); <-done })

	for !n.Status().Quorum {
		<-n.Changed()
	}
	for _, name := range []string{"alice", "bob"} {
		_, err := s.propose(b.Context(), &internalv1.Command{RequestId: rid().raw, Body: &internalv1.Command_CreateUser{
			CreateUser: &internalv1.CreateUser{Username: name, DisplayName: name, PasswordPhc: cheapPHC(testPassword)}}})
		check(err)
	}
	r := &benchNode{}
	for range benchConnections {
		conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
		check(err)
		b.Cleanup(func() { _ = conn.Close() })
		r.chats = append(r.chats, parleyv1.NewChatServiceClient(conn))
	}
	token := randomToken()
	_, err = r.chats[0].Login(b.Context(), &parleyv1.LoginRequest{RequestId: rid().s, Username: "alice", Password: testPassword,
		Token: token})
	check(err)
	r.ctx = withToken(b.Context(), token)
	_, err = r.chats[0].SendMessage(r.ctx, &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: "@bob", Text: "the first"})
	check(err)
	check(n.Store().Flush()) // reads find it on the disk, as those of older messages do
	return r
}

func (r *benchNode) run(b *testing.B, op func(context.Context, parleyv1.ChatServiceClient) error) {
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	cpu := cputime.Process()
	for k := range benchCallers {
		wg.Go(func() {
			for next.Add(1) <= int64(b.N) {
				if err := op(r.ctx, r.chats[k%len(r.chats)]); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64((cputime.Process()-cpu).Nanoseconds())/1e3/float64(b.N), "cpu-us/op")
}
