package store

import (
	"time"

	"golang.org/x/sys/unix"
)

// threadCPU is the processor time of the calling thread: what a benchmark costs on a machine that does other things.
func threadCPU() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
