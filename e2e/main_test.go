package e2e

import (
	"fmt"
	"os"
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
	if err := cluster.Build(binary); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// start starts a cluster of n nodes with the flags added to each.
func start(t *testing.T, n int, flags ...string) *cluster.Cluster {
	t.Helper()
	return cluster.Start(t, cluster.Options{Binary: binary, Nodes: n, Flags: flags})
}
