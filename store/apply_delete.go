package store

import (
	"fmt"
	"slices"

	"parley/proto/internalv1"
)

// foundMessage is a message, and where it is.
type foundMessage struct {
	conv *hotConversation
	seq  uint64
	rec  *internalv1.MessageRecord
}

// deleteMessages deletes one's own messages for everyone, in a room as its moderator anybody's, and hides those of others from
// oneself. An id that the caller cannot see refuses all of them.
func (m *machine) deleteMessages(c *internalv1.Command, b *internalv1.DeleteMessages) (*internalv1.Result, error) {
	f := m.fields("delete-messages")
	for _, id := range b.GetIds() {
		f = f.num(id)
	}
	digest := f.digest()
	by, answer, err := m.begin(c.GetSession(), digest)
	if answer != nil || err != nil {
		return answer, err
	}
	if n := len(b.GetIds()); n == 0 || n > MaxDeleteIDs {
		return refuseField("ids", "must have 1 to %d ids", MaxDeleteIDs), nil
	}
	ids := slices.Clone(b.GetIds())
	slices.Sort(ids)
	ids = slices.Compact(ids)
	found := make([]foundMessage, 0, len(ids))
	for _, id := range ids {
		d, err := m.visibleMessage(by.id, id)
		if err != nil {
			return nil, err
		}
		if d == nil {
			return refuseNoMessage("ids", id), nil
		}
		found = append(found, *d)
	}
	deleted := uint32(0)
	for _, d := range found {
		changed, forAll := true, d.rec.GetSender() == by.id
		if !forAll && d.conv.isRoom() {
			rank, err := m.rank(d.conv.id, by.id)
			if err != nil {
				return nil, err
			}
			forAll = rank >= rankModerator
		}
		if forAll {
			changed, err = m.deleteForAll(d)
		} else {
			err = m.hide(by.id, d)
		}
		if err != nil {
			return nil, err
		}
		if changed {
			deleted++
		}
	}
	r := &internalv1.Result{Outcome: &internalv1.Result_Delete{Delete: &internalv1.DeleteResult{Deleted: deleted}}}
	return r, m.record(scope{account: by.hotAccount}, digest, r)
}

// visibleMessage finds a message that an account can see, nil otherwise.
func (m *machine) visibleMessage(account, id uint64) (*foundMessage, error) {
	p, err := m.place(id)
	if err != nil || p == nil {
		return nil, err
	}
	c, err := m.conversation(p.GetConversation())
	if err != nil {
		return nil, err
	}
	if may, err := m.mayRead(account, c); err != nil || !may {
		return nil, err
	}
	r, err := m.message(c.id, p.GetSeq())
	if err != nil {
		return nil, err
	}
	if r.GetSender() != account {
		hidden, err := m.has(keyHidden(m.layers.key(), account, c.id, p.GetSeq()))
		if err != nil || hidden {
			return nil, err
		}
	}
	return &foundMessage{conv: c, seq: p.GetSeq(), rec: r}, nil
}

// deleteForAll makes a message a placeholder. It is false when it was one.
func (m *machine) deleteForAll(d foundMessage) (bool, error) {
	if d.rec.GetDeleted() {
		return false, nil
	}
	d.rec.Deleted, d.rec.Text = true, ""
	if err := m.strip(&d); err != nil {
		return false, err
	}
	if err := m.put(keyMessage(m.key(), d.conv.id, d.seq), d.rec); err != nil {
		return false, err
	}
	if err := m.bury(d.conv, d.rec.GetSender(), d.seq); err != nil {
		return false, err
	}
	if err := m.lessUnreadByOther(d); err != nil {
		return false, err
	}
	return true, m.emit(d.conv, &event{
		kind: internalv1.EventKind_EVENT_KIND_MESSAGE_DELETED, seq: d.seq, message: d.rec.GetId(),
	}, nil)
}

// bury marks a message as dead for the counts of unread ones. In a room these go through the dead of all authors at once.
func (m *machine) bury(c *hotConversation, author, seq uint64) error {
	if c.isRoom() {
		author = 0
	}
	return m.insert(keyDead(m.key(), c.id, author, seq), &internalv1.MarkRecord{})
}

// lessUnreadByOther takes a message that becomes a placeholder out of the unread count of a direct conversation's other side.
func (m *machine) lessUnreadByOther(d foundMessage) error {
	author := d.rec.GetSender()
	if d.conv.isRoom() || d.conv.other(author) == author {
		return nil
	}
	other := d.conv.other(author)
	hidden, err := m.has(keyHidden(m.layers.key(), other, d.conv.id, d.seq))
	if err != nil || hidden {
		return err
	}
	return m.lessUnread(other, d)
}

// hide takes another's message out of the viewer's sight.
func (m *machine) hide(viewer uint64, d foundMessage) error {
	if err := m.insert(keyHidden(m.key(), viewer, d.conv.id, d.seq), &internalv1.MarkRecord{}); err != nil {
		return err
	}
	if !d.rec.GetDeleted() && !d.conv.isRoom() {
		if err := m.lessUnread(viewer, d); err != nil {
			return err
		}
	}
	return m.emit(d.conv, &event{
		kind: internalv1.EventKind_EVENT_KIND_MESSAGE_HIDDEN, only: viewer, seq: d.seq, message: d.rec.GetId(),
	}, nil)
}

// lessUnread takes a message that vanishes for a member, and counted until now, out of its unread count.
func (m *machine) lessUnread(account uint64, d foundMessage) error {
	h, err := m.member(account, d.conv.id)
	if err != nil {
		return err
	}
	if isRead(h.MemberRecord, d.seq) {
		return nil
	}
	if h.GetUnread() == 0 {
		return fmt.Errorf("conversation %d, seq %d: account %d has nothing unread, but has not read it", d.conv.id, d.seq,
			account)
	}
	h.Unread--
	if h.GetUnread() == 0 {
		readAll(h.MemberRecord, d.conv.GetLastSeq())
	}
	m.touchMember(h)
	return nil
}
