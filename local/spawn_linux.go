package local

import "syscall"

// killsOrphans tells whether nodes end with a starter that was killed.
const killsOrphans = true

// childAttr puts a node into a process group of its own (invariant 4) and has the kernel kill it when the thread that
// started it ends (invariant 1): also when this process was killed, and also when the node is stopped by SIGSTOP, which
// is why the signal is SIGKILL. A store survives that by design.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
