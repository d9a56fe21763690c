package main

import (
	"os"
	"path/filepath"
	"testing"

	"parley/e2e/cluster"
)

const (
	// testEach is how many trials of each kind every run of the tests makes; `task damage` makes a thousand.
	testEach = 40
	// testRounds is how many rounds with real processes: one of each wound.
	testRounds = 4
	testSeed   = 1
)

func TestMain(m *testing.M) {
	if runChild() {
		return
	}
	os.Exit(m.Run())
}

// TestDamage keeps P8: a damaged file is refused by name, healed, or was hit where nobody reads; no wrong byte is read, the
// process does not die of it, and nothing is made anew. `task damage` is the same with more of everything.
func TestDamage(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "parley")
	if err := cluster.Build(binary); err != nil {
		t.Fatal(err)
	}
	campaign(t, binary, testSeed, testEach).print(t.Output())
	processes(t, binary, testSeed, testRounds).print(t.Output())
}
