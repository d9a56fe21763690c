package store

import (
	"bytes"

	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
)

// Retention removes the messages that are older than their conversation keeps them: a room's own number of days, or the
// cluster's. Once an hour a pass begins, which slices go through: in each conversation the oldest messages go, in order, up to
// the first that is young enough. What is pinned goes too. Of a message that was removed there is left:
//
//   - its seq, which is below first_seq, so that nobody looks for it;
//   - the answer to its request, for a year, so that a retry does not send it again;
//   - events of its deletion and of marks on it, which have no text and are told to nobody who asks for the message;
//   - in a room, what members hid of it from themselves, and of a message that was deleted before, whom its text mentioned: keys
//     of each member, below first_seq, which nobody can find from here.
//
// Its earlier texts and reactions go with EraseSlice commands, as those of placeholders do. Unread counts stay exact: who had
// not read a message loses it from the count, and is told.

// retainGapMS is how often a pass begins.
const retainGapMS = dayMS / 24

// retainedAnswerMS is how long the answer to a removed message's request is kept.
const retainedAnswerMS = 365 * dayMS

// retainKeys bounds the keys that one removal writes: the message's own, what is on it, its mentions, and its share of what is
// written once for each conversation.
const retainKeys = 24 + MaxMentions

// retainDue says whether a RetainSlice has something to look at.
func (m *machine) retainDue() bool {
	g := m.globals
	return g.GetClusterVersion() >= 3 && (g.GetRetainDays() > 0 || g.GetRetainingRooms() > 0) &&
		(g.GetRetainNext() != 0 || m.clock() >= g.GetRetainPassMs()+retainGapMS)
}

// setRetainDays changes how long a room keeps messages.
func (m *machine) setRetainDays(room *hotConversation, days uint32) {
	switch was := room.GetRetainDays(); {
	case was == 0 && days > 0:
		m.globals.RetainingRooms++
		m.touchGlobals()
	case was > 0 && days == 0:
		m.globals.RetainingRooms--
		m.touchGlobals()
	}
	room.RetainDays = days
	m.touchConversation(room)
}

// retainSlice looks at a bounded number of conversations, from where the last one stopped, and removes a bounded number of
// messages.
func (m *machine) retainSlice() (*internalv1.Result, error) {
	if !m.retainDue() {
		return done(), nil
	}
	g := m.globals
	m.touchGlobals()
	if g.GetRetainNext() == 0 {
		g.RetainNext, g.RetainPassMs = 1, m.clock()
	}
	var convs []uint64
	it := m.scan(keyConversation(nil, g.GetRetainNext()), []byte{tagConversation + 1}, false)
	for len(convs) <= RetainConversations && it.next() {
		convs = append(convs, u64At(it.key, 0))
	}
	if it.err != nil {
		return nil, it.err
	}
	budget := RetainMessages
	for i, id := range convs {
		if g.RetainNext = id; i == RetainConversations {
			return done(), nil
		}
		c, err := m.conversation(id)
		if err != nil {
			return nil, err
		}
		end, err := m.retain(c, &budget)
		if err != nil {
			return nil, err
		}
		if !end {
			return done(), nil
		}
	}
	g.RetainNext = 0
	return done(), nil
}

// retain removes old messages of a conversation, as many as the budget has. It is true when there are no more.
func (m *machine) retain(c *hotConversation, budget *int) (end bool, err error) {
	days := c.GetRetainDays()
	if days == 0 {
		days = m.globals.GetRetainDays()
	}
	if days == 0 {
		return true, nil
	}
	cutoff := m.clock() - int64(days)*dayMS
	first := c.firstSeq()
	var readers []*retainReader
	for c.firstSeq() <= c.GetLastSeq() {
		f := &foundMessage{conv: c, seq: c.firstSeq()}
		if f.rec, err = m.message(c.id, f.seq); err != nil {
			return false, err
		}
		if end = f.rec.GetTimeUnixMs() >= cutoff; end {
			break
		}
		if *budget == 0 || m.wroteKeys+retainKeys > MaxCommandKeys {
			break
		}
		if f.seq == first {
			if readers, err = m.readersOf(c); err != nil {
				return false, err
			}
		}
		*budget--
		if err := m.removeMessage(f, readers); err != nil {
			return false, err
		}
	}
	if c.firstSeq() == first {
		return end || first > c.GetLastSeq(), nil
	}
	m.touchConversation(c)
	for _, r := range readers {
		if err := m.settleReader(r); err != nil {
			return false, err
		}
	}
	return end || c.firstSeq() > c.GetLastSeq(), nil
}

// firstSeq is the oldest seq that was not removed.
func (h *hotConversation) firstSeq() uint64 { return max(h.GetFirstSeq(), 1) }

// retainReader is a member of a direct conversation whose messages are being removed.
type retainReader struct {
	*markPlan
	account uint64
}

// readersOf are the members of a direct conversation; none of a room, where what is unread is counted by who asks.
func (m *machine) readersOf(c *hotConversation) (readers []*retainReader, err error) {
	if c.isRoom() {
		return nil, nil
	}
	for _, account := range []uint64{c.GetLow(), c.GetHigh()} {
		if len(readers) == 1 && account == readers[0].account {
			break
		}
		p, err := m.newPlan(account, c)
		if err != nil {
			return nil, err
		}
		readers = append(readers, &retainReader{markPlan: p, account: account})
	}
	return readers, nil
}

// settleReader brings a member's read state above what was removed, and tells the account when something unread was in it.
func (m *machine) settleReader(r *retainReader) error {
	floor := run{1, r.conv.firstSeq() - 1}
	if r.state.GetReadSeq() < floor.to {
		addRange(r.state, floor)
	}
	if r.state.GetUnread() == 0 {
		readAll(r.state, r.conv.GetLastSeq())
	}
	if r.changed {
		return m.carryOut(r.markPlan, r.account)
	}
	r.member.MemberRecord = r.state
	m.touchMember(r.member)
	return nil
}

// removeMessage removes the oldest message of a conversation, and all that only it needs.
func (m *machine) removeMessage(f *foundMessage, readers []*retainReader) error {
	if err := m.keepAnswer(f); err != nil {
		return err
	}
	for _, r := range readers {
		if err := m.lessForReader(f, r); err != nil {
			return err
		}
	}
	if err := m.strip(f); err != nil {
		return err
	}
	c, r := f.conv, f.rec
	m.remove(keyMessage(m.key(), c.id, f.seq))
	m.remove(keyPlace(m.key(), r.GetId()))
	m.remove(keyConvEvent(m.key(), c.id, position{index: r.GetEventIndex(), ordinal: r.GetEventOrdinal()}))
	author := r.GetSender()
	if c.isRoom() {
		if err := m.dropMentions(f, mentions{}); err != nil {
			return err
		}
		m.remove(keyAuthored(m.key(), c.id, author, f.seq))
		author = 0 // whoever deleted it
	}
	if r.GetDeleted() {
		if err := m.removeIfThere(keyDead(nil, c.id, author, f.seq)); err != nil {
			return err
		}
	}
	if r.GetThreadSeq() != 0 {
		m.remove(keyThread(m.key(), c.id, r.GetThreadSeq(), f.seq))
	}
	c.FirstSeq, c.RemovedByLow = f.seq+1, r.GetSentByLow()
	return nil
}

// lessForReader takes a message that is removed out of a member's unread count, and removes the mark that the member hid it.
func (m *machine) lessForReader(f *foundMessage, r *retainReader) error {
	if f.rec.GetSender() == r.account {
		return nil
	}
	key := keyHidden(nil, r.account, f.conv.id, f.seq)
	hidden, err := m.has(key)
	if err != nil {
		return err
	}
	if hidden {
		m.remove(key)
		return nil
	}
	if !f.rec.GetDeleted() && r.state.GetUnread() > 0 && !isRead(r.state, f.seq) {
		r.state.Unread--
		r.changed = true
	}
	return nil
}

// keepAnswer puts the answer to a message's request in place of the message.
func (m *machine) keepAnswer(f *foundMessage) error {
	key := keyAnswer(nil, f.rec.GetSender(), f.rec.GetRequestId())
	a, err := load[internalv1.AnswerRecord](&m.layers, key)
	if a, err = must(a, err, "answer to message", f.rec.GetId()); err != nil {
		return err
	}
	m.target = "" // a room is answered as the retry names it: see recompose
	r, err := m.recomposeSend(f.conv.id, f.seq)
	if err != nil {
		return err
	}
	kept := &internalv1.AnswerRecord{Digest: a.GetDigest(), ExpiresUnixMs: m.clock() + retainedAnswerMS}
	if kept.Result, err = (proto.MarshalOptions{Deterministic: true}).Marshal(r); err != nil {
		return err
	}
	if err := m.put(key, kept); err != nil {
		return err
	}
	return m.expireAt(kept.GetExpiresUnixMs(), bytes.Clone(key))
}

func (m *machine) removeIfThere(key []byte) error {
	there, err := m.has(key)
	if err == nil && there {
		m.remove(key)
	}
	return err
}
