package store

import (
	"fmt"
	"runtime/debug"
)

// faultsPanic makes the calling goroutine's memory faults panics until the returned function runs: bbolt follows page
// numbers in a mapped file, and damaged ones lead outside of it.
func faultsPanic() func() {
	old := debug.SetPanicOnFault(true)
	return func() { debug.SetPanicOnFault(old) }
}

// recovered turns what recover returned into an error; nil stays nil.
func recovered(r any) error {
	switch r := r.(type) {
	case nil:
		return nil
	case error:
		return fmt.Errorf("panic: %w", r)
	default:
		return fmt.Errorf("panic: %v", r)
	}
}
