package chat

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"parley/tui/components/composer"
	"parley/tui/emoji"
)

// enter sends the draft, or runs it as a command. It is never lost: what is refused stays in the composer.
func (m *Model) enter() tea.Cmd {
	text := strings.TrimRight(m.composer.Value(), " \n")
	switch {
	case strings.TrimSpace(text) == "":
		return nil
	case m.cur != nil && m.cur.edit != nil: // a message may begin with a slash
	case strings.HasPrefix(text, "//"):
		text = text[1:]
	case strings.HasPrefix(text, "/"):
		return m.run(text)
	}
	cmd := m.post(text)
	if m.composer.Empty() {
		m.composer.Remember(text)
	}
	return cmd
}

// post sends a text to the open conversation; names of emoji in it become emoji. What is too long stays in the composer.
func (m *Model) post(text string) tea.Cmd {
	if m.cur == nil {
		m.fail("no conversation is open: ^K finds people")
		return nil
	}
	expanded := emoji.Expand(text)
	if ed := m.cur.edit; ed != nil && ed.old == text {
		expanded = text
	}
	if over := len(expanded) - composer.MaxBytes; over > 0 {
		m.fail("too long by " + utoa(uint64(over)) + " bytes: the limit is 8192")
		return nil
	}
	return m.write(expanded)
}

// interrupt clears the draft first and quits second.
func (m *Model) interrupt() tea.Cmd {
	if now := m.c.Now(); now.Sub(m.pressed) < quitWithin {
		return m.quit()
	}
	m.pressed = m.c.Now()
	if m.composer.Empty() {
		m.tell("^C again quits")
		return nil
	}
	m.composer.SetValue("")
	m.tell("draft cleared; ^C again quits")
	return nil
}
