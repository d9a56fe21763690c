package chat

import (
	"slices"
	"strings"

	"parley/proto/parleyv1"
	"parley/tui/common"
)

// facts is what the list of conversations and the events say of a conversation beside its messages.
type facts struct {
	room      *parleyv1.Room // nil: a direct conversation, or a room that nothing was told of yet
	role      parleyv1.Membership
	invitedBy string // clean; of a room that one is invited to
	gone      bool   // one was in the room and is not any more
	mentions  uint32 // unread messages that mention the reader
	mute      parleyv1.Mute
}

// invited reports a room that one may join and has not: nothing of it can be read.
func (f *facts) invited() bool { return f.role == parleyv1.Membership_MEMBERSHIP_INVITED }

// topic is clean; empty when there is none.
func (f *facts) topic() string { return common.Line(f.room.GetTopic()) }

// told takes what the list of conversations says.
func (v *conversation) told(c *parleyv1.Conversation) {
	v.mentions, v.mute = c.GetMentions(), c.GetMute()
	if r := c.GetRoom(); r != nil {
		v.room, v.role, v.gone = r, r.GetMembership(), false
	}
}

// isRoom reports whether a name is that of a room.
func isRoom(name string) bool { return strings.HasPrefix(name, "#") }

// roomName makes a room's name of what a person typed: ops and #ops are the same. ok is false when it can not be one.
func roomName(s string) (name string, ok bool) {
	name = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(s), "#"))
	return "#" + name, validName(name)
}

// userName is roomName for accounts: @bob and bob are the same. The result has no @.
func userName(s string) (name string, ok bool) {
	name = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(s), "@"))
	return name, validName(name)
}

// validName holds a name to the contract: 1 to 32 of a to z, 0 to 9, . _ -
func validName(s string) bool {
	return s != "" && len(s) <= 32 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789._-") == ""
}

// drop takes a conversation off the sidebar: one left it, or turned it down. What waits in it keeps it.
func (m *Model) drop(v *conversation) {
	if len(v.out) > 0 {
		v.gone = true
		return
	}
	delete(m.conversations, v.name)
	m.order = slices.DeleteFunc(m.order, func(o *conversation) bool { return o == v })
}

// rename gives a conversation its new name. Answers under way and messages that wait here come under the old one, which leads to
// the same conversation for as long as the page lives, as it does at the cluster.
func (m *Model) rename(v *conversation, to string) {
	old := v.name
	if other := m.conversations[to]; other != nil && other != v { // the list told of the new name first
		v.unread, v.mentions = max(v.unread, other.unread), max(v.mentions, other.mentions)
		v.note(other.lastID, other.lastSeq)
		v.counted, v.heard = max(v.counted, other.counted), max(v.heard, other.heard)
		m.order = slices.DeleteFunc(m.order, func(o *conversation) bool { return o == other })
		if m.cur == other {
			m.cur = v
		}
	}
	delete(m.conversations, old)
	v.name = to
	m.conversations[to] = v
	m.renamed[old] = to
	for from, name := range m.renamed { // a room renamed twice
		if name == old {
			m.renamed[from] = to
		}
	}
	delete(m.renamed, to) // it has its first name again
}
