package cputime

import (
	"time"

	"golang.org/x/sys/unix"
)

// Process is the processor time of this process so far, the kernel's on its behalf included.
func Process() time.Duration { return of(unix.RUSAGE_SELF) }

// Thread is that of the calling thread alone; the goroutine must be locked to it.
func Thread() time.Duration { return of(unix.RUSAGE_THREAD) }

func of(who int) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(who, &u); err != nil {
		panic(err) // both are always valid
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
