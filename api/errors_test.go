package api

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"parley/node"
	"parley/proto/internalv1"
	"parley/proto/parleyv1"
)

// TestNodeErrorsOnTheWire sends each way in which a node fails through a real call.
func TestNodeErrorsOnTheWire(t *testing.T) {
	r := newRig(t)
	u := r.user(t, "alice")
	const leader = "10.0.0.2:50051"
	send := func() error {
		_, err := r.chat.SendMessage(u.ctx, &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: "@alice",
			Text: "x"})
		return err
	}
	read := func() error { _, err := r.chat.WhoAmI(u.ctx, &parleyv1.WhoAmIRequest{}); return err }
	for _, tc := range []struct {
		cause  node.Cause
		code   codes.Code
		reason string
		retry  bool
	}{
		{node.CauseNoLeader, codes.Unavailable, "NO_QUORUM", true},
		{node.CauseLeaderLost, codes.Unavailable, "LEADER_LOST", true},
		{node.CauseDeadline, codes.DeadlineExceeded, "DEADLINE", false},
		{node.CauseOverloaded, codes.ResourceExhausted, "OVERLOADED", true},
		{node.CauseStopped, codes.Unavailable, "STOPPING", false},
		{node.CauseTooLarge, codes.InvalidArgument, "TOO_LARGE", false},
		{node.CauseDiskLow, codes.ResourceExhausted, "DISK_LOW", true},
		{node.CauseDiskStuck, codes.Unavailable, "DISK_STUCK", true},
	} {
		for _, outcome := range []node.Outcome{node.NotApplied, node.Unknown} {
			t.Run(fmt.Sprintf("%s/%d", tc.reason, outcome), func(t *testing.T) {
				e := &node.Error{Outcome: outcome, Cause: tc.cause, Leader: leader}
				r.set(func(r *replica) { r.proposeErr = e })
				defer r.set(func(r *replica) { r.proposeErr = nil })
				err := send()
				info := wantError(t, err, tc.code, tc.reason)
				want := map[node.Outcome]string{node.NotApplied: "no", node.Unknown: "unknown"}[outcome]
				if info.Metadata["applied"] != want || info.Metadata["leader"] != leader {
					t.Fatalf("want applied %s and the leader, got %v", want, info.Metadata)
				}
				if _, _, _, ri := details(err); (ri != nil) != tc.retry {
					t.Fatalf("retry info: %v", ri)
				}
				if msg := status.Convert(err).Message(); strings.Contains(msg, "request_id") != (want == "unknown") {
					t.Fatalf("the message must say what to do: %q", msg)
				}
			})
		}
		t.Run(tc.reason+"/read", func(t *testing.T) {
			r.set(func(r *replica) { r.barrierErr = &node.Error{Outcome: node.NotApplied, Cause: tc.cause} })
			defer r.set(func(r *replica) { r.barrierErr = nil })
			info := wantError(t, read(), tc.code, tc.reason)
			if info.Metadata["applied"] != "no" {
				t.Fatalf("a read applies nothing: %v", info.Metadata)
			}
		})
	}
	t.Run("an error that is not the node's", func(t *testing.T) {
		r.set(func(r *replica) { r.proposeErr = errors.New("secret detail /data/path") })
		defer r.set(func(r *replica) { r.proposeErr = nil })
		err := send()
		if info := wantError(t, err, codes.Internal, reasonInternal); info.Metadata["applied"] != "unknown" {
			t.Fatalf("nobody knows: %v", info.Metadata)
		}
		if strings.Contains(err.Error(), "secret") {
			t.Fatalf("the cause left the node: %v", err)
		}
	})
}

func TestRefusalsHaveACodeEach(t *testing.T) {
	want := map[string]codes.Code{
		"SESSION_INVALID": codes.Unauthenticated, "REQUEST_ID_REUSED": codes.FailedPrecondition,
		"REQUEST_ID_EXPIRED": codes.FailedPrecondition, "INVALID_FIELD": codes.InvalidArgument,
		"USER_EXISTS":    codes.AlreadyExists,
		"USER_NOT_FOUND": codes.NotFound, "CONVERSATION_NOT_FOUND": codes.NotFound, "MESSAGE_NOT_FOUND": codes.NotFound,
		"SESSION_NOT_FOUND": codes.NotFound, "CREDENTIALS_CHANGED": codes.Aborted, "NOT_ALLOWED": codes.PermissionDenied,
		"LIMIT_REACHED": codes.ResourceExhausted, "USER_DELETED": codes.NotFound,
		"CLUSTER_VERSION_TOO_LOW": codes.FailedPrecondition, "MEMBER_NOT_FOUND": codes.NotFound,
		"ROOM_EXISTS": codes.AlreadyExists, "NOT_A_MEMBER": codes.PermissionDenied, "ROOM_ARCHIVED": codes.FailedPrecondition,
		"BLOCKED": codes.PermissionDenied, "USER_SUSPENDED": codes.PermissionDenied,
		"REGISTRATION_CLOSED": codes.PermissionDenied, "INVITE_INVALID": codes.NotFound, "TOKEN_SCOPE": codes.PermissionDenied,
	}
	for n := range internalv1.Reason_name {
		reason := internalv1.Reason(n)
		if reason == internalv1.Reason_REASON_UNSPECIFIED {
			continue
		}
		f := fromRefusal(&internalv1.Refusal{Reason: reason, Field: "text", Message: "what; do this"})
		code, ok := want[f.reason]
		if !ok {
			t.Errorf("%s has no code: add it to refusals", reason)
			continue
		}
		info := wantError(t, f, code, f.reason)
		if info.Metadata["field"] != "text" || info.Metadata["applied"] != "no" {
			t.Errorf("%s: %v", reason, info.Metadata)
		}
	}
	if f := fromRefusal(&internalv1.Refusal{Reason: 999}); f.code != codes.FailedPrecondition || f.message == "" {
		t.Errorf("a newer reason must still refuse: %v", f)
	}
}

func TestContextsEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e := &node.Error{Outcome: node.Unknown, Cause: node.CauseDeadline}
	wantError(t, fromPropose(ctx, e), codes.Canceled, reasonCanceled)
	wantError(t, fromPropose(t.Context(), e), codes.DeadlineExceeded, reasonDeadline)
	wantError(t, contextFailure(context.DeadlineExceeded), codes.DeadlineExceeded, reasonDeadline)
}

// TestPanicsBecomeInternal: one bad call must not take the node, and nobody is told that it had no effect.
func TestPanicsBecomeInternal(t *testing.T) {
	r := newRig(t)
	u := r.user(t, "alice")
	r.set(func(r *replica) { r.before = func(*internalv1.Command) { panic("boom") } })
	// Propose holds the replica's lock when it panics; its deferred unlock keeps the test alive as it would a node.
	_, err := r.chat.SendMessage(u.ctx, &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: "@alice",
		Text: "x"})
	if info := wantError(t, err, codes.Internal, reasonInternal); info.Metadata["applied"] != "unknown" {
		t.Fatalf("got %v", info.Metadata)
	}
	r.send(t, u, "@alice", "still here")
}

func TestEveryFailureIsOneLineWithAdvice(t *testing.T) {
	for _, f := range []*failure{
		sessionInvalid(), sessionMissing("no token"), sessionNotHere(""), badCredentials(), draining(),
		tooManyAttempts(time.Second),
		internal(errors.New("x")), notAllowed("no; ask"), contextFailure(context.DeadlineExceeded),
	} {
		wantError(t, f, f.code, f.reason)
		if !strings.Contains(f.message, ";") {
			t.Errorf("%s says what is wrong and not what to do: %q", f.reason, f.message)
		}
	}
	for c, row := range causes {
		if row.next == "" || row.what == "" {
			t.Errorf("%v has no advice", c)
		}
	}
}
