package api

import (
	"context"
	"errors"
	"time"

	"parley/proto/internalv1"
	"parley/store"
)

// noGeneration is one that no account ever has: generations count from 1.
const noGeneration = 0

// A credentialCheck tells the account's credentials after a barrier, and whether the caller may use them.
type credentialCheck func(ctx context.Context, username string) (cred store.Credentials, good bool, err error)

func (s *Server) passwordCheck(password string) credentialCheck {
	return func(ctx context.Context, username string) (store.Credentials, bool, error) {
		return s.checkPassword(ctx, username, password)
	}
}

// sessionCheck trusts the session that the call came with.
func (s *Server) sessionCheck(ctx context.Context, username string) (store.Credentials, bool, error) {
	cred, err := s.credentials(ctx, username)
	return cred, err == nil && cred.AccountID != 0, err
}

// withCheck carries out a session's command that asks for the account's credentials again.
//
// A retry after success finds the password changed or the session gone; its answer is in the replicated state, which
// Apply looks up before it compares generations. So a wrong password or an ended session is still proposed, with a
// generation that never matches: a retry gets its first answer, anything else is refused. Both count as failures.
func (s *Server) withCheck(ctx context.Context, check credentialCheck,
	command func(generation uint64) (*internalv1.Command, error),
) error {
	token := callerOf(ctx).token
	return s.onceMore(func() error {
		sess, err := s.sender(ctx)
		generation, good := uint64(noGeneration), false
		if err == nil {
			var cred store.Credentials
			if cred, good, err = check(ctx, sess.Username); err != nil {
				return err
			}
			if good {
				generation = cred.Generation
			}
		} else if err := s.ended(ctx, err); err != nil {
			return err
		}
		cmd, err := command(generation)
		if err != nil {
			return err
		}
		cmd.Session = token
		_, err = s.propose(ctx, cmd)
		if !good && credentialsChanged(err) {
			return badCredentials()
		}
		return err
	})
}

// onceMore tries again when the credentials changed between the check and Apply; a refusal leaves nothing behind, so
// the request id serves again.
func (s *Server) onceMore(f func() error) error {
	err := f()
	if credentialsChanged(err) {
		err = f()
	}
	return err
}

func credentialsChanged(err error) bool {
	var f *failure
	return errors.As(err, &f) && f.reason == reasonName(internalv1.Reason_REASON_CREDENTIALS_CHANGED)
}

// checkPassword reads the credentials after a barrier and verifies. An account that is unknown or deleted takes as long
// and answers the same.
func (s *Server) checkPassword(ctx context.Context, username, password string) (store.Credentials, bool, error) {
	cred, err := s.credentials(ctx, username)
	if err != nil {
		return cred, false, err
	}
	start := time.Now()
	good, err := s.guard.check(ctx, username, callerOf(ctx).addr(), cred.PHC, password)
	s.metrics.hashSeconds.Observe(time.Since(start).Seconds())
	return cred, good, err
}

// credentials reads an account's credentials after a barrier; the zero value when it is unknown or deleted.
func (s *Server) credentials(ctx context.Context, username string) (cred store.Credentials, err error) {
	if err := s.barrier(ctx); err != nil {
		return cred, err
	}
	err = s.withView(func(v *store.View) (err error) {
		cred, err = v.Credentials(username)
		if errors.Is(err, store.ErrNotFound) || cred.Deleted {
			cred, err = store.Credentials{}, nil
		}
		return err
	})
	return cred, err
}

func (s *Server) newHash(ctx context.Context, password string) (string, error) {
	start := time.Now()
	phc, err := s.guard.hash(ctx, password)
	s.metrics.hashSeconds.Observe(time.Since(start).Seconds())
	return phc, err
}
