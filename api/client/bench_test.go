package client

import (
	"context"
	"net"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"parley/proto/parleyv1"
)

// echo answers every send at once.
type echo struct {
	parleyv1.UnimplementedChatServiceServer
}

func (echo) SendMessage(_ context.Context, r *parleyv1.SendMessageRequest) (*parleyv1.SendMessageResponse, error) {
	return &parleyv1.SendMessageResponse{Id: 1, Seq: 1, Conversation: r.GetConversation()}, nil
}

func (echo) SendMessages(
	st grpc.BidiStreamingServer[parleyv1.SendMessagesRequest, parleyv1.SendMessagesResponse],
) error {
	for {
		f, err := st.Recv()
		if err != nil {
			return err
		}
		out := &parleyv1.SendMessagesResponse{}
		for _, r := range f.GetSends() {
			out.Results = append(out.Results, &parleyv1.SendResult{RequestId: r.GetRequestId(), Outcome: &parleyv1.SendResult_Sent{
				Sent: &parleyv1.SendMessageResponse{Id: 1, Seq: 1, Conversation: r.GetConversation()},
			}})
		}
		if err := st.Send(out); err != nil {
			return err
		}
	}
}

func benchmarkSend(b *testing.B, callers int, o Options) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	g := grpc.NewServer()
	parleyv1.RegisterChatServiceServer(g, echo{})
	h := health.NewServer()
	h.SetServingStatus(chatService, grpc_health_v1.HealthCheckResponse_SERVING)
	grpc_health_v1.RegisterHealthServer(g, h)
	go func() { _ = g.Serve(l) }() // ended by Stop
	defer g.Stop()
	o.Servers, o.Token, o.StatusInterval = []string{l.Addr().String()}, make([]byte, TokenBytes), -1
	c, err := Dial(o)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	send := func(n int) {
		for range n {
			if _, err := c.SendMessage(context.Background(), &parleyv1.SendMessageRequest{
				Conversation: "@bob", Text: "the quick brown fox jumps over the lazy dog",
			}); err != nil {
				b.Error(err)
				return
			}
		}
	}
	send(1)
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() { send((b.N + i) / callers) })
	}
	wg.Wait()
}
