package store

import (
	"parley/proto/internalv1"
)

// rank returns what an account is to a room.
func (m *machine) rank(conv, account uint64) (internalv1.Membership, error) {
	h, err := m.roomMember(conv, account)
	if h == nil || err != nil {
		return rankNone, err
	}
	return h.GetMembership(), nil
}

// mayRead says whether an account may read a conversation: a member of it, and no other.
func (m *machine) mayRead(account uint64, c *hotConversation) (bool, error) {
	if !c.isRoom() {
		return account == c.GetLow() || account == c.GetHigh(), nil
	}
	rank, err := m.rank(c.id, account)
	return rank >= rankMember, err
}

// conversationFor finds a conversation that an account belongs to, by "@user" or "#room".
func (m *machine) conversationFor(by *hotAccount, field, target string) (*hotConversation, *internalv1.Result, error) {
	if len(target) > 0 && target[0] == '#' {
		room, rank, refusal, err := m.seenRoom(by, field, target)
		if refusal == nil && err == nil && rank < rankMember {
			refusal = refuseNotMember(field, target)
		}
		return room, refusal, err
	}
	to, refusal, err := m.directTarget(field, target)
	if refusal != nil || err != nil {
		return nil, refusal, err
	}
	conv, err := m.direct(by.id, to.id)
	if err == nil && conv == nil {
		refusal = refuse(internalv1.Reason_REASON_CONVERSATION_NOT_FOUND, field, "there is no conversation with %q",
			to.GetUsername())
	}
	return conv, refusal, err
}

// setRank makes an account what it shall be to a room, and tells it and the members. by is who made it so, nil for nobody.
// The caller has seen to it that a room with members keeps an owner; one that its last member leaves is archived.
func (m *machine) setRank(room *hotConversation, a, by *hotAccount, want internalv1.Membership) error {
	have, err := m.rank(room.id, a.id)
	if err != nil || have == want {
		return err
	}
	if err := m.storeRank(room.id, a.id, want); err != nil {
		return err
	}
	joins, leaves := have < rankMember && want >= rankMember, have >= rankMember && want < rankMember
	if want == rankOwner {
		room.Owners++
	}
	if have == rankOwner {
		room.Owners--
	}
	if joins {
		room.Members++
	}
	if leaves {
		room.Members--
		room.Archived = room.Archived || room.Members == 0
		if err := m.part(room, a); err != nil {
			return err
		}
	}
	m.touchConversation(room)
	pos, err := m.tellRank(room, a, by, have, want)
	if err != nil || !joins {
		return err
	}
	return m.enter(room, a, pos)
}

// storeRank keeps the record of who sent messages, whatever becomes of them, and a trace by which the account's deletion
// finds the room again.
func (m *machine) storeRank(conv, account uint64, want internalv1.Membership) error {
	h, err := m.roomMember(conv, account)
	if err != nil {
		return err
	}
	traced := want == rankInvited || want < rankMember && h != nil && h.GetSent() > 0
	if traced {
		if err := m.put(keyTrace(m.key(), account, conv), &internalv1.MarkRecord{}); err != nil {
			return err
		}
	} else if h != nil {
		m.remove(keyTrace(m.key(), account, conv))
	}
	k := [2]uint64{conv, account}
	switch {
	case h == nil:
		h = &hotRoomMember{RoomMemberRecord: &internalv1.RoomMemberRecord{Membership: want}, conv: conv, account: account}
		m.roomMembers.put(k, h)
		return m.put(keyRoomMember(m.key(), conv, account), h.RoomMemberRecord)
	case want == rankNone && h.GetSent() == 0:
		h.state.gone = true
		m.roomMembers.remove(k)
		m.remove(keyRoomMember(m.key(), conv, account))
		return nil
	}
	h.Membership = want
	m.touchRoomMember(h)
	return nil
}

// enter makes what a member keeps of a room. The history counts as read: it is there to be looked at, and nobody wants to
// be told of all of it.
func (m *machine) enter(room *hotConversation, a *hotAccount, at position) error {
	h := &hotMember{account: a.id, conv: room.id, MemberRecord: &internalv1.MemberRecord{
		ReadSeq: room.GetLastSeq(), JoinIndex: at.index, JoinOrdinal: at.ordinal,
	}}
	if err := m.put(keyMember(m.key(), a.id, room.id), h.MemberRecord); err != nil {
		return err
	}
	m.members.put([2]uint64{a.id, room.id}, h)
	a.Conversations++
	m.touchAccount(a)
	return nil
}

// part removes what a member kept of a room, with its events that tell of that.
func (m *machine) part(room *hotConversation, a *hotAccount) error {
	h, err := m.member(a.id, room.id)
	if err != nil {
		return err
	}
	if h.GetMarkIndex() != 0 {
		m.remove(keyAccountEvent(m.key(), a.id, position{index: h.GetMarkIndex(), ordinal: h.GetMarkOrdinal()}))
	}
	if h.GetMuteIndex() != 0 {
		m.remove(keyAccountEvent(m.key(), a.id, position{index: h.GetMuteIndex(), ordinal: h.GetMuteOrdinal()}))
	}
	h.state.gone = true
	m.members.remove([2]uint64{a.id, room.id})
	m.remove(keyMember(m.key(), a.id, room.id))
	a.Conversations--
	m.touchAccount(a)
	return nil
}

// tellRank tells an account that sees the room, before or after, what it became, and then the members. It returns the
// position of what the members are told: a stream of the account has the room's events above it, or none from it on.
func (m *machine) tellRank(room *hotConversation, a, by *hotAccount, have, want internalv1.Membership) (position, error) {
	e := event{
		kind: internalv1.EventKind_EVENT_KIND_MEMBERSHIP_CHANGED, sender: a.id, account: a.GetUsername(),
		change: &roomChange{membership: want},
	}
	if by != nil {
		e.change.by, e.change.byName = by.id, by.GetUsername()
	}
	if (have < rankMember || want < rankMember) && (have >= rankInvited || want >= rankInvited) {
		own := e
		own.only = a.id
		if err := m.emit(room, &own, nil); err != nil {
			return position{}, err
		}
	}
	m.movedAt = m.index
	err := m.emit(room, &e, nil)
	return e.pos, err
}
