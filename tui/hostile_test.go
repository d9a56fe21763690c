package tui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"parley/proto/parleyv1"
	"parley/tui/common"
)

// evil is what others may put into everything that they write: sequences for the terminal, a change of the direction of the
// text, a bell, a line break, marks without end, signs that are wider than they seem.
const evil = "\x1b[2J\x1b]0;owned\x07\u202e\n\u009b31me" + "\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301" + "👩‍💻ﷺ\t\x00"

func hostile(f *fake) {
	at := epoch.Add(-time.Hour)
	room := f.room("#r"+evil, "topic "+evil, "alice", "b"+evil)
	for i := range 3 {
		m := f.store(room.GetName(), "b"+evil, fmt.Sprintf("text %d %s https://e.example/%s.pdf `%s`", i, evil, evil, evil), "", at)
		m.Unread = false
		m.Reactions = []*parleyv1.Reaction{{Emoji: evil, Count: 2}}
		m.Pinned, m.Edits, m.Replies = true, 1, 1
	}
	f.store("@c"+evil, "c"+evil, "hello "+evil, "", at).Unread = false
	for _, u := range []string{"b" + evil, "c" + evil} {
		f.users = append(f.users, &parleyv1.User{Username: u, DisplayName: u})
	}
	f.link.Members[1].Name = "n" + evil
}

// clean fails when the screen tells the terminal anything but colours and links, or has a control character in it.
func (x *harness) clean(where string) {
	x.t.Helper()
	content, _ := x.app.page.View()
	if i := strings.IndexAny(ansi.Strip(content), "\x07\x00\r\t\u202e\u009b"); i >= 0 {
		x.t.Errorf("%s: a control character is drawn: %q", where, ansi.Strip(content)[i:])
	}
	var state byte
	for s := content; s != ""; {
		seq, width, n, next := ansi.DecodeSequence(s, state, nil)
		style := strings.HasPrefix(seq, "\x1b[") && strings.HasSuffix(seq, "m") || strings.HasPrefix(seq, "\x1b]8;")
		if width == 0 && strings.HasPrefix(seq, "\x1b") && !style {
			x.t.Errorf("%s: the terminal is told %q", where, seq)
		}
		s, state = s[n:], next
	}
	var ws common.Widths
	for i, row := range strings.Split(content, "\n") {
		if w := ws.Width(strings.TrimRight(ansi.Strip(row), " ")); w > x.app.w {
			x.t.Errorf("%s: row %d has %d columns of %d: %q", where, i, w, x.app.w, ansi.Strip(row))
		}
	}
}

// Names, topics, texts and reactions of others stay in their places, on every screen that shows them.
func TestHostileNamesAndTexts(t *testing.T) {
	for _, size := range [][2]int{{100, 24}, {60, 20}} {
		t.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(t *testing.T) {
			x := start(t, size[0], size[1], hostile)
			x.see("hello ␛[2J")
			x.clean("direct conversation")
			x.keys("alt+1")
			x.see("Message #r␛[2J", "text 2")
			x.clean("conversation")
			x.golden(fmt.Sprintf("hostile_%dx%d", size[0], size[1]))
			for _, k := range []string{"ctrl+k", "f3", "alt+p", "ctrl+f"} {
				x.keys(k)
				x.clean(k)
				x.keys("esc", "esc")
			}
			for _, s := range []string{"/who", "/pins", "/leave", "/archive", "/mentions", "/outbox"} {
				x.see("Message #r")
				x.typed(s)
				x.clean("composing " + s)
				x.keys("enter")
				x.clean(s)
				x.keys("esc", "esc", "ctrl+u")
			}
			x.typed("@c")
			x.keys("tab")
			x.clean("completion")
			x.keys("esc", "ctrl+u")
			x.keys("ctrl+s", "t")
			x.clean("reaction")
			x.keys("esc", "ctrl+s", "enter")
			x.clean("details")
		})
	}
}

// With --ascii the client draws nothing of its own outside ASCII, and the mono theme no colour; both keep every row.
func TestGoldenAsciiAndMono(t *testing.T) {
	for _, size := range [][2]int{{100, 24}, {60, 20}} {
		for _, mode := range []string{"ascii", "mono"} {
			t.Run(fmt.Sprintf("%s %dx%d", mode, size[0], size[1]), func(t *testing.T) {
				x := start(t, size[0], size[1], deploys)
				old := x.app.c.Settings
				if mode == "ascii" {
					x.app.c.Settings.ASCII = true
				} else {
					x.app.c.Settings.Theme = "mono"
				}
				x.send(common.SettingsMsg{Old: old})
				x.open("@bob")
				x.see("deploy is green")
				x.await("the round trip", func() bool { return x.app.c.Link.RTT > 0 })
				content := x.app.View().Content
				if mode == "mono" {
					if i := strings.Index(content, "[38;"); i >= 0 {
						t.Errorf("a colour is drawn: %q", content[i:min(len(content), i+20)])
					}
					x.golden(fmt.Sprintf("mono_%dx%d", size[0], size[1]))
					return
				}
				for _, r := range ansi.Strip(content) {
					if r >= 0x80 {
						t.Errorf("%q is drawn with --ascii", r)
					}
				}
				x.draws = x.app.c.Draw
				x.golden(fmt.Sprintf("ascii_%dx%d", size[0], size[1]))
			})
		}
	}
}

// Without `sidebar` the timeline has the whole width.
func TestSettingSidebar(t *testing.T) {
	x := start(t, 100, 24, deploys)
	x.open("@bob")
	x.see("@dave")
	old := x.app.c.Settings
	x.app.c.Settings.Sidebar = false
	x.send(common.SettingsMsg{Old: old})
	x.gone("@dave")
}

// Without `typing` nobody is told that one writes; with it they are.
func TestSettingTyping(t *testing.T) {
	x := start(t, 100, 24, deploys)
	x.open("@bob")
	typed := func() int { x.fake.mu.Lock(); defer x.fake.mu.Unlock(); return len(x.fake.typed) }
	x.app.c.Settings.Typing = false
	x.typed("hi")
	x.see("> hi")
	x.advance(time.Minute)
	x.app.c.Settings.Typing = true
	x.typed("!")
	x.await("one word of it", func() bool { return typed() > 0 })
	if n := typed(); n != 1 {
		t.Errorf("others were told %d times, want once", n)
	}
}

// `notify_command` runs with what is to be told in its environment.
func TestSettingNotifyCommand(t *testing.T) {
	x := start(t, 100, 24, deploys)
	x.open("@bob")
	x.app.c.Settings.Notify, x.app.c.Settings.NotifyCommand = "command", "false"
	x.send(tea.BlurMsg{})
	x.advance(time.Minute)
	x.fake.add("@bob", "bob", "look", epoch)
	x.see("exit status 1") // the program ran, and what went wrong with it is said
}
