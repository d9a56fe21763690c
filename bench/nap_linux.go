package bench

import (
	"runtime"
	"syscall"
	"time"
)

// preciseSleep sleeps in the kernel on a thread of its own: the runtime's timers are up to a millisecond late when nothing else
// wakes it. It must be called, used and released by one goroutine.
func preciseSleep() (sleep func(time.Duration), release func()) {
	runtime.LockOSThread()
	return func(d time.Duration) {
		ts := syscall.NsecToTimespec(int64(d))
		_ = syscall.Nanosleep(&ts, nil) // the caller looks at the clock again
	}, runtime.UnlockOSThread
}
