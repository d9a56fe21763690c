// Package helpview is the help screen, generated from the keymap and the slash commands.
package helpview

import (
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"parley/tui/common"
	"parley/tui/keymap"
)

// Line is one documented command or sign.
type Line struct{ Name, Help string }

// Section is more to show below the keys.
type Section struct {
	Title string
	Lines []Line
}

// Model is a scrollable page.
type Model struct {
	c        *common.Common
	sections []Section
	from     int
	w, h     int
}

// New shows the keys, then the sections.
func New(c *common.Common, more ...Section) *Model {
	var all []Section
	for _, g := range c.Keys.Groups() {
		all = append(all, section(g))
	}
	return &Model{c: c, sections: append(all, more...)}
}

func section(g keymap.Group) Section {
	s := Section{Title: g.Title}
	for _, b := range g.Keys {
		s.Lines = append(s.Lines, Line{b.Help().Key, b.Help().Desc})
	}
	return s
}

// SetSize sets the area to fill.
func (m *Model) SetSize(w, h int) { m.w, m.h = w, h }

// Update scrolls. It reports whether the help was closed.
func (m *Model) Update(msg tea.KeyPressMsg) (closed bool) {
	k := m.c.Keys
	switch {
	case key.Matches(msg, k.Help, k.Escape, k.Interrupt) || msg.String() == "q":
		return true
	case key.Matches(msg, k.PageDown) || msg.String() == "space":
		m.from += m.h - 3
	case key.Matches(msg, k.PageUp):
		m.from -= m.h - 3
	case key.Matches(msg, k.Down):
		m.from++
	case key.Matches(msg, k.Up):
		m.from--
	case key.Matches(msg, k.First):
		m.from = 0
	case key.Matches(msg, k.Last):
		m.from = len(m.rows())
	}
	m.from = max(0, min(m.from, len(m.rows())-(m.h-2)))
	return false
}

// View is exactly h rows.
func (m *Model) View() []string {
	st, ws := m.c.Styles, m.c.Widths
	rows := m.rows()
	room := max(0, m.h-2)
	from := max(0, min(m.from, len(rows)-room))
	rows = rows[from:min(len(rows), from+room)]
	out := []string{st.Strong.Render(ws.Truncate(" Help", m.w))}
	out = append(out, rows...)
	for len(out) < m.h-1 {
		out = append(out, "")
	}
	hint := " ↑↓ PgUp PgDn scroll · Esc closes"
	return append(out, st.Dim.Render(ws.Truncate(hint, m.w)))[:max(0, m.h)]
}

func (m *Model) rows() []string {
	st, ws := m.c.Styles, m.c.Widths
	const nameW = 14
	var out []string
	for i, s := range m.sections {
		if i > 0 {
			out = append(out, "")
		}
		out = append(out, " "+st.Accent.Bold(true).Render(s.Title))
		for _, l := range s.Lines {
			lead := "  " + st.Strong.Render(ws.Pad(l.Name, nameW)) + " "
			if ws.Width(l.Name) > nameW {
				out = append(out, "  "+st.Strong.Render(ws.Truncate(l.Name, m.w-2)))
				lead = "  " + ws.Pad("", nameW) + " "
			}
			for _, row := range ws.Wrap(l.Help, max(10, m.w-nameW-3)) {
				out = append(out, lead+row)
				lead = "  " + ws.Pad("", nameW) + " "
			}
		}
	}
	return out
}
