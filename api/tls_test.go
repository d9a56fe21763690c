package api

import (
	"net"
	"path/filepath"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"parley/api/pki"
	"parley/proto/parleyv1"
)

// TestClientPortOverTLS puts the certificates of pki under real gRPC: a client with the CA gets in, one with another CA
// does not.
func TestClientPortOverTLS(t *testing.T) {
	dir, other := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	must(t, pki.NewCA(dir))
	must(t, pki.NewCA(other))
	must(t, pki.IssueNode(dir, "n1"))
	cfg, err := pki.ServerConfig(dir, "n1")
	must(t, err)
	rep := newReplica(t)
	s := New(rep, rep.store, Options{})
	t.Cleanup(s.Drain)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	g := grpc.NewServer(append(s.ServerOptions(false), grpc.Creds(credentials.NewTLS(cfg)))...)
	s.Register(g)
	done := make(chan struct{})
	go func() { defer close(done); _ = g.Serve(s.Listener(l)) }() // ends with the server
	t.Cleanup(func() { g.Stop(); <-done })
	for ca, want := range map[string]codes.Code{dir: codes.OK, other: codes.Unavailable} {
		client, err := pki.ClientConfig(filepath.Join(ca, "ca.crt"))
		must(t, err)
		conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(credentials.NewTLS(client)))
		must(t, err)
		_, err = parleyv1.NewChatServiceClient(conn).CreateUser(t.Context(),
			&parleyv1.CreateUserRequest{RequestId: rid().s, Username: "alice", Password: testPassword})
		if status.Code(err) != want {
			t.Errorf("want %s, got %v", want, err)
		}
		must(t, conn.Close())
	}
}
