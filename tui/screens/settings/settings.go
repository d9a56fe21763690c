// Package settings is the screen of what a person can choose. A change takes effect at once and is written to config.toml by the
// page, which is asked by a /set command.
package settings

import (
	"fmt"
	"slices"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"parley/tui/common"
	"parley/tui/config"
	"parley/tui/keymap"
)

// Model is the screen.
type Model struct {
	c    *common.Common
	all  []config.Setting
	at   int
	w, h int
}

// New shows the settings in force, the keys that were changed, and what was wrong with the files.
func New(c *common.Common) *Model { return &Model{c: c, all: config.Settings()} }

// Init implements common.Overlay.
func (m *Model) Init() tea.Cmd { return nil }

// Full implements common.Overlay.
func (m *Model) Full() bool { return false }

// SetSize implements common.Overlay.
func (m *Model) SetSize(w, h int) { m.w, m.h = w, h }

// Update implements common.Overlay.
func (m *Model) Update(msg tea.Msg) (bool, tea.Cmd) {
	k, ok := msg.(tea.KeyPressMsg)
	if !ok {
		return false, nil
	}
	keys := m.c.Keys
	switch s := k.String(); {
	case key.Matches(k, keys.Escape, keys.Settings, keys.Interrupt):
		return true, nil
	case key.Matches(k, keys.Up):
		m.at--
	case key.Matches(k, keys.Down):
		m.at++
	case key.Matches(k, keys.First):
		m.at = 0
	case key.Matches(k, keys.Last):
		m.at = len(m.all) - 1
	case key.Matches(k, keys.Accept), s == "right", s == "l", s == "space":
		return false, m.turn(1)
	case s == "left", s == "h":
		return false, m.turn(-1)
	}
	m.at = max(0, min(m.at, len(m.all)-1))
	return false, nil
}

// turn goes to the next or previous value of the chosen setting.
func (m *Model) turn(n int) tea.Cmd {
	s := m.all[m.at]
	if s.Values == nil {
		return common.Send(common.TellMsg{Text: "/set " + s.Name + " TEXT changes it"})
	}
	i := slices.Index(s.Values, s.Get(&m.c.Settings))
	return common.Send(common.RunMsg{Line: "/set " + s.Name + " " + s.Values[(i+n+len(s.Values))%len(s.Values)]})
}

// View implements common.Overlay: a row for each setting, the chosen one's values and meaning, then the keys.
func (m *Model) View() ([]string, *tea.Cursor) {
	st, ws := m.c.Styles, m.c.Widths
	const nameW = 15
	rows, chosen := []string{}, 0
	for i, s := range m.all {
		value := s.Get(&m.c.Settings)
		if value == "" {
			value = "(none)"
		}
		lead, style := "   ", st.Text
		if i == m.at {
			lead, style = st.Accent.Render(" ▸ "), st.Strong
			chosen = len(rows)
		}
		row := lead + style.Render(ws.Pad(s.Name, nameW)) + " "
		if i == m.at {
			row += st.Selected.Render(" " + ws.Truncate(value, m.w-nameW-6) + " ")
		} else {
			row += " " + ws.Truncate(common.Line(value), m.w-nameW-5)
		}
		rows = append(rows, row)
		if i != m.at {
			continue
		}
		about := s.Help
		if len(s.Values) > 2 {
			about += " (" + strings.Join(s.Values, ", ") + ")"
		}
		for _, r := range ws.Wrap(about, max(10, m.w-7)) {
			rows = append(rows, "      "+st.Dim.Render(r))
		}
	}
	rows = append(rows, "", "   "+st.Accent.Bold(true).Render("Keys"))
	rows = append(rows, m.keys()...)
	if len(m.c.Problems) > 0 {
		rows = append(rows, "", "   "+st.Error.Render("At the start these were wrong, and left out:"))
		for _, p := range m.c.Problems {
			for _, r := range ws.Wrap(common.Line(p), max(10, m.w-5)) {
				rows = append(rows, "   "+r)
			}
		}
	}
	room := max(1, m.h-2)
	from := 0
	switch {
	case m.at == len(m.all)-1: // the end of the list shows what is below it
		from = min(chosen, max(0, len(rows)-room))
	case chosen+3 > room:
		from = chosen + 3 - room
	}
	rows = rows[from:min(len(rows), from+room)]
	out := append([]string{" " + st.Strong.Render(ws.Truncate("Settings", m.w-2))}, rows...)
	for len(out) < m.h-1 {
		out = append(out, "")
	}
	return append(out, st.Dim.Render(ws.Hints(" ↑↓ choose · ←→ change · kept in config.toml · Esc back", m.w)))[:max(0, m.h)], nil
}

// keys are the bindings that differ from the default ones.
func (m *Model) keys() []string {
	st, ws := m.c.Styles, m.c.Widths
	changed := m.c.Keys.Changed()
	var out []string
	for _, name := range keymap.Names() {
		if keys, ok := changed[name]; ok {
			label := "(no key)"
			if len(keys) > 0 {
				label = keymap.Label(keys)
			}
			out = append(out, "   "+ws.Truncate(fmt.Sprintf("%-18s %s", name, label), m.w-4))
		}
	}
	hint := "/bind KEY ACTION changes one; /help keys lists the actions"
	if len(out) == 0 {
		hint = "all as shipped; " + hint
	}
	for _, r := range ws.Wrap(hint, max(10, m.w-5)) {
		out = append(out, "   "+st.Dim.Render(r))
	}
	return out
}
