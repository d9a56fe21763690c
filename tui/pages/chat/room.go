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
		return m.roomChanged(ev.GetRoomChanged())
	case ev.GetMembershipChanged() != nil:
		return m.membershipChanged(ev.GetMembershipChanged())
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
