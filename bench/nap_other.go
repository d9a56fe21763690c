//go:build !linux

package bench

import "time"

// preciseSleep is as precise as the runtime's timers.
func preciseSleep() (sleep func(time.Duration), release func()) { return time.Sleep, func() {} }
