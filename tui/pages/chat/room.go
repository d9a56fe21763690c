package chat

import (
	"parley/proto/parleyv1"
)

// applyRoom takes an event of a room, or an edit, into the store and returns the conversation it changed; nil where there is
// nothing to show.
func (m *Model) applyRoom(ev *parleyv1.Event) *conversation {
	switch {
	case ev.GetMessageEdited() != nil:
		return m.applyEdit(ev.GetMessageEdited())
	case ev.GetMessageAnnotated() != nil:
		return m.applyAnnotation(ev.GetMessageAnnotated())
	case ev.GetMuteChanged() != nil:
		return m.applyMute(ev.GetMuteChanged())
	case ev.GetRoomChanged() != nil:
		return m.roomChanged(ev.GetRoomChanged())
	case ev.GetMembershipChanged() != nil:
		return m.membershipChanged(ev.GetMembershipChanged())
	}
	return nil
}
