package tui

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"parley/tui/common"
	"parley/tui/config"
	"parley/tui/ptytest"
)

func TestFeatureMultiLineCompose(t *testing.T) {
	x := start(t, 100, 24, deploys)
	x.open("@bob")
	for _, k := range []string{"shift+enter", "alt+enter", "ctrl+j"} {
		x.typed("row")
		x.keys(k)
	}
	x.typed("last")
	x.see("> row\n  row\n  row\n  last")
	x.keys("enter")
	x.see("✓ alice  row")
	for range 12 { // it grows to eight rows, then it scrolls
		x.typed("r")
		x.keys("ctrl+j")
	}
	x.typed("end")
	rows := strings.Split(x.screen(), "\n")
	if len(rows) != 24 || !strings.Contains(rows[23], "end") || !strings.Contains(rows[15], "READY") {
		t.Errorf("thirteen rows are drawn as:\n%s", x.screen())
	}
}

func TestCompletion(t *testing.T) {
	x := start(t, 100, 24, func(f *fake) { deploys(f); f.room("#ops", "deploys", "alice").ranks["bob"] = 2 })
	x.open("@bob")
	x.typed("ask @c")
	x.see("@carol")
	x.keys("tab")
	x.see("> ask @carol")
	x.typed(", now") // the space after a completed name makes way for a comma
	x.see("> ask @carol, now")
	x.keys("ctrl+c")

	x.typed("/s")
	x.see("/select", "/set [name [value]]", "/settings")
	x.keys("tab")
	first := x.app.page.(interface{ Draft() string }).Draft()
	x.keys("tab")
	second := x.app.page.(interface{ Draft() string }).Draft()
	x.keys("shift+tab")
	if got := x.app.page.(interface{ Draft() string }).Draft(); got != first || first == second || !strings.HasPrefix(second, "/s") {
		t.Errorf("Tab went to %q and %q, S-Tab back to %q", first, second, got)
	}
	x.keys("esc")
	x.see("> /s")
	if strings.Contains(x.screen(), "/settings") {
		t.Error("Esc left the list open")
	}
	x.keys("ctrl+c")

	x.typed("/set the")
	x.keys("tab")
	x.typed("da")
	x.keys("tab")
	x.see("> /set theme dark")
	x.keys("ctrl+c")

	x.typed("see #o")
	x.keys("tab")
	x.see("> see #ops")
	x.keys("ctrl+c")

	x.typed("green :tad")
	x.see(":tada:")
	x.keys("tab")
	x.see("> green 🎉")
	x.typed("and :fire: done")
	x.keys("enter")
	x.see("✓ alice  green 🎉 and 🔥 done")
	x.typed("/me waves")
	x.keys("enter")
	x.see("* alice waves")
}

func TestHistoryAndUndo(t *testing.T) {
	x := start(t, 100, 24, deploys)
	x.open("@bob")
	for _, s := range []string{"first words", "second words"} {
		x.typed(s)
		x.keys("enter")
		x.see("✓ alice  first words")
	}
	x.typed("draft")
	x.keys("up")
	x.see("> second words")
	x.keys("up")
	x.see("> first words")
	x.keys("down", "down")
	x.see("> draft")
	x.typed(" two three")
	x.keys("ctrl+w")
	x.see("> draft two")
	x.keys("ctrl+y", "ctrl+_", "ctrl+_")
	x.see("> draft two three")
	x.keys("ctrl+a")
	x.typed("my ")
	x.see("> my draft two three")
	x.keys("ctrl+_")
	x.see("> draft two three")
	x.keys("ctrl+c", "up") // an empty draft has no history: the arrow selects
	x.see("r reply")
}

func TestFeaturePasteGuard(t *testing.T) {
	x := start(t, 100, 24, deploys)
	x.open("@bob")
	x.send(tea.PasteMsg{Content: "two\r\nrows\tand\x1b[31m"})
	x.see("> two\n  rows    and␛[31m")
	x.keys("ctrl+c")

	seven := "/one\n2\n3\n4\n5\n6\n7"
	x.send(tea.PasteMsg{Content: seven})
	x.see("Paste 7 lines, 16 bytes? [Enter] as one message  [e] edit  [Esc] drop", "/one")
	x.golden("paste_100x24")
	x.keys("esc")
	x.see("paste dropped")
	x.send(tea.PasteMsg{Content: seven})
	x.keys("e")
	x.see("> /one\n  2")
	x.keys("ctrl+c")
	n := len(x.fake.tries())
	x.send(tea.PasteMsg{Content: seven})
	x.keys("enter") // it begins with a slash, and is no command
	x.see("✓ alice  /one")
	if got := len(x.fake.tries()); got != n+1 {
		t.Errorf("%d messages were sent, want 1", got-n)
	}
	x.send(tea.PasteMsg{Content: strings.Repeat("long ", 2000)})
	x.see("1808 bytes too long for a message. [Esc] drop")
	x.keys("enter")
	x.see("nothing was inserted")
	if got := len(x.fake.tries()); got != n+1 {
		t.Error("a part of a text that is too long was sent")
	}
	x.send(tea.WindowSizeMsg{Width: 60, Height: 20})
	x.send(tea.PasteMsg{Content: seven})
	x.see("[e] edit  [Esc] drop")
}

func TestFeatureVimKeys(t *testing.T) {
	x := start(t, 100, 24, deploys)
	x.open("@bob")
	x.typed("/set vim on")
	x.keys("enter")
	x.see("INSERT")
	x.typed("the quick brown fox")
	x.keys("esc")
	x.see("NORMAL", "N the quick brown fox")
	for _, c := range []struct{ keys, want string }{
		{"0dw", "quick brown fox"}, {"u", "the quick brown fox"}, {"U", "quick brown fox"}, {"$ciwdog", "quick brown dog"},
	} {
		x.typed(c.keys)
		if strings.Contains(c.keys, "c") {
			x.keys("esc")
		}
		if got := x.app.page.(interface{ Draft() string }).Draft(); got != c.want {
			t.Fatalf("after %s the draft is %q, want %q", c.keys, got, c.want)
		}
	}
	x.typed("yypA!")
	x.see("> quick brown dog\n  quick brown dog!")
	x.keys("esc")
	x.typed("ggdGiall new")
	x.keys("esc", "enter")
	x.see("✓ alice  all new")
	x.typed("k")
	x.see("r reply") // on an empty draft k selects, like the arrow
	x.keys("esc")
	x.typed(":set vim off")
	x.keys("enter")
	x.gone("NORMAL")
}

// With PARLEY_TUI_CHILD the client runs on a real terminal, and so does the editor.
func TestFeatureEditor(t *testing.T) {
	script := filepath.Join(t.TempDir(), "edit.sh")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nstat -c %a \"$2\" > \"$1\"\nprintf ' twice' >> \"$2\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	mode := filepath.Join(t.TempDir(), "mode")
	term := onPTY(t, 100, 24, "VISUAL=", "EDITOR="+script+" "+mode)
	must(t, term.WaitFor(patience, "Message @bob"))
	must(t, term.Type("said", "\x18"))
	must(t, term.WaitFor(patience, "^X^E writes in $EDITOR"))
	must(t, term.Type("\x05"))
	must(t, term.WaitFor(patience, "> said twice"))
	if b, err := os.ReadFile(mode); err != nil || strings.TrimSpace(string(b)) != "600" {
		t.Errorf("the draft's file had the mode %q, %v; want 600", b, err)
	}
	must(t, term.Type(ptytest.Enter))
	must(t, term.WaitFor(patience, "✓ alice  said twice"))

	failing := onPTY(t, 100, 24, "VISUAL=false", "EDITOR=")
	must(t, failing.WaitFor(patience, "Message @bob"))
	must(t, failing.Type("keep me", "\x18\x05"))
	must(t, failing.WaitFor(patience, "the draft is as it was", "> keep me"))
}

func TestFeatureRebindableKeys(t *testing.T) {
	d := config.Dir(filepath.Join(t.TempDir(), "parley"))
	x := start(t, 100, 24, deploys)
	x.app.c.SaveKeys, x.app.c.SaveSetting = d.SaveKeys, d.SaveSetting
	x.open("@bob")
	x.typed("/bind F7 help")
	x.keys("enter")
	x.see("f7 is help")
	x.send(tea.KeyPressMsg{Code: tea.KeyF7})
	x.see("Help", "F1 F7", "Anywhere")
	x.typed("/next unr")
	x.see("find: next unr")
	x.keys("enter")
	x.see("next conversation with unread")
	x.gone("sidebar on or off")
	x.keys("esc", "esc")

	x.typed("/bind ^K search") // the key of the switcher changes hands, and that is said
	x.keys("enter")
	x.see("ctrl+k is search; people keeps (no key)")
	x.typed("/bind ^C quit")
	x.keys("enter")
	x.see("interrupt must keep a key", "> /bind ^C quit")
	x.keys("ctrl+c")
	x.typed("/bind a search")
	x.keys("enter")
	x.see("a is what you write with")
	x.keys("ctrl+c")
	x.await("the keys to be written", func() bool {
		m, problems := d.Keys()
		return len(problems) == 0 && len(m.People.Keys()) == 0 && len(m.Search.Keys()) == 2 && len(m.Help.Keys()) == 2
	})

	x.typed("/settings")
	x.keys("enter")
	x.see("Settings", "▸ theme", "people             (no key)")
	x.golden("settings_100x24")
	x.keys("right")
	x.see("theme is dark")
	if got := x.app.c.Settings.Theme; got != "dark" {
		t.Errorf("the theme is %s", got)
	}
	x.await("the theme to be written", func() bool { v, _ := d.Settings(); return v.Theme == "dark" })
	x.keys("esc")
	x.typed("/set theme blue")
	x.keys("enter")
	x.see("theme is one of auto, dark, light")
}

// What is wrong in the files is said when the client begins, and F9 shows all of it.
func TestProblemsOfTheFilesAreTold(t *testing.T) {
	x := start(t, 100, 24, deploys)
	x.app.c.Problems = []string{"config.toml line 3: there is no setting \"thema\"", "keys.toml line 1: f99 is no key"}
	x.see("Message @")
	x.send(common.LoggedInMsg{User: "alice"})
	x.see("config.toml line 3: there is no setting", "(and 1 more: /settings)")
	x.send(tea.KeyPressMsg{Code: tea.KeyF9})
	x.see("At the start these were wrong", "f99 is no key")
}
