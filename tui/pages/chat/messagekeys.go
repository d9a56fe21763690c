package chat

import (
	"slices"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"parley/tui/components/timeline"
)

// onMessageKey is what the select mode does to the selected message.
func (m *Model) onMessageKey(msg tea.KeyPressMsg) tea.Cmd {
	k, e := m.c.Keys, m.cur.tl.Selected()
	if e == nil {
		return nil
	}
	switch {
	case key.Matches(msg, k.Details):
		return m.openDetails(e)
	case key.Matches(msg, k.Reply):
		return m.startReply(e)
	case key.Matches(msg, k.Thread):
		return m.openThread(e)
	case key.Matches(msg, k.Edit):
		return m.startEdit(e)
	case key.Matches(msg, k.React):
		return m.openReact(e)
	case key.Matches(msg, k.Pin):
		return m.togglePin(e)
	case key.Matches(msg, k.Open):
		return m.openLink(e)
	case key.Matches(msg, k.Unread, k.MarkUnreadHere):
		return m.markUnreadFrom(e)
	case key.Matches(msg, k.NextMention):
		return m.stepMention(1)
	case key.Matches(msg, k.PrevMention):
		return m.stepMention(-1)
	}
	return nil
}

// onReadingKey is what the same keys do while the composer has the keyboard.
func (m *Model) onReadingKey(msg tea.KeyPressMsg) (handled bool, cmd tea.Cmd) {
	k := m.c.Keys
	switch {
	case key.Matches(msg, k.NextMention):
		return true, m.stepMention(1)
	case key.Matches(msg, k.PrevMention):
		return true, m.stepMention(-1)
	case key.Matches(msg, k.MarkUnreadHere):
		for _, e := range slices.Backward(m.cur.msgs) {
			if !e.Own && !e.Deleted {
				return true, m.markUnreadFrom(e)
			}
		}
		m.tell("nobody else wrote here")
		return true, nil
	}
	return false, nil
}

// messageHints are the keys that make sense for the selected message, the most wanted first.
func (m *Model) messageHints(e *timeline.Entry) string {
	switch {
	case e.ID == 0:
		return "   alt+r edit or send again · x discard · y copy · Esc"
	case e.Deleted:
		return "   Enter details · t thread · Esc"
	}
	s := "   r reply"
	if e.Own {
		s += " · e edit"
	}
	s += " · + react"
	if e.ThreadID != 0 || e.Replies > 0 {
		s += " · t thread"
	}
	return s + " · d delete · y copy · Enter details · F1 more · Esc"
}
