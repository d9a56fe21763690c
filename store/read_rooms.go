package store

import (
	"slices"
	"strings"

	"parley/proto/internalv1"
	"parley/proto/parleyv1"
)

// roomView is a room as one account sees it, a member or not.
type roomView struct {
	*internalv1.ConversationRecord
	id   uint64
	rank internalv1.Membership
}

// seenRoom finds a room by "#name"; ErrNotFound when there is none that the account can see.
func (v *View) seenRoom(account uint64, title string) (roomView, error) {
	name, ok := strings.CutPrefix(foldName(title), "#")
	if !ok {
		return roomView{}, ErrNotFound
	}
	id, err := v.roomID(name)
	if err != nil {
		return roomView{}, err
	}
	if id == 0 {
		return roomView{}, ErrNotFound
	}
	r, err := v.openRoom(account, id)
	if err == nil && hiddenFrom(r.ConversationRecord, r.rank) {
		return roomView{}, ErrNotFound
	}
	return r, err
}

func (v *View) openRoom(account, id uint64) (roomView, error) {
	c, err := v.conversation(id)
	if err != nil {
		return roomView{}, err
	}
	m, err := v.roomMember(id, account)
	return roomView{ConversationRecord: c, id: id, rank: m.GetMembership()}, err
}

// roomOf is a room as an account of a rank that may see it does.
func roomOf(r *internalv1.ConversationRecord, rank internalv1.Membership) *parleyv1.Room {
	return &parleyv1.Room{
		Name: titleOf(r.GetName()), Topic: r.GetTopic(), Private: r.GetPrivate(), Archived: r.GetArchived(),
		Members: r.GetMembers(), Membership: parleyv1.Membership(rank), Created: timestamp(r.GetCreatedUnixMs()),
		RetainDays: r.GetRetainDays(),
	}
}

// Room returns a room by "#name"; ErrNotFound when there is none, or it is a private one that the caller is neither a member of
// nor invited to.
func (v *View) Room(s Session, name string) (r *parleyv1.Room, err error) {
	defer v.guard(&err)()
	room, err := v.seenRoom(s.AccountID, name)
	if err != nil {
		return nil, err
	}
	return roomOf(room.ConversationRecord, room.rank), nil
}

// Rooms returns the rooms that the caller can see whose name matches a glob, in name order after the name given, and the name to
// go on after; "" at the end. Names are without their #. mine leaves only those that the caller is a member of or invited
// to. A page may hold fewer than limit, even none, and yet not be the last.
func (v *View) Rooms(s Session, pattern, after string, limit int, mine bool) (
	rooms []*parleyv1.Room, next string, err error) {
	defer v.guard(&err)()
	if pattern == "" {
		pattern = "*"
	}
	pattern = foldName(pattern)
	limit = clampLimit(limit)
	if mine {
		return v.ownRooms(s.AccountID, pattern, after, limit)
	}
	return v.roomsNamed(s.AccountID, pattern, after, limit, maxUserScan)
}

// roomsNamed is Rooms among all. A page ends at a room that the caller can see, and is the last when no other that the caller
// can see follows: neither the name to go on after, nor that there is one, may tell of a hidden room. So it goes on through
// hidden rooms, however many lie together, also beyond scan names, where it ends early.
func (v *View) roomsNamed(account uint64, pattern, after string, limit, scan int) (
	rooms []*parleyv1.Room, next string, err error) {
	prefix := keyRoomName(nil, globPrefix(pattern))
	lo, hi := prefix, prefixEnd(prefix)
	if after != "" {
		if from := append(keyRoomName(nil, after), 0); string(from) > string(lo) {
			lo = from
		}
	}
	it := v.scan(lo, hi, false)
	for scanned := 1; it.next(); scanned++ {
		name := string(it.key[1:])
		matches := globMatch(pattern, name)
		if !matches && scanned < scan {
			continue
		}
		n, err := decode[internalv1.NumberRecord](&v.layers, it.key, it.value)
		if err != nil {
			return nil, "", err
		}
		r, err := v.openRoom(account, n.GetNumber())
		if err != nil {
			return nil, "", err
		}
		if r.GetName() != name || hiddenFrom(r.ConversationRecord, r.rank) { // the name is one that it had, or a secret
			continue
		}
		if matches && len(rooms) == limit {
			return rooms, strings.TrimPrefix(rooms[limit-1].GetName(), "#"), nil
		}
		if matches {
			rooms = append(rooms, roomOf(r.ConversationRecord, r.rank))
		}
		if scanned >= scan {
			return rooms, name, nil
		}
	}
	return rooms, "", it.err
}

// ownRooms is Rooms among those that an account is a member of or invited to: it looks at all of them.
func (v *View) ownRooms(account uint64, pattern, after string, limit int) (
	rooms []*parleyv1.Room, next string, err error) {
	ids, err := v.roomsOf(account)
	if err != nil {
		return nil, "", err
	}
	lo := appendU64s(nil, tagTrace, account)
	it := v.scan(lo, prefixEnd(lo), false)
	for len(ids) < maxUserScan && it.next() {
		ids = append(ids, u64At(it.key, 1))
	}
	if it.err != nil {
		return nil, "", it.err
	}
	for _, id := range ids {
		r, err := v.openRoom(account, id)
		if err != nil {
			return nil, "", err
		}
		if r.rank >= rankInvited && r.GetName() > after && globMatch(pattern, r.GetName()) {
			rooms = append(rooms, roomOf(r.ConversationRecord, r.rank))
		}
	}
	slices.SortFunc(rooms, func(a, b *parleyv1.Room) int { return strings.Compare(a.GetName(), b.GetName()) })
	if len(rooms) > limit {
		rooms = rooms[:limit]
		next = strings.TrimPrefix(rooms[limit-1].GetName(), "#")
	}
	return rooms, next, nil
}

// roomsOf lists the rooms that an account is a member of: its conversations that it joined.
func (v *View) roomsOf(account uint64) (rooms []uint64, err error) {
	defer v.guard(&err)()
	err = v.memberships(account, func(conv uint64, m *internalv1.MemberRecord) error {
		if m.GetJoinIndex() != 0 {
			rooms = append(rooms, conv)
		}
		return nil
	})
	return rooms, err
}

// RoomMembers returns accounts of a room in name order after the name given, and the name to go on after; "" at the end. Those of
// one membership, or, when want is nothing, the members of every rank. ErrNotFound and ErrNotMember as for a read; ErrNotAllowed
// for the invited and the banned when the caller is no moderator. It looks at all of a room's accounts, for they do not lie in
// the order of their names.
func (v *View) RoomMembers(s Session, room string, want parleyv1.Membership, after string, limit int) (
	members []*parleyv1.RoomMember, next string, err error) {
	defer v.guard(&err)()
	limit = clampLimit(limit)
	r, err := v.seenRoom(s.AccountID, room)
	switch {
	case err != nil:
		return nil, "", err
	case r.rank < rankMember:
		return nil, "", ErrNotMember
	case want == parleyv1.Membership_MEMBERSHIP_INVITED || want == parleyv1.Membership_MEMBERSHIP_BANNED:
		if r.rank < rankModerator {
			return nil, "", ErrNotAllowed
		}
	}
	trim := func() {
		slices.SortFunc(members, func(a, b *parleyv1.RoomMember) int {
			return strings.Compare(a.GetUser().GetUsername(), b.GetUser().GetUsername())
		})
		if len(members) > limit {
			members = members[:limit]
			next = members[limit-1].GetUser().GetUsername()
		}
	}
	lo := appendU64s(nil, tagRoomMember, r.id)
	it := v.scan(lo, prefixEnd(lo), false)
	for it.next() {
		m, err := decode[internalv1.RoomMemberRecord](&v.layers, it.key, it.value)
		if err != nil {
			return nil, "", err
		}
		rank := parleyv1.Membership(m.GetMembership())
		if want == 0 && rank < parleyv1.Membership_MEMBERSHIP_MEMBER || want != 0 && rank != want {
			continue
		}
		a, err := v.account(u64At(it.key, 1))
		if err != nil {
			return nil, "", err
		}
		if a.GetDeleted() || a.GetUsername() <= after {
			continue
		}
		if members = append(members, &parleyv1.RoomMember{User: userOf(a), Membership: rank}); len(members) >= 4*limit {
			trim()
		}
	}
	trim()
	return members, next, it.err
}

// unreadMentions counts the unread messages of others that mention the viewer, up to MaxMentionCount.
func (v *View) unreadMentions(c *convView) (n uint32, err error) {
	if c.allRead() {
		return 0, nil
	}
	w := &walk{v: v, c: c, q: MessageQuery{OnlyUnread: true, OnlyMentions: true}}
	for n < MaxMentionCount {
		ok, err := w.next()
		if err != nil || !ok {
			return n, err
		}
		n++
	}
	return n, nil
}
