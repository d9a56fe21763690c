package api

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"parley/node"
	"parley/proto/parleyv1"
)

// safeBuffer is a log that is read while the server runs.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// TestLogNamesTheCallAndNoSecret: an operator finds the call by node, term and request id; nothing else of it is
// logged, whatever fails and at whatever level.
func TestLogNamesTheCallAndNoSecret(t *testing.T) {
	var out safeBuffer
	r := newRig(t, func(s *Server) {
		s.log = slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})).With("node", s.name)
	})
	u := r.user(t, "alice")
	r.set(func(r *replica) { r.proposeErr = errors.New("the cause") })
	id := rid()
	_, err := r.chat.SendMessage(u.ctx, &parleyv1.SendMessageRequest{RequestId: id.s, Conversation: "@alice",
		Text: "very private"})
	wantError(t, err, codes.Internal, reasonInternal)
	var line map[string]any
	await(t, "the log line", func() bool { return strings.Contains(out.String(), id.s) })
	must(t, json.Unmarshal([]byte(strings.SplitN(out.String(), "\n", 2)[0]), &line))
	for k, want := range map[string]any{
		"level": "ERROR", "node": "n1", "term": 7.0, "request_id": id.s, "method": chatPath + "SendMessage",
		"code":   "Internal",
		"reason": reasonInternal, "cause": "the cause",
	} {
		if line[k] != want {
			t.Errorf("%s is %v, want %v", k, line[k], want)
		}
	}
	secret := "hunter2 hunter2"
	token := randomToken()
	for range 2 {
		_, _ = r.chat.Login(t.Context(), &parleyv1.LoginRequest{RequestId: rid().s, Username: "alice", Password: secret,
			Token: token})
		_, _ = r.chat.CreateUser(t.Context(), &parleyv1.CreateUserRequest{RequestId: "\x1b[31m", Username: "x",
			Password: secret})
		_, _ = r.chat.ChangePassword(u.ctx, &parleyv1.ChangePasswordRequest{RequestId: rid().s, OldPassword: secret,
			NewPassword: secret})
		_, _ = r.chat.DeleteUser(u.ctx, &parleyv1.DeleteUserRequest{RequestId: rid().s, Password: secret})
		r.set(func(r *replica) {
			r.proposeErr = &node.Error{Outcome: node.NotApplied, Cause: node.CauseOverloaded}
		})
	}
	await(t, "the last line", func() bool { return strings.Count(out.String(), "DeleteUser") == 2 })
	for _, s := range []string{secret, "very private", "argon2id", "[31m", base64.RawURLEncoding.EncodeToString(token),
		base64.RawURLEncoding.EncodeToString(u.token)} {
		if strings.Contains(out.String(), s) {
			t.Errorf("the log has %q:\n%s", s, out.String())
		}
	}
}

func TestCallsAndPublicStreamsAreBounded(t *testing.T) {
	r := newRig(t, func(s *Server) {
		s.publicStreams = newCounts(2, 2)
		s.calls.Store(maxCalls)
	})
	_, err := healthpb.NewHealthClient(r.port).Check(t.Context(), &healthpb.HealthCheckRequest{})
	wantError(t, err, codes.ResourceExhausted, reasonOverloaded)
	r.server.calls.Store(0)
	open := func() (healthpb.Health_WatchClient, error) {
		w, err := healthpb.NewHealthClient(r.port).Watch(bounded(t), &healthpb.HealthCheckRequest{})
		must(t, err)
		_, err = w.Recv()
		return w, err
	}
	for range 2 {
		_, err := open()
		must(t, err)
	}
	_, err = open()
	wantError(t, err, codes.ResourceExhausted, reasonTooManyStreams)
	u := r.user(t, "alice")
	r.subscribe(t, u, "") // users' places are their own
}
