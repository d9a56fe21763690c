// Package picker is the overlay that finds a conversation or a person: type a pattern, pick a row. It knows no I/O; the page
// asks the cluster and hands the people in.
package picker

import (
	"fmt"
	"path"
	"strings"

	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"parley/tui/common"
	"parley/tui/components/dialog"
)

// Item is one row to pick.
type Item struct {
	Name   string // "@bob", "#room"
	Note   string // drawn last, because it may be any text
	Unread uint64
	Gone   bool // the account was deleted: shown, not to be picked
}

// Model is the open overlay.
type Model struct {
	c      *common.Common
	in     textinput.Model
	mine   []Item // conversations
	people []Item
	status string
	at     int
	w, h   int
}

// New opens with the conversations, which need no question to the cluster.
func New(c *common.Common, pattern string, mine []Item) *Model {
	m := &Model{c: c, in: dialog.Input(c, false, 64), mine: mine, status: "asking…"}
	m.in.Placeholder = "name, or a pattern with * and ?"
	m.in.SetValue(pattern)
	m.in.CursorEnd()
	m.in.Focus()
	return m
}

// SetSize sets the area to fill.
func (m *Model) SetSize(w, h int) {
	m.w, m.h = w, h
	m.in.SetWidth(max(4, w-6))
}

// Pattern is the glob for the cluster: what was typed when it has a wildcard, else a search for it anywhere in the name.
func (m *Model) Pattern() string {
	p := strings.ToLower(strings.TrimLeft(strings.TrimSpace(m.in.Value()), "@#"))
	if strings.ContainsAny(p, "*?") {
		return p
	}
	if p == "" {
		return "*"
	}
	return "*" + p + "*"
}

// SetPeople shows the answer for a pattern.
func (m *Model) SetPeople(people []Item, more bool) {
	m.people = people
	m.status = fmt.Sprintf("%d people", len(people))
	if len(people) == 1 {
		m.status = "1 person"
	}
	if more {
		m.status = fmt.Sprintf("the first %d people; type more of the name", len(people))
	}
	m.at = max(0, min(m.at, len(m.items())-1))
}

// SetStatus shows an error in place.
func (m *Model) SetStatus(s string) { m.status = s }

// Update handles a key or a paste: closed ends the overlay, picked is the chosen name, changed asks for people anew.
func (m *Model) Update(msg tea.Msg) (closed bool, picked string, changed bool) {
	if k, ok := msg.(tea.KeyPressMsg); ok {
		switch {
		case key.Matches(k, m.c.Keys.Escape, m.c.Keys.People, m.c.Keys.Interrupt):
			return true, "", false
		case key.Matches(k, m.c.Keys.Accept):
			if items := m.items(); m.at < len(items) && !items[m.at].Gone {
				return true, items[m.at].Name, false
			}
			return false, "", false
		case k.String() == "up" || key.Matches(k, m.c.Keys.PrevConversation):
			m.at = max(0, m.at-1)
			return false, "", false
		case k.String() == "down" || key.Matches(k, m.c.Keys.NextConversation, m.c.Keys.NextField):
			m.at = max(0, min(m.at+1, len(m.items())-1))
			return false, "", false
		}
	}
	before := m.in.Value()
	m.in, _ = m.in.Update(msg)
	if m.in.Value() == before {
		return false, "", false
	}
	m.at = 0
	return false, "", true
}

// items are the conversations that match, unread ones first, then the people who are not among them.
func (m *Model) items() []Item {
	pattern := m.Pattern()
	var unread, read []Item
	seen := map[string]bool{}
	for _, it := range m.mine {
		if ok, err := path.Match(pattern, strings.TrimLeft(it.Name, "@#")); err != nil || !ok {
			continue
		}
		seen[it.Name] = true
		if it.Unread > 0 {
			unread = append(unread, it)
		} else {
			read = append(read, it)
		}
	}
	out := append(unread, read...)
	for _, it := range m.people {
		if ok, err := path.Match(pattern, strings.TrimLeft(it.Name, "@#")); err == nil && ok && !seen[it.Name] {
			out = append(out, it)
		}
	}
	return out
}

// View is exactly h rows and the cursor within them.
func (m *Model) View() ([]string, *tea.Cursor) {
	st, ws := m.c.Styles, m.c.Widths
	out := []string{
		st.Strong.Render(ws.Truncate(" Find a conversation or a person", m.w)),
		" " + st.Accent.Render("?") + " " + m.in.View(),
		"",
	}
	cursor := m.in.Cursor()
	if cursor != nil {
		cursor.X, cursor.Y = cursor.X+3, 1
	}
	items := m.items()
	room := max(1, m.h-5)
	from := max(0, m.at-room+1)
	for i := from; i < min(len(items), from+room); i++ {
		out = append(out, m.row(items[i], i == m.at))
	}
	if len(items) == 0 {
		out = append(out, st.Dim.Render(" nobody matches "+ws.Truncate(common.Line(m.Pattern()), m.w-20)))
	}
	for len(out) < m.h-1 {
		out = append(out, "")
	}
	out = out[:max(0, m.h-1)]
	hint := " " + m.status + " · ↑↓ choose · Enter opens · Esc back"
	return append(out, st.Dim.Render(ws.Truncate(hint, m.w))), cursor
}

func (m *Model) row(it Item, current bool) string {
	st, ws := m.c.Styles, m.c.Widths
	name := ws.Truncate(it.Name, max(4, m.w-4))
	note := it.Note
	switch {
	case it.Gone:
		note = "account deleted"
	case it.Unread > 0:
		note = fmt.Sprintf("%d unread", it.Unread)
	}
	if room := m.w - 4 - ws.Width(name) - 2; room > 4 {
		note = ws.Truncate(note, room)
	} else {
		note = ""
	}
	lead := "   "
	style := st.Text
	switch {
	case current:
		lead, style = st.Accent.Render(" ▸ "), st.Strong.Reverse(true)
	case it.Unread > 0:
		style = st.Strong
	case it.Gone:
		style = st.Dim
	}
	if it.Unread > 0 && !it.Gone {
		return lead + style.Render(name) + "  " + st.Unread.Render(note)
	}
	return lead + style.Render(name) + "  " + st.Dim.Render(note)
}
