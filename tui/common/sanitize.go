package common

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// bidiNames are the directional controls that can make a row read as something else than was written.
var bidiNames = map[rune]string{
	0x061C: "ALM", 0x200E: "LRM", 0x200F: "RLM",
	0x202A: "LRE", 0x202B: "RLE", 0x202C: "PDF", 0x202D: "LRO", 0x202E: "RLO",
	0x2066: "LRI", 0x2067: "RLI", 0x2068: "FSI", 0x2069: "PDI",
}

// Body cleans text of several lines: line feeds stay, CRLF becomes one, everything else that a terminal would obey is
// shown instead of sent. It is idempotent, and its result is valid UTF-8.
func Body(s string) string { return clean(s, true) }

// Line cleans text for one row: a name, a title, an error. A line feed becomes a visible sign.
func Line(s string) string { return clean(s, false) }

func clean(s string, lines bool) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	marks := MaxMarks // a mark without a base has nothing to sit on
	base := rune(0)
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		i += n
		if r == '\r' && lines && i < len(s) && s[i] == '\n' {
			continue
		}
		if isMark(r) {
			if base < utf8.RuneSelf && (r == 0xFE0E || r == 0xFE0F) {
				continue // a keycap's: one column or two, as every library and terminal thinks
			}
			if marks < MaxMarks {
				marks++
				b.WriteRune(r)
			}
			continue
		}
		marks, base = 0, r
		switch {
		case r == '\n' && lines:
			marks = MaxMarks
			b.WriteByte('\n')
		case r == '\t':
			b.WriteString(strings.Repeat(" ", TabSpaces))
		case r < 0x20:
			b.WriteRune('␀' + r)
		case r == 0x7f:
			b.WriteRune('␡')
		case r == utf8.RuneError:
			b.WriteRune(utf8.RuneError)
		case bidiNames[r] != "":
			b.WriteString("⟦" + bidiNames[r] + "⟧")
		case r == 0x00AD || r == 0xFEFF:
			marks = MaxMarks // soft hyphen and byte order mark: invisible, of unsure width, and never missed
		case hidden(r):
			fmt.Fprintf(&b, "⟦U+%04X⟧", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// plain is the fast path: printable ASCII and nothing else.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

// isMark reports what draws onto the character before it. The two joiners belong here: emoji and Indic scripts need them
// singly, never in a run.
func isMark(r rune) bool {
	return r == 0x200C || r == 0x200D || unicode.In(r, unicode.Mn, unicode.Me)
}

// hidden reports characters that a terminal obeys or swallows: C1 controls, format characters, line separators.
func hidden(r rune) bool {
	return r >= 0x80 && r < 0xA0 || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}
