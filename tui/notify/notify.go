package notify

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// Note is one call. All its texts are clean already: they hold nothing that a terminal obeys.
type Note struct {
	Conversation string
	Sender       string
	Text         string
	Kind         string // mention, direct or message
}

// way is how a terminal is told.
type way int

const (
	bell way = iota
	osc9
	osc777
	osc99
)

// Notifier makes calls. It is one goroutine's, but for Run.
type Notifier struct {
	env     func(string) string
	knows99 bool
	last    time.Time
	missed  int
	running chan struct{}
}

// New makes a Notifier for the terminal that env, which is os.Getenv, tells of.
func New(env func(string) string) *Notifier {
	return &Notifier{env: env, running: make(chan struct{}, maxCommands)}
}

const query99 = "99;i=parley:p=?"

// Query asks the terminal whether it knows OSC 99; empty where the question itself could do harm. The answer is for Answer.
func (n *Notifier) Query() string {
	if n.env("TMUX") != "" || n.env("STY") != "" || n.env("TERM") == "linux" || n.env("TERM") == "dumb" {
		return ""
	}
	return "\x1b]" + query99 + "\x1b\\"
}

// Answer takes an OSC sequence that the terminal sent.
func (n *Notifier) Answer(osc string) {
	if strings.HasPrefix(osc, "\x1b]"+query99) {
		n.knows99 = true
	}
}

// best is what the terminal understands: what it said, or what is known of it. A multiplexer hands on a bell and nothing else
// unless it is told to.
func (n *Notifier) best(asked bool) way {
	inside := n.env("TMUX") != "" || n.env("STY") != ""
	switch program, name := n.env("TERM_PROGRAM"), n.env("TERM"); {
	case inside && !asked || name == "linux" || name == "dumb":
		return bell
	case n.knows99 || name == "xterm-kitty":
		return osc99
	case program == "iTerm.app":
		return osc9
	case program == "ghostty" || program == "WezTerm" || strings.HasPrefix(name, "foot") || strings.HasPrefix(name, "rxvt") || name == "xterm-ghostty":
		return osc777
	case asked:
		return osc9 // what most of those know that know any
	}
	return bell
}

// Call is what a setting makes of a note: bytes for the terminal, or a command to Run; neither when it is off, or when the last call
// was a moment ago.
func (n *Notifier) Call(now time.Time, setting string, note Note) (raw string, command bool) {
	if setting == "off" || setting == "none" {
		return "", false
	}
	if now.Sub(n.last) < atLeast {
		n.missed++
		return "", false
	}
	n.last = now
	missed := n.missed
	n.missed = 0
	switch setting {
	case "bell":
		return "\a", false
	case "command":
		return "", true
	case "osc":
		return n.wrap(sequence(n.best(true), note, missed)), false
	}
	return n.wrap(sequence(n.best(false), note, missed)), false
}

// wrap hands a sequence through tmux, which drops it unless allow-passthrough is on.
func (n *Notifier) wrap(seq string) string {
	if n.env("TMUX") == "" || seq == "\a" {
		return seq
	}
	return ansi.TmuxPassthrough(seq)
}

// sequence is a note as the terminal is told of it.
func sequence(w way, note Note, missed int) string {
	title, body := cut(note.Conversation, maxTitle), cut(note.Text, maxBody)
	if note.Conversation != "@"+note.Sender {
		body = cut(note.Sender+": "+note.Text, maxBody)
	}
	if missed > 0 {
		body += fmt.Sprintf(" (and %d before)", missed)
	}
	switch w {
	case osc9:
		return "\x1b]9;" + title + ": " + body + "\x1b\\"
	case osc777:
		return "\x1b]777;notify;" + strings.ReplaceAll(title, ";", ",") + ";" + body + "\x1b\\"
	case osc99:
		return "\x1b]99;i=parley:d=0;" + title + "\x1b\\\x1b]99;i=parley:p=body;" + body + "\x1b\\"
	}
	return "\a"
}

// cut shortens s to n runes.
func cut(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}

// Run runs the person's command through the shell, with PARLEY_CONVERSATION, PARLEY_SENDER and PARLEY_KIND in the environment and
// the text on its input: an argument could be read by everybody on the machine, and be taken for a flag. It blocks until the command
// ends or is killed; too many at once are not started.
func (n *Notifier) Run(parent context.Context, command string, note Note) error {
	select {
	case n.running <- struct{}{}:
		defer func() { <-n.running }()
	default:
		return nil
	}
	ctx, cancel := context.WithTimeout(parent, commandWithin)
	defer cancel()
	shell := []string{"/bin/sh", "-c", command}
	if runtime.GOOS == "windows" {
		shell = []string{"cmd", "/c", command}
	}
	cmd := exec.CommandContext(ctx, shell[0], shell[1:]...)
	cmd.Env = append(os.Environ(), "PARLEY_CONVERSATION="+note.Conversation, "PARLEY_SENDER="+note.Sender, "PARLEY_KIND="+note.Kind)
	cmd.Stdin = strings.NewReader(note.Text + "\n")
	cmd.WaitDelay = time.Second // what it left behind may hold the pipe
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("the notify command: %w", err)
	}
	return nil
}
