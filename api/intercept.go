package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// unary is the one interceptor of unary calls, so that the order of its parts is read in one place.
func (s *Server) unary(admin bool) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (
		resp any, err error,
	) {
		start := time.Now()
		defer func() {
			if p := recover(); p != nil {
				resp, err = nil, s.recovered(info.FullMethod, p)
			}
			if err != nil {
				resp = nil
				err = s.asFailure(ctx, err)
			}
			s.observe(ctx, info.FullMethod, req, start, err)
		}()
		if s.calls.Add(1) > maxCalls {
			s.calls.Add(-1)
			return nil, overloaded()
		}
		defer s.calls.Add(-1)
		admitted, err := admit(ctx, info.FullMethod, admin)
		if err != nil {
			return nil, err
		}
		if err := malformed(req); err != nil {
			return nil, err
		}
		if _, ok := admitted.Deadline(); !ok {
			var cancel context.CancelFunc
			admitted, cancel = context.WithTimeout(admitted, defaultCallTimeout)
			defer cancel()
		}
		return handler(admitted, req)
	}
}

// stream is unary's sister. Every stream's context ends with Drain.
func (s *Server) stream(admin bool) grpc.StreamServerInterceptor {
	return func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
		start := time.Now()
		ctx, cancel := context.WithCancelCause(ss.Context())
		defer cancel(nil)
		w := &serverStream{ServerStream: ss}
		defer func() {
			if p := recover(); p != nil {
				err = s.recovered(info.FullMethod, p)
			}
			if err != nil && errors.Is(context.Cause(ctx), errDrained) {
				var f *failure
				if !errors.As(err, &f) || !f.unknown { // of a panic: draining would say that nothing was applied
					err = draining()
				}
			}
			if err != nil {
				err = s.asFailure(ctx, err)
			}
			s.observe(ctx, info.FullMethod, w.req, start, err)
		}()
		stop := context.AfterFunc(s.drained, func() { cancel(errDrained) })
		defer stop()
		if s.draining() {
			return draining()
		}
		if w.ctx, err = admit(ctx, info.FullMethod, admin); err != nil {
			return err
		}
		if rules[info.FullMethod] == public {
			key := callerOf(w.ctx).addr()
			if _, ok := s.publicStreams.enter(key); !ok {
				return exhausted(reasonTooManyStreams,
					"too many streams are open on this node; close some or use another node", time.Second)
			}
			defer s.publicStreams.leave(key)
		}
		return handler(srv, w)
	}
}

// errDrained is the cause with which Drain ends a stream's context.
var errDrained = errors.New("draining")

// serverStream has the context that the interceptor made, and refuses a request that did not decode.
type serverStream struct {
	grpc.ServerStream
	ctx context.Context
	req any // the last one received, for the log
}

func (w *serverStream) Context() context.Context { return w.ctx }

func (w *serverStream) RecvMsg(m any) error {
	if err := w.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	if _, ok := m.(interface{ GetRequestId() string }); ok { // frames of sends have none, and their reader may outlive the handler
		w.req = m
	}
	return malformed(m)
}

func (s *Server) recovered(method string, p any) error {
	s.log.Error("a call panicked", "method", method, "panic", p, "stack", string(debug.Stack()))
	f := internal(fmt.Errorf("panic: %v", p))
	f.unknown = true // it may have come after a proposal
	return f
}

// asFailure lets nothing leave the node that is not of the error model. Statuses of other services (health, reflection)
// pass as they are.
func (s *Server) asFailure(ctx context.Context, err error) error {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	if cerr := ctx.Err(); cerr != nil {
		return contextFailure(cerr)
	}
	return contextFailure(err)
}

// observe counts every call and logs the failed ones.
func (s *Server) observe(ctx context.Context, method string, req any, start time.Time, err error) {
	code := status.Code(err)
	s.metrics.call(method, code, time.Since(start))
	if err == nil {
		return
	}
	var id string
	if r, ok := req.(interface{ GetRequestId() string }); ok {
		id = r.GetRequestId()
	}
	s.logFailure(ctx, method, id, start, err)
}

// logFailure is for a call, or for one send of a stream: the node's own failures loudly, those of a cluster in trouble at
// a bounded rate (every caller retries), what a client can cause at will only for whoever debugs. Nothing of the
// request is logged but its id.
func (s *Server) logFailure(ctx context.Context, method, requestID string, start time.Time, err error) {
	code := status.Code(err)
	level := slog.LevelDebug
	switch code {
	case codes.Internal, codes.Unknown, codes.DataLoss:
		level = slog.LevelError
	case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted:
		level = slog.LevelInfo
	}
	if !s.log.Enabled(ctx, level) || (level == slog.LevelInfo && !s.logs.Allow()) {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", method), slog.String("code", code.String()), slog.Uint64("term", s.replica.Status().Term),
		slog.Duration("took", time.Since(start)),
	}
	if id, err := uuid.Parse(requestID); err == nil { // parsed: a client's text does not get into the log
		attrs = append(attrs, slog.String("request_id", id.String()))
	}
	var f *failure
	if errors.As(err, &f) {
		attrs = append(attrs, slog.String("reason", f.reason))
		if f.cause != nil {
			attrs = append(attrs, slog.Any("cause", f.cause))
		}
	}
	s.log.LogAttrs(ctx, level, "call failed", attrs...)
}
