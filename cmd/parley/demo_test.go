package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"parley/tui/ptytest"
)

func TestDemoOpensTheClientAndLeavesNothingBehind(t *testing.T) {
	env := cleanEnv(t)
	tmp := t.TempDir()
	cmd := exec.Command(parleyBinary(t), "demo")
	cmd.Env = append(env, "TMPDIR="+tmp)
	term, err := ptytest.Start(cmd, 120, 36)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = term.Close() })
	if err := term.WaitFor(patience, "press F6", "READY", "carol", "5 of 5 up"); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(tmp, "parley-demo-*")); len(left) != 1 {
		t.Errorf("its directory is %v, want one in TMPDIR", left)
	}
	if err := term.Type("it works", ptytest.Enter); err != nil {
		t.Fatal(err)
	}
	// The tick: with a send under way the client asks before it quits.
	if err := term.WaitFor(patience, "✓ alice  it works"); err != nil {
		t.Fatal(err)
	}
	if err := term.Type(ptytest.CtrlQ); err != nil {
		t.Fatal(err)
	}
	select {
	case <-term.Exited():
	case <-time.After(patience):
		t.Fatalf("^Q did not end the demo; screen:\n%s", term.Screen())
	}
	if err := term.Err(); err != nil {
		t.Errorf("the demo ended with %v; screen:\n%s", err, term.Screen())
	}
	if left, _ := os.ReadDir(tmp); len(left) != 0 {
		t.Errorf("%v is left behind", left)
	}
}
