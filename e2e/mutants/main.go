// Command mutants tests the tests: it breaks a promise of the product on purpose, one at a time, and runs what must notice:
// the simulator, a test of a package, or a scenario on real processes. A test that stays green on a broken product is worth
// nothing.
//
//	task mutants               or: go run ./e2e/mutants -run NAME
//
// It is a program and no test: it compiles the product once for each mutant. The working tree is never touched; the mutants
// live in a build overlay.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"regexp"
	"time"

	"parley/e2e/cluster"
)

// timeout bounds one mutant, builds included.
const timeout = 15 * time.Minute

func main() {
	run := flag.String("run", "", "only mutants whose name matches this regular expression")
	flag.Parse()
	only, err := regexp.Compile(*run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	survived := 0
	for _, m := range mutants {
		if !only.MatchString(m.name) {
			continue
		}
		noticed, how, why, err := m.run()
		switch {
		case err != nil:
			survived++
			fmt.Printf("ERROR     %-28s %v\n", m.name, err)
		case !noticed:
			survived++
			fmt.Printf("SURVIVED  %-28s %s\n          by %v: %s\n", m.name, m.breaks, m.by, how)
		default:
			fmt.Printf("noticed   %-28s %s\n          by %v: %s\n          %s\n", m.name, m.breaks, m.by, how, why)
		}
	}
	if survived > 0 {
		os.Exit(1)
	}
}

// run makes the mutant and judges it.
func (m mutant) run() (noticed bool, how, why string, err error) {
	dir, err := os.MkdirTemp("", "parley-mutant-")
	if err != nil {
		return false, "", "", err
	}
	defer os.RemoveAll(dir)
	overlay, err := m.overlay(dir)
	if err != nil {
		return false, "", "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return m.by.judge(ctx, dir, overlay)
}

// overlay writes the broken files to a directory, and returns the list that -overlay takes.
func (m mutant) overlay(dir string) (string, error) {
	var edits []cluster.Edit
	for _, e := range m.edits {
		edits = append(edits, cluster.Edit{File: m.file, Old: e[0], New: e[1]})
	}
	return cluster.WriteOverlay(dir, edits)
}
