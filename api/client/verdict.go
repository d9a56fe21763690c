package client

import (
	"errors"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// What this package knows of the servers' ErrorInfo. Other reasons are told by their code alone.
const (
	errorDomain = "parley"
	// This node knows no leader with a quorum.
	reasonNoQuorum = "NO_QUORUM"
	// The leader changed while the command was under way; this node holds the next one until it knows the new leader.
	reasonLeaderLost = "LEADER_LOST"
	// This node is about to end.
	reasonStopping = "STOPPING"
	reasonDraining = "DRAINING"
	// This node has too many streams; a unary call is not one.
	reasonTooManyStreams = "TOO_MANY_STREAMS"
)

// verdict is what one failed try says.
type verdict struct {
	code       codes.Code
	reason     string
	field      string
	message    string
	leader     string
	retryAfter time.Duration
	// applied is ErrorInfo's word: "no", "unknown" or "".
	applied string
	// outcome of this try alone, as if the call mutates.
	outcome Outcome
	// again: another try may have a result.
	again bool
}

// judge reads a try's error. sent tells whether the request was handed to a connection; cause is why the try's own
// context was cancelled, nil if it was not.
func judge(err error, sent bool, cause error) verdict {
	st := status.Convert(err)
	v := verdict{code: st.Code(), message: st.Message()}
	for _, d := range st.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			if d.GetDomain() == errorDomain {
				v.reason = d.GetReason()
				v.leader = d.GetMetadata()["leader"]
				v.applied = d.GetMetadata()["applied"]
			}
		case *errdetails.BadRequest:
			if f := d.GetFieldViolations(); len(f) > 0 {
				v.field = f[0].GetField()
			}
		case *errdetails.RetryInfo:
			v.retryAfter = d.GetRetryDelay().AsDuration()
		}
	}
	if errors.Is(cause, errHung) {
		v.code, v.message = codes.Unavailable, errHung.Error()
	}

	switch v.code {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.Internal, codes.Unknown, codes.DataLoss:
		v.again, v.outcome = true, Unknown
	case codes.Aborted:
		// Something changed between the check and the command: credentials, say. A new try checks again.
		v.again, v.outcome = true, NotApplied
	case codes.ResourceExhausted:
		// Unless it says when, the same answer would come back. Without a detail it is gRPC's size limit.
		v.again, v.outcome = v.retryAfter > 0 && v.retryAfter <= RetryInfoMax, NotApplied
	default:
		v.outcome = Refused
	}
	switch {
	case v.applied == "unknown":
		v.again, v.outcome = true, Unknown
	case v.outcome == Unknown && (v.applied == "no" || !sent):
		v.outcome = NotApplied
	}
	return v
}

// noQuorum: the node itself says that it cannot serve now.
func (v verdict) noQuorum() bool {
	return v.reason == reasonNoQuorum || v.reason == reasonStopping || v.reason == reasonDraining
}

// draining: the node is going, whatever the others do.
func (v verdict) draining() bool { return v.reason == reasonStopping || v.reason == reasonDraining }

// mayRepeat marks errors that the next try may well repeat, so that their number is bounded.
func (v verdict) mayRepeat() bool {
	switch v.code {
	case codes.Internal, codes.Unknown, codes.DataLoss, codes.Aborted:
		return true
	default:
		return false
	}
}
