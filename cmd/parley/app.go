package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"time"

	"golang.org/x/term"

	"parley/api/client"
	"parley/tui/common"
)

// app is what commands stand on: the streams, the environment and the global flags. Tests make their own.
type app struct {
	in       io.Reader
	out, err io.Writer
	env      func(string) string
	// inTTY is stdin's descriptor when it is a terminal, else -1; outTTY and errTTY tell of the others.
	inTTY          int
	outTTY, errTTY bool

	flags     globalFlags
	chatFlags chatFlags
	// panel is the cluster that the client may hurt; nil outside of a demo.
	panel common.Demo
	// started is set when a command's own code runs: an error before that is one of usage.
	started bool
}

// globalFlags are those that every command takes.
type globalFlags struct {
	servers      []string
	user         string
	passwordFile string
	output       outputFormat
	timeout      time.Duration
	tlsCA        string
	tlsCert      string
	tlsKey       string
	insecure     bool
	verbose      bool
}

func newApp() *app {
	a := &app{in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.Getenv, inTTY: -1}
	if fd := int(os.Stdin.Fd()); term.IsTerminal(fd) {
		a.inTTY = fd
	}
	a.outTTY = term.IsTerminal(int(os.Stdout.Fd()))
	a.errTTY = term.IsTerminal(int(os.Stderr.Fd()))
	return a
}

// run executes the command line and returns the exit code.
func run(a *app, args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), endSignals()...)
	defer stop()
	root := newRoot(a)
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	err := root.ExecuteContext(ctx)
	if err != nil && !a.started {
		err = usageError("%s", err.Error())
	}
	return a.report(err)
}

// report prints the error's line and returns its code.
func (a *app) report(err error) int {
	if err == nil {
		return exitDone
	}
	code, line := classify(err)
	if line != "" {
		_, _ = io.WriteString(a.err, "parley: "+line+"\n")
	}
	return code
}

// warn tells a person something that changes no exit code.
func (a *app) warn(line string) {
	_, _ = io.WriteString(a.err, "parley: "+oneLine(line)+"\n")
}

// dial gives a client that is logged in; errNotLoggedIn when there is no token to use.
func (a *app) dial() (*client.Client, error) {
	token, _, err := a.token()
	if err != nil {
		return nil, err
	}
	return a.dialWith(token)
}

// dialWith gives a client with the token, or with none when it is nil. It does not connect yet.
func (a *app) dialWith(token []byte) (*client.Client, error) {
	o, err := a.clientOptions(token)
	if err != nil {
		return nil, err
	}
	c, err := client.Dial(o)
	if err != nil {
		return nil, usageError("%s", err.Error())
	}
	return c, nil
}

// token is the session to use, and whose it is when that is known: of --user, of PARLEY_TOKEN, of the last login.
func (a *app) token() (token []byte, user string, err error) {
	st, err := a.state()
	if err != nil {
		return nil, "", err
	}
	if user = foldName(a.flags.user); user != "" {
		token, err = st.load(user)
		if errors.Is(err, errNoToken) {
			hint := "run: parley login --user " + user
			if a.env("PARLEY_TOKEN") != "" {
				hint += " (PARLEY_TOKEN is not used beside --user)"
			}
			return nil, "", &failure{code: exitAuth, message: user + " is not logged in here", hint: hint}
		}
		return token, user, err
	}
	if s := a.env("PARLEY_TOKEN"); s != "" {
		token, err = decodeToken(s)
		if err != nil {
			return nil, "", &failure{code: exitAuth, message: "PARLEY_TOKEN is not a session token", hint: err.Error()}
		}
		return token, "", nil
	}
	user, err = st.current()
	if err == nil {
		token, err = st.load(user)
	}
	if errors.Is(err, errNoToken) {
		return nil, "", &failure{code: exitAuth, message: "not logged in",
			hint: "run: parley login --user NAME (parley account create NAME makes an account)"}
	}
	return token, user, err
}
