package main

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
)

// program stands where a test would: cluster and load run for it.
type program struct {
	failed   atomic.Bool
	mu       sync.Mutex
	cleanups []func()
}

func newProgram() *program { return &program{} }

// cleanUp runs the cleanups, the last one first, and exits with 1 when something failed.
func (p *program) cleanUp() {
	p.mu.Lock()
	cleanups := p.cleanups
	p.cleanups = nil
	p.mu.Unlock()
	for i := len(cleanups) - 1; i >= 0; i-- {
		cleanups[i]()
	}
	if p.failed.Load() {
		os.Exit(1)
	}
}

// Helper has nothing to mark here.
func (p *program) Helper() {}

// Name is what a test is called.
func (p *program) Name() string { return "soak" }

// Failed tells whether Errorf was called.
func (p *program) Failed() bool { return p.failed.Load() }

// TempDir returns a directory that is removed at the end.
func (p *program) TempDir() string {
	dir, err := os.MkdirTemp("", "parley-soak-")
	if err != nil {
		p.Fatalf("%v", err)
	}
	p.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// Cleanup has f run at the end.
func (p *program) Cleanup(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cleanups = append(p.cleanups, f)
}

// Logf prints to stderr; stdout is the result's.
func (p *program) Logf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
}

// Errorf prints and remembers that the run failed.
func (p *program) Errorf(format string, args ...any) {
	p.failed.Store(true)
	p.Logf(format, args...)
}

// Fatalf prints, cleans up and exits.
func (p *program) Fatalf(format string, args ...any) {
	p.Errorf(format, args...)
	p.cleanUp()
}
