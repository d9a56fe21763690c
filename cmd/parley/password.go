package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// secret says where one password may come from.
type secret struct {
	what string // "password", "new password"
	file string // value of the flag
	flag string // its name
	env  string
	// confirm asks twice at a terminal.
	confirm bool
}

func (a *app) passwordOf(what string, confirm bool) secret {
	return secret{what: what, file: a.flags.passwordFile, flag: "--password-file", env: "PARLEY_PASSWORD", confirm: confirm}
}

// given is the password from the file or the environment; false when neither was given.
func (a *app) given(s secret) (string, bool, error) {
	if s.file != "" {
		text, err := a.readPasswordFile(s.file)
		if err != nil {
			return "", false, usageError("%s: %s", s.flag, err.Error())
		}
		if text == "" {
			return "", false, usageError("%s: %s holds no password", s.flag, s.file)
		}
		return text, true, nil
	}
	if v := a.env(s.env); v != "" {
		return v, true, nil
	}
	return "", false, nil
}

// password asks for it at the terminal when it was not given.
func (a *app) password(ctx context.Context, s secret) (string, error) {
	p, ok, err := a.given(s)
	if ok || err != nil {
		return p, err
	}
	if a.inTTY < 0 {
		return "", usageError("no %s: give %s or set %s", s.what, s.flag, s.env)
	}
	p, err = a.prompt(ctx, s.what)
	if err != nil {
		return "", err
	}
	if s.confirm {
		again, err := a.prompt(ctx, s.what+" again")
		if err != nil {
			return "", err
		}
		if again != p {
			return "", &failure{code: exitFailed, message: "the two passwords differ", hint: "run it again"}
		}
	}
	return p, nil
}

// readPasswordFile drops the newline at the end, which editors and echo add.
func (a *app) readPasswordFile(path string) (string, error) {
	in := a.in
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return "", err
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxPasswordBytes))
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r"), nil
}

// prompt reads a line without echo. ^C ends it, with the echo back on.
func (a *app) prompt(ctx context.Context, what string) (string, error) {
	echoOn, err := echoOff(a.inTTY)
	if err != nil {
		return "", err
	}
	defer echoOn()
	fmt.Fprintf(a.err, "%s: ", what)
	type line struct {
		text []byte
		err  error
	}
	read := make(chan line, 1)
	// Owned by this call. When it is interrupted the process is about to end, and the read with it.
	go func() {
		text, err := term.ReadPassword(a.inTTY)
		read <- line{text, err}
	}()
	select {
	case l := <-read:
		fmt.Fprintln(a.err)
		if l.err != nil {
			return "", fmt.Errorf("read the %s: %w", what, l.err)
		}
		if len(l.text) == 0 {
			return "", usageError("the %s is empty", what)
		}
		return string(l.text), nil
	case <-ctx.Done():
		fmt.Fprintln(a.err)
		return "", ctx.Err()
	}
}

// echoOff comes before the prompt: whoever types at once must not see it. term.ReadPassword turns the echo off only after.
func echoOff(fd int) (restore func(), err error) {
	before, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return nil, err
	}
	quiet := *before
	quiet.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(fd, setTermios, &quiet); err != nil {
		return nil, err
	}
	return func() { _ = unix.IoctlSetTermios(fd, setTermios, before) }, nil
}

// confirmed asks a yes-or-no question; without a terminal the answer is no.
func (a *app) confirmed(ctx context.Context, question string) (bool, error) {
	if a.inTTY < 0 {
		return false, nil
	}
	fmt.Fprintf(a.err, "%s [y/N] ", question)
	answer := make(chan string, 1)
	// Owned by this call; as in prompt.
	go func() {
		var s string
		_, _ = fmt.Fscanln(a.in, &s)
		answer <- s
	}()
	select {
	case s := <-answer:
		return strings.EqualFold(s, "y") || strings.EqualFold(s, "yes"), nil
	case <-ctx.Done():
		fmt.Fprintln(a.err)
		return false, ctx.Err()
	}
}
