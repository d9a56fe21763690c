package store

import (
	"parley/proto/internalv1"
)

// The records that nearly every command changes are kept decoded, changed in place and written into the overlay when
// the machine settles: before anybody can see the state, before its hash is taken and before the overlay is frozen. So
// a hundred messages in one batch marshal their conversation's head once.

type hotAccount struct {
	*internalv1.AccountRecord
	id    uint64
	state hotState
}

type hotConversation struct {
	*internalv1.ConversationRecord
	id                uint64
	lowName, highName string // of its members, once they are known
	title             string // "#name" of a room, once it was needed
	state             hotState
}

type hotMember struct {
	*internalv1.MemberRecord
	account, conv uint64
	state         hotState
}

// hotRoomMember is what an account is to a room, or was.
type hotRoomMember struct {
	*internalv1.RoomMemberRecord
	conv, account uint64
	state         hotState
}

// hotState is dirty while the record has changes that are not in the overlay. A new record is inserted at once, so that
// a walk over its table finds the key; one that is removed is gone at once, whatever it still owed.
type hotState struct{ dirty, gone bool }

// hot is a record that settle writes.
type hot interface{ write(m *machine) error }

func (h *hotAccount) write(m *machine) error {
	return m.writeHot(&h.state, keyAccount(m.key(), h.id), h.AccountRecord)
}

func (h *hotConversation) write(m *machine) error {
	return m.writeHot(&h.state, keyConversation(m.key(), h.id), h.ConversationRecord)
}

func (h *hotMember) write(m *machine) error {
	return m.writeHot(&h.state, keyMember(m.key(), h.account, h.conv), h.MemberRecord)
}

func (h *hotRoomMember) write(m *machine) error {
	return m.writeHot(&h.state, keyRoomMember(m.key(), h.conv, h.account), h.RoomMemberRecord)
}

func (m *machine) touch(h hot, s *hotState) {
	m.countKey(0)
	if !s.dirty {
		s.dirty = true
		m.dirty = append(m.dirty, h)
	}
}

func (m *machine) touchAccount(a *hotAccount)           { m.touch(a, &a.state) }
func (m *machine) touchConversation(c *hotConversation) { m.touch(c, &c.state) }
func (m *machine) touchMember(r *hotMember)             { m.touch(r, &r.state) }
func (m *machine) touchRoomMember(r *hotRoomMember)     { m.touch(r, &r.state) }

// account returns an account that exists.
func (m *machine) account(id uint64) (*hotAccount, error) {
	if a, ok := m.accounts.get(id); ok {
		return a, nil
	}
	r, err := m.layers.account(id)
	if err != nil {
		return nil, err
	}
	a := &hotAccount{AccountRecord: r, id: id}
	m.accounts.put(id, a)
	return a, nil
}

// accountByName returns nil when nobody has, or had, the name.
func (m *machine) accountByName(name string) (*hotAccount, error) {
	id, ok := m.names.get(name)
	if !ok {
		var err error
		if id, err = m.accountID(name); err != nil || id == 0 {
			return nil, err
		}
		m.names.put(name, id)
	}
	return m.account(id)
}

// session returns the record under a token's hash, nil when there is none.
func (m *machine) session(token []byte) (*internalv1.SessionRecord, error) {
	if len(token) != tokenBytes {
		return nil, nil
	}
	k := [tokenBytes]byte(token)
	if s, ok := m.sessions.get(k); ok {
		return s, nil
	}
	s, err := m.layers.session(token)
	if err != nil || s == nil {
		return nil, err
	}
	m.sessions.put(k, s)
	return s, nil
}

func (m *machine) conversation(id uint64) (*hotConversation, error) {
	if c, ok := m.convs.get(id); ok {
		return c, nil
	}
	r, err := m.layers.conversation(id)
	if err != nil {
		return nil, err
	}
	c := &hotConversation{ConversationRecord: r, id: id}
	m.convs.put(id, c)
	return c, nil
}

// direct returns the direct conversation of two accounts, nil when they never talked.
func (m *machine) direct(a, b uint64) (*hotConversation, error) {
	k := [2]uint64{min(a, b), max(a, b)}
	id, ok := m.directs.get(k)
	if !ok {
		var err error
		if id, err = m.layers.direct(a, b); err != nil || id == 0 {
			return nil, err
		}
		m.directs.put(k, id)
	}
	return m.conversation(id)
}

// room returns the room that has, or had, a name without its #; nil when there never was one.
func (m *machine) room(name string) (*hotConversation, error) {
	id, ok := m.rooms.get(name)
	if !ok {
		var err error
		if id, err = m.roomID(name); err != nil || id == 0 {
			return nil, err
		}
		m.rooms.put(name, id)
	}
	return m.conversation(id)
}

// roomMember returns what an account is to a room, nil when there is no record of it.
func (m *machine) roomMember(conv, account uint64) (*hotRoomMember, error) {
	k := [2]uint64{conv, account}
	if h, ok := m.roomMembers.get(k); ok {
		return h, nil
	}
	r, err := m.layers.roomMember(conv, account)
	if err != nil || r == nil {
		return nil, err
	}
	h := &hotRoomMember{RoomMemberRecord: r, conv: conv, account: account}
	m.roomMembers.put(k, h)
	return h, nil
}

// member returns an account's record of a conversation that it belongs to.
func (m *machine) member(account, conv uint64) (*hotMember, error) {
	k := [2]uint64{account, conv}
	if h, ok := m.members.get(k); ok {
		return h, nil
	}
	r, err := m.layers.member(account, conv)
	if r, err = must(r, err, "member", account, conv); err != nil {
		return nil, err
	}
	h := &hotMember{MemberRecord: r, account: account, conv: conv}
	m.members.put(k, h)
	return h, nil
}
