package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"parley/node"
	"parley/proto/internalv1"
)

// domain is ErrorInfo.domain of every error.
const domain = "parley"

// Reasons that the edge itself gives. Those of Apply are internalv1.Reason without its prefix, those of the node are in
// the table of causes.
const (
	reasonInvalidField     = "INVALID_FIELD"
	reasonSessionMissing   = "SESSION_MISSING"
	reasonSessionInvalid   = "SESSION_INVALID"
	reasonSessionNotHere   = "SESSION_NOT_HERE"
	reasonBadCredentials   = "BAD_CREDENTIALS"
	reasonNotAllowed       = "NOT_ALLOWED"
	reasonTooManyAttempts  = "TOO_MANY_ATTEMPTS"
	reasonTooManyStreams   = "TOO_MANY_STREAMS"
	reasonTooFast          = "TOO_FAST"
	reasonOverloaded       = "OVERLOADED"
	reasonDiskLow          = "DISK_LOW"
	reasonDraining         = "DRAINING"
	reasonStopping         = "STOPPING"
	reasonDeadline         = "DEADLINE"
	reasonCanceled         = "CANCELED"
	reasonMemberNotFound   = "MEMBER_NOT_FOUND"
	reasonTransferRefused  = "TRANSFER_REFUSED"
	reasonQuorumAtRisk     = "QUORUM_AT_RISK"
	reasonNoIndex          = "NO_SEARCH_INDEX"
	reasonInternal         = "INTERNAL"
	appliedNo              = "no"
	appliedUnknown         = "unknown"
	nextRetrySameRequestID = "retry with the same request_id to learn what happened"
)

// failure is the one error type that handlers return. gRPC reads it through GRPCStatus.
type failure struct {
	code   codes.Code
	reason string
	// message is one line: what is wrong; what to do next.
	message string
	// unknown is set when a mutation may have taken effect.
	unknown bool
	// leader is the client address to try next.
	leader string
	// retry is how long to wait before the next try; 0 when waiting does not help.
	retry  time.Duration
	fields []violation
	// cause is for the log only: it never leaves the node.
	cause error
}

type violation struct{ field, message string }

func (f *failure) Error() string { return fmt.Sprintf("%s: %s: %s", f.code, f.reason, f.message) }
func (f *failure) Unwrap() error { return f.cause }

// GRPCStatus is the error as the client sees it.
func (f *failure) GRPCStatus() *status.Status {
	meta := map[string]string{"applied": appliedNo}
	if f.unknown {
		meta["applied"] = appliedUnknown
	}
	if f.leader != "" {
		meta["leader"] = f.leader
	}
	details := make([]protoadapt.MessageV1, 0, 3)
	info := &errdetails.ErrorInfo{Reason: f.reason, Domain: domain, Metadata: meta}
	details = append(details, info)
	if len(f.fields) > 0 {
		meta["field"] = f.fields[0].field
		bad := &errdetails.BadRequest{}
		for _, v := range f.fields {
			bad.FieldViolations = append(bad.FieldViolations,
				&errdetails.BadRequest_FieldViolation{Field: v.field, Description: v.message, Reason: f.reason})
		}
		details = append(details, bad)
	}
	if f.retry > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(f.retry)})
	}
	st := status.New(f.code, f.message)
	if full, err := st.WithDetails(details...); err == nil {
		st = full
	}
	return st
}

// causes says what a node's error is to a client.
var causes = map[node.Cause]struct {
	code   codes.Code
	reason string
	what   string
	next   string
	retry  time.Duration
}{
	node.CauseNoLeader: {codes.Unavailable, "NO_QUORUM",
		"this node knows no leader with a quorum", "try another node, or wait until a majority is back",
		100 * time.Millisecond},
	node.CauseLeaderLost: {codes.Unavailable, "LEADER_LOST",
		"the leader changed while this was under way", "try again", 20 * time.Millisecond},
	node.CauseDeadline: {codes.DeadlineExceeded, reasonDeadline,
		"the deadline passed", "allow more time, or try another node", 0},
	node.CauseOverloaded: {codes.ResourceExhausted, reasonOverloaded,
		"too much is waiting on this cluster", "wait a moment and try again", 200 * time.Millisecond},
	node.CauseStopped: {codes.Unavailable, reasonStopping,
		"this node is stopping", "use another node", 0},
	node.CauseTooLarge: {codes.InvalidArgument, "TOO_LARGE",
		"the request is too large to replicate", "split it", 0},
	node.CauseDiskLow: {codes.ResourceExhausted, reasonDiskLow,
		"the leader is short of disk space", "free space there; reading and deleting still work", 10 * time.Second},
	node.CauseDiskStuck: {codes.Unavailable, "DISK_STUCK",
		"the leader's disk does not answer", "try again; another node takes over", 100 * time.Millisecond},
	node.CauseVersionTooLow: {codes.FailedPrecondition, "CLUSTER_VERSION_TOO_LOW",
		"not every node of this cluster knows this operation yet", "upgrade every node, then try again", 0},
}

// fromPropose is the failure of a command that got no result.
func fromPropose(ctx context.Context, err error) *failure {
	f, outcome := fromNode(ctx, err, node.Unknown)
	if f.unknown = outcome == node.Unknown; f.unknown {
		f.message += "; the outcome is unknown: " + nextRetrySameRequestID
	} else {
		f.message += "; nothing was applied"
	}
	return f
}

// fromBarrier is the failure of a read, or of the read that comes before a write.
func fromBarrier(ctx context.Context, err error) *failure {
	f, _ := fromNode(ctx, err, node.NotApplied)
	return f
}

// fromNode takes the outcome to assume for an error that is not the node's own.
func fromNode(ctx context.Context, err error, otherwise node.Outcome) (*failure, node.Outcome) {
	var ne *node.Error
	if errors.As(err, &ne) {
		c, ok := causes[ne.Cause]
		if !ok {
			return &failure{code: codes.Unavailable, reason: reasonInternal, leader: ne.Leader, cause: err,
				message: "the node could not answer; try another node"}, ne.Outcome
		}
		f := &failure{code: c.code, reason: c.reason, leader: ne.Leader, retry: c.retry, cause: err,
			message: c.what + "; " + c.next}
		if ne.Cause == node.CauseDeadline && errors.Is(ctx.Err(), context.Canceled) {
			f.code, f.reason, f.message = codes.Canceled, reasonCanceled, "the caller gave up"
		}
		return f, ne.Outcome
	}
	return contextFailure(err), otherwise
}

// contextFailure names a context's end; anything else is internal.
func contextFailure(err error) *failure {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return &failure{code: codes.DeadlineExceeded, reason: reasonDeadline, cause: err,
			message: "the deadline passed; allow more time, or try another node"}
	case errors.Is(err, context.Canceled):
		return &failure{code: codes.Canceled, reason: reasonCanceled, message: "the caller gave up", cause: err}
	}
	return internal(err)
}

// internal hides the cause from the client; the log has it, with the request id.
func internal(err error) *failure {
	return &failure{code: codes.Internal, reason: reasonInternal, cause: err,
		message: "this node failed to answer; try another node and tell the operator to look at this node's log"}
}

// refusals says what a command's refusal by Apply is to a client.
var refusals = map[internalv1.Reason]codes.Code{
	internalv1.Reason_REASON_SESSION_INVALID:         codes.Unauthenticated,
	internalv1.Reason_REASON_REQUEST_ID_REUSED:       codes.FailedPrecondition,
	internalv1.Reason_REASON_REQUEST_ID_EXPIRED:      codes.FailedPrecondition,
	internalv1.Reason_REASON_INVALID_FIELD:           codes.InvalidArgument,
	internalv1.Reason_REASON_USER_EXISTS:             codes.AlreadyExists,
	internalv1.Reason_REASON_USER_NOT_FOUND:          codes.NotFound,
	internalv1.Reason_REASON_CONVERSATION_NOT_FOUND:  codes.NotFound,
	internalv1.Reason_REASON_MESSAGE_NOT_FOUND:       codes.NotFound,
	internalv1.Reason_REASON_SESSION_NOT_FOUND:       codes.NotFound,
	internalv1.Reason_REASON_CREDENTIALS_CHANGED:     codes.Aborted,
	internalv1.Reason_REASON_NOT_ALLOWED:             codes.PermissionDenied,
	internalv1.Reason_REASON_LIMIT_REACHED:           codes.ResourceExhausted,
	internalv1.Reason_REASON_USER_DELETED:            codes.NotFound,
	internalv1.Reason_REASON_CLUSTER_VERSION_TOO_LOW: codes.FailedPrecondition,
	internalv1.Reason_REASON_MEMBER_NOT_FOUND:        codes.NotFound,
	internalv1.Reason_REASON_ROOM_EXISTS:             codes.AlreadyExists,
	internalv1.Reason_REASON_NOT_A_MEMBER:            codes.PermissionDenied,
	internalv1.Reason_REASON_ROOM_ARCHIVED:           codes.FailedPrecondition,
	internalv1.Reason_REASON_BLOCKED:                 codes.PermissionDenied,
	internalv1.Reason_REASON_USER_SUSPENDED:          codes.PermissionDenied,
	internalv1.Reason_REASON_REGISTRATION_CLOSED:     codes.PermissionDenied,
	internalv1.Reason_REASON_INVITE_INVALID:          codes.NotFound,
	internalv1.Reason_REASON_TOKEN_SCOPE:             codes.PermissionDenied,
}

func fromRefusal(r *internalv1.Refusal) *failure {
	code, ok := refusals[r.Reason]
	if !ok {
		// A newer leader's reason: refused all the same, and the text says why.
		code = codes.FailedPrecondition
	}
	f := &failure{code: code, reason: reasonName(r.Reason), message: r.Message}
	if f.message == "" {
		f.message = "refused: " + f.reason
	}
	if r.Field != "" {
		f.fields = []violation{{r.Field, f.message}}
	}
	return f
}

func reasonName(r internalv1.Reason) string {
	const prefix = "REASON_"
	if s := r.String(); len(s) > len(prefix) && s[:len(prefix)] == prefix {
		return s[len(prefix):]
	}
	return "REFUSED"
}

func sessionInvalid() *failure {
	return &failure{code: codes.Unauthenticated, reason: reasonSessionInvalid,
		message: "the session has ended or never was; log in again"}
}

func sessionMissing(what string) *failure {
	return &failure{code: codes.Unauthenticated, reason: reasonSessionMissing,
		message: what + "; log in and send the token as \"authorization: Bearer …\""}
}

// sessionNotHere keeps invariant 2.
func sessionNotHere(leader string) *failure {
	return &failure{code: codes.Unavailable, reason: reasonSessionNotHere, leader: leader, retry: 100 * time.Millisecond,
		message: "this node does not know the session and has no quorum to ask; use another node, you are not logged out"}
}

func badCredentials() *failure {
	return &failure{code: codes.Unauthenticated, reason: reasonBadCredentials,
		message: "user name or password is wrong; check both, or ask an operator to reset the password"}
}

// tokenScope is what Apply refuses too; here it also bounds reads and streams.
func tokenScope() *failure {
	return &failure{code: codes.PermissionDenied, reason: reasonName(internalv1.Reason_REASON_TOKEN_SCOPE),
		message: "this token may only send to the conversation that it was made for; log in as a person for anything else"}
}

func notAllowed(message string) *failure {
	return &failure{code: codes.PermissionDenied, reason: reasonNotAllowed, message: message}
}

func exhausted(reason, message string, retry time.Duration) *failure {
	return &failure{code: codes.ResourceExhausted, reason: reason, message: message, retry: retry}
}

func overloaded() *failure {
	return exhausted(reasonOverloaded,
		"too many calls are under way on this node; wait a moment or use another node", 200*time.Millisecond)
}

func tooFast(wait time.Duration) *failure {
	return exhausted(reasonTooFast, "this account sends faster than this node allows; slow down", wait)
}

// stopping is what the node's own CauseStopped says, for a store that was closed under a call.
func stopping(err error) *failure {
	c := causes[node.CauseStopped]
	return &failure{code: c.code, reason: c.reason, message: c.what + "; " + c.next, cause: err}
}

func draining() *failure {
	return &failure{code: codes.Unavailable, reason: reasonDraining,
		message: "this node is being taken out of service; use another node"}
}
