package tui

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"parley/tui/common"
	"parley/tui/keymap"
)

var rewrite = flag.Bool("rewrite", false, "write the golden screens anew; review the diff")

// harness runs the whole client without a terminal: commands run as the real program runs them, each on a goroutine, and
// their messages are applied one at a time while a test awaits something.
type harness struct {
	t     *testing.T
	app   *app
	fake  *fake
	msgs  chan tea.Msg
	ctx   context.Context
	quit  bool
	bells int
	draws func(string) string // the last step before the terminal, in golden screens; nil for none
	raw   []string            // clipboard and other messages for the terminal

	mu    sync.Mutex
	clock time.Time
	ids   int
	saved map[string]string
}

var epoch = time.Date(2026, 11, 24, 14, 3, 12, 0, time.UTC)

func start(t *testing.T, w, h int, prepare func(*fake)) *harness {
	t.Helper()
	x := &harness{t: t, msgs: make(chan tea.Msg, 4096), clock: epoch, saved: map[string]string{}}
	ctx, cancel := context.WithCancel(context.Background())
	x.ctx = ctx
	t.Cleanup(cancel)
	x.fake = newFake("alice", x.now)
	if prepare != nil {
		prepare(x.fake)
	}
	c := &common.Common{
		Backend: x.fake, Keys: keymap.Default(), Settings: common.DefaultSettings(), Now: x.now, Zone: time.UTC, Label: "test", Version: "v0",
		Servers: []string{"127.0.0.1:50051"},
		NewID:   func() string { x.mu.Lock(); defer x.mu.Unlock(); x.ids++; return fmt.Sprintf("id-%03d", x.ids) },
		SaveSession: func(user string, token []byte) error {
			x.mu.Lock()
			defer x.mu.Unlock()
			x.saved[user] = string(token)
			return nil
		},
		ForgetSession: func(user string) error {
			x.mu.Lock()
			defer x.mu.Unlock()
			delete(x.saved, user)
			return nil
		},
	}
	c.OpenStore, c.Demo = x.fake.openStore, x.fake.demo
	x.app = newApp(ctx, c, "alice", "")
	x.exec(x.app.Init())
	x.send(tea.WindowSizeMsg{Width: w, Height: h})
	return x
}

func (x *harness) now() time.Time { x.mu.Lock(); defer x.mu.Unlock(); return x.clock }

func (x *harness) advance(d time.Duration) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.clock = x.clock.Add(d)
}

func (x *harness) exec(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	go func() {
		msg := cmd()
		if msg == nil {
			return
		}
		select {
		case x.msgs <- msg:
		case <-x.ctx.Done():
		}
	}()
}

func (x *harness) send(msg tea.Msg) {
	switch msg := msg.(type) {
	case tea.BatchMsg:
		for _, c := range msg {
			x.exec(c)
		}
		return
	case tea.RawMsg:
		if msg.Msg == "\a" {
			x.bells++
		}
		x.raw = append(x.raw, fmt.Sprint(msg.Msg))
		return
	case tea.QuitMsg:
		x.quit = true
		return
	}
	if name := reflect.TypeOf(msg).String(); strings.HasPrefix(name, "tea.setClipboard") {
		x.raw = append(x.raw, fmt.Sprint(msg))
	}
	_, cmd := x.app.Update(msg)
	x.exec(cmd)
}

// await applies messages until ok holds; what says what was awaited.
func (x *harness) await(what string, ok func() bool) {
	x.t.Helper()
	deadline := time.After(10 * time.Second)
	for !ok() {
		select {
		case msg := <-x.msgs:
			x.send(msg)
		case <-deadline:
			x.t.Fatalf("awaited %s; the screen is:\n%s", what, x.screen())
		}
	}
}

// see awaits texts on the screen, gone their absence.
func (x *harness) see(texts ...string) {
	x.t.Helper()
	for _, s := range texts {
		x.await("to see "+s, func() bool { return strings.Contains(x.screen(), s) })
	}
}

func (x *harness) gone(s string) {
	x.t.Helper()
	x.await("not to see "+s, func() bool { return !strings.Contains(x.screen(), s) })
}

// screen is what is drawn, without colours and trailing spaces.
func (x *harness) screen() string {
	content, _ := x.app.page.View()
	rows := strings.Split(ansi.Strip(content), "\n")
	for i := range rows {
		rows[i] = strings.TrimRight(rows[i], " ")
	}
	return strings.Join(rows, "\n")
}

// open opens a conversation of the sidebar by its number, once the list is there.
func (x *harness) open(name string) {
	x.t.Helper()
	x.see(name)
	rows := strings.Split(x.screen(), "\n")
	for _, r := range rows {
		if f := strings.Fields(r); len(f) > 1 && f[1] == name {
			x.keys("alt+" + f[0])
			x.see("Message " + name)
			x.gone("loading…")
			return
		}
	}
	x.t.Fatalf("%s is not in the sidebar:\n%s", name, x.screen())
}

// keys presses keys by name; a name of one rune is typed.
func (x *harness) keys(names ...string) {
	x.t.Helper()
	for _, n := range names {
		x.send(press(n))
	}
}

func (x *harness) typed(s string) {
	for _, r := range s {
		if r == ' ' {
			x.send(tea.KeyPressMsg{Code: tea.KeySpace, Text: " "})
			continue
		}
		x.send(tea.KeyPressMsg{Code: r, Text: string(r)})
	}
}

var special = map[string]rune{
	"enter": tea.KeyEnter, "esc": tea.KeyEscape, "tab": tea.KeyTab, "up": tea.KeyUp, "down": tea.KeyDown,
	"pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown, "home": tea.KeyHome, "end": tea.KeyEnd, "f1": tea.KeyF1, "f2": tea.KeyF2, "f3": tea.KeyF3,
	"space": tea.KeySpace, "backspace": tea.KeyBackspace,
}

func press(name string) tea.KeyPressMsg {
	var mod tea.KeyMod
	for {
		switch {
		case strings.HasPrefix(name, "ctrl+"):
			mod, name = mod|tea.ModCtrl, name[5:]
		case strings.HasPrefix(name, "alt+"):
			mod, name = mod|tea.ModAlt, name[4:]
		case strings.HasPrefix(name, "shift+"):
			mod, name = mod|tea.ModShift, name[6:]
		default:
			if c, ok := special[name]; ok {
				return tea.KeyPressMsg{Code: c, Mod: mod}
			}
			k := tea.KeyPressMsg{Code: []rune(name)[0], Mod: mod}
			if mod == 0 {
				k.Text = name
			}
			return k
		}
	}
}

// golden compares the screen with testdata/<name>.txt. Every row must fit the terminal.
func (x *harness) golden(name string) {
	x.t.Helper()
	x.await("the round trip, which comes at its own time", func() bool {
		l := x.app.c.Link
		return !l.State().Sends() || l.RTT > 0 || len(x.fake.Token()) == 0
	})
	got := x.screen() + "\n"
	if x.draws != nil {
		got = x.draws(got)
	}
	var ws common.Widths
	rows := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
	if len(rows) != x.app.h {
		x.t.Errorf("%s: %d rows on a terminal of %d", name, len(rows), x.app.h)
	}
	for i, r := range rows {
		if n := ws.Width(r); n > x.app.w {
			x.t.Errorf("%s: row %d has %d columns of %d: %q", name, i, n, x.app.w, r)
		}
	}
	file := filepath.Join("testdata", name+".txt")
	if *rewrite {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			x.t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			x.t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		x.t.Fatalf("%v (go test ./tui -run %s -rewrite makes it)", err, x.t.Name())
	}
	if got != string(want) {
		x.t.Errorf("%s differs (go test ./tui -run %s -rewrite, then review the diff)\ngot:\n%s\nwant:\n%s", name, x.t.Name(), got, want)
	}
}
