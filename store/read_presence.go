package store

import (
	"errors"
	"slices"

	"parley/proto/internalv1"
)

// Addressee is somebody who may be told something of a conversation, and how that one names it.
type Addressee struct {
	Account      uint64
	Conversation string
}

// TypingIn returns the conversation that a session may send to by a name; 0 when nobody has to hear of it: the two never
// talked, do not talk to each other any more, or the room is archived. ErrNotFound when there is no such account or room,
// ErrNotMember when the session's account is not in it.
func (v *View) TypingIn(s Session, name string) (conv uint64, err error) {
	defer v.guard(&err)()
	if conv, err = v.resolve(s.AccountID, name); err != nil || conv == 0 {
		return 0, err
	}
	if ok, err := v.maySend(s.AccountID, conv); err != nil || !ok {
		return 0, err
	}
	return conv, nil
}

// maySend says whether an account may send to a conversation.
func (v *View) maySend(account, conv uint64) (bool, error) {
	c, err := v.conversation(conv)
	if err != nil {
		return false, err
	}
	if c.GetKind() == internalv1.ConversationKind_CONVERSATION_KIND_ROOM {
		if c.GetArchived() {
			return false, nil
		}
		r, err := load[internalv1.RoomMemberRecord](&v.layers, keyRoomMember(v.key(), conv, account))
		return isMember(r), err
	}
	if account != c.GetLow() && account != c.GetHigh() {
		return false, nil
	}
	other := otherMember(c, account)
	a, err := v.person(other)
	if err != nil || a.GetDeleted() {
		return false, err
	}
	parted, err := v.parted(account, other)
	return !parted, err
}

func isMember(r *internalv1.RoomMemberRecord) bool {
	return r.GetMembership() >= rankMember
}

// parted says whether one of two accounts blocks the other.
func (v *View) parted(a, b uint64) (bool, error) {
	blocked, err := v.has(keyBlock(v.key(), a, b))
	if err != nil || blocked {
		return blocked, err
	}
	return v.has(keyBlock(v.key(), b, a))
}

// TypingTo returns who may be told that an account types in a conversation, and the account's name: the other side, or the
// members of a room of at most MaxTypingMembers. Whoever blocks the account, or is blocked by it, is not told. Nobody is when
// the account may not send there, or this node knows no such account or conversation yet.
func (v *View) TypingTo(account, conv uint64) (username string, to []Addressee, err error) {
	defer v.guard(&err)()
	a, c, err := v.typing(account, conv)
	if err != nil || a == nil {
		return "", nil, err
	}
	ok, err := v.maySend(account, conv)
	if err != nil || !ok {
		return "", nil, err
	}
	if c.GetKind() != internalv1.ConversationKind_CONVERSATION_KIND_ROOM {
		if other := otherMember(c, account); other != account {
			to = append(to, Addressee{other, "@" + a.GetUsername()})
		}
		return a.GetUsername(), to, nil
	}
	if c.GetMembers() > MaxTypingMembers {
		return "", nil, nil
	}
	members, err := v.membersOf(conv, MaxTypingMembers)
	for _, m := range members {
		if m != account {
			to = append(to, Addressee{m, "#" + c.GetName()})
		}
	}
	if err != nil || len(to) == 0 {
		return a.GetUsername(), nil, err
	}
	to, err = v.withoutParted(account, to)
	return a.GetUsername(), to, err
}

// typing finds an account and a conversation by number; nil when this node has not applied what made one of them.
func (v *View) typing(account, conv uint64) (*internalv1.AccountRecord, *internalv1.ConversationRecord, error) {
	c, err := load[internalv1.ConversationRecord](&v.layers, keyConversation(v.key(), conv))
	if err != nil || c == nil {
		return nil, nil, err
	}
	a, err := load[internalv1.AccountRecord](&v.layers, keyAccount(v.key(), account))
	if err != nil || a.GetDeleted() {
		return nil, nil, err
	}
	return a, c, nil
}

// withoutParted leaves out whom the account blocks, and who block it.
func (v *View) withoutParted(account uint64, to []Addressee) (kept []Addressee, err error) {
	for _, t := range to {
		parted, err := v.parted(account, t.Account)
		if err != nil {
			return nil, err
		}
		if !parted {
			kept = append(kept, t)
		}
	}
	return kept, nil
}

// membersOf returns the members of a room, at most limit, by number.
func (v *View) membersOf(conv uint64, limit int) (members []uint64, err error) {
	lo := appendU64s(nil, tagRoomMember, conv)
	it := v.scan(lo, prefixEnd(lo), false)
	for len(members) < limit && it.next() {
		r, err := decode[internalv1.RoomMemberRecord](&v.layers, it.key, it.value)
		if err != nil {
			return nil, err
		}
		if isMember(r) {
			members = append(members, u64At(it.key, 1))
		}
	}
	return members, it.err
}

// Circle returns whom an account's presence concerns, by number, and the account's name: whom it has a direct conversation
// with, and who shares a room of at most MaxCircleRoom members with it; of its newest MaxCircleConversations conversations, at
// most MaxCircle accounts. Not among them are the account itself, whom it blocks, and who block it. here, where it is set, says
// which accounts matter; the others are left out before they are counted. The name is empty when the account is not known.
func (v *View) Circle(account uint64, here func(uint64) bool) (username string, circle []uint64, err error) {
	defer v.guard(&err)()
	a, err := load[internalv1.AccountRecord](&v.layers, keyAccount(v.key(), account))
	if err != nil || a == nil {
		return "", nil, err
	}
	found := make(map[uint64]bool)
	add := func(id uint64) {
		if id != account && len(found) < MaxCircle && !found[id] && (here == nil || here(id)) {
			found[id] = true
		}
	}
	lo := appendU64s(nil, tagMember, account)
	it := v.scan(lo, prefixEnd(lo), true)
	for n := 0; n < MaxCircleConversations && len(found) < MaxCircle && it.next(); n++ {
		conv := u64At(it.key, 1)
		c, err := v.conversation(conv)
		switch {
		case err != nil:
			return "", nil, err
		case c.GetKind() != internalv1.ConversationKind_CONVERSATION_KIND_ROOM:
			add(otherMember(c, account))
			continue
		case c.GetMembers() > MaxCircleRoom:
			continue
		}
		members, err := v.membersOf(conv, MaxCircleRoom)
		if err != nil {
			return "", nil, err
		}
		for _, m := range members {
			add(m)
		}
	}
	if it.err != nil {
		return "", nil, it.err
	}
	for id := range found {
		parted, err := v.parted(account, id)
		if err != nil {
			return "", nil, err
		}
		if !parted {
			circle = append(circle, id)
		}
	}
	slices.Sort(circle)
	return a.GetUsername(), circle, nil
}

// Person is an account whose presence somebody asks for.
type Person struct {
	// AccountID is 0 when there is no such account.
	AccountID uint64
	// Hidden says that one of the two blocks the other.
	Hidden bool
}

// People finds accounts by name, in the order of the names, for a session that wants to know of their presence.
func (v *View) People(s Session, names []string) (people []Person, err error) {
	defer v.guard(&err)()
	for _, name := range names {
		id, _, err := v.byName(name)
		if errors.Is(err, ErrNotFound) {
			people = append(people, Person{})
			continue
		}
		if err != nil {
			return nil, err
		}
		parted, err := v.parted(s.AccountID, id)
		if err != nil {
			return nil, err
		}
		people = append(people, Person{AccountID: id, Hidden: parted})
	}
	return people, nil
}
