package api

import (
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime is the processor time of this process so far, the kernel's on its behalf included.
func cpuTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
