// Command picture makes the README's pictures: it opens `parley demo` on a pseudo terminal, chats, kills nodes, chats on, and
// draws the screens as SVG. What is in the pictures happened.
//
//	task picture               or: go run ./e2e/picture docs
//
// It writes main.svg, failover.svg, cluster.svg and demo.svg, which moves, into the directory.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"parley/tui/ptytest"
)

const (
	width, height = 100, 28
	// movieWidth and movieHeight are small: every row that changes costs bytes.
	movieWidth, movieHeight = 80, 24
	// maxMovieBytes is what a picture that moves may weigh in the README.
	maxMovieBytes = 300_000
	// patience is for a first build and a cluster's start on a busy machine.
	patience = 3 * time.Minute
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: picture DIR")
		os.Exit(2)
	}
	if err := draw(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "picture:", err)
		os.Exit(1)
	}
}

func draw(to string) error {
	dir, err := os.MkdirTemp("", "parley-picture-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "parley")
	if out, err := exec.Command("go", "build", "-o", binary, "parley/cmd/parley").CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	if err := stills(binary, dir, to); err != nil {
		return err
	}
	return movie(binary, dir, to)
}

// open starts a demo; it is there when its first line is read.
func open(binary, dir string, w, h int) (*ptytest.Terminal, error) {
	cmd := exec.Command(binary, "demo")
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "COLORTERM=truecolor", "TMPDIR="+dir, "XDG_CONFIG_HOME="+dir)
	term, err := ptytest.Start(cmd, w, h)
	if err != nil {
		return nil, err
	}
	if err := term.WaitFor(patience, "press F6", "READY", "5 of 5 up"); err != nil {
		_ = term.Close()
		return nil, err
	}
	return term, nil
}

func theme() ptytest.Theme {
	th := ptytest.Dark()
	th.Title = "parley demo"
	return th
}

// script does one thing after the other and keeps the first error.
type script struct {
	term *ptytest.Terminal
	err  error
}

func (s *script) keys(keys ...string) {
	if s.err == nil {
		s.err = s.term.Type(keys...)
	}
}

func (s *script) see(texts ...string) {
	if s.err == nil {
		s.err = s.term.WaitFor(patience, texts...)
	}
}

// seeAny waits for one of the texts.
func (s *script) seeAny(texts ...string) {
	if s.err == nil {
		s.err = s.term.Wait(patience, func(screen string) bool {
			for _, t := range texts {
				if strings.Contains(screen, t) {
					return true
				}
			}
			return false
		})
	}
}

// say types as a person does, key by key, and waits for the tick.
func (s *script) say(text string) {
	s.keys(text, ptytest.Enter)
	s.see("✓ alice  " + text)
}

func (s *script) save(file string) {
	if s.err == nil {
		s.err = os.WriteFile(file, []byte(s.term.SVG(theme())), 0o644)
	}
}

// stills are the three pictures that do not move.
func stills(binary, dir, to string) error {
	term, err := open(binary, dir, width, height)
	if err != nil {
		return err
	}
	defer func() { _ = term.Close() }()
	s := &script{term: term}
	s.see("Coffee is on", "nightly build")
	s.say("good morning, everybody 🎉")
	s.see("@alice I can read that")
	s.keys(ptytest.F6, ptytest.F6) // the panel goes
	s.see("What was it?")
	s.keys("/react :coffee: 4", ptytest.Enter)
	s.see("☕")
	s.keys("/reply 5 and it stays so: `go test ./...` took *388 s* here", ptytest.Enter)
	s.see("↳ 1 reply", "took *388 s* here")
	s.save(filepath.Join(to, "main.svg"))

	// The leader hangs, which takes longer to notice than a death: long enough for a picture of it.
	s.keys("/pause leader", ptytest.Enter, ptytest.F6, "is anybody there?", ptytest.Enter)
	s.seeAny("FAILOVER", "ELECTION", "outcome unknown")
	s.see("hangs")
	s.save(filepath.Join(to, "failover.svg"))
	s.see("✓ alice  is anybody there?", "READY")

	s.keys(ptytest.F6, ptytest.F6, ptytest.F3)
	s.see("can lose 1 more", "events, as this client saw them", "voter") // the members have answered
	s.save(filepath.Join(to, "cluster.svg"))
	s.keys(ptytest.CtrlQ)
	if s.err == nil {
		<-term.Exited()
	}
	return s.err
}
