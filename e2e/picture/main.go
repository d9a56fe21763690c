// Command picture makes the README's picture: it opens `parley demo` on a pseudo terminal, chats, kills the node it is on,
// chats on, and draws the screen as SVG. What is in the picture happened.
//
//	task picture               or: go run ./e2e/picture docs/tui.svg
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"time"

	"parley/tui/ptytest"
)

const (
	width, height = 104, 24
	// patience is for a first build and a cluster's start on a busy machine.
	patience = 3 * time.Minute
)

var killHint = regexp.MustCompile(`kill -9 (\d+)`)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: picture FILE.svg")
		os.Exit(2)
	}
	if err := draw(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "picture:", err)
		os.Exit(1)
	}
}

func draw(file string) error {
	dir, err := os.MkdirTemp("", "parley-picture-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "parley")
	if out, err := exec.Command("go", "build", "-o", binary, "parley/cmd/parley").CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	cmd := exec.Command(binary, "demo")
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "COLORTERM=truecolor", "TMPDIR="+dir)
	term, err := ptytest.Start(cmd, width, height)
	if err != nil {
		return err
	}
	defer func() { _ = term.Close() }()
	if err := term.WaitFor(patience, "kill -9", "READY"); err != nil {
		return err
	}
	say := func(text string) error {
		if err := term.Type(text, ptytest.Enter); err != nil {
			return err
		}
		return term.WaitFor(patience, "✓ alice  "+text)
	}
	if err := say("watch this"); err != nil {
		return err
	}
	pid, err := strconv.Atoi(killHint.FindStringSubmatch(term.Screen())[1])
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return err
	}
	if err := say("still here"); err != nil {
		return err
	}
	if err := term.WaitFor(patience, "READY", "down", "0 lost"); err != nil {
		return err
	}
	theme := ptytest.Dark()
	theme.Title = "parley"
	svg := term.SVG(theme)
	if err := term.Type(ptytest.CtrlQ); err != nil {
		return err
	}
	<-term.Exited()
	return os.WriteFile(file, []byte(svg), 0o644)
}
