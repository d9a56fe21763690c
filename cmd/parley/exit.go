package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"google.golang.org/grpc/codes"

	"parley/api/client"
)

// Exit codes, part of the contract with scripts.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitAuth        = 3
	exitNotFound    = 4
	exitUnavailable = 5
	exitUnknown     = 6
)

// failure is an error of the command line itself: its code, what happened and what to do next.
type failure struct {
	code    int
	message string
	hint    string
}

func (f *failure) Error() string {
	if f.hint == "" {
		return f.message
	}
	return f.message + ": " + f.hint
}

// errSilent fails without a line, where the reason was already told.
var errSilent = errors.New("already told")

func usageError(format string, args ...any) error {
	return &failure{code: exitUsage, message: fmt.Sprintf(format, args...)}
}

// reads are the methods that change nothing: their failure is never an unknown outcome, whatever a network did.
var reads = map[string]bool{
	"WhoAmI": true, "ListSessions": true, "ListUsers": true, "ReadMessages": true, "ListConversations": true,
	"ListRooms": true, "ListRoomMembers": true, "GetMessage": true, "SearchMessages": true, "Subscribe": true, "Status": true, "StateHash": true, "Backup": true,
	"ListBlocks": true, "GetSettings": true, "ListInvites": true, "ListAudit": true,
}

// classify turns an error into an exit code and one line.
func classify(err error) (code int, line string) {
	var f *failure
	var e *client.Error
	switch {
	case errors.Is(err, errSilent):
		return exitFailed, ""
	case errors.As(err, &f):
		return f.code, oneLine(err.Error())
	case errors.As(err, &e):
		return clientCode(e), oneLine(clientLine(e))
	case errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe):
		return exitFailed, "" // who read the output has left; there is nobody to tell
	case errors.Is(err, context.Canceled):
		return exitFailed, "interrupted"
	default:
		return exitFailed, oneLine(err.Error())
	}
}

func clientCode(e *client.Error) int {
	if wrongPassword(e) {
		return exitAuth
	}
	if e.Outcome == client.Unknown && !reads[e.Method] {
		return exitUnknown
	}
	switch e.Code {
	case codes.Unauthenticated, codes.PermissionDenied:
		return exitAuth
	case codes.NotFound:
		return exitNotFound
	case codes.InvalidArgument:
		return exitUsage
	case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted, codes.Aborted:
		return exitUnavailable
	default:
		return exitFailed
	}
}

// wrongPassword is a login that a node refused, whatever became of an earlier try: that session, if it stands, has a token
// that nobody keeps.
func wrongPassword(e *client.Error) bool {
	return e.Method == "Login" && e.Code == codes.Unauthenticated
}

// clientLine words the hint for the command line.
func clientLine(e *client.Error) string {
	switch {
	case wrongPassword(e):
		return e.Message
	case e.Outcome == client.Unknown && !reads[e.Method] && e.Method == "SendMessage" && e.RequestID != "":
		return fmt.Sprintf("%s; the message may or may not be sent: run it again with --request-id %s", e.Message, e.RequestID)
	case e.Outcome == client.Unknown && !reads[e.Method]:
		return e.Message + "; it may or may not have taken effect: look before you run it again"
	case e.Code == codes.Unauthenticated && e.Method != "Login":
		return e.Message + ": run: parley login --user NAME"
	case e.Code == codes.Unavailable && e.Outcome == client.NotApplied:
		return e.Error() + " (nothing was changed)"
	default:
		return e.Error()
	}
}

// oneLine makes an error's text fit for one line of a terminal.
func oneLine(s string) string {
	return strings.Join(strings.Fields(sanitize(s)), " ")
}
