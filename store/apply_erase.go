package store

import (
	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
)

// eraseSlice does a bounded part of what deletions left to do: of accounts, and when there are none left, of messages. Of an
// account, first the other members of its conversations are told, which also ends their unread counts there and takes it out of
// its rooms; then its texts are cleared, those in rooms last. Reads show the result of both since the deletion itself. The place is kept in the account's EraseRecord, so
// that any leader goes on.
func (m *machine) eraseSlice() (*internalv1.Result, error) {
	it := m.scan([]byte{tagErase}, []byte{tagErase + 1}, false)
	if !it.next() {
		if it.err != nil {
			return nil, it.err
		}
		return done(), m.sweepLitter()
	}
	account := u64At(it.key, 0)
	at, err := decode[internalv1.EraseRecord](&m.layers, it.key, it.value)
	if err != nil {
		return nil, err
	}
	var finished bool
	switch {
	case at.GetLeft():
		err = m.tellLeft(account, at)
	case at.GetRooms():
		finished, err = m.clearRooms(account, at)
	case at.GetClearing():
		finished, err = m.clearTexts(account, at)
	default:
		err = m.tellOthers(account, at)
	}
	if err != nil {
		return nil, err
	}
	if finished {
		m.erasing--
		m.remove(keyErase(m.key(), account))
		return done(), nil
	}
	return done(), m.put(keyErase(m.key(), account), at)
}

// conversationsFrom lists up to n conversations of an account, by number.
func (m *machine) conversationsFrom(account, from uint64, n int) (convs []uint64, err error) {
	lo := keyMember(nil, account, from)
	it := m.scan(lo, prefixEnd(lo[:9]), false)
	for len(convs) < n && it.next() {
		convs = append(convs, u64At(it.key, 1))
	}
	return convs, it.err
}

func (m *machine) tellOthers(account uint64, at *internalv1.EraseRecord) error {
	convs, err := m.conversationsFrom(account, at.GetConversation(), EraseEvents)
	if err != nil {
		return err
	}
	gone, err := m.account(account)
	if err != nil {
		return err
	}
	cost := 0
	for _, id := range convs {
		if cost++; cost > EraseEvents { // only rooms cost more than one
			at.Conversation = id
			return nil
		}
		c, err := m.conversation(id)
		if err != nil {
			return err
		}
		if c.isRoom() {
			cost += eraseRoomCost - 1
			if err := m.vacate(c, gone, &cost); err != nil {
				return err
			}
			continue
		}
		other := c.other(account)
		if other == account {
			continue
		}
		h, err := m.member(other, id)
		if err != nil {
			return err
		}
		readAll(h.MemberRecord, c.GetLastSeq())
		m.touchMember(h)
		e := &event{kind: internalv1.EventKind_EVENT_KIND_USER_DELETED, sender: account, account: gone.GetUsername()}
		if err := m.emit(c, e, nil); err != nil {
			return err
		}
	}
	if len(convs) < EraseEvents {
		at.Clearing, at.Conversation = true, 0
	} else {
		at.Conversation = convs[len(convs)-1] + 1
	}
	return nil
}

// clearTexts clears what the account sent, conversation by conversation. It is true at the end of the last one.
func (m *machine) clearTexts(account uint64, at *internalv1.EraseRecord) (bool, error) {
	texts, looked := EraseMessages, EraseScan
	for texts > 0 && looked > 0 {
		convs, err := m.conversationsFrom(account, at.GetConversation(), 1)
		if err != nil {
			return false, err
		}
		if len(convs) == 0 {
			at.Rooms, err = m.traced(account)
			at.Conversation, at.Seq = 0, 0
			return !at.GetRooms(), err
		}
		if convs[0] != at.GetConversation() {
			at.Conversation, at.Seq = convs[0], 1
		}
		looked-- // a conversation costs something too
		end, err := m.clearConversation(account, at, &texts, &looked)
		if err != nil {
			return false, err
		}
		if end {
			at.Conversation, at.Seq = convs[0]+1, 1
		}
	}
	return false, nil
}

func (m *machine) clearConversation(account uint64, at *internalv1.EraseRecord, texts, looked *int) (
	end bool, err error) {
	lo := keyMessage(nil, at.GetConversation(), max(at.GetSeq(), 1))
	it := m.scan(lo, prefixEnd(lo[:9]), false)
	var found []foundMessage
	for *texts > 0 && *looked > 0 {
		if !it.next() {
			end = true
			break
		}
		*looked--
		r := new(internalv1.MessageRecord)
		if err := proto.Unmarshal(it.value, r); err != nil {
			return false, m.locate(&ContradictionError{Key: append([]byte(nil), it.key...), Err: err})
		}
		seq := u64At(it.key, 1)
		at.Seq = seq + 1
		if r.GetSender() == account && !r.GetDeleted() {
			*texts -= 1 + stripKeys(r)
			found = append(found, foundMessage{seq: seq, rec: r})
		}
	}
	if it.err != nil {
		return false, it.err
	}
	c, err := m.conversation(at.GetConversation())
	if err != nil {
		return false, err
	}
	for _, d := range found {
		d.conv, d.rec.Deleted, d.rec.Text = c, true, ""
		if err := m.strip(&d); err != nil {
			return false, err
		}
		if err := m.put(keyMessage(m.key(), at.GetConversation(), d.seq), d.rec); err != nil {
			return false, err
		}
	}
	return end, nil
}
