// Package statusbar draws the one row that is always there: the state in a word, what it means, what is unread, and a hint.
package statusbar

import (
	"fmt"
	"slices"
	"strings"

	"charm.land/lipgloss/v2"

	"parley/tui/common"
)

// Info is what the bar shows beside the link.
type Info struct {
	Conversation string // the open one; may be empty
	Unread       uint64 // over all conversations
	Mentions     uint64 // unread messages that name the reader
	Waiting      int    // own messages without a verdict
	Flash        string // answer to the last action; takes the place of the detail
	Bad          bool   // the flash is an error
	Stale        string // "as of 14:03:12", when what is shown was read without a quorum
	Mode         string // of the composer, such as NORMAL; may be empty
	Hint         string
}

// The ranks of what stands beside the link's own parts: see common.Part.
const (
	rankStale   = 1 // how old what is read is, is what a reader must not miss
	rankQueue   = 2
	rankMode    = 2
	rankUnread  = 4
	rankCurrent = 6
)

// View is one row of w columns. What does not fit is left out by rank, the word never.
func View(c *common.Common, in Info, w int) string {
	st, ws := c.Styles, c.Widths
	word := c.Link.Word()
	badge := st.Word(word)
	if c.Link.State() == common.StateDegraded {
		badge = st.Warn.Reverse(true).Bold(true)
	}
	out := badge.Render(" " + word + " ")
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
	ps := parts(c, in)
	for {
		n := measure(c, ps)
		if n > room {
			hint, room = "", left
		}
		worst := 0
		for i, p := range ps {
			if p.Rank >= ps[worst].Rank {
				worst = i
			}
		}
		if n <= room {
			break
		}
		if ps[worst].Rank <= rankStale && shorten(ps) {
			continue
		}
		if ps[worst].Rank == 0 {
			break
		}
		ps = slices.Delete(ps, worst, worst+1)
	}
	text, used := draw(c, ps, max(room, 0))
	return out + text + st.BarDim.Render(pad(hint, left-used))
}

// parts are all that there is to say, in the order they are drawn.
func parts(c *common.Common, in Info) []common.Part {
	ps := slices.DeleteFunc(c.Link.Parts(c.Now()), func(p common.Part) bool { return p.Text == "" })
	if in.Stale != "" {
		ps = append(ps, common.Part{Text: "data " + in.Stale, Short: in.Stale, Rank: rankStale})
	}
	if in.Waiting > 0 {
		ps = append(ps, common.Part{Text: fmt.Sprintf("queue %d", in.Waiting), Rank: rankQueue})
	}
	if in.Mode != "" {
		ps = append(ps, common.Part{Text: in.Mode, Rank: rankMode})
	}
	unread := ""
	if in.Mentions > 0 {
		unread = fmt.Sprintf("@%d ", in.Mentions)
	}
	if in.Unread > 0 {
		unread += fmt.Sprintf("+%d unread", in.Unread)
	}
	if in.Conversation != "" {
		ps = append(ps, common.Part{Text: in.Conversation, Rank: rankCurrent})
	}
	if unread != "" {
		ps = append(ps, common.Part{Text: strings.TrimSpace(unread), Rank: rankUnread, Join: in.Conversation != ""})
	}
	return ps
}

// shorten takes the short form of what has one; false when there is none left.
func shorten(ps []common.Part) (done bool) {
	for i := range ps {
		if ps[i].Short != "" {
			ps[i].Text, ps[i].Short, done = ps[i].Short, "", true
		}
	}
	return done
}

// between is what stands before the part of index i.
func between(ps []common.Part, i int) string {
	switch {
	case i == 0:
		return ""
	case ps[i].Join && ps[i-1].Rank == rankCurrent:
		return " "
	}
	return " │ "
}

func measure(c *common.Common, ps []common.Part) int {
	n := 1
	for i, p := range ps {
		n += c.Widths.Width(between(ps, i) + p.Text)
	}
	return n
}

// draw fills room columns.
func draw(c *common.Common, ps []common.Part, room int) (string, int) {
	st, ws := c.Styles, c.Widths
	var b strings.Builder
	used := 0
	put := func(style lipgloss.Style, s string) {
		s = ws.Truncate(s, room-used)
		used += ws.Width(s)
		b.WriteString(style.Render(s))
	}
	put(st.Bar, " ")
	for i, p := range ps {
		put(st.BarDim, between(ps, i))
		style := st.Bar
		if p.Warn {
			style = st.Bar.Bold(true)
		}
		put(style, p.Text)
	}
	put(st.Bar, strings.Repeat(" ", max(0, room-used)))
	return b.String(), used
}

func pad(s string, n int) string {
	if n <= 0 {
		return ""
	}
	return strings.Repeat(" ", max(0, n-len([]rune(s)))) + s
}
