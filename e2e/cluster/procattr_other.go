//go:build !linux

package cluster

import "syscall"

// procAttr has nothing to ask for where the kernel cannot tie a child to its parent; Cleanup ends the nodes.
func procAttr() *syscall.SysProcAttr {
	return nil
}
