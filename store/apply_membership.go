package store

import (
	"strings"

	"parley/proto/internalv1"
)

// setMembership joins, leaves, invites, puts out, bans and promotes: it is one command, for all of them say what an account
// shall be to a room. What is so already is answered alike.
func (m *machine) setMembership(c *internalv1.Command, b *internalv1.SetMembership) (*internalv1.Result, error) {
	target, username := foldName(b.GetRoom()), foldName(b.GetUsername())
	digest := m.fields("set-membership").str(target).str(username).num(uint64(b.GetMembership())).digest()
	by, answer, err := m.begin(c.GetSession(), digest)
	if answer != nil || err != nil {
		return answer, err
	}
	if b.GetMembership() < rankNone || b.GetMembership() > rankOwner {
		return refuseField("membership", "is none that there is"), nil
	}
	room, rank, refusal, err := m.seenRoom(by.hotAccount, "room", target)
	if refusal != nil || err != nil {
		return refusal, err
	}
	who, want := by.hotAccount, b.GetMembership()
	change := want
	if username != "" && username != by.GetUsername() {
		if who, refusal, err = m.otherAccount(room, rank, username); refusal == nil && err == nil {
			change, refusal, err = m.rankForOther(room, by.hotAccount, rank, who, want)
		}
	} else {
		change, refusal, err = m.rankForSelf(room, by.hotAccount, rank, want, username == "")
	}
	if refusal != nil || err != nil {
		return refusal, err
	}
	if err := m.setRank(room, who, by.hotAccount, change); err != nil {
		return nil, err
	}
	if rank, err = m.rank(room.id, by.id); err != nil {
		return nil, err
	}
	r := roomResult(room, rank)
	return r, m.record(scope{account: by.hotAccount}, digest, r)
}

// seenRoom finds a room that an account can see, and what the account is to it. A private one of others is answered as one
// that does not exist.
func (m *machine) seenRoom(by *hotAccount, field, target string) (
	*hotConversation, internalv1.Membership, *internalv1.Result, error) {
	name, ok := strings.CutPrefix(target, "#")
	if !ok {
		return nil, rankNone, refuseField(field, "must be #room"), nil
	}
	room, err := m.room(name)
	if err != nil {
		return nil, rankNone, nil, err
	}
	if room == nil {
		return nil, rankNone, refuseNoRoom(field, target), nil
	}
	rank, err := m.rank(room.id, by.id)
	if err != nil {
		return nil, rankNone, nil, err
	}
	if hiddenFrom(room.ConversationRecord, rank) {
		return nil, rankNone, refuseNoRoom(field, target), nil
	}
	return room, rank, nil, nil
}

// rankForSelf decides what the caller becomes by a request of its own. join says that it was asked for without a name: then
// MEMBER means that it shall be in, and who is more than that stays it.
func (m *machine) rankForSelf(room *hotConversation, by *hotAccount, have, want internalv1.Membership, join bool) (
	internalv1.Membership, *internalv1.Result, error) {
	no := func(format string, args ...any) (internalv1.Membership, *internalv1.Result, error) {
		return have, refuse(internalv1.Reason_REASON_NOT_ALLOWED, "membership", format, args...), nil
	}
	title := room.roomTitle()
	switch {
	case want == have, join && want == rankMember && have > rankMember:
		return have, nil, nil
	case have == rankBanned && want == rankMember:
		return no("you are banned from %s; a moderator of it may lift that", title)
	case have == rankBanned, want == rankBanned, want == rankInvited, want > rankMember && want > have:
		return no("of yourself you may join, leave, and step down")
	case have < rankMember && want == rankMember:
		refusal, err := m.mayJoin(room, by)
		return want, refusal, err
	case have == rankOwner && room.GetOwners() == 1 && want >= rankMember && room.GetMembers() == 1:
		return no("%s needs an owner; you are its only member", title)
	case have == rankOwner && room.GetOwners() == 1 && room.GetMembers() > 1:
		return no("you are the only owner of %s; make another member an owner first", title)
	}
	return want, nil, nil
}

// mayJoin refuses a member too many.
func (m *machine) mayJoin(room *hotConversation, a *hotAccount) (*internalv1.Result, error) {
	switch {
	case room.GetOwners() == 0: // then all members that there are were deleted
		return refuse(internalv1.Reason_REASON_ROOM_ARCHIVED, "room", "%s was closed when its last member left", room.roomTitle()), nil
	case room.GetMembers() >= MaxRoomMembers:
		return refuseRoomFull("room", room), nil
	case a.GetConversations() >= MaxConversations:
		return refuseConversations("room", a), nil
	}
	return nil, nil
}

func refuseRoomFull(field string, room *hotConversation) *internalv1.Result {
	return refuseLimit(field, "%s has %d members, which is the most there may be", room.roomTitle(), MaxRoomMembers)
}

// otherAccount finds the account that a member of a room acts on.
func (m *machine) otherAccount(room *hotConversation, rank internalv1.Membership, username string) (
	*hotAccount, *internalv1.Result, error) {
	if rank < rankMember {
		return nil, refuseNotMember("room", room.roomTitle()), nil
	}
	if why := badName(username); why != "" {
		return nil, refuseField("username", "%s", why), nil
	}
	return m.targetAccount(username)
}

// rankForOther decides what another account becomes. Nobody acts on who is of the same rank or of a higher one.
func (m *machine) rankForOther(room *hotConversation, by *hotAccount, rank internalv1.Membership, who *hotAccount,
	want internalv1.Membership) (internalv1.Membership, *internalv1.Result, error) {
	have, err := m.rank(room.id, who.id)
	if err != nil {
		return have, nil, err
	}
	no := func(format string, args ...any) (internalv1.Membership, *internalv1.Result, error) {
		return have, refuse(internalv1.Reason_REASON_NOT_ALLOWED, "", format, args...), nil
	}
	title, name := room.roomTitle(), who.GetUsername()
	least := rankModerator
	switch {
	case want >= rankMember:
		least = rankOwner
	case want == rankInvited && !room.GetPrivate() && have != rankBanned:
		least = rankMember
	}
	switch {
	case rank < least && least == rankOwner:
		return no("only an owner of %s may do this", title)
	case rank < least:
		return no("only a moderator or an owner of %s may do this", title)
	case want == have, want == rankInvited && have >= rankMember:
		return have, nil, nil
	case want >= rankMember && have < rankMember:
		return no("%s is not a member of %s; invite them first", name, title)
	case have >= rank:
		return no("%s is of your rank or of a higher one in %s", name, title)
	case want != rankInvited:
		return want, nil, nil
	}
	blocked, err := m.blocked(by.id, who.id)
	if err == nil && blocked {
		return have, refuse(internalv1.Reason_REASON_BLOCKED, "username", "one of you blocks the other"), nil
	}
	return want, nil, err
}
