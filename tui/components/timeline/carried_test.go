package timeline

import (
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// What a message carries beside its text is on the screen in words or signs, and counted as it is drawn.
func TestCarried(t *testing.T) {
	m := model(60, 14)
	m.Me = "alice"
	at := time.Unix(0, 0).UTC()
	es := []*Entry{
		{Key: "a", Author: "bob", Text: "deploy is stuck", Time: at, Edited: 2, Pinned: true, Replies: 2, Reactions: []Reaction{{"👍", 2, true}, {"🔥", 1, false}}},
		{Key: "b", Author: "carol", Text: "@alice look at it", Time: at, Mention: true, Replies: 1},
		{Key: "c", Author: "bob", Text: "green", Time: at, ThreadID: 1, ReplyTo: "bob: deploy is stuck and nobody knows why it has been so for a day"},
		{Key: "d", Author: "bob", Text: "really", Time: at, ThreadID: 1, ReplyTo: "bob: deploy is stuck"},
		{Key: "e", Author: "bob", Deleted: true, Time: at, Edited: 1, Pinned: true, Mention: true, Replies: 1, Reactions: []Reaction{{"👍", 1, false}}},
	}
	m.SetUnread("b")
	m.SetEntries(es)
	var rows []string
	for _, r := range m.View() {
		rows = append(rows, strings.TrimRight(ansi.Strip(r), " "))
	}
	want := `
────────────────────── Thu 1 Jan 1970 ──────────────────────
 00:00     bob  deploy is stuck (edited, pinned)
                ↳ 2 replies · [👍 2] · 🔥 1
────────────────────────── 3 new ───────────────────────────
@00:00   carol  @alice look at it
                ↳ 1 reply
 00:00     bob  re: bob: deploy is stuck and nobody knows w…
                green
                really
                message deleted
                ↳ 1 reply`
	got := strings.TrimLeft(strings.Join(rows, "\n"), "\n")
	if want = strings.TrimPrefix(want, "\n"); got != want {
		t.Errorf("drawn:\n%s\nwant:\n%s", got, want)
	}
	for i := range es {
		n, k := m.measureBlock(i)
		if pre, body := m.block(i); len(pre) != n || len(body) != k {
			t.Errorf("entry %d is drawn in %d+%d rows, counted as %d+%d", i, len(pre), len(body), n, k)
		}
	}
}

func TestSpans(t *testing.T) {
	for text, want := range map[string]string{
		"*bold* and _so_ and `code *no*`":               "B(*bold*) and I(_so_) and C(`code *no*`)",
		"2*3*4 snake_case_name *.go and *.md":           "2*3*4 snake_case_name *.go and *.md",
		"* item\n* other*":                              "* item\n* other*",
		"see (https://a.example/x_(y)?q=1), *now*!":     "see (L(https://a.example/x_(y)?q=1)), B(*now*)!",
		"HTTP://Example.org. mailto:bob@example.org":    "L(HTTP://Example.org). L(mailto:bob@example.org)",
		"javascript:alert(1) file:///etc http:// https": "javascript:alert(1) file:///etc http:// https",
		"xhttp://a.example":                             "xhttp://a.example",
		"```\na *b*\n\nc\n``` x":                        "C(```\na *b*\n\nc\n```) x",
		"`open and ``` open":                            "C(`open and `)`` open",
		"hi @Alice, @alicex @bob @room":                 "hi M(@Alice), @alicex @bob M(@room)",
		"https://a.example/世界":                          "L(https://a.example/世界)",
		"**bold** __init__ ** *** a**b**":               "B(**bold**) __init__ ** *** a**b**",
	} {
		var b strings.Builder
		at := 0
		for _, s := range parse(text, "alice") {
			b.WriteString(text[at:s.from] + string("BICLMT"[s.kind]) + "(" + text[s.from:s.to] + ")")
			at = s.to
		}
		if got := b.String() + text[at:]; got != want {
			t.Errorf("%q reads as %q, want %q", text, got, want)
		}
	}
	if _, target := link("https://a.example/世"); target != "https://a.example/%E4%B8%96" {
		t.Errorf("a target is %q", target)
	}
}

// The pieces of a wrapped link are one link, and a style never runs into the margin.
func TestWrappedLink(t *testing.T) {
	m := model(50, 8)
	addr := "https://a.example/" + strings.Repeat("path/", 20)
	m.SetEntries([]*Entry{{Key: "a", Author: "bob", Text: "look: " + addr + " *bold text that is long enough to be broken into rows*", Time: time.Unix(0, 0)}})
	ids := map[string]bool{}
	links := 0
	for _, row := range m.View() {
		for _, part := range strings.Split(row, "\x1b]8;")[1:] {
			params, rest, _ := strings.Cut(part, ";")
			if params == "" {
				continue // the end of one
			}
			links++
			ids[params] = true
			if target, _, _ := strings.Cut(rest, "\x07"); target != addr {
				t.Errorf("a piece leads to %q", target)
			}
		}
		if plain := ansi.Strip(row); strings.TrimSpace(plain) != "" && strings.HasPrefix(plain, "   ") && !strings.HasPrefix(row, "   ") {
			t.Errorf("a style reaches into the margin: %q", row)
		}
	}
	if links < 3 || len(ids) != 1 {
		t.Errorf("%d pieces have %d ids", links, len(ids))
	}
}
