package timeline

import (
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"

	"parley/tui/common"
)

// Whatever others write, nothing on the screen changes outside the rows of their message, and the terminal is told nothing
// but colours and links.
func FuzzFrame(f *testing.F) {
	for _, s := range []string{
		"hi", "\x1b[2J\x1b[H\x1b]0;owned\x07", "\u202eabc\u2066", "e" + strings.Repeat("\u0301", 40), "👩‍💻 👨‍👩‍👧 🏳️‍🌈 नमस्ते 👍🏽", "https://a.example/\x1b]8;;x\x07",
		"*a _b `c https://x.example/*_`", "\n\n\n", strings.Repeat("世", 100), "```\n\x9b31m\n```", "\u200d\u200d", "a\tb\r\nc\rd", "@alice @room",
		"http://[::1]:80/%zz\u00a0x", "\U000e0001\U000e0041", "ﷺ꧅𒐫",
	} {
		f.Add(s, 40)
	}
	f.Fuzz(func(t *testing.T, s string, w int) {
		if len(s) > 2000 || w < 30 || w > 160 {
			return
		}
		const h = 200
		at := time.Unix(0, 0).UTC()
		m := model(w, h)
		m.Me, m.c.Widths.Grapheme = "alice", true // the rule that the emulator follows exactly
		hostile := &Entry{
			Key: s, Author: common.Line(s), Text: common.Body(s), Note: common.Line(s), Time: at, Mention: true, Edited: 1, Replies: 1,
			ReplyTo: common.Line(s), Reactions: []Reaction{{Text: common.Line(s), Count: 1, Mine: true}},
		}
		m.SetEntries([]*Entry{
			{Key: "a", Author: "bob", Text: "before", Time: at}, hostile, {Key: "z", Author: "carol", Text: "after", Time: at.Add(time.Hour)},
		})
		rows := m.View()
		em := vt.NewEmulator(w, h)
		for i, row := range rows {
			onlyStyle(t, row)
			if n := m.c.Widths.Width(row); n > w {
				t.Fatalf("row %d has %d columns of %d: %q", i, n, w, row)
			}
			if strings.ContainsAny(row, "\n\r") {
				t.Fatalf("row %d is more than one: %q", i, row)
			}
		}
		_, _ = em.WriteString(ansi.SetModeUnicodeCore)
		_, _ = em.WriteString(strings.Join(rows, "\r\n"))
		line := func(y int) string {
			var b strings.Builder
			for x := 0; x < w; {
				c := em.CellAt(x, y)
				if c == nil || c.Content == "" {
					b.WriteByte(' ')
					x++
					continue
				}
				b.WriteString(c.Content)
				x += max(1, c.Width)
			}
			return strings.TrimRight(b.String(), " ")
		}
		_, body := m.measureBlock(1)
		if got := line(h - 1); !strings.HasSuffix(got, "carol  after") {
			t.Fatalf("the message after it is drawn as %q", got)
		}
		if h-2-body > 0 {
			if got := line(h - 2 - body); !strings.HasSuffix(got, "bob  before") {
				t.Fatalf("the message before it is drawn as %q", got)
			}
		}
		if em.IsAltScreen() {
			t.Fatal("the terminal was told to change its screen")
		}
	})
}

// onlyStyle fails on any sequence that is not a colour or a link.
func onlyStyle(t *testing.T, row string) {
	t.Helper()
	var state byte
	for s := row; s != ""; {
		seq, width, n, next := ansi.DecodeSequence(s, state, nil)
		if width == 0 && strings.HasPrefix(seq, "\x1b") && !(strings.HasPrefix(seq, "\x1b[") && strings.HasSuffix(seq, "m")) && !strings.HasPrefix(seq, "\x1b]8;") {
			t.Fatalf("the row %q tells the terminal %q", row, seq)
		}
		s, state = s[n:], next
	}
}
