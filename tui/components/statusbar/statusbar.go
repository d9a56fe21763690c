// Package statusbar draws the one row that is always there: the state in a word, what it means, what is unread, and a hint.
package statusbar

import (
	"fmt"
	"strings"

	"parley/tui/common"
)

// Info is what the bar shows beside the link.
type Info struct {
	Unread  uint64 // over all conversations
	Waiting int    // own messages without a verdict
	Flash   string // answer to the last action; takes the place of the detail
	Bad     bool   // the flash is an error
	Stale   string // "data as of 14:03:12", when what is shown was read without a quorum
	Hint    string
}

// View is one row of w columns. What does not fit is left out from the right, the word never.
func View(c *common.Common, in Info, w int) string {
	st, ws := c.Styles, c.Widths
	word := c.Link.Word()
	out := st.Word(word).Render(" " + word + " ")
	left := w - ws.Width(word) - 2

	hint := in.Hint + " "
	room := left - ws.Width(hint) - 1
	if in.Flash != "" {
		if room < min(ws.Width(in.Flash)+1, 30) {
			hint, room = "", left
		}
		style, sign := st.Bar, ""
		if in.Bad {
			style, sign = st.Bar.Bold(true), "✗ "
		}
		text := ws.Pad(" "+sign+in.Flash, max(room, 0))
		return out + style.Render(text) + st.BarDim.Render(pad(hint, left-ws.Width(text)))
	}
	parts := []string{c.Link.Detail(c.Now())}
	if in.Stale != "" {
		parts = append(parts, in.Stale)
	}
	if in.Waiting > 0 {
		parts = append(parts, fmt.Sprintf("%d waiting", in.Waiting))
	}
	if in.Unread > 0 {
		parts = append(parts, fmt.Sprintf("%d unread", in.Unread))
	}
	// What must go first: without a quorum the age of the data and the counts say more than the node; in every other state
	// the detail does.
	var text string
	for {
		text = " " + strings.Join(parts, " │ ")
		if ws.Width(text) > room {
			hint, room = "", left
		}
		if ws.Width(text) <= room || len(parts) == 1 {
			break
		}
		if c.Link.Phase == common.NoQuorum {
			parts = parts[1:]
		} else {
			parts = parts[:len(parts)-1]
		}
	}
	text = ws.Pad(text, max(room, 0))
	return out + st.Bar.Render(text) + st.BarDim.Render(pad(hint, left-ws.Width(text)))
}

func pad(s string, n int) string {
	if n <= 0 {
		return ""
	}
	return strings.Repeat(" ", max(0, n-len([]rune(s)))) + s
}
