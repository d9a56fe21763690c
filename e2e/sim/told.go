package sim

import (
	"parley/proto/parleyv1"
)

// heard is what a stream has told of one room.
type heard struct {
	in  bool   // the account is a member, as far as it was told
	seq uint64 // of the last message
	on  map[onMessage]bool
}

// onMessage is a reaction of somebody's on a message, or, of nobody's, the pin.
type onMessage struct {
	id             uint64
	value, account string
}

// annotated takes a change of what is on a message: it is told when it is one, and no retry of it is.
func (h *heard) annotated(a *parleyv1.MessageAnnotated) (news bool) {
	key := onMessage{id: a.GetId()}
	if a.GetKind() == parleyv1.AnnotationKind_ANNOTATION_KIND_REACTION {
		key.value, key.account = a.GetValue(), a.GetUsername()
	}
	was, known := h.on[key]
	h.on[key] = a.GetPresent()
	return !known || was != a.GetPresent()
}

// roomOf returns the room that an event is of; "" for one of a direct conversation.
func roomOf(e *parleyv1.Event) string {
	name := ""
	switch ch := e.GetChange().(type) {
	case *parleyv1.Event_Message:
		name = ch.Message.GetConversation()
	case *parleyv1.Event_MessageEdited:
		name = ch.MessageEdited.GetConversation()
	case *parleyv1.Event_MessageDeleted:
		name = ch.MessageDeleted.GetConversation()
	case *parleyv1.Event_MessageAnnotated:
		name = ch.MessageAnnotated.GetConversation()
	case *parleyv1.Event_ReadMarked:
		name = ch.ReadMarked.GetConversation()
	case *parleyv1.Event_RoomChanged:
		name = ch.RoomChanged.GetRoom().GetName()
	case *parleyv1.Event_MembershipChanged:
		name = ch.MembershipChanged.GetConversation()
	}
	if name == "" || name[0] != '#' {
		return ""
	}
	return name
}

// toldOfRoom takes an event of a room: none of a room that one is out of, and every message since the join, in order.
func (c *client) toldOfRoom(r *replica, name string, e *parleyv1.Event) {
	w, g := c.w, c.w.law.register
	room := g.rooms[name]
	if g.blind {
		return
	}
	if room == nil {
		w.fail("node %d tells %s of %s, which there is not: %v", r.id, c.name, name, e)
	}
	h := c.tail.rooms[name]
	if h == nil {
		h = &heard{in: room.memberAt(c.name, c.tail.from), on: map[onMessage]bool{}}
		c.tail.rooms[name] = h
	}
	if ch := e.GetMembershipChanged(); ch.GetMe() {
		if h.in = ch.GetMembership() >= parleyv1.Membership_MEMBERSHIP_MEMBER; !h.in {
			clear(h.on) // it changes unseen
		}
		return
	}
	if !h.in {
		w.fail("node %d tells %s, who is not in %s: %v", r.id, c.name, name, e)
	}
	if edited := e.GetMessageEdited(); edited != nil {
		if m := g.messages[edited.GetId()]; m == nil || m.room != room || !edited.GetDeleted() && !m.had(edited.GetText()) {
			w.fail("node %d tells %s of an edit in %s that nobody made: %v", r.id, c.name, name, e)
		}
	}
	if a := e.GetMessageAnnotated(); a != nil && !h.annotated(a) {
		w.fail("node %d tells %s a second time in %s: %v", r.id, c.name, name, a)
	}
	got := e.GetMessage()
	if got == nil {
		return
	}
	if got.GetSeq() == 0 || got.GetSeq() > uint64(len(room.messages)) {
		w.fail("node %d tells %s seq %d of %s, which nobody sent", r.id, c.name, got.GetSeq(), name)
	}
	m := room.messages[got.GetSeq()-1]
	if got.GetId() != m.id || got.GetSender() != m.sender || got.GetDeleted() && m.deleted == 0 ||
		!got.GetDeleted() && !m.had(got.GetText()) {
		w.fail("node %d tells %s message %d of %s as %v", r.id, c.name, m.id, name, got)
	}
	during, in := room.during(c.name, m.at)
	switch {
	case !in:
		w.fail("node %d tells %s seq %d of %s, sent while they were not in it", r.id, c.name, m.seq, name)
	case m.seq <= h.seq:
		w.fail("node %d tells %s seq %d of %s after seq %d", r.id, c.name, m.seq, name, h.seq)
	}
	if missed := c.missed(room, h.seq, m.seq, during); missed != 0 {
		w.fail("node %d tells %s seq %d of %s, and never told seq %d", r.id, c.name, m.seq, name, missed)
	}
	h.seq = m.seq
}

// missed returns the first message between two seqs that the stream had to tell in a membership; 0 when there is none.
func (c *client) missed(r *room, after, before uint64, during span) uint64 {
	for seq := after + 1; seq < before; seq++ {
		if m := r.messages[seq-1]; during.has(m.at) && m.at.index > c.tail.from && m.hidden[c.name] == 0 {
			return seq
		}
	}
	return 0
}

// judgeRoomTail: a stream that was read to its end has told every message of the present memberships.
func (c *client) judgeRoomTail() error {
	g := c.w.law.register
	if c.tail.cursor == "" {
		return nil // it never began
	}
	for _, r := range g.order {
		spans := r.spans[c.name]
		if len(spans) == 0 || spans[len(spans)-1].to.index != 0 {
			continue
		}
		last := uint64(0)
		if h := c.tail.rooms[r.name]; h != nil {
			last = h.seq
		}
		if missed := c.missed(r, last, uint64(len(r.messages))+1, spans[len(spans)-1]); missed != 0 {
			return c.w.violation("%s's stream never told seq %d of %s", c.name, missed, r.name)
		}
	}
	return nil
}
