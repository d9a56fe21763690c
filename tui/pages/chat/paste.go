package chat

import (
	"fmt"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"parley/tui/components/composer"
)

// paste takes text from the clipboard into the composer. What is more than a few lines is asked about first: it may be another
// text than was meant.
func (m *Model) paste(text string) {
	text = composer.Clean(text)
	if len(text) > pasteBytes || strings.Count(strings.TrimRight(text, "\n"), "\n") >= pasteLines {
		m.pasted = text
		return
	}
	m.insert(text)
}

func (m *Model) insert(text string) bool {
	if m.composer.Insert(text) {
		return true
	}
	m.fail(fmt.Sprintf("a message has room for %d bytes; nothing was inserted", composer.MaxBytes))
	return false
}

// onPasteKey answers the question about a long paste.
func (m *Model) onPasteKey(msg tea.KeyPressMsg) tea.Cmd {
	k, text := m.c.Keys, m.pasted
	switch {
	case key.Matches(msg, k.Escape, k.Interrupt):
		m.pasted = ""
		m.tell("paste dropped")
	case key.Matches(msg, k.Edit):
		m.pasted = ""
		m.insert(text)
	case key.Matches(msg, k.Send):
		m.pasted = ""
		first := m.composer.Empty()
		if !m.insert(text) {
			return nil
		}
		if first && strings.HasPrefix(text, "/") { // a pasted text is never a command
			return m.post(strings.TrimRight(m.composer.Value(), " \n"))
		}
		return m.enter()
	}
	return nil
}

// pasteBar is the question, in the place of the composer.
func (m *Model) pasteBar() []string {
	st, ws := m.c.Styles, m.c.Widths
	lines := strings.Count(strings.TrimRight(m.pasted, "\n"), "\n") + 1
	size := fmt.Sprintf("%d bytes", len(m.pasted))
	if len(m.pasted) >= 1024 {
		size = fmt.Sprintf("%.1f KiB", float64(len(m.pasted))/1024)
	}
	question := fmt.Sprintf(" Paste %s, %s? ", count(lines, "line", "lines"), size)
	answers := "[Enter] as one message  [e] edit  [Esc] drop"
	if n := len(m.composer.Value()) + len(m.pasted) - composer.MaxBytes; n > 0 {
		question = fmt.Sprintf(" %s, %s: %d bytes too long for a message. ", count(lines, "line", "lines"), size, n)
		answers = "[Esc] drop"
	}
	first, _, _ := strings.Cut(strings.TrimLeft(m.pasted, "\n"), "\n")
	row := st.Strong.Render(ws.Truncate(question, m.w)) + st.Accent.Render(ws.Truncate(answers, max(0, m.w-ws.Width(question))))
	rows := []string{row}
	if ws.Width(question)+ws.Width(answers) > m.w {
		rows = []string{st.Strong.Render(ws.Truncate(question, m.w)), " " + st.Accent.Render(ws.Truncate(answers, m.w-1))}
	}
	return append(rows, " "+st.Dim.Render(ws.Truncate(first, m.w-2)))
}

func (m *Model) onPaste(msg tea.PasteMsg) tea.Cmd {
	switch {
	case m.dialog != nil:
		_, cmd := m.dialog.Update(msg)
		return cmd
	case m.top() != nil:
		return m.toOverlay(m.top(), msg)
	case m.reactbar != nil:
		return m.onReactKey(msg)
	case m.help == nil:
		if m.cur != nil {
			m.cur.tl.StopSelect()
		}
		m.paste(msg.Content)
	}
	return nil
}
