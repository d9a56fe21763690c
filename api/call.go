package api

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"parley/node"
	"parley/proto/internalv1"
	"parley/proto/parleyv1"
	"parley/store"
)

// propose replicates one command and returns Apply's answer; a refusal is an error.
func (s *Server) propose(ctx context.Context, cmd *internalv1.Command) (*internalv1.Result, error) {
	b, err := proto.Marshal(cmd)
	if err != nil {
		return nil, internal(err)
	}
	out, err := s.replica.Propose(ctx, b)
	if err != nil {
		return nil, fromPropose(ctx, err)
	}
	return resultOf(out)
}

// resultOf reads Apply's answer; a refusal is an error.
func resultOf(out []byte) (*internalv1.Result, error) {
	res := new(internalv1.Result)
	if err := proto.Unmarshal(out, res); err != nil {
		f := internal(err)
		f.unknown = true
		return nil, f
	}
	if r := res.GetRefusal(); r != nil {
		return nil, fromRefusal(r)
	}
	return res, nil
}

// barrier makes what follows linearizable.
func (s *Server) barrier(ctx context.Context) error {
	if err := s.replica.ReadBarrier(ctx); err != nil {
		s.metrics.readsFailed.Inc()
		return fromBarrier(ctx, err)
	}
	return nil
}

// withView runs f on one view and closes it. Errors of the store that are no answer become INTERNAL.
func (s *Server) withView(f func(*store.View) error) error {
	v, err := s.store.View()
	if err != nil {
		return storeFailure(err)
	}
	defer v.Close()
	if err := f(v); err != nil {
		return storeFailure(err)
	}
	return nil
}

// storeFailure leaves failures and ErrNoSession alone: the callers decide what a missing session means.
func storeFailure(err error) error {
	var f *failure
	switch {
	case errors.As(err, &f), errors.Is(err, store.ErrNoSession):
		return err
	case errors.Is(err, store.ErrClosed):
		return stopping(err)
	case errors.Is(err, store.ErrBadPageToken):
		return invalid(violation{"page_token", "is not one that this service gave out for this list"})
	}
	return internal(err)
}

// read authenticates the caller and runs f in the same view.
//
// A local read skips the barrier. If this node does not know the session, that proves nothing: a lagging node must log
// nobody out. It asks the quorum, and without one answers UNAVAILABLE so that the client goes elsewhere.
func (s *Server) read(ctx context.Context, c parleyv1.Consistency, f func(*store.View, store.Session) error) (
	*parleyv1.ReadInfo, error,
) {
	return s.readWhen(ctx, c, func() error { return nil }, f)
}

// readWhen is read with something to wait for after the barrier, ahead of each view.
func (s *Server) readWhen(
	ctx context.Context, c parleyv1.Consistency, ready func() error, f func(*store.View, store.Session) error,
) (*parleyv1.ReadInfo, error) {
	info := &parleyv1.ReadInfo{Node: s.name}
	attempt := func() error {
		if err := ready(); err != nil {
			return err
		}
		return s.withView(func(v *store.View) error {
			sess, err := sessionOf(ctx, v)
			if err != nil {
				return err
			}
			info.AppliedIndex = v.Index()
			return f(v, sess)
		})
	}
	switch c {
	case parleyv1.Consistency_CONSISTENCY_LOCAL:
		// Taken before the view: the state can only be newer than that.
		info.AgeMs = uint64(s.replica.Status().Age.Milliseconds())
		err := attempt()
		if !errors.Is(err, store.ErrNoSession) {
			return info, err
		}
		if err := s.confirm(ctx); err != nil {
			return nil, err
		}
		info.AgeMs = 0
	case parleyv1.Consistency_CONSISTENCY_UNSPECIFIED, parleyv1.Consistency_CONSISTENCY_LINEARIZABLE:
		if err := s.barrier(ctx); err != nil {
			return nil, err
		}
	default:
		return nil, invalid(violation{"consistency", "must be LINEARIZABLE or LOCAL"})
	}
	if err := attempt(); err != nil {
		if errors.Is(err, store.ErrNoSession) {
			return nil, sessionInvalid()
		}
		return nil, err
	}
	return info, nil
}

// confirm makes a negative that was found locally worth saying. It waits only briefly: the caller asked for what needs
// no quorum.
func (s *Server) confirm(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, confirmTimeout)
	defer cancel()
	if err := s.replica.ReadBarrier(ctx); err != nil {
		s.metrics.readsFailed.Inc()
		return sessionNotHere(leaderHint(s.replica.Status()))
	}
	return nil
}

// sender finds the session of a write. It keeps strangers' commands out of the log and decides nothing else: Apply
// authenticates again. An unknown session is confirmed by a barrier before it is refused.
func (s *Server) sender(ctx context.Context) (store.Session, error) {
	sess, err := s.localSession(ctx)
	if !errors.Is(err, store.ErrNoSession) {
		return sess, err
	}
	if err := s.barrier(ctx); err != nil {
		return sess, err
	}
	if sess, err = s.localSession(ctx); errors.Is(err, store.ErrNoSession) {
		return sess, sessionInvalid()
	}
	return sess, err
}

func (s *Server) localSession(ctx context.Context) (sess store.Session, err error) {
	err = s.withView(func(v *store.View) error {
		sess, err = sessionOf(ctx, v)
		return err
	})
	return sess, err
}

// sessionOf is the caller's session in a view. It is the one way by which a handler learns who calls, so that a bot's token
// gets no further than the table allows.
func sessionOf(ctx context.Context, v *store.View) (store.Session, error) {
	c := callerOf(ctx)
	sess, err := v.Session(c.token)
	if err == nil && sess.OnlyConversation != 0 && !c.scoped {
		return store.Session{}, tokenScope()
	}
	return sess, err
}

// ended is for the methods whose retry may come after they themselves ended the session: Apply keeps their answer under
// the token's hash. A confirmed unknown session is let through to it, and counted as a failure of the address, for it
// costs a place in the log.
func (s *Server) ended(ctx context.Context, err error) error {
	var f *failure
	if !errors.As(err, &f) || f.reason != reasonSessionInvalid {
		return err
	}
	if wait, ok := s.guard.addresses.take(callerOf(ctx).addr()); !ok {
		return exhausted(reasonTooManyAttempts, "too many calls with tokens of no session; wait and log in again",
			wait+time.Second)
	}
	return nil
}

// write is the whole of a session's plain mutation.
func (s *Server) write(ctx context.Context, cmd *internalv1.Command) (*internalv1.Result, error) {
	if _, err := s.sender(ctx); err != nil {
		return nil, err
	}
	cmd.Session = callerOf(ctx).token
	return s.propose(ctx, cmd)
}

// end is write for a command that may end the calling session, whose retry then comes without one.
func (s *Server) end(ctx context.Context, cmd *internalv1.Command) error {
	if _, err := s.sender(ctx); err != nil {
		if err := s.ended(ctx, err); err != nil {
			return err
		}
	}
	cmd.Session = callerOf(ctx).token
	_, err := s.propose(ctx, cmd)
	return err
}

// sendResult is the label of messages_total.
func sendResult(err error) string {
	var f *failure
	switch {
	case err == nil:
		return sendOK
	case errors.As(err, &f) && f.unknown:
		return sendUnknown
	case errors.As(err, &f) && (f.code == codes.Unavailable || f.code == codes.DeadlineExceeded ||
		f.code == codes.ResourceExhausted || f.code == codes.Canceled || f.code == codes.Internal):
		return sendNotApplied
	}
	return sendRefused
}

// leaderHint is the leader's client address, when another node leads.
func leaderHint(st node.Status) string {
	if st.Leader == st.ID {
		return ""
	}
	return st.LeaderAddress
}
