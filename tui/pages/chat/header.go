package chat

import (
	"fmt"
	"strings"

	"parley/proto/parleyv1"
	"parley/tui/common"
)

// header is the row above the timeline: the conversation, how many of it are here, and what it is about. The topic comes last,
// because it may be any text; whoever types stands in its place for as long.
func (m *Model) header() string {
	st, ws, w := m.c.Styles, m.c.Widths, m.w-m.paneX
	if m.cur == nil {
		return " " + st.Strong.Render(ws.Truncate("no conversation is open", w-2))
	}
	name := ws.Truncate(common.Line(m.cur.name), w-2)
	note := strings.Join(m.headerParts(m.cur), " · ")
	return " " + st.Strong.Render(name) + st.Dim.Render(ws.Truncate(" · "+note, w-1-ws.Width(name)))
}

func (m *Model) headerParts(v *conversation) (parts []string) {
	above := m.unreadAbove()
	switch {
	case v.onlyOn:
		return []string{m.viewNote(v)}
	case above > 0:
		parts = append(parts, fmt.Sprintf("↑ %d unread above · alt+u", above))
	}
	typing := m.typingText(v.name)
	if isRoom(v.name) {
		parts = append(parts, m.roomParts(v)...)
		if typing == "" && v.topic() != "" {
			typing = v.topic()
		}
	} else {
		parts = append(parts, m.directParts(v)...)
	}
	if typing != "" {
		parts = append(parts, typing)
	}
	return parts
}

func (m *Model) roomParts(v *conversation) (parts []string) {
	switch n, ok := m.here(v); {
	case v.gone:
		return []string{"you are not a member any more · /leave closes it"}
	case v.invited():
		return []string{"you are invited"}
	case ok:
		parts = append(parts, fmt.Sprintf("%d of %d here", n, max(n, len(v.people.names))))
	case v.room.GetMembers() > 0:
		parts = append(parts, count(int(v.room.GetMembers()), "member", "members"))
	default:
		parts = append(parts, "room")
	}
	if v.room.GetPrivate() {
		parts = append(parts, "private")
	}
	if v.room.GetArchived() {
		parts = append(parts, "archived")
	}
	return parts
}

func (m *Model) directParts(v *conversation) []string {
	if v.name == "@"+m.user {
		return []string{"notes to yourself"}
	}
	what := "direct conversation"
	switch m.soft.presence[strings.TrimPrefix(v.name, "@")] {
	case parleyv1.Presence_PRESENCE_ACTIVE:
		what += " · here"
	case parleyv1.Presence_PRESENCE_AWAY:
		what += " · away"
	}
	return []string{what}
}

// toggleSidebar shows or hides the left column.
func (m *Model) toggleSidebar() {
	if m.w < sidebarWidth {
		m.tell("the sidebar needs 60 columns; ^K goes to any conversation")
		return
	}
	m.c.Settings.Sidebar = !m.c.Settings.Sidebar
}
