package common

import (
	"fmt"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Widths measures and breaks text. The renderer counts columns per rune (wcwidth) until the terminal says that it clusters
// graphemes (mode 2027); the program must count the same way, or rows drift.
type Widths struct {
	Grapheme bool
}

// Width is the number of columns of s; escape sequences count nothing.
func (w Widths) Width(s string) int {
	if w.Grapheme {
		return ansi.StringWidth(s)
	}
	return ansi.StringWidthWc(s)
}

// Truncate cuts s to n columns and ends it with "…" when something was cut.
func (w Widths) Truncate(s string, n int) string {
	if n <= 0 {
		return ""
	}
	if w.Width(s) <= n {
		return s
	}
	cut := ansi.TruncateWc
	if w.Grapheme {
		cut = ansi.Truncate
	}
	// The library decides by graphemes whether anything is to be cut, also when it then counts runes: ask for less until
	// the result fits.
	for k := n; k > 0; k-- {
		if t := cut(s, k, "…"); w.Width(t) <= n {
			return t
		}
	}
	return "…"
}

// Hints fits a row of keys, "j k choose · Enter opens · Esc back", into n columns. What does not fit goes from the end, whole;
// the last one stays: it is the way out.
func (w Widths) Hints(s string, n int) string {
	parts := strings.Split(s, " · ")
	for len(parts) > 1 && w.Width(s) > n {
		parts = slices.Delete(parts, len(parts)-2, len(parts)-1)
		s = strings.Join(parts, " · ")
	}
	return w.Truncate(s, n)
}

// Wrap breaks s into rows of at most n columns, at spaces where it can. It keeps empty lines and returns at least one row.
func (w Widths) Wrap(s string, n int) []string {
	n = max(n, 2) // a wide character must fit
	rows := w.wrap(s, n)
	for i := 0; i < len(rows); i++ {
		// The library counts some clusters (a digit with a variation selector) narrower while it breaks than when it
		// measures: ask for less until the pieces fit.
		for k := n - 1; k >= 2 && w.Width(rows[i]) > n; k-- {
			if pieces := w.wrap(rows[i], k); len(pieces) > 1 && pieces[0] != "" { // or it would never end
				rows = slices.Replace(rows, i, i+1, pieces...)
			}
		}
	}
	return rows
}

func (w Widths) wrap(s string, n int) []string {
	if w.Grapheme {
		return strings.Split(ansi.Wrap(s, n, ""), "\n")
	}
	return strings.Split(ansi.WrapWc(s, n, ""), "\n")
}

// Pad fills s with spaces to n columns, or cuts it to n.
func (w Widths) Pad(s string, n int) string {
	s = w.Truncate(s, n)
	return s + strings.Repeat(" ", max(0, n-w.Width(s)))
}

// PadLeft is Pad with the spaces in front.
func (w Widths) PadLeft(s string, n int) string {
	s = w.Truncate(s, n)
	return strings.Repeat(" ", max(0, n-w.Width(s))) + s
}

// Rule is a horizontal line of n columns with an optional text in it.
func (w Widths) Rule(text string, n int) string {
	if text == "" {
		return strings.Repeat("─", max(0, n))
	}
	text = w.Truncate(" "+text+" ", n)
	left := max(0, (n-w.Width(text))/2)
	return strings.Repeat("─", left) + text + strings.Repeat("─", max(0, n-left-w.Width(text)))
}

// TooSmall is what is drawn on a terminal that is too small for anything else.
func TooSmall(w, h, minW, minH int) string {
	var ws Widths
	text := fmt.Sprintf("%dx%d is too small.\nParley needs %dx%d.\nOr: parley read", w, h, minW, minH)
	var rows []string
	for _, line := range strings.Split(text, "\n") {
		rows = append(rows, ws.Wrap(line, w)...)
	}
	return strings.Join(rows[:min(len(rows), max(h, 0))], "\n")
}
