// Command micro runs the micro-benchmarks and compares them by benchstat: with another commit, whose benchmarks are run in
// turn with these on the same machine, or with the lines that were kept at the last release.
//
//	task bench:micro                           or: go run ./e2e/micro      with docs/bench/micro.txt
//	task bench:micro -- -base v1.2.0                                       with a commit or tag, alternated: the better way
//	task bench:micro -- -keep                                              keep this checkout's lines as the next baseline
//	task bench:micro -- -keep -base v1.2.0                                 keep those of a commit
//
// Times are comparable on one quiet machine only; bytes and allocations per operation are everywhere.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// baseline are the lines of the last release.
const baseline = "docs/bench/micro.txt"

// packages that have benchmarks of the path of a message: log, store, codec and peer transport, API and fan-out. One that a
// commit does not have is left out there.
var packages = []string{"raftlog", "store", "node", "node/peer", "api", "api/client"}

type options struct {
	base, bench, benchtime string
	count                  int
	keep                   bool
}

func main() {
	var o options
	flag.StringVar(&o.base, "base", "", "a commit to compare with; else the lines in "+baseline)
	flag.StringVar(&o.bench, "bench", ".", "which benchmarks, as for go test")
	flag.StringVar(&o.benchtime, "benchtime", "300ms", "how long each runs, as for go test")
	flag.IntVar(&o.count, "count", 6, "how often each runs; benchstat wants 6 or more")
	flag.BoolVar(&o.keep, "keep", false, "compare nothing: keep the lines, those of -base if it is given, as "+baseline)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "micro:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "micro-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	old, now := filepath.Join(dir, "old.txt"), filepath.Join(dir, "new.txt")
	trees := []struct{ root, lines string }{{".", now}}
	if o.base != "" {
		tree := filepath.Join(dir, "tree")
		if err := command(ctx, ".", os.Stderr, "git", "worktree", "add", "--detach", tree, o.base); err != nil {
			return err
		}
		defer func() {
			_ = command(context.WithoutCancel(ctx), ".", io.Discard, "git", "worktree", "remove", "--force", tree)
		}()
		trees = append(trees, struct{ root, lines string }{tree, old})
	}
	if o.keep {
		trees = trees[len(trees)-1:]
	}
	// Each round runs all trees, so that what else the machine does hits them alike.
	for i := range o.count {
		for _, t := range trees {
			fmt.Fprintf(os.Stderr, "round %d of %d in %s\n", i+1, o.count, t.root)
			if err := benchmarks(ctx, o, t.root, t.lines); err != nil {
				return err
			}
		}
	}
	if o.keep {
		lines, err := os.ReadFile(trees[0].lines)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(baseline), 0o755); err != nil {
			return err
		}
		return os.WriteFile(baseline, lines, 0o644)
	}
	if o.base == "" {
		old = baseline
		if _, err := os.Stat(old); err != nil {
			return fmt.Errorf("%w: give -base COMMIT, or make it with -keep", err)
		}
	}
	return command(ctx, ".", os.Stdout, "go", "tool", "-modfile=bench.mod", "benchstat", "old="+old, "new="+now)
}

// benchmarks appends the lines of one run of all benchmarks in a tree.
func benchmarks(ctx context.Context, o options, root, to string) error {
	args := []string{"test", "-run", "^$", "-bench", o.bench, "-benchtime", o.benchtime, "-benchmem", "-p", "1", "-timeout", "30m"}
	for _, p := range packages {
		if _, err := os.Stat(filepath.Join(root, p)); err == nil {
			args = append(args, "./"+p)
		}
	}
	var out bytes.Buffer
	if err := command(ctx, root, &out, "go", args...); err != nil {
		return err
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	// Of packages without benchmarks nothing is kept.
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, "Benchmark") || strings.HasPrefix(line, "pkg:") || strings.HasPrefix(line, "cpu:") ||
			strings.HasPrefix(line, "goos:") || strings.HasPrefix(line, "goarch:") {
			_, err = f.WriteString(line)
		}
		if err != nil {
			break
		}
	}
	return errors.Join(err, f.Close())
}

func command(ctx context.Context, dir string, out io.Writer, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, out, os.Stderr
	if err := cmd.Run(); err != nil {
		tail := ""
		if b, ok := out.(*bytes.Buffer); ok {
			tail = "\n" + b.String()
		}
		return fmt.Errorf("%s %s: %w%s", name, strconv.Quote(strings.Join(args, " ")), err, tail)
	}
	return nil
}
