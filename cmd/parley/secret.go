package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/zalando/go-keyring"

	"parley/local"
)

// keyringMark stands in a token's file where the token itself is in the system's keyring.
const keyringMark = "in the keyring"

// errKeyringSilent is returned when the keyring does not answer in time: it waits for somebody to unlock it, or hangs.
var errKeyringSilent = fmt.Errorf("the keyring does not answer within %s: is it locked?", keyringWithin)

// saver keeps tokens in the keyring when --keyring or PARLEY_KEYRING=1 asks for it, or where the last one was kept there; else in a
// file. There is no falling back from the one to the other: who asked for a keyring shall not find a secret in a file.
func (a *app) saver(st stateDir) func(user string, token []byte) error {
	return func(user string, token []byte) error {
		asked := a.chatFlags.keyring
		if asked == "" && a.env("PARLEY_KEYRING") == "1" {
			asked = "true"
		}
		if asked == "true" || asked == "" && st.inKeyring(user) {
			return st.saveInKeyring(user, token)
		}
		return st.save(user, token)
	}
}

// inKeyring tells whether user's token is in the keyring.
func (d stateDir) inKeyring(user string) bool {
	path, err := d.tokenPath(user)
	if err != nil {
		return false
	}
	s, err := readSmall(path)
	return err == nil && s == keyringMark
}

// saveInKeyring keeps user's token in the keyring and makes user the current account. Its file only says so.
func (d stateDir) saveInKeyring(user string, token []byte) error {
	path, err := d.tokenPath(user)
	if err != nil {
		return err
	}
	if _, err := askKeyring(func() (string, error) {
		return "", keyring.Set(keyringService, d.keyringName(user), encodeToken(token))
	}); err != nil {
		return fmt.Errorf("%w; log in without --keyring to keep the token in a file of yours alone", err)
	}
	return d.keep(path, user, keyringMark)
}

// loadFromKeyring is the token that saveInKeyring kept, or errNoToken.
func (d stateDir) loadFromKeyring(user string) (string, error) {
	s, err := askKeyring(func() (string, error) { return keyring.Get(keyringService, d.keyringName(user)) })
	if errors.Is(err, keyring.ErrNotFound) {
		return "", errNoToken
	}
	return s, err
}

// forgetInKeyring drops it; it is no error when it is gone.
func (d stateDir) forgetInKeyring(user string) error {
	_, err := askKeyring(func() (string, error) { return "", keyring.Delete(keyringService, d.keyringName(user)) })
	if errors.Is(err, keyring.ErrNotFound) {
		return nil
	}
	return err
}

// keyringName tells the accounts of several state directories apart, as their files are.
func (d stateDir) keyringName(user string) string { return user + " in " + filepath.Clean(string(d)) }

// askKeyring bounds a call that may wait for a person who is not there. The goroutine of one that was given up ends when the
// keyring answers, or with the process; it touches nothing but its result.
func askKeyring(call func() (string, error)) (string, error) {
	type answer struct {
		s   string
		err error
	}
	ch := make(chan answer, 1)
	go func() {
		s, err := call()
		ch <- answer{s, err}
	}()
	t := time.NewTimer(keyringWithin)
	defer t.Stop()
	select {
	case a := <-ch:
		if a.err != nil && !errors.Is(a.err, keyring.ErrNotFound) {
			return "", fmt.Errorf("the keyring: %w", a.err)
		}
		return a.s, a.err
	case <-t.C:
		return "", errKeyringSilent
	}
}

// keep writes user's file and makes user the current account.
func (d stateDir) keep(path, user, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := local.WriteFile(path, []byte(text+"\n")); err != nil {
		return err
	}
	return local.WriteFile(filepath.Join(string(d), "current"), []byte(user+"\n"))
}
