package api

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"parley/node"
	"parley/proto/internalv1"
	"parley/proto/parleyv1"
	"parley/store"
)

// BenchmarkSendStream is what the API adds to one message on a stream of sends, between gRPC's frames and the node: to decode
// and check it, to make its command, and to write its answer. Frames hold one message, as those of 256 busy callers do, or
// many, as those of a gateway.
func BenchmarkSendStream(b *testing.B) {
	b.Run("sends=1", func(b *testing.B) { benchSendStream(b, 1) })
	b.Run("sends=64", func(b *testing.B) { benchSendStream(b, 64) })
}

func benchSendStream(b *testing.B, perFrame int) {
	f := &parleyv1.SendMessagesRequest{}
	for range perFrame {
		f.Sends = append(f.Sends, toBob(strings.Repeat("word ", 51)))
	}
	frame, err := proto.Marshal(f)
	must(b, err)
	result, err := proto.Marshal(&internalv1.Result{Outcome: &internalv1.Result_Send{Send: &internalv1.SendResult{
		Id: 1 << 40, Conversation: "@bob", Seq: 1 << 20, TimeUnixMs: 1_764_000_000_000, Cursor: strings.Repeat("c", 40),
	}}})
	must(b, err)
	s := &chat{Server: New(instant{result: result}, nil, Options{Logger: slog.New(slog.DiscardHandler)})}
	b.Cleanup(s.Drain)
	ctx := context.WithValue(context.Background(), callerKey{}, caller{token: sha([]byte("t"))})
	stream := &wireStream{frame: frame, left: (b.N + perFrame - 1) / perFrame}
	b.ReportAllocs()
	b.ResetTimer()
	st := newSendStream(ctx, s, "ann")
	go st.read(stream) // ends with the last frame
	must(b, st.write(stream, &store.SessionWatch{}))
}

// instant is a replica that has every answer at once.
type instant struct {
	Replica
	result []byte
}

func (instant) Status() node.Status { return node.Status{} }

func (instant) Changed() <-chan struct{} { return nil }

func (i instant) ProposeAsync(_ []byte, done func([]byte, error)) { done(i.result, nil) }

// wireStream gives the same frame again and again, and marshals what it gets.
type wireStream struct {
	grpc.ServerStream
	frame []byte
	left  int
	out   []byte
}

func (s *wireStream) Recv() (*parleyv1.SendMessagesRequest, error) {
	if s.left == 0 {
		return nil, io.EOF
	}
	s.left--
	f := new(parleyv1.SendMessagesRequest)
	return f, proto.Unmarshal(s.frame, f)
}

func (s *wireStream) Send(f *parleyv1.SendMessagesResponse) (err error) {
	s.out, err = proto.MarshalOptions{}.MarshalAppend(s.out[:0], f)
	return err
}
