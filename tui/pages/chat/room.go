package chat

import (
	"slices"

	"parley/proto/parleyv1"
	"parley/tui/common"
	"parley/tui/components/timeline"
)

// applyRoom takes an event of a room, or an edit, into the store and returns the conversation it changed; nil where there is
// nothing to show.
func (m *Model) applyRoom(ev *parleyv1.Event) *conversation {
	switch {
	case ev.GetMessageEdited() != nil:
		e := ev.GetMessageEdited()
		v := m.conversation(e.GetConversation())
		v.edit(e.GetId(), common.Body(e.GetText()))
		return v
	case ev.GetRoomChanged() != nil:
		r := ev.GetRoomChanged()
		v := m.conversations[r.GetOldName()]
		if v == nil {
			return nil
		}
		v.notice(m.c.Now(), m.key(), "the room is "+common.Line(r.GetRoom().GetName())+" now")
		return v
	case ev.GetMembershipChanged().GetMe():
		c := ev.GetMembershipChanged()
		if c.GetMembership() >= parleyv1.Membership_MEMBERSHIP_MEMBER {
			m.recount = true // what was written before the join comes by reading
			return m.conversation(c.GetConversation())
		}
		v := m.conversations[c.GetConversation()]
		if v == nil {
			return nil // an invitation; the list has nothing to show for it yet
		}
		v.unread = 0
		v.notice(m.c.Now(), m.key(), "you are not a member of "+common.Line(c.GetConversation())+" any more; nothing new comes from here")
		return v
	}
	return nil
}

// edit replaces the text of a message that is loaded.
func (v *conversation) edit(id uint64, text string) {
	for _, es := range [][]*timeline.Entry{v.msgs, v.only} {
		if i := slices.IndexFunc(es, func(e *timeline.Entry) bool { return e.ID == id }); i >= 0 && !es[i].Deleted {
			es[i].Text = text
		}
	}
}
