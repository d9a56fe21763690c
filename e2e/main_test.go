package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"parley/e2e/cluster"
)

// binary is the parley that every scenario runs, built once from this checkout.
var binary string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "parley-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "parley")
	if err := build(binary); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// build builds the binary, with more flags if need be.
func build(to string, flags ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), buildTimeout)
	defer cancel()
	args := append([]string{"build", "-buildvcs=false", "-o", to}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, "parley/cmd/parley")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	return nil
}

// start starts a cluster of n nodes with the flags added to each.
func start(t *testing.T, n int, flags ...string) *cluster.Cluster {
	t.Helper()
	return cluster.Start(t, cluster.Options{Binary: binary, Nodes: n, Flags: flags})
}
