package common

import (
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// ascii is the form of every sign that the client itself draws, for terminals and fonts that have nothing else. Both forms
// are one column wide, so that no row changes its layout. A test looks for signs in the source that are missing here.
var ascii = map[rune]byte{
	'·': '.', '…': '~', '✓': '+', '✗': 'x', '★': '*', '▸': '>', '▾': 'v', '◂': '<', '●': 'o', '○': '.', '•': 'o', '◆': '#',
	'─': '-', '│': '|', '┌': '+', '┐': '+', '└': '+', '┘': '+', '├': '+', '┤': '+', '┬': '+', '┴': '+', '┼': '+', '━': '=',
	'↑': '^', '↓': 'v', '←': '<', '→': '>', '↳': '\\', '↪': '\\', '⇧': '^', '⏎': '<',
	'▁': '_', '▂': '.', '▃': ',', '▄': '-', '▅': '=', '▆': '+', '▇': '*', '█': '#', '░': '.', '▒': ':', '▓': '#',
	'—': '-', '–': '-', '×': 'x', '±': '~', '≥': '>', '≤': '<', '≈': '~', '«': '<', '»': '>',
	'⟦': '[', '⟧': ']', '␀': '^', '␡': '^', utf8.RuneError: '?', '“': '"', '”': '"', '’': '\'', '⚠': '!', '⧗': '~', 'µ': 'u',
}

// ASCII reports whether the client draws nothing of its own outside ASCII.
func (c *Common) ASCII() bool { return c.Settings.ASCII || c.NonUTF8 }

// TextEmoji reports whether emoji are drawn by their names.
func (c *Common) TextEmoji() bool { return c.Settings.Emoji == "text" || c.ASCII() }

// Draw is the last step before the terminal: with ASCII it puts the signs into their ASCII form, and where the locale has
// no UTF-8 it puts a question mark for each column of everything else. Escape sequences are ASCII and stay.
func (c *Common) Draw(s string) string {
	if !c.ASCII() {
		return s
	}
	return toASCII(s, c.NonUTF8)
}

func toASCII(s string, all bool) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); {
		if s[i] < utf8.RuneSelf {
			b.WriteByte(s[i])
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch sign, ok := ascii[r]; {
		case ok:
			b.WriteByte(sign)
		case r > '␀' && r <= '␟':
			b.WriteByte('^') // the sanitiser's picture of a control character
		case all:
			b.WriteString(strings.Repeat("?", ansi.StringWidthWc(s[i:i+n])))
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

// UTF8Locale reports whether the environment's locale is one of UTF-8, by POSIX's order. None at all says nothing, and today's
// terminals have it.
func UTF8Locale(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(getenv(name)); v != "" {
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return true
}
