package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"parley/api/client"
)

// errNoToken is returned when the state directory holds no token for an account, or names none.
var errNoToken = errors.New("no token in the state directory")

// stateDir is the directory where logins are kept:
//
//	sessions/NAME.token   the session token of NAME, base64url, or that it is in the system's keyring
//	current               the account that logged in last
//
// Directories are 0700, files 0600. A file is replaced whole and is durable when the call returns.
type stateDir string

// state is $XDG_STATE_HOME/parley, or ~/.local/state/parley.
func (a *app) state() (stateDir, error) {
	// A relative XDG path is invalid and to be ignored, says its specification.
	if base := a.env("XDG_STATE_HOME"); filepath.IsAbs(base) {
		return stateDir(filepath.Join(base, "parley")), nil
	}
	home := a.env("HOME")
	if !filepath.IsAbs(home) {
		return "", &failure{code: exitFailed, message: "no place for the session token", hint: "set HOME or XDG_STATE_HOME"}
	}
	return stateDir(filepath.Join(home, ".local", "state", "parley")), nil
}

var userNameForm = regexp.MustCompile(`^[a-z0-9._-]{1,32}$`)

// foldName is the form in which the cluster keeps a name.
func foldName(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

func (d stateDir) tokenPath(user string) (string, error) {
	if !userNameForm.MatchString(user) {
		return "", usageError("%q is not an account name: 1 to 32 of a-z, 0-9, dot, hyphen and underscore", user)
	}
	return filepath.Join(string(d), "sessions", user+".token"), nil
}

// load returns the token of user, or errNoToken.
func (d stateDir) load(user string) ([]byte, error) {
	path, err := d.tokenPath(user)
	if err != nil {
		return nil, err
	}
	s, err := readSmall(path)
	if err != nil {
		return nil, err
	}
	if s == keyringMark {
		if s, err = d.loadFromKeyring(user); err != nil {
			return nil, err
		}
	}
	token, err := decodeToken(s)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return token, nil
}

// save keeps user's token and makes user the current account.
func (d stateDir) save(user string, token []byte) error {
	path, err := d.tokenPath(user)
	if err != nil {
		return err
	}
	if d.inKeyring(user) { // what is there is of no use any more
		_ = d.forgetInKeyring(user)
	}
	return d.keep(path, user, encodeToken(token))
}

// current is the account that logged in last, or errNoToken.
func (d stateDir) current() (string, error) {
	return readSmall(filepath.Join(string(d), "current"))
}

// forget drops user's token; it is no error when there is none.
func (d stateDir) forget(user string) error {
	path, err := d.tokenPath(user)
	if err != nil {
		return err
	}
	if current, err := d.current(); err == nil && current == user {
		if err := os.Remove(filepath.Join(string(d), "current")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	secret := d.inKeyring(user)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if secret {
		return d.forgetInKeyring(user)
	}
	return nil
}

func encodeToken(token []byte) string { return base64.RawURLEncoding.EncodeToString(token) }

func decodeToken(s string) ([]byte, error) {
	token, err := base64.RawURLEncoding.DecodeString(strings.TrimSpace(s))
	if err != nil || len(token) != client.TokenBytes {
		return nil, fmt.Errorf("a session token is %d bytes as base64url without padding", client.TokenBytes)
	}
	return token, nil
}

// readSmall is a file's text without the space around it; errNoToken when there is no such file or it is empty.
func readSmall(path string) (string, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", errNoToken
	}
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxStateFileBytes))
	if err != nil {
		return "", err
	}
	s := strings.TrimSpace(string(data))
	if s == "" {
		return "", errNoToken
	}
	return s, nil
}
