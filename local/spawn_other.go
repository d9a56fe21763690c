//go:build !linux

package local

import "syscall"

// killsOrphans tells whether nodes end with a starter that was killed.
const killsOrphans = false

// childAttr puts a node into a process group of its own (invariant 4). Other kernels than Linux cannot be told to end it
// with its starter.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
