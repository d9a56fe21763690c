package tui

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/tui/common"
	"parley/tui/ptytest"
)

const patience = 20 * time.Second

// With PARLEY_TUI_CHILD set the test binary is the client on the fake cluster, so that it can be driven on a real
// pseudo terminal. Typing "die" in a message makes its node die: the link fails over by itself.
func TestMain(m *testing.M) {
	if os.Getenv("PARLEY_TUI_CHILD") == "" {
		os.Exit(m.Run())
	}
	f := newFake("alice", time.Now)
	at := time.Now().Add(-time.Hour)
	if os.Getenv("PARLEY_TUI_CORPUS") != "" {
		for i := range 3 * len(widthCorpus) {
			f.store("@bob", []string{"bob", "alice"}[i/4%2], widthCorpus[i%len(widthCorpus)], fmt.Sprint("c", i), at)
		}
	}
	for i := range 60 {
		f.store("@bob", "bob", fmt.Sprintf("message %03d 世界 👩‍💻 नमस्ते", i), "", at)
	}
	f.store("@bob", "alice", "mine", "r1", at)
	for _, m := range f.msgs {
		m.Unread = false
	}
	f.onSend = func(text string) {
		if text != "die" {
			return
		}
		f.setLink(common.Link{Phase: common.FailingOver, Node: "n1", Members: members("n2", "n3")})
		f.setLink(ready("n2", "n2", 8))
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGHUP) // as the program does
	defer stop()
	if err := run(ctx, f, Options{User: "alice", Version: "v0", StateDir: os.Getenv("PARLEY_TUI_STATE")}); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func onPTY(t *testing.T, w, h int, env ...string) *ptytest.Terminal {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), append([]string{"PARLEY_TUI_CHILD=1", "TERM=xterm-256color"}, env...)...)
	term, err := ptytest.Start(cmd, w, h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = term.Close() })
	return term
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The real program on a real terminal: it draws, takes keys, sends, survives the death of its node and gives the terminal
// back.
func TestOnAPseudoTerminal(t *testing.T) {
	term := onPTY(t, 100, 24)
	must(t, term.WaitFor(patience, "READY  n1★", "message 059", "Message @bob"))
	must(t, term.Type("hello there", ptytest.Enter))
	must(t, term.WaitFor(patience, "✓ alice  hello there"))
	must(t, term.Type("die", ptytest.Enter))
	must(t, term.WaitFor(patience, "READY  n2★", "moved n1 → n2"))
	must(t, term.Type("two", ptytest.Newline, "rows"))
	must(t, term.WaitFor(patience, "> two\n  rows"))
	must(t, term.Type(ptytest.CtrlC, ptytest.PageUp))
	must(t, term.WaitFor(patience, "message 030", "End for the newest"))

	// What stands after many small updates is what a fresh drawing gives.
	before := term.Screen()
	must(t, term.Resize(90, 20))
	must(t, term.Wait(patience, func(s string) bool { return s != before }))
	must(t, term.Resize(100, 24))
	must(t, term.Wait(patience, func(s string) bool { return s == before }))

	must(t, term.Signal(syscall.SIGTERM))
	<-term.Exited()
	if term.AltScreen() {
		t.Error("SIGTERM left the alternate screen on")
	}
}

// A terminal that hangs up ends the client as a termination does.
func TestHangupOnAPseudoTerminal(t *testing.T) {
	term := onPTY(t, 60, 16)
	must(t, term.WaitFor(patience, "Message @bob"))
	must(t, term.Signal(syscall.SIGHUP))
	<-term.Exited()
	if term.AltScreen() {
		t.Error("SIGHUP left the alternate screen on")
	}
}

func TestQuitOnAPseudoTerminal(t *testing.T) {
	term := onPTY(t, 60, 16)
	must(t, term.WaitFor(patience, "Message @bob"))
	must(t, term.Type(ptytest.CtrlQ))
	<-term.Exited()
	if err := term.Err(); err != nil || term.AltScreen() {
		t.Errorf("quit ended with %v, alternate screen %v", err, term.AltScreen())
	}
}

// NO_COLOR takes the colours and nothing else.
func TestFeatureNoColor(t *testing.T) {
	term := onPTY(t, 100, 24, "NO_COLOR=1")
	must(t, term.WaitFor(patience, "READY  n1★", "message 059"))
	th := ptytest.Dark()
	for line := range strings.Lines(term.SVG(th)) {
		i := strings.Index(line, `fill="`)
		if i < 0 || !strings.HasPrefix(line, "<text") {
			continue
		}
		switch fill := line[i+6 : i+13]; fill {
		case "#d8dbe2", "#16181d": // the theme's own two, the second one for reverse video
		default:
			t.Fatalf("a colour in spite of NO_COLOR: %s", line)
		}
	}
}
