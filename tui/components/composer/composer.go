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

// Model is the composer.
type Model struct {
	c    *common.Common
	area textarea.Model

	undo, redo []state
	typing     bool   // the last change was a typed character
	cut        string // for Yank
	past       []string
	walk       int    // how far back in past the arrows are, 0 for the draft
	stash      string // the draft meanwhile
	source     Source
	popup      popup
	spaced     bool // the character before the cursor is a space that a completion wrote

	vim
}

// New is an empty, focused composer.
func New(c *common.Common) *Model {
	a := textarea.New()
	a.ShowLineNumbers = false
	a.EndOfBufferCharacter = ' '
	a.DynamicHeight, a.MinHeight, a.MaxHeight, a.MaxContentHeight = true, 1, maxRows, maxContentRows
	a.CharLimit = MaxBytes
	a.SetVirtualCursor(false)
	m := &Model{c: c}
	a.SetPromptFunc(2, func(p textarea.PromptInfo) string {
		switch {
		case p.LineNumber != 0:
			return "  "
		case m.Normal():
			return "N " // the status bar has no room for the mode on a narrow terminal
		}
		return "> "
	})
	m.area = a
	m.Restyle()
	m.popup.at = -1
	m.area.Focus()
	return m
}

// Restyle takes over the current theme, keys and settings.
func (m *Model) Restyle() {
	m.rekey()
	if !m.c.Settings.Vim {
		m.vim = vim{}
	}
	st := m.c.Styles
	plain := lipgloss.NewStyle()
	state := textarea.StyleState{
		Base: plain, Text: plain, CursorLine: plain, EndOfBuffer: plain, LineNumber: plain, CursorLineNumber: plain,
		Placeholder: st.Dim, Prompt: st.Accent.Bold(true), Selection: st.Selected,
	}
	m.area.SetStyles(textarea.Styles{Focused: state, Blurred: state})
}

// rekey gives the field the keys of the keymap. What the page has a use for (^N, ^P, ^K, alt+u) it does not have.
func (m *Model) rekey() {
	k, a := m.c.Keys, textarea.DefaultKeyMap()
	a.InsertNewline, a.LineStart, a.LineEnd = k.Newline, k.LineStart, k.LineEnd
	a.CharacterBackward, a.CharacterForward, a.WordBackward, a.WordForward = k.CharLeft, k.CharRight, k.WordLeft, k.WordRight
	a.DeleteWordBackward, a.DeleteWordForward, a.DeleteBeforeCursor, a.DeleteAfterCursor = k.RubWord, k.RubWordRight, k.RubToStart, k.RubToEnd
	a.TransposeCharacterBackward = k.Transpose
	a.LineNext, a.LinePrevious = key.NewBinding(key.WithKeys("down")), key.NewBinding(key.WithKeys("up"))
	a.LowercaseWordForward, a.UppercaseWordForward, a.SelectAll = key.Binding{}, key.Binding{}, key.Binding{}
	a.Paste = key.NewBinding(key.WithKeys("ctrl+v"))
	m.area.KeyMap = a
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
	m.area, _ = m.area.Update(nil)
	m.undo, m.redo, m.typing, m.spaced, m.walk = nil, nil, false, false, 0
	m.clear()
	m.refresh()
}

// Replace is SetValue as an edit: Undo brings the old draft back.
func (m *Model) Replace(s string) {
	m.remember(m.state(), false)
	m.put(state{s, len([]rune(s))})
	m.refresh()
}

// Clean is text from outside as the field takes it: one kind of line end, no controls.
func Clean(s string) string {
	return common.Body(strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n"))
}

// Insert writes pasted text at the cursor, cleaned. False when not all of it found room: then nothing was written.
func (m *Model) Insert(s string) bool {
	was := m.state()
	s = Clean(s)
	m.area.InsertString(s)
	m.area, _ = m.area.Update(nil)
	if len(m.area.Value()) != len(was.text)+len(s) {
		m.put(was)
		return false
	}
	m.remember(was, false)
	m.refresh()
	return true
}

// Empty reports whether nothing was written.
func (m *Model) Empty() bool { return m.area.Value() == "" }

// Update handles a key of the field itself.
func (m *Model) Update(msg tea.Msg) tea.Cmd {
	if k, ok := msg.(tea.KeyPressMsg); ok {
		if m.c.Settings.Vim && m.vimKey(k) {
			return nil
		}
		return m.edit(k)
	}
	was := m.state()
	var cmd tea.Cmd
	m.area, cmd = m.area.Update(msg) // ^V: the clipboard's answer
	if m.area.Value() != was.text {
		m.remember(was, false)
		m.refresh()
	}
	return cmd
}

// View is the rows and the cursor within them.
func (m *Model) View() ([]string, *tea.Cursor) {
	rows := strings.Split(m.area.View(), "\n")
	cur := m.area.Cursor()
	if cur != nil && m.c.Settings.Vim && !m.normal {
		cur.Shape = tea.CursorBar
	}
	return rows, cur
}

// Rows is the current height.
func (m *Model) Rows() int { return m.area.Height() }
