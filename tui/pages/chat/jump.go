package chat

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"parley/proto/parleyv1"
)

// nextUnread opens the next conversation with unread messages: those that mention the reader first, muted ones never. When nothing
// is unread any more, it goes back to where the jumps began.
func (m *Model) nextUnread() tea.Cmd {
	if m.from == "" && m.cur != nil {
		m.from = m.cur.name
	}
	i := max(slices.Index(m.order, m.cur), 0)
	for _, mentioned := range []bool{true, false} {
		for j := 1; j <= len(m.order); j++ {
			v := m.order[(i+j)%len(m.order)]
			if v == m.cur || v.count() == 0 || mentioned && v.mentions == 0 || v.mute == parleyv1.Mute_MUTE_ALL ||
				v.mute == parleyv1.Mute_MUTE_MENTIONS && v.mentions == 0 {
				continue
			}
			return m.show(v.name)
		}
	}
	from := m.from
	m.from = ""
	if v := m.conversations[from]; v != nil && v != m.cur {
		m.tell("nothing unread elsewhere: back in " + v.name)
		return m.show(from)
	}
	m.tell("nothing unread elsewhere")
	return nil
}

// back opens the conversation that was open before.
func (m *Model) back() tea.Cmd {
	last := m.last
	if to := m.renamed[last]; to != "" {
		last = to
	}
	if m.conversations[last] == nil {
		m.tell("no conversation was open before")
		return nil
	}
	return m.show(last)
}
