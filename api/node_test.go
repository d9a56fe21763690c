package api

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"parley/node"
	"parley/proto/parleyv1"
)

var _ Replica = (*node.Node)(nil)

// TestOnARealNode runs the services over a cluster of one: Raft, disk and all, and stops it under the client.
func TestOnARealNode(t *testing.T) {
	pl, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	registry := prometheus.NewRegistry()
	n, err := node.Start(t.Context(), node.Config{
		Name: "n1", Dir: t.TempDir(), Address: "127.0.0.1:1", PeerAddress: pl.Addr().String(), PeerListener: pl,
		FirstMembers: map[string]string{"n1": pl.Addr().String()}, Registerer: registry,
	})
	must(t, err)
	t.Cleanup(func() { _ = n.Stop(context.Background()) })
	s := New(n, n.Store(), Options{Registry: registry})
	t.Cleanup(s.Drain)
	conn := served(t, s)

	w, err := healthpb.NewHealthClient(conn).Watch(bounded(t), &healthpb.HealthCheckRequest{Service: chatService})
	must(t, err)
	for {
		h, err := w.Recv()
		must(t, err)
		if h.Status == healthpb.HealthCheckResponse_SERVING {
			break
		}
	}
	chat := parleyv1.NewChatServiceClient(conn)
	_, err = chat.CreateUser(t.Context(), &parleyv1.CreateUserRequest{RequestId: rid().s, Username: "alice",
		Password: testPassword})
	must(t, err)
	token := randomToken()
	_, err = chat.Login(t.Context(), &parleyv1.LoginRequest{RequestId: rid().s, Username: "alice",
		Password: testPassword, Token: token})
	must(t, err)
	ctx := withToken(bounded(t), token)
	st, err := chat.Subscribe(ctx, &parleyv1.SubscribeRequest{})
	must(t, err)
	f, err := st.Recv()
	must(t, err)
	if f.GetSubscribed().GetNode() != "n1" {
		t.Fatalf("got %v", f)
	}
	sent, err := chat.SendMessage(ctx, &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: "@alice",
		Text: "to disk"})
	must(t, err)
	if m := nextEvent(t, st).GetMessage(); m.GetId() != sent.Id || m.GetText() != "to disk" {
		t.Fatalf("got %v", m)
	}
	roomOnARealNode(ctx, t, chat, st)
	cluster := parleyv1.NewClusterServiceClient(conn)
	status, err := cluster.Status(ctx, &parleyv1.StatusRequest{})
	must(t, err)
	if status.Leader != "n1" || !status.Quorum || len(status.Members) != 1 || status.Applied == 0 ||
		len(status.ClusterId) != 32 {
		t.Fatalf("got %v", status)
	}
	hashes, err := cluster.StateHash(ctx, &parleyv1.StateHashRequest{})
	must(t, err)
	if hashes.Voters != 1 || len(hashes.Members) != 1 || hashes.Members[0].Hash == "" {
		t.Fatalf("got %v", hashes)
	}
	rec := httptest.NewRecorder()
	s.AdminHandler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, name := range []string{"parley_server_is_leader 1", "parley_messages_total", "process_resident_memory_bytes"} {
		if !strings.Contains(rec.Body.String(), name) {
			t.Errorf("/metrics has no %s", name)
		}
	}

	stop, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	must(t, n.Stop(stop))
	_, err = chat.SendMessage(ctx, &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: "@alice",
		Text: "too late"})
	if info := wantError(t, err, codes.Unavailable, "STOPPING"); info.Metadata["applied"] != "no" {
		t.Fatalf("got %v", info.Metadata)
	}
	for {
		if _, err := st.Recv(); err != nil {
			wantError(t, err, codes.Unavailable, "STOPPING")
			break
		}
	}
}

// roomOnARealNode has a room, a reply and an edit go through raft, once the node has raised the cluster's version by itself.
func roomOnARealNode(ctx context.Context, t *testing.T, chat parleyv1.ChatServiceClient, st events) {
	t.Helper()
	create := &parleyv1.CreateRoomRequest{RequestId: rid().s, Room: "#ops"}
	for {
		_, err := chat.CreateRoom(ctx, create)
		if _, info, _, _ := details(err); info.GetReason() == "CLUSTER_VERSION_TOO_LOW" {
			continue
		}
		must(t, err)
		break
	}
	root, err := chat.SendMessage(ctx, &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: "#ops", Text: "one"})
	must(t, err)
	_, err = chat.SendMessage(ctx, &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: "#ops", Text: "two",
		ReplyTo: root.Id})
	must(t, err)
	edited, err := chat.EditMessage(ctx, &parleyv1.EditMessageRequest{RequestId: rid().s, Id: root.Id, Text: "uno"})
	must(t, err)
	if edited.Message.GetText() != "uno" || edited.Message.Replies != 1 {
		t.Fatalf("got %v", edited)
	}
	for {
		if e := nextEvent(t, st).GetMessageEdited(); e != nil {
			if e.Text != "uno" || e.Conversation != "#ops" {
				t.Fatalf("got %v", e)
			}
			return
		}
	}
}
