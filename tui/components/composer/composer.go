// Package composer is the field where a message is written: one to eight rows, a real cursor (so that input methods and
// screen readers find it), and readline's keys.
package composer

import (
	"strings"

	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/textarea"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"parley/tui/common"
)

const (
	// maxRows is how far the field grows before it scrolls.
	maxRows = 8
	// maxContentRows bounds the rows that can be written: the text area draws all of them on every key.
	maxContentRows = 400
	// MaxBytes is the contract's limit of a message.
	MaxBytes = 8192
)

// Model is the composer.
type Model struct {
	c    *common.Common
	area textarea.Model
}

// New is an empty, focused composer.
func New(c *common.Common) *Model {
	a := textarea.New()
	a.ShowLineNumbers = false
	a.EndOfBufferCharacter = ' '
	a.DynamicHeight, a.MinHeight, a.MaxHeight, a.MaxContentHeight = true, 1, maxRows, maxContentRows
	a.CharLimit = MaxBytes
	a.KeyMap.InsertNewline = c.Keys.Newline
	// These belong to the page: conversations, the switcher.
	a.KeyMap.LineNext = key.NewBinding(key.WithKeys("down"))
	a.KeyMap.LinePrevious = key.NewBinding(key.WithKeys("up"))
	a.KeyMap.DeleteAfterCursor = key.NewBinding(key.WithKeys("alt+k"))
	a.SetVirtualCursor(false)
	a.SetPromptFunc(2, func(p textarea.PromptInfo) string {
		if p.LineNumber == 0 {
			return "> "
		}
		return "  "
	})
	m := &Model{c: c, area: a}
	m.Restyle()
	m.area.Focus()
	return m
}

// Restyle takes over the current theme.
func (m *Model) Restyle() {
	st := m.c.Styles
	plain := lipgloss.NewStyle()
	state := textarea.StyleState{
		Base: plain, Text: plain, CursorLine: plain, EndOfBuffer: plain, LineNumber: plain, CursorLineNumber: plain,
		Placeholder: st.Dim, Prompt: st.Accent.Bold(true), Selection: st.Selected,
	}
	m.area.SetStyles(textarea.Styles{Focused: state, Blurred: state})
}

// SetWidth sets the columns.
func (m *Model) SetWidth(w int) { m.area.SetWidth(max(w, 4)) }

// SetPlaceholder is what an empty field says.
func (m *Model) SetPlaceholder(s string) {
	m.area.Placeholder = m.c.Widths.Truncate(s, max(1, m.area.Width()-1))
}

// Value is the draft.
func (m *Model) Value() string { return m.area.Value() }

// SetValue replaces the draft and puts the cursor behind it.
func (m *Model) SetValue(s string) {
	m.area.SetValue(s)
	m.area.MoveToEnd()
}

// Insert writes pasted text at the cursor, cleaned.
func (m *Model) Insert(s string) {
	m.area.InsertString(common.Body(strings.ReplaceAll(s, "\r", "\n")))
}

// Empty reports whether nothing was written.
func (m *Model) Empty() bool { return m.area.Value() == "" }

// Over is by how many bytes the draft is too long, 0 when it fits.
func (m *Model) Over() int { return max(0, len(m.area.Value())-MaxBytes) }

// Update handles a key of the field itself.
func (m *Model) Update(msg tea.Msg) tea.Cmd {
	var cmd tea.Cmd
	m.area, cmd = m.area.Update(msg)
	return cmd
}

// View is the rows and the cursor within them.
func (m *Model) View() ([]string, *tea.Cursor) {
	rows := strings.Split(m.area.View(), "\n")
	return rows, m.area.Cursor()
}

// Rows is the current height.
func (m *Model) Rows() int { return m.area.Height() }
