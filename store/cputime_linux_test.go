package store

import (
	"time"

	"golang.org/x/sys/unix"
)

// threadCPU is the processor time of the calling thread: what a benchmark costs on a machine that does other things.
func threadCPU() time.Duration { return cpuOf(unix.RUSAGE_THREAD) }

// processCPU is the processor time of all threads.
func processCPU() time.Duration { return cpuOf(unix.RUSAGE_SELF) }

func cpuOf(who int) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(who, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
