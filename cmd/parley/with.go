package main

import (
	"strconv"
	"strings"

	"parley/api/client"
)

// with runs f with a client that is logged in.
func (a *app) with(f func(c *client.Client) error) error {
	c, err := a.dial()
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	return f(c)
}

// roomName is a room of a command that takes nothing else: the # may be left out, which a shell takes for a comment.
func roomName(s string) (string, error) {
	name := strings.TrimPrefix(foldName(s), "#")
	if !userNameForm.MatchString(name) {
		return "", usageError("%q is no room: write '#name' or name, with 1 to 32 of a-z, 0-9, '.', '_', '-'", s)
	}
	return "#" + name, nil
}

// accountName is an account of a command that takes nothing else: the @ may be left out.
func accountName(s string) (string, error) {
	name := strings.TrimPrefix(foldName(s), "@")
	if !userNameForm.MatchString(name) {
		return "", usageError("%q is no account: write @name or name, with 1 to 32 of a-z, 0-9, '.', '_', '-'", s)
	}
	return name, nil
}

func messageID(s string) (uint64, error) {
	id, err := strconv.ParseUint(s, 10, 64)
	if err != nil || id == 0 {
		return 0, usageError("%q is not a message id: send and read print them", s)
	}
	return id, nil
}
