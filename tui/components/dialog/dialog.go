// Package dialog is a question in the place of the composer: a text, answers by one key, or fields to fill in.
package dialog

import (
	"slices"
	"strings"

	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"parley/tui/common"
)

// Field is one line to fill in.
type Field struct {
	Label  string
	Secret bool
	Limit  int
}

// Model is an open question.
type Model struct {
	c      *common.Common
	Title  string
	Text   string
	Yes    string // what y or Enter does, in a word
	Danger bool
	fields []textinput.Model
	labels []string
	at     int
	Error  string
	Busy   bool
	w      int

	// Confirm is called with the values of the fields. A non-empty answer is shown and the dialog stays.
	Confirm func(values []string) (problem string, cmd tea.Cmd)
	// Choices are answers beside y and n, each by a key of its own; with them Confirm is not used and only Esc closes.
	Choices []Choice
}

// Choice is one answer of several.
type Choice struct {
	Key  string // as a key press is called, "k"
	Word string // what it does
	Do   func() tea.Cmd
}

// New asks with the given fields; none makes it a plain yes or no.
func New(c *common.Common, title, text, yes string, fields ...Field) *Model {
	m := &Model{c: c, Title: title, Text: text, Yes: yes}
	for i, f := range fields {
		in := Input(c, f.Secret, f.Limit)
		if i == 0 {
			in.Focus()
		}
		m.fields, m.labels = append(m.fields, in), append(m.labels, f.Label)
	}
	return m
}

// Input is a text field as dialogs and forms use it.
func Input(c *common.Common, secret bool, limit int) textinput.Model {
	in := textinput.New()
	in.Prompt = ""
	in.CharLimit = limit
	in.SetVirtualCursor(false)
	if secret {
		in.EchoMode, in.EchoCharacter = textinput.EchoPassword, '•'
	}
	plain := lipgloss.NewStyle()
	st := textinput.StyleState{Text: plain, Placeholder: c.Styles.Dim, Suggestion: c.Styles.Dim, Prompt: plain}
	in.SetStyles(textinput.Styles{Focused: st, Blurred: st})
	return in
}

// SetWidth sets the columns.
func (m *Model) SetWidth(w int) {
	m.w = w
	for i := range m.fields {
		m.fields[i].SetWidth(max(4, w-m.labelWidth()-4))
	}
}

// Update answers a key or a paste. done means that the dialog is to be closed.
func (m *Model) Update(msg tea.Msg) (done bool, cmd tea.Cmd) {
	k, isKey := msg.(tea.KeyPressMsg)
	if isKey {
		switch {
		case key.Matches(k, m.c.Keys.Escape, m.c.Keys.Interrupt):
			return true, nil
		case m.Busy:
			return false, nil
		case len(m.Choices) > 0:
			for _, ch := range m.Choices {
				if k.String() == ch.Key {
					return true, ch.Do()
				}
			}
			return false, nil
		case len(m.fields) == 0 && key.Matches(k, m.c.Keys.Yes, m.c.Keys.Accept):
			return m.confirm()
		case len(m.fields) == 0:
			return key.Matches(k, m.c.Keys.No), nil
		case key.Matches(k, m.c.Keys.Accept):
			if m.at == len(m.fields)-1 {
				return m.confirm()
			}
			return false, m.focus(m.at + 1)
		case key.Matches(k, m.c.Keys.NextField):
			return false, m.focus((m.at + 1) % len(m.fields))
		case key.Matches(k, m.c.Keys.PrevField):
			return false, m.focus((m.at + len(m.fields) - 1) % len(m.fields))
		}
		m.Error = ""
	}
	if len(m.fields) > 0 {
		m.fields[m.at], cmd = m.fields[m.at].Update(msg)
	}
	return false, cmd
}

func (m *Model) focus(i int) tea.Cmd {
	m.fields[m.at].Blur()
	m.at = i
	return m.fields[i].Focus()
}

func (m *Model) confirm() (bool, tea.Cmd) {
	values := make([]string, len(m.fields))
	for i := range m.fields {
		values[i] = m.fields[i].Value()
	}
	problem, cmd := m.Confirm(values)
	if problem != "" {
		m.Error = problem
		return false, nil
	}
	return cmd == nil || len(m.fields) == 0, cmd
}

// View is the rows and the cursor within them.
func (m *Model) View() ([]string, *tea.Cursor) {
	st, ws := m.c.Styles, m.c.Widths
	title := st.Accent.Bold(true)
	if m.Danger {
		title = st.Error
	}
	out := []string{" " + title.Render(ws.Truncate(m.Title, m.w-2))}
	for _, row := range ws.Wrap(m.Text, max(10, m.w-2)) {
		out = append(out, " "+row)
	}
	var cursor *tea.Cursor
	lw := m.labelWidth()
	for i := range m.fields {
		label := st.Dim.Render(ws.Pad(m.labels[i], lw))
		out = append(out, " "+label+"  "+m.fields[i].View())
		if cur := m.fields[i].Cursor(); i == m.at && cur != nil {
			cur.X += 1 + lw + 2
			cur.Y = len(out) - 1
			cursor = cur
		}
	}
	switch {
	case m.Error != "":
		out = append(out, " "+st.Error.Render("✗ "+ws.Truncate(m.Error, m.w-4)))
	case m.Busy:
		out = append(out, " "+st.Dim.Render("… working"))
	case len(m.Choices) > 0:
		var line strings.Builder
		for _, ch := range append(slices.Clone(m.Choices), Choice{Key: "Esc", Word: "back"}) {
			line.WriteString(" " + st.Strong.Render(ch.Key) + " " + ch.Word + "  ")
		}
		for _, row := range ws.Wrap(line.String(), max(10, m.w)) {
			out = append(out, strings.TrimRight(row, " "))
		}
	case len(m.fields) == 0:
		out = append(out, " "+st.Strong.Render("y")+" "+m.Yes+"   "+st.Strong.Render("n")+" keep")
	default:
		out = append(out, " "+st.Strong.Render("Enter")+" "+m.Yes+"   "+st.Strong.Render("Esc")+" back")
	}
	return out, cursor
}

func (m *Model) labelWidth() int {
	w := 0
	for _, l := range m.labels {
		w = max(w, m.c.Widths.Width(l))
	}
	return w
}
