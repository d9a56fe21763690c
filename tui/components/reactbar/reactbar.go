// Package reactbar is the choice of a reaction, in the place of the composer: a digit takes one of the usual ones at once, a
// name or an emoji typed and Enter takes any.
package reactbar

import (
	"strconv"
	"strings"

	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"parley/tui/common"
	"parley/tui/components/dialog"
	"parley/tui/emoji"
)

// offered is how many reactions a digit can take.
const offered = 9

// MaxBytes is the contract's limit of a reaction.
const MaxBytes = 32

// Model is the open bar.
type Model struct {
	c     *common.Common
	title string
	in    textinput.Model
	w     int
	err   string
}

// New asks for a reaction to what title says.
func New(c *common.Common, title string) *Model {
	m := &Model{c: c, title: title, in: dialog.Input(c, false, MaxBytes)}
	m.in.Placeholder = "or a name such as fire, or an emoji"
	m.in.Focus()
	return m
}

// SetWidth sets the columns.
func (m *Model) SetWidth(w int) {
	m.w = w
	m.in.SetWidth(max(4, w-6))
}

// Update answers a key or a paste. done closes the bar; picked is the reaction, empty when none was chosen.
func (m *Model) Update(msg tea.Msg) (done bool, picked string) {
	if k, ok := msg.(tea.KeyPressMsg); ok {
		switch {
		case key.Matches(k, m.c.Keys.Escape, m.c.Keys.Interrupt):
			return true, ""
		case key.Matches(k, m.c.Keys.Accept):
			reaction, problem := Parse(m.in.Value())
			if of := m.offers(); problem != "" && m.in.Value() != "" && len(of) > 0 { // the first one that is offered
				return true, of[0].Char
			}
			m.err = problem
			return problem == "", reaction
		case m.in.Value() == "" && len(k.Text) == 1 && k.Text[0] >= '1' && int(k.Text[0]-'1') < len(m.offers()):
			return true, m.offers()[k.Text[0]-'1'].Char
		case key.Matches(k, m.c.Keys.Complete):
			if of := m.offers(); len(of) > 0 {
				m.in.SetValue(of[0].Name)
				m.in.CursorEnd()
			}
			return false, ""
		}
	}
	m.err = ""
	m.in, _ = m.in.Update(msg)
	return false, ""
}

// Parse reads a reaction as a person writes it: an emoji, or the name of one with or without colons. Anything else of at most
// MaxBytes is taken as it is when it has no letter of ASCII: the cluster does not judge what an emoji is.
func Parse(s string) (reaction, problem string) {
	s = strings.TrimSpace(s)
	name := strings.ToLower(strings.Trim(s, ":"))
	char, known := emoji.Lookup(name)
	switch {
	case known:
		return char, ""
	case s == "":
		return "", "a digit takes one of these"
	case s != common.Line(s), len(s) > MaxBytes:
		return "", "that is no emoji"
	case strings.ContainsFunc(s, func(r rune) bool { return r < 0x80 && r != '+' && r != '-' }):
		return "", "no emoji is called " + name
	}
	return s, ""
}

// offers are the reactions that are shown: the usual ones, or those whose name begins as what is typed.
func (m *Model) offers() []emoji.Match {
	if v := strings.Trim(m.in.Value(), ": "); v != "" {
		return emoji.Complete(v, offered)
	}
	return emoji.Common(offered)
}

// View is the rows and the cursor within them.
func (m *Model) View() ([]string, *tea.Cursor) {
	st, ws := m.c.Styles, m.c.Widths
	var b strings.Builder
	for i, of := range m.offers() {
		sign := of.Char
		if m.c.TextEmoji() {
			sign = ":" + of.Name + ":"
		}
		if m.in.Value() != "" { // they follow what is typed, and a digit is part of that
			sign += " " + of.Name
		} else {
			sign = strconv.Itoa(i+1) + " " + sign
		}
		next := " " + sign + " "
		if ws.Width(b.String())+ws.Width(next) > m.w {
			break
		}
		b.WriteString(next)
	}
	title := m.title
	if m.c.TextEmoji() {
		title = emoji.Text(title)
	}
	rows := []string{" " + st.Accent.Render(ws.Truncate(title, m.w-2)), b.String()}
	cursor := m.in.Cursor()
	if cursor != nil {
		cursor.X += 3
		cursor.Y = len(rows)
	}
	rows = append(rows, " "+st.Accent.Render("+")+" "+m.in.View())
	if m.err != "" {
		rows = append(rows, " "+st.Error.Render(ws.Truncate("✗ "+m.err, m.w-2)))
	}
	return rows, cursor
}
