//go:build unix

package plain

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

// suspendWithin is when a suspension that did not happen is given up: a process without a shell above it is not stopped.
const suspendWithin = 500 * time.Millisecond

// stopSelf suspends the process group as ^Z does, and returns when it goes on.
func stopSelf() {
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGCONT)
	defer signal.Stop(ch)
	_ = syscall.Kill(0, syscall.SIGTSTP)
	select {
	case <-ch:
	case <-time.After(suspendWithin):
	}
}

// watchSize calls changed after every change of the terminal's size and whenever the process goes on after it was stopped, until
// the returned function is called. Its goroutine ends then.
func watchSize(changed func()) (stop func()) {
	ch, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(ch, syscall.SIGWINCH, syscall.SIGCONT)
	go func() {
		for {
			select {
			case <-ch:
				changed()
			case <-done:
				return
			}
		}
	}()
	return func() { signal.Stop(ch); close(done) }
}
