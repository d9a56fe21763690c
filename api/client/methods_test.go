package client

import (
	"context"
	"reflect"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"parley/proto/parleyv1"
)

// A reply is a send like others: what it replies to reaches the node on a stream and in a unary call.
func TestReplyToReachesTheNode(t *testing.T) {
	for _, unary := range []bool{false, true} {
		fc := newFakeCluster(t, 1)
		var got atomic.Uint64
		fc.nodes[0].script(func() {
			fc.nodes[0].onSend = func(_ context.Context, r *parleyv1.SendMessageRequest) error {
				got.Store(r.GetReplyTo())
				return nil
			}
		})
		c := dial(t, Options{Servers: fc.addrs(), Token: make([]byte, TokenBytes), Unary: unary})
		_, err := c.SendMessage(ctxFor(t), &parleyv1.SendMessageRequest{Conversation: "@bob", Text: "x", ReplyTo: 17})
		if err != nil || got.Load() != 17 {
			t.Errorf("unary %v: the node saw a reply to %d, %v; want 17", unary, got.Load(), err)
		}
	}
}

// Every method that changes something and is called again after an unknown outcome is the same request: it has a request id,
// which was made here where the caller gave none.
func TestMutationsCarryARequestID(t *testing.T) {
	fc := newFakeCluster(t, 1)
	c := dialWith(t, fc.addrs()...)
	ct := reflect.TypeOf(c)
	for _, name := range []string{"CreateRoom", "UpdateRoom", "SetMembership", "EditMessage", "Annotate", "SetReadMark", "SetMute"} {
		m, ok := ct.MethodByName(name)
		if !ok {
			t.Fatalf("no method %s", name)
		}
		req := reflect.New(m.Type.In(2).Elem())
		out := m.Func.Call([]reflect.Value{reflect.ValueOf(c), reflect.ValueOf(ctxFor(t)), req})
		err, _ := out[1].Interface().(error)
		if e := asError(t, err); e.Code != codes.Unimplemented || len(e.RequestID) != 36 || e.Method != name {
			t.Errorf("%s: %+v; want the node's answer to a request with an id", name, *e)
		}
		if proto.Size(req.Interface().(proto.Message)) != 0 {
			t.Errorf("%s changed the caller's request", name)
		}
	}
	for _, name := range []string{"ListRooms", "ListRoomMembers", "GetMessage"} {
		m, _ := ct.MethodByName(name)
		out := m.Func.Call([]reflect.Value{reflect.ValueOf(c), reflect.ValueOf(ctxFor(t)), reflect.New(m.Type.In(2).Elem())})
		err, _ := out[1].Interface().(error)
		if e := asError(t, err); e.RequestID != "" || e.Method != name {
			t.Errorf("%s: %+v; a read has no request id", name, *e)
		}
	}
}
