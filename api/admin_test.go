package api

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"parley/proto/parleyv1"
)

func TestHealthFollowsTheNode(t *testing.T) {
	rep := newReplica(t)
	rep.status.Quorum, rep.status.CaughtUp = false, false
	r := rigOn(t, rep)
	h := healthpb.NewHealthClient(r.port)
	check := func(service string) healthpb.HealthCheckResponse_ServingStatus {
		t.Helper()
		got, err := h.Check(t.Context(), &healthpb.HealthCheckRequest{Service: service})
		must(t, err)
		return got.Status
	}
	const yes, no = healthpb.HealthCheckResponse_SERVING, healthpb.HealthCheckResponse_NOT_SERVING
	if check("") != yes || check(chatService) != no {
		t.Fatal("a node without a quorum is up and does not serve")
	}
	w, err := h.Watch(bounded(t), &healthpb.HealthCheckRequest{Service: chatService})
	must(t, err)
	expect := func(want healthpb.HealthCheckResponse_ServingStatus) {
		t.Helper()
		got, err := w.Recv()
		must(t, err)
		if got.Status != want {
			t.Fatalf("want %s, got %s", want, got.Status)
		}
	}
	expect(no)
	rep.set(func(r *replica) { r.status.Quorum = true }) // not caught up yet: no news
	rep.set(func(r *replica) { r.status.CaughtUp = true })
	expect(yes)
	rep.set(func(r *replica) { r.status.Quorum = false })
	expect(no)
	rep.set(func(r *replica) { r.status.Quorum = true })
	expect(yes)
	if check("") != yes {
		t.Fatal("the process is up")
	}
	if _, err := h.Check(t.Context(), &healthpb.HealthCheckRequest{Service: "x"}); status.Code(err) != codes.NotFound {
		t.Fatalf("got %v", err)
	}
	r.server.Drain()
	if check("") != no || check(chatService) != no {
		t.Fatal("a draining node does not serve")
	}
	for {
		if _, err := w.Recv(); err != nil {
			wantError(t, err, codes.Unavailable, reasonDraining)
			break
		}
	}
}

func TestAdminPages(t *testing.T) {
	r := newRig(t)
	u := r.user(t, "alice")
	r.send(t, u, "@alice", "counted")
	_, _ = r.chat.SendMessage(u.ctx, &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: "@nobody", Text: "x"})
	web := httptest.NewServer(r.server.AdminHandler())
	defer web.Close()
	get := func(path string) (int, string) {
		t.Helper()
		resp, err := http.Get(web.URL + path)
		must(t, err)
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		must(t, err)
		return resp.StatusCode, string(b)
	}
	want := func(path string, code int, text string) {
		t.Helper()
		if c, b := get(path); c != code || !strings.Contains(b, text) {
			t.Fatalf("%s: want %d with %q, got %d %s", path, code, text, c, b)
		}
	}
	want("/livez", 200, "ok")
	want("/readyz", 200, "ok")
	want("/debug/pprof/", 404, "")
	for _, line := range []string{
		`parley_messages_total{result="ok"} 1`, `parley_messages_total{result="refused"} 1`,
		`parley_messages_total{result="unknown"} 0`,
		`parley_server_ready 1`, `parley_subscribers 0`, `parley_connections 1`,
		`parley_grpc_server_handled_total{grpc_code="OK",grpc_method="parley.v1.ChatService/SendMessage"} 1`,
		`parley_grpc_server_handling_seconds_count{grpc_method="parley.v1.ChatService/SendMessage"} 2`,
		`parley_network_member_reachable{member="n1"} 1`, `parley_build_info{go_version=`, `version="test"`,
	} {
		want("/metrics", 200, line)
	}
	r.loseQuorum(time.Second)
	want("/readyz", 503, "no leader with a quorum")
	want("/livez", 200, "ok")
	r.set(func(r *replica) { r.status.Quorum, r.status.CaughtUp = true, false })
	want("/readyz", 503, "not caught up")
	r.server.Drain()
	want("/readyz", 503, "draining")
	want("/livez", 200, "ok")
}

func TestProfileIsAnOption(t *testing.T) {
	rep := newReplica(t)
	s := New(rep, rep.store, Options{Profile: true, CertNotAfter: func() time.Time { return time.Unix(1234, 0) }})
	t.Cleanup(s.Drain)
	web := httptest.NewServer(s.AdminHandler())
	defer web.Close()
	for path, text := range map[string]string{"/debug/pprof/": "goroutine",
		"/metrics": "parley_certificate_not_after_seconds 1234"} {
		resp, err := http.Get(web.URL + path)
		must(t, err)
		b, err := io.ReadAll(resp.Body)
		must(t, err)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK || !strings.Contains(string(b), text) {
			t.Fatalf("%s: %d %s", path, resp.StatusCode, b)
		}
	}
}

func TestAdminSocketIsTheOwners(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "admin.sock")
	l, err := ListenAdmin(path)
	must(t, err)
	fi, err := os.Stat(path)
	must(t, err)
	if fi.Mode().Perm() != 0o600 {
		t.Fatalf("mode %o", fi.Mode().Perm())
	}
	// A killed process leaves its socket; the next one replaces it.
	l2, err := ListenAdmin(path)
	must(t, err)
	_ = l.(*socketListener).UnixListener.Close()
	c, err := net.Dial("unix", path)
	must(t, err)
	_ = c.Close()
	must(t, l2.Close())
	if ents, err := os.ReadDir(dir); err != nil || len(ents) != 0 {
		t.Fatalf("left behind: %v %v", ents, err)
	}
	must(t, os.WriteFile(path, nil, 0o600))
	if _, err := ListenAdmin(path); err == nil {
		t.Fatal("a file that is no socket was replaced")
	}
	if _, err := ListenAdmin(filepath.Join(dir, strings.Repeat("x", 120))); err == nil || !strings.Contains(err.Error(),
		"shorter") {
		t.Fatalf("a path too long: %v", err)
	}
}

// TestConnectionsAreBounded: one too many is closed at once, and a place that is left can be taken.
func TestConnectionsAreBounded(t *testing.T) {
	rep := newReplica(t)
	s := New(rep, rep.store, Options{})
	t.Cleanup(s.Drain)
	s.connections = newCounts(10, 2)
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	l := s.Listener(inner)
	defer l.Close()
	accepted := make(chan net.Conn, 10)
	go func() { // ends with the listener
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", inner.Addr().String())
		must(t, err)
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	dial()
	a := <-accepted
	dial()
	b := <-accepted
	third := dial()
	_ = third.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := third.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Fatalf("the third connection of an address must be closed, got %v", err)
	}
	must(t, a.Close())
	_ = a.Close() // a second close gives no second place
	dial()
	c := <-accepted
	if s.connections.now() != 2 {
		t.Fatalf("%d places taken", s.connections.now())
	}
	_, _ = b.Close(), c.Close()
	if s.connections.now() != 0 || len(s.connections.byKey) != 0 {
		t.Fatal("places are left over")
	}
}

func TestClientAddressKeys(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.7:1234": "192.0.2.7", "[::ffff:192.0.2.7]:1": "192.0.2.7", "[2001:db8:1:2:3::4]:1": "2001:db8:1:2::/64",
		"[fe80::1%lo]:1": "fe80::/64",
	} {
		a, err := net.ResolveTCPAddr("tcp", in)
		must(t, err)
		if got := addrKey(a); got != want {
			t.Errorf("%s counts as %q, want %q", in, got, want)
		}
	}
	if got := addrKey(&net.UnixAddr{Name: "x"}); got != "" {
		t.Errorf("a socket has no address, got %q", got)
	}
	if (caller{}).addr() != "" {
		t.Error("no peer, no address")
	}
}
