package api

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc"

	"parley/api/soft"
	"parley/proto/parleyv1"
	"parley/store"
)

// frames is where a subscription's frames go.
type frames = grpc.ServerStreamingServer[parleyv1.SubscribeResponse]

// Subscribe sends what the session's account can see, in log order. It needs no quorum: a node without one serves what
// it has applied, and says so in its heartbeats.
func (s *chat) Subscribe(r *parleyv1.SubscribeRequest, stream frames) error {
	ctx := stream.Context()
	var f form
	cursor := f.opaque("cursor", r.Cursor, maxCursorBytes)
	if err := f.err(); err != nil {
		return err
	}
	sess, err := s.known(ctx)
	if err != nil {
		return err
	}
	if all, ok := s.subscriptions.enter(sess.Username); !ok {
		s.metrics.refused.WithLabelValues("subscriptions").Inc()
		if all {
			return exhausted(reasonTooManyStreams, "this node has too many subscribers; use another node", time.Second)
		}
		return exhausted(reasonTooManyStreams, "this account has too many subscriptions on this node; close one", time.Second)
	}
	defer s.subscriptions.leave(sess.Username)

	w, err := s.store.Watch(store.WatchOptions{Session: callerOf(ctx).token, Cursor: cursor})
	if err != nil {
		return watchFailure(err)
	}
	defer w.Close()
	soft := s.soft.Follow(sess.AccountID)
	defer soft.Close()
	return s.follow(ctx, w, soft, stream)
}

// follow sends frames until something ends the stream. Next is woken by Apply and by soft state; the deadline on it only
// tells silence.
func (s *chat) follow(ctx context.Context, w *store.Watcher, soft *soft.Follower, stream frames) error {
	start, reset := w.Start()
	err := stream.Send(&parleyv1.SubscribeResponse{Frame: &parleyv1.SubscribeResponse_Subscribed{
		Subscribed: &parleyv1.Subscribed{Node: s.name, Cursor: start},
	}})
	if err != nil {
		return err
	}
	if reset != "" {
		s.metrics.resets.Inc()
		err := stream.Send(&parleyv1.SubscribeResponse{Frame: &parleyv1.SubscribeResponse_Reset_{
			Reset_: &parleyv1.Reset{Cursor: start, Reason: reset},
		}})
		if err != nil {
			return err
		}
	}
	for silence := time.Now().Add(s.heartbeatAfter); ; {
		events, err := s.next(ctx, w, soft, silence)
		if err != nil {
			return err
		}
		for _, e := range events {
			if err := stream.Send(e.Frame); err != nil {
				return err
			}
		}
		s.metrics.delivered.Add(float64(len(events)))
		// Soft state has no cursor and says nothing of the quorum: it does not stand for a heartbeat.
		for _, f := range soft.Take() {
			if err := stream.Send(f); err != nil {
				return err
			}
		}
		if len(events) == 0 {
			if time.Now().Before(silence) {
				continue
			}
			err := stream.Send(&parleyv1.SubscribeResponse{Frame: &parleyv1.SubscribeResponse_Heartbeat{
				Heartbeat: &parleyv1.Heartbeat{Cursor: w.Cursor(), Quorum: s.replica.Status().Quorum},
			}})
			if err != nil {
				return err
			}
		}
		silence = time.Now().Add(s.heartbeatAfter)
	}
}

// next returns the next events, or none when there is soft state to tell or nothing came before silence.
func (s *chat) next(ctx context.Context, w *store.Watcher, soft *soft.Follower, silence time.Time) ([]*store.Told, error) {
	wait, cancel := context.WithDeadline(ctx, silence)
	defer cancel()
	soft.Arm(cancel)
	defer soft.Arm(nil)
	events, err := w.Next(wait)
	switch {
	case err == nil:
		return events, nil
	case ctx.Err() != nil: // the client went, or Drain: the interceptor knows which
		return nil, contextFailure(ctx.Err())
	case wait.Err() != nil && errors.Is(err, wait.Err()):
		return nil, nil
	}
	return nil, watchFailure(err)
}

func watchFailure(err error) error {
	switch {
	case errors.Is(err, store.ErrNoSession), errors.Is(err, store.ErrSessionEnded):
		return sessionInvalid()
	case errors.Is(err, store.ErrTooManyWatchers):
		return exhausted(reasonTooManyStreams, "this node has too many subscribers; use another node", time.Second)
	case errors.Is(err, store.ErrClosed):
		return stopping(err)
	}
	return storeFailure(err)
}
