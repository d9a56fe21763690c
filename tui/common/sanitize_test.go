package common

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

func TestBody(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"plain", "plain"},
		{"two\nlines\r\nthree", "two\nlines\nthree"},
		{"a\tb", "a    b"},
		{"\x1b[31mred\x1b[0m", "␛[31mred␛[0m"},
		{"bell\x07 del\x7f nul\x00", "bell␇ del␡ nul␀"},
		{"lone\rreturn", "lone␍return"},
		{"c1 \u009b31m", "c1 ⟦U+009B⟧31m"},
		{"\u202etxt.exe", "⟦RLO⟧txt.exe"},
		{"\u2066x\u2069", "⟦LRI⟧x⟦PDI⟧"},
		{"line\u2028sep", "line⟦U+2028⟧sep"},
		{"zero\u200bwidth", "zero⟦U+200B⟧width"},
		{"soft\u00adhyphen", "softhyphen"},
		{"\ufeffbom", "bom"},
		{"z" + strings.Repeat("\u0300", 50), "z" + strings.Repeat("\u0300", MaxMarks)},
		{"\u0300lone mark", "lone mark"},
		{"1\ufe0f\u20e3 ❤\ufe0f", "1\u20e3 ❤\ufe0f"},
		{"bad\xffutf8", "bad\ufffdutf8"},
		{"👩‍💻 नमस्ते ❤️ 🏳️‍🌈", "👩‍💻 नमस्ते ❤️ 🏳️‍🌈"},
	} {
		if got := Body(c.in); got != c.want {
			t.Errorf("Body(%q) = %q, want %q", c.in, got, c.want)
		}
	}
	if got := Line("two\nlines"); got != "two␊lines" {
		t.Errorf("Line kept a line feed: %q", got)
	}
}

// Whatever comes in, what goes out is text and nothing that a terminal obeys.
func FuzzSanitize(f *testing.F) {
	for _, s := range []string{"", "hi", "\x1b]8;;http://x\x07", "\u202e\u0300\u0300\x9b", "👩‍💻\u200d\u200d\u200d\u200d\u200d", "\r\n\r", "\xf0\x28"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for name, clean := range map[string]func(string) string{"Body": Body, "Line": Line} {
			out := clean(s)
			if !utf8.ValidString(out) {
				t.Fatalf("%s(%q) = %q is not UTF-8", name, s, out)
			}
			if again := clean(out); again != out {
				t.Fatalf("%s is not idempotent: %q, then %q", name, out, again)
			}
			if ansi.Strip(out) != out {
				t.Fatalf("%s(%q) = %q still holds an escape sequence", name, s, out)
			}
			marks := 0
			for _, r := range out {
				switch {
				case r == '\n' && name == "Body":
				case unicode.IsControl(r), bidiNames[r] != "", unicode.In(r, unicode.Zl, unicode.Zp):
					t.Fatalf("%s(%q) = %q lets %U through", name, s, out, r)
				}
				if isMark(r) {
					if marks++; marks > MaxMarks {
						t.Fatalf("%s(%q) = %q has more than %d marks on one base", name, s, out, MaxMarks)
					}
				} else {
					marks = 0
				}
			}
		}
	})
}
