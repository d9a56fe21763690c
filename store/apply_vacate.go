package store

import (
	"parley/proto/internalv1"
)

// What the deletion of an account does in rooms: it is no member any more, nor invited, the members are told, and its texts are
// cleared there too, also in rooms that it had left before.

// traced says whether an account left a trace in a room that it is no member of.
func (m *machine) traced(account uint64) (bool, error) {
	lo := appendU64s(nil, tagTrace, account)
	it := m.scan(lo, prefixEnd(lo), false)
	return it.next(), it.err
}

// tellLeft tells the members of rooms that a deleted account had left: what it sent there is erased. Its invitations go.
func (m *machine) tellLeft(account uint64, at *internalv1.EraseRecord) error {
	lo := keyTrace(nil, account, at.GetConversation())
	rooms, err := keysOf(m.scan(lo, prefixEnd(lo[:9]), false), EraseEvents/eraseRoomCost)
	if err != nil {
		return err
	}
	gone, err := m.account(account)
	if err != nil {
		return err
	}
	for _, key := range rooms {
		room, err := m.conversation(u64At(key, 1))
		if err != nil {
			return err
		}
		h, err := m.roomMember(room.id, account)
		if h, err = must(h, err, "member of a room", room.id, account); err != nil {
			return err
		}
		sent := h.GetSent() > 0
		if h.GetMembership() == rankInvited {
			if err := m.storeRank(room.id, account, rankNone); err != nil {
				return err
			}
		}
		if sent {
			if err := m.tellErased(room, gone); err != nil {
				return err
			}
		}
		at.Conversation = room.id + 1
	}
	if len(rooms) < EraseEvents/eraseRoomCost {
		at.Left, at.Conversation = false, 0
	}
	return nil
}

func (m *machine) tellErased(room *hotConversation, gone *hotAccount) error {
	return m.emit(room, &event{
		kind: internalv1.EventKind_EVENT_KIND_USER_DELETED, sender: gone.id, account: gone.GetUsername(),
	}, nil)
}

// vacate takes a deleted account out of a room. When it was the only owner, an heir becomes one; when it was the only member,
// the room is archived.
func (m *machine) vacate(room *hotConversation, gone *hotAccount, cost *int) error {
	rank, err := m.rank(room.id, gone.id)
	if err != nil {
		return err
	}
	if rank == rankOwner && room.GetOwners() == 1 && room.GetMembers() > 1 {
		heir, err := m.heir(room, gone.id, cost)
		if err != nil {
			return err
		}
		if heir != nil {
			if err := m.setRank(room, heir, nil, rankOwner); err != nil {
				return err
			}
		}
	}
	if err := m.storeRank(room.id, gone.id, rankNone); err != nil {
		return err
	}
	if rank == rankOwner {
		room.Owners--
	}
	room.Members--
	room.Archived = room.Archived || room.Members == 0
	m.touchConversation(room)
	if err := m.part(room, gone); err != nil {
		return err
	}
	m.movedAt = m.index
	return m.tellErased(room, gone)
}

// heir finds who is to own a room that its only owner is gone from: the first of its moderators, else the first of its members,
// in the order in which their accounts were made. It is nil when all of them were deleted too: the last of them archives it.
func (m *machine) heir(room *hotConversation, gone uint64, cost *int) (*hotAccount, error) {
	lo := appendU64s(nil, tagRoomMember, room.id)
	var accounts []uint64
	it := m.scan(lo, prefixEnd(lo), false)
	for it.next() {
		if a := u64At(it.key, 1); a != gone {
			accounts = append(accounts, a)
		}
	}
	if it.err != nil {
		return nil, it.err
	}
	*cost += len(accounts) / vacateScan
	var first *hotAccount
	for _, id := range accounts {
		rank, err := m.rank(room.id, id)
		if err != nil {
			return nil, err
		}
		if rank < rankMember {
			continue
		}
		a, err := m.account(id)
		switch {
		case err != nil:
			return nil, err
		case a.GetDeleted():
		case rank == rankModerator:
			return a, nil
		case first == nil:
			first = a
		}
	}
	return first, nil
}

// clearRooms clears what a deleted account sent to rooms, room by room. A trace that is done with goes. It is true at the end
// of the last one.
func (m *machine) clearRooms(account uint64, at *internalv1.EraseRecord) (bool, error) {
	texts, looked := EraseMessages, EraseScan
	for texts > 0 && looked > 0 {
		lo := appendU64s(nil, tagTrace, account)
		traces, err := keysOf(m.scan(lo, prefixEnd(lo), false), 1)
		if err != nil {
			return false, err
		}
		if len(traces) == 0 {
			return true, nil
		}
		if room := u64At(traces[0], 1); room != at.GetConversation() {
			at.Conversation, at.Seq = room, 1
		}
		looked--
		end, err := m.clearRoom(account, at, &texts, &looked)
		if err != nil {
			return false, err
		}
		if end {
			m.remove(traces[0])
			at.Conversation, at.Seq = 0, 0
			texts--
		}
	}
	return false, nil
}

// clearRoom clears what a deleted account sent to one room from a seq on.
func (m *machine) clearRoom(account uint64, at *internalv1.EraseRecord, texts, looked *int) (end bool, err error) {
	room, err := m.conversation(at.GetConversation())
	if err != nil {
		return false, err
	}
	it := m.scan(keyAuthored(nil, room.id, account, at.GetSeq()), keyAuthored(nil, room.id, account+1, 0), false)
	var seqs []uint64
	for len(seqs) < min(*texts, *looked) {
		if !it.next() {
			end = true
			break
		}
		seqs = append(seqs, u64At(it.key, 2))
	}
	if it.err != nil {
		return false, it.err
	}
	for _, seq := range seqs {
		if *texts <= 0 {
			return false, nil
		}
		*looked--
		at.Seq = seq + 1
		r, err := m.message(room.id, seq)
		if err != nil {
			return false, err
		}
		if r.GetDeleted() {
			continue
		}
		*texts -= 2 + stripKeys(r)
		r.Deleted, r.Text = true, ""
		if err := m.strip(&foundMessage{conv: room, seq: seq, rec: r}); err != nil {
			return false, err
		}
		if err := m.put(keyMessage(m.key(), room.id, seq), r); err != nil {
			return false, err
		}
		if err := m.bury(room, account, seq); err != nil {
			return false, err
		}
	}
	return end, nil
}
