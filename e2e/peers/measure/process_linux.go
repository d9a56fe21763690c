package measure

import (
	"os/exec"
	"syscall"
)

// dieWithParent lets the kernel end the process when this one dies.
func dieWithParent(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
