//go:build !linux

package main

import "errors"

var errOnlyLinux = errors.New("only on Linux")

func mountSmall(string, int64) error { return errOnlyLinux }

func fill(string, int64) (func() error, error) { return nil, errOnlyLinux }
