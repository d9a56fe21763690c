package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/grpc/codes"

	"parley/api/client"
)

func TestExitCodes(t *testing.T) {
	for _, tc := range []struct {
		name string
		err  error
		code int
		line string // a part of it
	}{
		{"not authenticated", &client.Error{Code: codes.Unauthenticated, Outcome: client.Refused, Method: "SendMessage", Message: "the session ended"},
			exitAuth, "parley login"},
		{"not allowed", &client.Error{Code: codes.PermissionDenied, Outcome: client.Refused, Method: "SetOperator"}, exitAuth, ""},
		{"not found", &client.Error{Code: codes.NotFound, Outcome: client.Refused, Method: "SendMessage"}, exitNotFound, ""},
		{"bad argument", &client.Error{Code: codes.InvalidArgument, Outcome: client.Refused, Method: "SendMessage"}, exitUsage, ""},
		{"exists", &client.Error{Code: codes.AlreadyExists, Outcome: client.Refused, Method: "CreateUser"}, exitFailed, ""},
		{"no quorum", &client.Error{Code: codes.Unavailable, Outcome: client.NotApplied, Method: "SendMessage"}, exitUnavailable, "nothing was changed"},
		{"overloaded", &client.Error{Code: codes.ResourceExhausted, Outcome: client.NotApplied, Method: "SendMessage"}, exitUnavailable, ""},
		{"overloaded for good", &client.Error{Code: codes.ResourceExhausted, Outcome: client.Refused, Method: "SendMessage"}, exitUnavailable, ""},
		{"deadline before it was sent", &client.Error{Code: codes.DeadlineExceeded, Outcome: client.NotApplied, Method: "SendMessage"}, exitUnavailable, ""},
		{"unknown", &client.Error{Code: codes.Unavailable, Outcome: client.Unknown, Method: "SendMessage", RequestID: "r-1"}, exitUnknown, "--request-id r-1"},
		{"unknown, whatever the code", &client.Error{Code: codes.Canceled, Outcome: client.Unknown, Method: "DeleteMessages"}, exitUnknown, ""},
		{"a refused login after a lost try", &client.Error{Code: codes.Unauthenticated, Outcome: client.Unknown, Method: "Login"}, exitAuth, ""},
		{"a read is never unknown", &client.Error{Code: codes.DeadlineExceeded, Outcome: client.Unknown, Method: "ReadMessages"}, exitUnavailable, ""},
		{"internal", &client.Error{Code: codes.Internal, Outcome: client.Refused, Method: "SendMessage"}, exitFailed, ""},
		{"wrapped", fmt.Errorf("make account: %w", &client.Error{Code: codes.NotFound, Outcome: client.Refused}), exitNotFound, ""},
		{"usage", usageError("no such thing"), exitUsage, "no such thing"},
		{"stdout closed", fmt.Errorf("write: %w", syscall.EPIPE), exitFailed, ""},
		{"interrupted", context.Canceled, exitFailed, "interrupted"},
		{"anything else", errors.New("a\nb"), exitFailed, "a b"},
	} {
		code, line := classify(tc.err)
		if code != tc.code || !strings.Contains(line, tc.line) {
			t.Errorf("%s: exit %d %q, want %d and %q", tc.name, code, line, tc.code, tc.line)
		}
		if strings.ContainsAny(line, "\n\x1b") {
			t.Errorf("%s: more than one line, or an escape: %q", tc.name, line)
		}
	}
}

func TestErrorLineIsOneCleanLine(t *testing.T) {
	_, line := classify(&client.Error{Code: codes.Internal, Message: "bad\n\x1b[31mred\u202e", Outcome: client.Refused})
	if line != "bad \ufffd[31mred\ufffd" {
		t.Errorf("got %q", line)
	}
}
