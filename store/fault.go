package store

import (
	"errors"
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

// recovered turns what recover returned into an error; nil stays nil. It is a DamageError when the file was what went wrong.
// It must be called, by whatever functions, from the deferred function that recovered.
func recovered(path string, r any) error {
	var err error
	switch r := r.(type) {
	case nil:
		return nil
	case error:
		err = fmt.Errorf("panic: %w", r)
	default:
		err = fmt.Errorf("panic: %v", r)
	}
	if fileFault(r) || inBolt() {
		return &DamageError{Path: path, Err: err, Hint: hintRestore}
	}
	return err
}

// fileFault says whether a panic is a fault of mapped memory. A nil pointer's has no address.
func fileFault(r any) bool {
	e, ok := r.(runtime.Error)
	if !ok {
		return false
	}
	_, ok = e.(interface{ Addr() uintptr })
	return ok
}

// guardDamage turns a panic of bbolt or a memory fault of whoever reads the file into a DamageError. Any other panic goes on:
// it is a fault of this program, which a node that healed its file would still have. Use:
//
//	defer guardDamage(path, &err)()
func guardDamage(path string, err *error) func() {
	restore := faultsPanic()
	return func() {
		restore()
		r := recover()
		e := recovered(path, r)
		if e == nil {
			return
		}
		if _, ok := errors.AsType[*DamageError](e); !ok {
			panic(r)
		}
		*err = e
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
