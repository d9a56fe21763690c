package switcher

import (
	"fmt"

	tea "charm.land/bubbletea/v2"

	"parley/tui/common"
)

// headRows stand above the list.
const headRows = 3

// room is the number of rows of the list itself, from the first of them that is drawn.
func (m *Model) room() int { return max(1, m.h-headRows-1) }
func (m *Model) from() int { return max(0, m.at-m.room()+1) }

// View is the field, what matches, and what can be done.
func (m *Model) View() ([]string, *tea.Cursor) {
	st, ws := m.c.Styles, m.c.Widths
	out := []string{
		st.Strong.Render(ws.Truncate(" Go to a room, a person or a >command", m.w)),
		" " + st.Accent.Render("?") + " " + m.in.View(),
		"",
	}
	cursor := m.in.Cursor()
	if cursor != nil {
		cursor.X, cursor.Y = cursor.X+3, 1
	}
	from := m.from()
	for i := from; i < min(len(m.shown), from+m.room()); i++ {
		out = append(out, m.row(m.shown[i], i == m.at))
	}
	if len(m.shown) == 0 {
		text := "nothing matches " + common.Line(m.in.Value())
		if !m.listed {
			text = "asking…"
		}
		out = append(out, st.Dim.Render(ws.Truncate(" "+text, m.w)))
	}
	for len(out) < m.h-1 {
		out = append(out, "")
	}
	out = out[:max(0, m.h-1)]
	return append(out, st.Dim.Render(ws.Hints(m.hint(), m.w))), cursor
}

func (m *Model) hint() string {
	s := fmt.Sprintf(" %d match", len(m.shown))
	if len(m.shown) == 1 {
		s = " 1 matches"
	}
	if m.more {
		s += ", and more: type on"
	}
	if m.status != "" {
		s += " · " + m.status
	}
	return s + " · ↑↓ choose · Enter opens · Esc back"
}

func (m *Model) row(it Item, current bool) string {
	st, ws := m.c.Styles, m.c.Widths
	name := ws.Truncate(it.Name, max(4, m.w-4))
	note, noteStyle := it.Note, st.Dim
	switch {
	case it.Mentions > 0:
		note, noteStyle = fmt.Sprintf("@%d, %d unread", it.Mentions, it.Unread), st.Unread
	case it.Unread > 0:
		note, noteStyle = fmt.Sprintf("%d unread", it.Unread), st.Unread
	}
	if room := m.w - 4 - ws.Width(name) - 2; room > 4 {
		note = ws.Truncate(note, room)
	} else {
		note = ""
	}
	lead, style := "   ", st.Text
	switch {
	case current:
		lead, style = st.Accent.Render(" ▸ "), st.Strong.Reverse(true)
	case it.create:
		lead = st.Accent.Render(" + ")
	case it.Dim:
		style, noteStyle = st.Dim, st.Dim
	case it.Unread > 0:
		style = st.Strong
	}
	return lead + style.Render(name) + "  " + noteStyle.Render(note)
}
