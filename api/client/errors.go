package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Outcome says what became of a request that got no result. Greater is worse.
type Outcome int

const (
	// Refused means that a node judged the request and said no; trying again changes nothing.
	Refused Outcome = iota + 1
	// NotApplied means that the request did not take effect and never will.
	NotApplied
	// Unknown means that the request may or may not have taken effect, or still may. Only sending it again with the same
	// request id tells.
	Unknown
)

func (o Outcome) String() string {
	switch o {
	case Refused:
		return "refused"
	case NotApplied:
		return "not applied"
	case Unknown:
		return "outcome unknown"
	default:
		return fmt.Sprintf("outcome %d", int(o))
	}
}

// ErrClosed is wrapped by the *Error of a call on a closed Client.
var ErrClosed = errors.New("the client is closed")

// Error is what every call returns when there is no result.
type Error struct {
	// Code is the last try's, or DeadlineExceeded or Canceled when the caller's context ended.
	Code codes.Code
	// Reason is the server's machine-readable reason, such as NO_QUORUM; empty when the error was made here.
	Reason string
	// Field names the request field that an INVALID_ARGUMENT is about.
	Field string
	// Message says what happened, Hint what to do; each is one line for a person.
	Message string
	Hint    string
	// Outcome is the worst of all tries: Unknown if the request may have taken effect.
	Outcome Outcome
	// Method is the gRPC method without the service, such as SendMessage.
	Method string
	// RequestID is the one all tries carried; send it again to learn an unknown outcome. Empty for reads.
	RequestID string
	// Tries counts how often the request was tried, on whichever node.
	Tries int
	// RetryAfter is the server's advice; 0 when it gave none.
	RetryAfter time.Duration

	cause error
}

// Error is one line: what happened, and what to do next.
func (e *Error) Error() string {
	s := e.Message
	if e.Outcome == Unknown {
		s += " (it may or may not have taken effect)"
	}
	if e.Hint != "" {
		s += ": " + e.Hint
	}
	return s
}

// Unwrap returns the last try's gRPC error, the context's error, or ErrClosed.
func (e *Error) Unwrap() error { return e.cause }

// GRPCStatus lets status.Code and status.FromError see the code.
func (e *Error) GRPCStatus() *status.Status { return status.New(e.Code, e.Message) }

// OutcomeOf returns the outcome that err carries; 0 when it is nil or not of this package.
func OutcomeOf(err error) Outcome {
	var e *Error
	if errors.As(err, &e) {
		return e.Outcome
	}
	return 0
}

// IsUnknown tells whether the failed request may have taken effect.
func IsUnknown(err error) bool { return OutcomeOf(err) == Unknown }

// IsNotApplied tells whether the failed request had no effect and may be made again as a new one.
func IsNotApplied(err error) bool { return OutcomeOf(err) == NotApplied }

// IsUnauthenticated tells whether the session ended: log in again.
func IsUnauthenticated(err error) bool { return isCode(err, codes.Unauthenticated) }

// IsNotFound tells whether what was asked for does not exist.
func IsNotFound(err error) bool { return isCode(err, codes.NotFound) }

func isCode(err error, c codes.Code) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == c
}

// hint says what to do next.
func (e *Error) hint() string {
	switch {
	case e.Outcome == Unknown && e.RequestID != "":
		return "send it again with request id " + e.RequestID + " to learn which"
	case e.Outcome == Unknown:
		return "look at the cluster's status before you try again"
	case errors.Is(e.cause, context.Canceled):
		return ""
	}
	switch e.Code {
	case codes.Unauthenticated:
		return "log in again"
	case codes.PermissionDenied:
		return "" // the node's message says who may, or what is to be done first
	case codes.InvalidArgument:
		if e.Field != "" {
			return "correct " + e.Field
		}
		return "correct the request"
	case codes.ResourceExhausted:
		if e.RetryAfter > 0 {
			return fmt.Sprintf("try again in %s", e.RetryAfter.Round(time.Millisecond))
		}
		return "try again later"
	case codes.Unavailable:
		if e.Reason == reasonNoQuorum {
			return "start more nodes, then try again"
		}
		return "check that the nodes run and the addresses are right, then try again"
	case codes.DeadlineExceeded:
		return "try again, or allow more time"
	case codes.Internal, codes.Unknown, codes.DataLoss:
		return "see the node's log"
	case codes.Unimplemented:
		return "the server is older than this client: upgrade it"
	default:
		return ""
	}
}
