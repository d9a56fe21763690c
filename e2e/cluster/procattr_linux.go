package cluster

import "syscall"

// procAttr has the kernel end a node when the process that started it dies, also when that was killed.
func procAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
