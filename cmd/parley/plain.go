package main

import (
	"context"
	"errors"
	"os"

	"parley/tui"
	"parley/tui/plain"
)

// plain tells whether the client runs without a screen: because it was asked to, or because there is none.
func (a *app) plain() bool {
	if a.chatFlags.plain || a.env("PARLEY_PLAIN") == "1" {
		return true
	}
	return tui.WantsPlain(a.env("TERM"), os.Stdin, os.Stdout)
}

// openPlain runs the client without a screen. tokenErr is why there is no token: without a form to fill in, that ends it.
func (a *app) openPlain(ctx context.Context, token []byte, user, to string, tokenErr error) error {
	if tokenErr != nil {
		return tokenErr
	}
	st, err := a.state()
	if err != nil {
		return err
	}
	c, err := a.dialWith(token)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	err = tui.RunPlain(ctx, tui.Options{
		Client: c, Servers: a.flags.servers, User: user, Open: to, Version: version(),
		StateDir:    string(st),
		SaveSession: a.saver(st), ForgetSession: st.forget,
	}, os.Stdin, os.Stdout, a.flags.timeout)
	return plainFailure(err)
}

// plainFailure gives the end of a session the exit code that scripts know.
func plainFailure(err error) error {
	var u plain.Undelivered
	switch {
	case errors.Is(err, context.Canceled):
		return nil
	case errors.Is(err, plain.ErrSessionOver):
		return &failure{code: exitAuth, message: err.Error(), hint: "run: parley login"}
	case !errors.As(err, &u):
		return err
	case u.Unknown > 0:
		return &failure{code: exitUnknown, message: err.Error()}
	case u.Queued > 0:
		return &failure{code: exitUnavailable, message: err.Error()}
	}
	return &failure{code: exitFailed, message: err.Error()}
}
