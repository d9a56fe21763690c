package store

import (
	"container/heap"
	"slices"
	"strings"

	"parley/proto/internalv1"
	"parley/proto/parleyv1"
)

// MessageQuery says which messages to read.
type MessageQuery struct {
	// Conversation is "@user" or "#room"; empty for all of the caller's.
	Conversation string
	// OnlyUnread leaves out what the caller has read, own messages and placeholders. The oldest come first.
	OnlyUnread bool
	Limit      int
	// BeforeID and AfterID bound the ids, both exclusive; 0 is no bound. With AfterID the oldest above it are returned,
	// otherwise the newest.
	BeforeID, AfterID uint64
}

// Messages returns messages in ascending id order, and whether there are more in the direction of paging. A user
// without a conversation has no messages; ErrNotFound when there is no such user or room.
func (v *View) Messages(s Session, q MessageQuery) (msgs []*parleyv1.Message, more bool, err error) {
	defer v.guard(&err)()
	limit := clampLimit(q.Limit)
	desc := !q.OnlyUnread && q.AfterID == 0
	walks, err := v.walks(s, q, desc)
	if err != nil {
		return nil, false, err
	}
	h := &walkHeap{desc: desc}
	for _, w := range walks {
		ok, err := w.begin()
		if err != nil {
			return nil, false, err
		}
		if ok {
			h.walks = append(h.walks, w)
		}
	}
	heap.Init(h)
	for len(h.walks) > 0 {
		w := h.walks[0]
		if w.opened {
			if len(msgs) == limit {
				more = true
				break
			}
			msgs = append(msgs, v.render(w.c, w.seq, w.rec))
		}
		ok, err := w.next()
		if err != nil {
			return nil, false, err
		}
		if ok {
			heap.Fix(h, 0)
		} else {
			heap.Pop(h)
		}
	}
	if desc {
		slices.Reverse(msgs)
	}
	return msgs, more, nil
}

// walks returns the conversations that a query is about.
func (v *View) walks(s Session, q MessageQuery, desc bool) ([]*walk, error) {
	if q.Conversation != "" {
		conv, err := v.resolve(s.AccountID, q.Conversation)
		if err != nil || conv == 0 {
			return nil, err
		}
		c, err := v.openConv(s.AccountID, conv, nil)
		if err != nil {
			return nil, err
		}
		return []*walk{{v: v, c: c, q: q, desc: desc}}, nil
	}
	var walks []*walk
	err := v.memberships(s.AccountID, func(conv uint64, m *internalv1.MemberRecord) error {
		c, err := v.openConv(s.AccountID, conv, m)
		if err != nil {
			return err
		}
		walks = append(walks, &walk{v: v, c: c, q: q, desc: desc})
		return nil
	})
	return walks, err
}

// resolve finds the conversation that an account means by a name; 0 when the two never talked.
func (v *View) resolve(account uint64, name string) (uint64, error) {
	user, ok := strings.CutPrefix(foldName(name), "@")
	if !ok {
		return 0, ErrNotFound
	}
	id, err := v.accountID(user)
	if err != nil {
		return 0, err
	}
	if id == 0 {
		return 0, ErrNotFound
	}
	return v.direct(account, id)
}

// memberships calls f for each conversation of an account, in no order that means anything.
func (v *View) memberships(account uint64, f func(conv uint64, m *internalv1.MemberRecord) error) error {
	lo := appendU64s(nil, tagMember, account)
	it := v.scan(lo, prefixEnd(lo), false)
	for it.next() {
		m, err := decode[internalv1.MemberRecord](&v.layers, it.key, it.value)
		if err != nil {
			return err
		}
		if err := f(u64At(it.key, 1), m); err != nil {
			return err
		}
	}
	return it.err
}

// convView is a conversation as one member sees it.
type convView struct {
	*internalv1.ConversationRecord
	id     uint64
	viewer uint64
	member *internalv1.MemberRecord
	// The two members of a direct conversation; erased says that what the other one sent is gone.
	self, other *internalv1.AccountRecord
	erased      bool
}

func (v *View) openConv(viewer, conv uint64, m *internalv1.MemberRecord) (*convView, error) {
	r, err := v.conversation(conv)
	if err != nil {
		return nil, err
	}
	if m == nil {
		if m, err = v.member(viewer, conv); err != nil {
			return nil, err
		}
		if m, err = must(m, nil, "member", viewer, conv); err != nil {
			return nil, err
		}
	}
	c := &convView{ConversationRecord: r, id: conv, viewer: viewer, member: m}
	if c.self, err = v.person(viewer); err != nil {
		return nil, err
	}
	if c.other, err = v.person(otherMember(r, viewer)); err != nil {
		return nil, err
	}
	c.erased = c.other.GetDeleted()
	return c, nil
}

func (c *convView) name() string { return "@" + c.other.GetUsername() }

// unread is exact. What a deleted account sent is erased from the moment of its deletion, whatever the count says yet.
func (c *convView) unread() uint64 {
	if c.erased {
		return 0
	}
	return c.member.GetUnread()
}

// gone says whether a message is a placeholder.
func (c *convView) gone(r *internalv1.MessageRecord) bool {
	return r.GetDeleted() || c.erased && r.GetSender() != c.viewer
}

func (v *View) render(c *convView, seq uint64, r *internalv1.MessageRecord) *parleyv1.Message {
	m := &parleyv1.Message{
		Id: r.GetId(), Conversation: c.name(), Seq: seq, Sender: c.other.GetUsername(), Time: timestamp(r.GetTimeUnixMs()),
		Cursor: encodeCursor(v.clusterID, position{index: r.GetEventIndex(), ordinal: r.GetEventOrdinal()}),
	}
	if c.gone(r) {
		m.Deleted = true
	} else {
		m.Text = r.GetText()
	}
	if r.GetSender() == c.viewer {
		m.Sender, m.RequestId = c.self.GetUsername(), formatUUID(r.GetRequestId())
	} else {
		m.Unread = !m.Deleted && !isRead(c.member, seq)
	}
	return m
}
