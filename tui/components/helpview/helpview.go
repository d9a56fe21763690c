// Package helpview is the help screen, generated from the keymap and the slash commands.
package helpview

import (
	"slices"
	"strings"

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
	query    string // what is looked for; empty shows all
	typing   bool   // keys go into query
}

// maxQuery bounds what can be looked for: no word of the help is longer.
const maxQuery = 40

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
	if m.typing && m.typeKey(msg) {
		return false
	}
	switch {
	case key.Matches(msg, k.Escape) && m.query != "":
		m.Find("")
		return false
	case msg.String() == "/" || key.Matches(msg, k.Search):
		m.typing = true
		return false
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

// Find narrows the help to the lines that have topic in them, and the sections whose title has.
func (m *Model) Find(topic string) {
	m.query, m.from, m.typing = strings.ToLower(common.Line(topic)), 0, false
	if r := []rune(m.query); len(r) > maxQuery {
		m.query = string(r[:maxQuery])
	}
}

// typeKey takes a key into the query; false when it means something else.
func (m *Model) typeKey(msg tea.KeyPressMsg) bool {
	r := []rune(m.query)
	switch {
	case key.Matches(msg, m.c.Keys.Accept):
		m.typing = false
	case key.Matches(msg, m.c.Keys.Escape):
		m.Find("")
	case msg.String() == "backspace":
		if m.typing = len(r) > 0; m.typing {
			m.query, m.from = string(r[:len(r)-1]), 0
		}
	case msg.Text != "" && len(r) < maxQuery:
		m.query, m.from = m.query+strings.ToLower(common.Line(msg.Text)), 0
	default:
		return false
	}
	return true
}

// found are the sections, narrowed to the query.
func (m *Model) found() []Section {
	if m.query == "" {
		return m.sections
	}
	words := strings.Fields(m.query)
	has := func(s string) bool {
		s = strings.ToLower(s)
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(s, w) })
	}
	var out []Section
	for _, s := range m.sections {
		if has(s.Title) {
			out = append(out, s)
			continue
		}
		var lines []Line
		for _, l := range s.Lines {
			if has(l.Name + " " + l.Help) {
				lines = append(lines, l)
			}
		}
		if len(lines) > 0 {
			out = append(out, Section{s.Title, lines})
		}
	}
	return out
}

// View is exactly h rows.
func (m *Model) View() []string {
	st, ws := m.c.Styles, m.c.Widths
	rows := m.rows()
	room := max(0, m.h-2)
	from := max(0, min(m.from, len(rows)-room))
	rows = rows[from:min(len(rows), from+room)]
	title := " Help"
	switch {
	case m.typing:
		title += " · find: " + m.query + "_"
	case m.query != "":
		title += " · " + m.query
	}
	out := []string{st.Strong.Render(ws.Truncate(title, m.w))}
	out = append(out, rows...)
	for len(out) < m.h-1 {
		out = append(out, "")
	}
	hint := " ↑↓ PgUp PgDn scroll · / finds · Esc closes"
	return append(out, st.Dim.Render(ws.Hints(hint, m.w)))[:max(0, m.h)]
}

func (m *Model) rows() []string {
	st, ws := m.c.Styles, m.c.Widths
	const nameW = 14
	var out []string
	found := m.found()
	if len(found) == 0 {
		return []string{"", " " + ws.Truncate("Nothing here is about "+m.query+".", m.w-1)}
	}
	for i, s := range found {
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
