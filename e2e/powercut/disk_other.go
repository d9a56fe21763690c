//go:build !linux

package main

import "errors"

var errOnlyLinux = errors.New("powercut runs on Linux only")

type disk struct{ mount string }

func enter(string) (inside bool, code int, err error) { return false, 0, errOnlyLinux }

func newDisk(string, string) (*disk, error) { return nil, errOnlyLinux }

func (d *disk) attach() error { return errOnlyLinux }

func (d *disk) cut() error { return errOnlyLinux }

func (d *disk) detach() error { return errOnlyLinux }
