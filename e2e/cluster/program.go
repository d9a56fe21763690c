package cluster

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
)

// Program stands where a test would, for a program that runs a scenario by itself. It prints to stderr: stdout is for the
// program's result.
type Program struct {
	name   string
	replay string
	failed atomic.Bool
	ending sync.Mutex

	mu       sync.Mutex
	cleanups []func()
}

var _ TB = (*Program)(nil)

// NewProgram returns a TB of that name. Replay is the command that runs it again, if there is one better than its own. The
// caller calls End.
func NewProgram(name, replay string) *Program { return &Program{name: name, replay: replay} }

// Replay is the command that runs the program again.
func (p *Program) Replay() string { return cmp.Or(p.replay, "go run ./e2e/"+p.name) }

// End runs the cleanups, the last one first, and exits with 1 when something failed. A second caller waits for the first.
func (p *Program) End() {
	p.ending.Lock()
	defer p.ending.Unlock()
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
func (p *Program) Helper() {}

// Name is what a test is called.
func (p *Program) Name() string { return p.name }

// Failed tells whether Errorf was called.
func (p *Program) Failed() bool { return p.failed.Load() }

// TempDir returns a directory that is removed at the end.
func (p *Program) TempDir() string {
	dir, err := os.MkdirTemp("", "parley-"+p.name+"-")
	if err != nil {
		p.Fatalf("%v", err)
	}
	p.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// Cleanup has f run at the end.
func (p *Program) Cleanup(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cleanups = append(p.cleanups, f)
}

// Logf prints to stderr.
func (p *Program) Logf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// Errorf prints and remembers that the run failed.
func (p *Program) Errorf(format string, args ...any) {
	p.failed.Store(true)
	p.Logf(format, args...)
}

// Fatalf prints, cleans up and exits.
func (p *Program) Fatalf(format string, args ...any) {
	p.Errorf(format, args...)
	p.End()
}

// Build builds the parley of this checkout, or returns given when that names one.
func (p *Program) Build(given string, flags ...string) string {
	if given != "" {
		return given
	}
	to := filepath.Join(p.TempDir(), "parley")
	if err := Build(to, flags...); err != nil {
		p.Fatalf("%v", err)
	}
	return to
}
