package client

import (
	"context"
	"encoding/base64"
	"errors"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"parley/proto/parleyv1"
)

// kind is what the retry loop must know of a method beyond its request.
type kind int

const (
	// kindSession: carries the token. Mutating if the request has a request_id.
	kindSession kind = iota
	// kindOpen: carries no token.
	kindOpen
	// kindOnce: mutates and has no request id, so an unknown outcome ends it.
	kindOnce
	// kindAnyNode: a read that needs no quorum.
	kindAnyNode
	// kindStream: a read that may take as long as it takes, so that only the repeating of failed tries is bounded.
	kindStream
)

// call is one operation over all its tries. The caller's goroutine owns it.
type call struct {
	c         *Client
	method    string
	kind      kind
	requestID string
	mutates   bool
	local     bool

	deadline time.Time // of the whole call; set for sends on streams

	failed map[string]int
	prefer string
	worst  Outcome // 0 before the first failure
	tries  int
	since  time.Time // of the first failure
	inner  int       // tries that ended in Internal, Unknown or DataLoss
	moved  int       // tries that met a change of leader, at most LeaderLostTries
}

// invoke runs one operation.
func invoke[Q, R proto.Message](
	ctx context.Context, c *Client, method string, k kind, req Q,
	f func(context.Context, Q, ...grpc.CallOption) (R, error),
) (R, error) {
	cl := &call{c: c, method: method, kind: k, mutates: k == kindOnce}
	req, cl.requestID = withRequestID(req)
	cl.mutates = cl.mutates || cl.requestID != ""
	cl.local = k == kindAnyNode || isLocal(req)
	var resp R
	err := cl.unary(ctx, func(ctx context.Context) (err error) {
		resp, err = f(ctx, req)
		return err
	})
	if err != nil {
		var zero R
		return zero, err
	}
	return resp, nil
}

// withRequestID returns req itself, or a copy with a new request id if it lacks one. The id is "" if there is no such
// field.
func withRequestID[Q proto.Message](req Q) (Q, string) {
	fd := req.ProtoReflect().Descriptor().Fields().ByName("request_id")
	if fd == nil {
		return req, ""
	}
	if id := req.ProtoReflect().Get(fd).String(); id != "" {
		return req, id
	}
	if req.ProtoReflect().IsValid() {
		req = proto.CloneOf(req)
	} else {
		req = req.ProtoReflect().New().Interface().(Q)
	}
	id := NewRequestID()
	req.ProtoReflect().Set(fd, protoreflect.ValueOfString(id))
	return req, id
}

func isLocal(req proto.Message) bool {
	r, ok := req.(interface{ GetConsistency() parleyv1.Consistency })
	return ok && r.GetConsistency() == parleyv1.Consistency_CONSISTENCY_LOCAL
}

func authorize(ctx context.Context, token []byte) context.Context {
	if len(token) == 0 {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", bearer(token))
}

func bearer(token []byte) string { return "Bearer " + base64.RawURLEncoding.EncodeToString(token) }

// unary runs a call whose tries are gRPC calls. The context that it makes bounds the whole and, where the method needs it,
// carries the session.
func (cl *call) unary(ctx context.Context, do func(context.Context) error) error {
	if _, ok := ctx.Deadline(); !ok && cl.kind != kindStream {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, cl.c.opts.Timeout)
		defer cancel()
	}
	if cl.kind != kindOpen {
		ctx = authorize(ctx, cl.c.Token())
	}
	return cl.run(ctx, cl.c.traced(ctx, func(ctx context.Context) (string, verdict, error) { return cl.once(ctx, do) }))
}

// run tries until there is a result, a refusal, no hope, or no time. try makes one try and judges its error.
func (cl *call) run(ctx context.Context, try tryFunc) error {
	for {
		if err := cl.over(ctx); err != nil {
			return cl.fail(verdict{code: codeOf(err), message: err.Error(), outcome: NotApplied}, err)
		}
		news := cl.c.pool.newsChan()
		addr, v, err := try(ctx)
		if err == nil {
			if cl.tries > 1 {
				cl.c.opts.Logger.Debug("a later try succeeded", "method", cl.method, "request_id", cl.requestID, "address", addr,
					"try", cl.tries, "after", time.Since(cl.since))
			}
			return nil
		}
		if end := cl.lost(ctx, addr, v, err); end != nil {
			return end
		}
		if d := cl.pause(v); d > 0 {
			cl.c.sleep(ctx, d, news)
		}
	}
}

// lost is what a failed try leads to: nil for another one, or the error of the whole call.
func (cl *call) lost(ctx context.Context, addr string, v verdict, err error) error {
	if errors.Is(err, errNoSlot) {
		return nil // run sees why
	}
	cl.note(addr, v, err)
	if end := cl.over(ctx); end != nil && v.again {
		// The caller's end is the news, the try's error its illustration.
		v.code, v.message = codeOf(end), end.Error()+" (last try: "+v.message+")"
		return cl.fail(v, end)
	}
	if !cl.goOn(v) {
		return cl.fail(v, err)
	}
	return nil
}

// errNoSlot: the try was not made, for its context or the client ended first.
var errNoSlot = errors.New("no try was made")

// slot waits for leave to make a try; whoever got it takes it back out of slots. False: a context ended.
func (c *Client) slot(ctx context.Context) bool {
	select {
	case c.slots <- struct{}{}:
		return true
	case <-ctx.Done():
	case <-c.ctx.Done():
	}
	return false
}

// once makes one try as a unary call.
func (cl *call) once(ctx context.Context, do func(context.Context) error) (string, verdict, error) {
	if !cl.c.slot(ctx) {
		return "", verdict{}, errNoSlot
	}
	defer func() { <-cl.c.slots }()
	h := &hint{prefer: cl.prefer, local: cl.local, failed: cl.failed}
	if cl.mutates {
		h.prefer = cl.preferred(cl.c.pool.snap.Load())
	}
	if cl.kind != kindStream {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, TryTimeout)
		defer cancel()
	}
	ctx, t := cl.c.begin(ctx, h, ProbeAfter, 0)
	cl.tries++
	err := do(ctx)
	cause := context.Cause(ctx)
	t.end()
	addr := h.addr()
	if err == nil {
		cl.c.pool.succeeded(addr, !cl.local)
		return addr, verdict{}, nil
	}
	if !errors.Is(cause, errHung) {
		cause = nil
	}
	return addr, judge(err, h.sent.Load(), cause), err
}

// preferred is the node that a mutation goes to among equals: the leader, and after a failure whom the failed one named.
func (cl *call) preferred(s *snapshot) string {
	if cl.failed == nil {
		return s.leader
	}
	return cl.prefer
}

// note keeps what a failed try teaches.
func (cl *call) note(addr string, v verdict, err error) {
	if cl.since.IsZero() {
		cl.since = time.Now()
		cl.failed = make(map[string]int)
	}
	cl.failed[addr]++
	cl.prefer = v.leader
	if v.again {
		cl.worst = max(cl.worst, v.outcome)
	}
	if v.mayRepeat() {
		cl.inner++
	}
	if v.noQuorum() && addr != "" && !cl.local {
		cl.c.pool.noQuorum(addr, err, v.draining())
		cl.c.wake()
	}
	cl.c.opts.Logger.Debug("try failed", "method", cl.method, "request_id", cl.requestID, "address", addr,
		"try", cl.tries, "code", v.code.String(), "reason", v.reason, "outcome", v.outcome.String(), "error", v.message)
}

// over tells why no further try may begin.
func (cl *call) over(ctx context.Context) error {
	if cl.c.ctx.Err() != nil {
		return ErrClosed
	}
	return ctx.Err()
}

// goOn tells whether another try makes sense.
func (cl *call) goOn(v verdict) bool {
	switch {
	case !v.again:
		return false
	case cl.kind == kindOnce && v.outcome == Unknown:
		return false
	case cl.kind == kindStream && time.Since(cl.since) >= cl.c.opts.Timeout:
		return false
	case v.mayRepeat() && cl.inner >= InternalTries:
		return false
	case cl.mutates && cl.worst == Unknown:
		return true // only a result ends the doubt, so the caller's whole time is used
	case cl.c.opts.NoQuorumWait < 0 || time.Since(cl.since) < cl.c.opts.NoQuorumWait:
		return true
	default:
		return !cl.c.pool.hopeless()
	}
}

// backoffs are the pauses before the second and later retries; the first is made at once.
var backoffs = [...]time.Duration{
	20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, BackoffMax,
}

// pause is how long to wait before the next try.
func (cl *call) pause(v verdict) time.Duration {
	if v.code == codes.ResourceExhausted {
		return jitter(v.retryAfter)
	}
	if v.reason == reasonLeaderLost && cl.moved < LeaderLostTries {
		cl.moved++
		return 0 // a node that has noticed lets the command wait for the new leader, and that is soonest
	}
	if cl.tries-cl.moved == 1 && cl.failed[""] == 0 {
		return 0 // on another node, if there is one
	}
	return jitter(backoffs[min(max(cl.tries-cl.moved-2, 0), len(backoffs)-1)])
}

// jitter spreads d by a quarter both ways, so that callers that failed together do not come back together.
func jitter(d time.Duration) time.Duration {
	return d - d/4 + rand.N(d/2+1)
}

func codeOf(err error) codes.Code {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return codes.DeadlineExceeded
	default:
		return codes.Canceled
	}
}

// fail makes the error of the whole call from the last try's verdict.
func (cl *call) fail(v verdict, cause error) *Error {
	e := &Error{
		Code: v.code, Reason: v.reason, Field: v.field, Message: v.message, Method: cl.method, RequestID: cl.requestID,
		Tries: cl.tries, RetryAfter: v.retryAfter, Outcome: v.outcome, cause: cause,
	}
	// A refusal judges only its own try: an earlier one of unknown outcome may have been applied.
	if cl.worst == Unknown {
		e.Outcome = Unknown
	}
	if !cl.mutates && e.Outcome == Unknown {
		e.Outcome = NotApplied
	}
	e.Hint = e.hint()
	return e
}
