package common

import (
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// corpus is text whose width terminals and libraries disagree on.
var corpus = []string{
	"世界 hello 世界", "🎉🎉🎉 party", "🇺🇸 🇩🇪", "❤️ ⚠️ signs", "👍🏽 tone", "नमस्ते दुनिया", "👩‍💻 👨‍👩‍👧 🏳️‍🌈", "🫆 new",
	"e\u0301\u0300\u0302 marks", "שלום עולם", strings.Repeat("long", 40), "a b  c   d", "", "\n\ntwo empty rows",
}

// Rows never exceed their width, by the rule that the renderer uses, and no letter is lost.
func TestWrapKeepsWidthAndText(t *testing.T) {
	for _, ws := range []Widths{{}, {Grapheme: true}} {
		for _, s := range corpus {
			for _, n := range []int{4, 8, 13, 40} {
				rows := ws.Wrap(Body(s), n)
				for _, r := range rows {
					if w := ws.Width(r); w > n && ansi.StringWidth(r) > 2 { // one cluster cannot be broken
						t.Errorf("grapheme=%v: a row of %q has %d columns of %d: %q", ws.Grapheme, s, w, n, r)
					}
				}
				squeeze := strings.NewReplacer(" ", "", "\n", "")
				if got, want := squeeze.Replace(strings.Join(rows, "")), squeeze.Replace(Body(s)); got != want {
					t.Errorf("wrapping %q to %d lost text: %q", s, n, got)
				}
			}
		}
	}
}

func TestPadIsExact(t *testing.T) {
	for _, ws := range []Widths{{}, {Grapheme: true}} {
		for _, s := range corpus {
			s = Line(s)
			for _, n := range []int{1, 7, 12, 30} {
				if w := ws.Width(ws.Truncate(s, n)); w > n {
					t.Errorf("Truncate(%q, %d) has %d columns", s, n, w)
				}
			}
		}
	}
	if got := (Widths{}).Pad("bob", 5); got != "bob  " {
		t.Errorf("Pad = %q", got)
	}
	if got := (Widths{}).Rule("new", 11); got != "─── new ───" {
		t.Errorf("Rule = %q", got)
	}
}

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		80 * time.Millisecond: "80 ms", 3200 * time.Millisecond: "3.2 s", 42 * time.Second: "42 s",
		5 * time.Minute: "5 min", 30 * time.Hour: "30 h", -time.Second: "0 ms",
	} {
		if got := Age(d); got != want {
			t.Errorf("Age(%v) = %q, want %q", d, got, want)
		}
	}
}

// The way out is never what a narrow screen cuts off.
func TestHints(t *testing.T) {
	const keys = " j k choose · Enter opens · x ends · Esc back"
	for n, want := range map[int]string{80: keys, 36: " j k choose · Enter opens · Esc back", 30: " j k choose · Esc back", 12: "Esc back", 5: "Esc …"} {
		if got := (Widths{}).Hints(keys, n); got != want {
			t.Errorf("%d columns: %q, want %q", n, got, want)
		}
	}
}
