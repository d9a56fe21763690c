package chat

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"parley/proto/parleyv1"
)

// peopleCommands are those about people and accounts.
func peopleCommands() []command {
	return []command{
		{"who", "[invited | banned | pattern]", "who is in this room; with a pattern of * and ?: people of such names", (*Model).cmdWho},
		{"last", "", "back to the conversation before (alt+s)", func(m *Model, _ string) tea.Cmd { return m.back() }},
		{"sidebar", "", "sidebar on or off (F2)", func(m *Model, _ string) tea.Cmd { m.toggleSidebar(); return nil }},
		{"goto", "day | time | seq | id:N", "go to a place: 2026-01-31, 14:05, the seq or the id of a message", (*Model).cmdGoto},
		{"search", "[from:user in:#room before:day after:day] words", "find messages (^F)",
			func(m *Model, args string) tea.Cmd { return m.openSearch(args) }},
		{"go", "[name]", "go to a room, a person or a >command (^K)", func(m *Model, args string) tea.Cmd { return m.openSwitcher(args) }},
	}
}

func (m *Model) cmdWho(args string) tea.Cmd {
	which, known := map[string]parleyv1.Membership{
		"": parleyv1.Membership_MEMBERSHIP_UNSPECIFIED, "invited": parleyv1.Membership_MEMBERSHIP_INVITED,
		"banned": parleyv1.Membership_MEMBERSHIP_BANNED,
	}[args]
	if v := m.cur; known && v != nil && isRoom(v.name) {
		return m.openMembers(v, which)
	}
	return m.openSwitcher("@" + strings.TrimPrefix(args, "@"))
}
