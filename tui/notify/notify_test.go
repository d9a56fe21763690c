package notify

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestWanted(t *testing.T) {
	for name, tc := range map[string]struct {
		e    Event
		want bool
	}{
		"a room while away":                 {Event{}, true},
		"a room, muted to mentions":         {Event{Mute: MentionsOnly}, false},
		"a mention there":                   {Event{Mute: MentionsOnly, Mention: true}, true},
		"a mention in what is muted":        {Event{Mute: Nothing, Mention: true}, false},
		"one's own, from another terminal":  {Event{Own: true}, false},
		"read on another terminal":          {Event{Read: true}, false},
		"on screen, with the focus":         {Event{Focused: true, Shown: true, Mention: true}, false},
		"on screen, without the focus":      {Event{Shown: true}, true},
		"another room, with the focus":      {Event{Focused: true}, false},
		"a mention in another room":         {Event{Focused: true, Mention: true}, true},
		"a direct message, with the focus":  {Event{Focused: true, Direct: true}, true},
		"a muted direct message while away": {Event{Direct: true, Mute: Nothing}, false},
	} {
		if got := Wanted(tc.e); got != tc.want {
			t.Errorf("%s: Wanted = %v", name, got)
		}
	}
}

// What is sent is what the terminal understands; one that nothing is known of gets a bell, which all have.
func TestWays(t *testing.T) {
	note := Note{Conversation: "#ops", Sender: "bob", Text: "disk; full", Kind: "mention"}
	for name, tc := range map[string]struct {
		env     map[string]string
		setting string
		answer  bool
		want    string
	}{
		"unknown":             {map[string]string{"TERM": "xterm-256color"}, "auto", false, "\a"},
		"it said so":          {map[string]string{"TERM": "xterm-256color"}, "auto", true, "\x1b]99;i=parley:d=0;#ops\x1b\\\x1b]99;i=parley:p=body;bob: disk; full\x1b\\"},
		"foot":                {map[string]string{"TERM": "foot"}, "auto", false, "\x1b]777;notify;#ops;bob: disk; full\x1b\\"},
		"iTerm":               {map[string]string{"TERM": "xterm", "TERM_PROGRAM": "iTerm.app"}, "auto", false, "\x1b]9;#ops: bob: disk; full\x1b\\"},
		"asked for":           {map[string]string{"TERM": "xterm"}, "osc", false, "\x1b]9;#ops: bob: disk; full\x1b\\"},
		"tmux":                {map[string]string{"TERM": "tmux-256color", "TMUX": "x"}, "auto", false, "\a"},
		"tmux, asked for":     {map[string]string{"TERM": "tmux-256color", "TMUX": "x"}, "osc", false, "\x1bPtmux;\x1b\x1b]9;#ops: bob: disk; full\x1b\x1b\\\x1b\\"},
		"the linux console":   {map[string]string{"TERM": "linux"}, "osc", false, "\a"},
		"off":                 {map[string]string{"TERM": "foot"}, "off", false, ""},
		"the bell, asked for": {map[string]string{"TERM": "foot"}, "bell", false, "\a"},
	} {
		n := New(func(k string) string { return tc.env[k] })
		if tc.answer {
			n.Answer("\x1b]99;i=parley:p=?;a=report:o=always\x1b\\")
		}
		got, command := n.Call(time.Now(), tc.setting, note)
		if got != tc.want || command {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
	for _, env := range []map[string]string{{"TMUX": "x"}, {"TERM": "linux"}} {
		if q := New(func(k string) string { return env[k] }).Query(); q != "" {
			t.Errorf("%v is asked %q", env, q)
		}
	}
}

// A busy room is one call; the next one says how many were kept back.
func TestCallsAreFew(t *testing.T) {
	n := New(func(k string) string { return map[string]string{"TERM": "foot"}[k] })
	now := time.Now()
	note := Note{Conversation: "@bob", Sender: "bob", Text: strings.Repeat("long ", 100)}
	calls := 0
	for i := range 100 {
		if raw, _ := n.Call(now.Add(time.Duration(i)*10*time.Millisecond), "auto", note); raw != "" {
			calls++
		}
	}
	if calls != 1 {
		t.Errorf("%d calls in a second", calls)
	}
	raw, _ := n.Call(now.Add(time.Minute), "auto", note)
	if !strings.Contains(raw, "(and 99 before)") || len(raw) > maxBody*2 {
		t.Errorf("the next call is %q", raw)
	}
}

// The command hears who and where by its environment and the text by its input; nothing is in its arguments.
func TestCommand(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	n := New(os.Getenv)
	if _, command := n.Call(time.Now(), "command", Note{}); !command {
		t.Error("no command to run")
	}
	t.Setenv("OUT", out)
	note := Note{Conversation: "#ops", Sender: "bob", Text: "$(touch never) `id`", Kind: "mention"}
	err := n.Run(context.Background(), `printf '%s %s %s ' "$PARLEY_CONVERSATION" "$PARLEY_SENDER" "$PARLEY_KIND" > "$OUT"; cat >> "$OUT"`, note)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(out)
	if want := "#ops bob mention $(touch never) `id`\n"; err != nil || string(got) != want {
		t.Errorf("the command heard %q, %v; want %q", got, err, want)
	}
	if err := n.Run(context.Background(), "exit 3", note); err == nil {
		t.Error("a command that fails is not told")
	}
}
