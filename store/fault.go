package store

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
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

// guardDamage turns a panic or a memory fault of whoever reads the file into a DamageError. Use:
//
//	defer guardDamage(path, &err)()
func guardDamage(path string, err *error) func() {
	restore := faultsPanic()
	return func() {
		restore()
		if e := recovered(recover()); e != nil {
			*err = &DamageError{Path: path, Err: e, Hint: hintRestore}
		}
	}
}

// inBolt says whether the panic that the caller has just recovered from came out of bbolt, whose panics mean a damaged file,
// and not out of this program. The frames are there until the deferred function returns.
func inBolt() bool {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if strings.HasPrefix(f.Function, "go.etcd.io/bbolt") {
			return true
		}
		if !more {
			return false
		}
	}
}
