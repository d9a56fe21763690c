package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"

	"parley/e2e/figure"
)

// messageBytes is the size of a message and of a value.
const messageBytes = 256

// system is one of those that are compared: programs that print lines, run one after another in each round.
type system struct {
	name string
	runs [][]string
}

// build makes the three programs in a directory.
func build(ctx context.Context, dir string) error {
	for _, b := range []struct{ in, pkg string }{
		{".", "./cmd/parley"}, {"e2e/peers", "./etcd"}, {"e2e/peers", "./nats"},
	} {
		fmt.Fprintln(os.Stderr, "building", filepath.Base(b.pkg))
		cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", filepath.Join(dir, filepath.Base(b.pkg)), b.pkg)
		cmd.Dir = b.in
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", b.pkg, err, out)
		}
	}
	return nil
}

// systems are the three with the arguments of this run. Parley has a cluster of its own for each of its lines of arguments.
func systems(o options, dir, data string) []system {
	lengths := []string{
		"--seconds", num(o.seconds), "--warmup", num(o.warmup), "--data", data, "--size", strconv.Itoa(messageBytes),
	}
	program := func(name string, args ...string) []string {
		return slices.Concat([]string{filepath.Join(dir, name)}, args, lengths)
	}
	kills, peerKills := strconv.Itoa(o.kills), strconv.Itoa(o.peerKills)
	return []system{
		{"parley", parleyRuns(program, kills, strconv.Itoa(o.connections))},
		{"etcd", [][]string{
			program("etcd", "--ops", "put,get", "--callers", "1,256"),
			program("etcd", "--ops", "watch", "--callers", "1", "--rate", num(deliverRate)),
			program("etcd", "--ops", "failover", "--callers", "16", "--rounds", peerKills),
		}},
		{"nats", [][]string{
			program("nats", "--ops", "publish", "--callers", "1,256"),
			program("nats", "--ops", "publish-async", "--callers", "256"),
			program("nats", "--ops", "consume", "--callers", "1", "--rate", num(deliverRate)),
			program("nats", "--ops", "failover", "--callers", "16", "--rounds", peerKills),
		}},
	}
}

// deliverRate is how many messages a second a delivery measurement sends.
const deliverRate = 100

// parleyRuns are what is asked of `parley bench`.
func parleyRuns(program func(string, ...string) []string, kills, connections string) [][]string {
	return [][]string{
		program("parley", "bench", "--ops", "send,send-unary,read-one", "--callers", "1"),
		program("parley", "bench", "--ops", "send,send-unary,read-one", "--callers", "256", "--connections", connections),
		program("parley", "bench", "--ops", "deliver", "--callers", "16", "--rate", num(deliverRate)),
		program("parley", "bench", "--ops", "failover", "--callers", "16", "--rounds", kills),
	}
}

func num(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

// measure builds and runs everything.
func measure(ctx context.Context, o options) (session, error) {
	s := session{Where: figure.Where()}
	dir, err := os.MkdirTemp("", "sidebyside-")
	if err != nil {
		return s, err
	}
	defer os.RemoveAll(dir)
	if err := build(ctx, dir); err != nil {
		return s, err
	}
	all := systems(o, dir, o.data)
	if o.only != "" {
		all = slices.DeleteFunc(all, func(y system) bool { return y.name != o.only })
	}
	for round := range o.rounds {
		for i := range all {
			y := all[(round+i)%len(all)]
			for _, args := range y.runs {
				results, err := figure.Measure[result](ctx, args[0], args[1:]...)
				for _, r := range results {
					r.System, r.Round = y.name, round+1
					s.Results = append(s.Results, r)
					if err == nil && r.Ops == 0 {
						err = fmt.Errorf("%s: %s with %d callers: not one operation ended in the measured time", y.name, r.Op, r.Callers)
					}
				}
				if err != nil {
					return s, err
				}
			}
		}
	}
	s.Versions = versions(s.Results)
	return s, nil
}

// versions are those of the systems that tell theirs.
func versions(results []result) []string {
	var v []string
	for _, r := range results {
		if s := r.System + " " + r.Version; r.Version != "" && !slices.Contains(v, s) {
			v = append(v, s)
		}
	}
	slices.Sort(v)
	return v
}
