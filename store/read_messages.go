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
	// FromMS asks for the oldest messages sent at or after a moment, in unix milliseconds; 0 is no bound. Times nearly
	// ascend: where a clock went back, a few that were sent before it may be among them.
	FromMS int64
	// AroundID asks for Limit messages around one, itself included. It takes the place of all other bounds, and of OnlyUnread.
	// Needs a conversation.
	AroundID uint64
	// ThreadID leaves only the replies of the thread that a message began. Needs a conversation.
	ThreadID uint64
	// OnlyPinned leaves only pinned messages, OnlyMentions only those of rooms that mention the caller; both leave out
	// placeholders.
	OnlyPinned, OnlyMentions bool
}

// Page is what one read of messages returns.
type Page struct {
	// Messages ascend by id, whichever way they were asked for.
	Messages []*parleyv1.Message
	// More says that there are more in the direction of paging; of a window around a message, newer ones.
	More bool
	// MoreBefore says that there are messages older than a window around a message.
	MoreBefore bool
}

// Messages returns a page of messages. A user without a conversation has no messages; ErrNotFound when there is no such
// user or room, ErrNoMessage when AroundID or ThreadID is no message of the conversation that the caller can see.
func (v *View) Messages(s Session, q MessageQuery) (p Page, err error) {
	defer v.guard(&err)()
	limit := clampLimit(q.Limit)
	if q.AroundID != 0 {
		return v.around(s, q, limit)
	}
	desc := !q.OnlyUnread && q.AfterID == 0 && q.FromMS == 0
	p.Messages, p.More, err = v.gather(s, q, desc, limit)
	return p, err
}

// around reads a window: older messages up to half of it, the message, and newer ones; what one side has not got the other
// side fills.
func (v *View) around(s Session, q MessageQuery, limit int) (p Page, err error) {
	conv, err := v.resolve(s.AccountID, q.Conversation)
	if err != nil {
		return Page{}, err
	}
	if _, _, err := v.visible(s.AccountID, conv, q.AroundID); err != nil {
		return Page{}, err
	}
	older := q
	older.AroundID, older.OnlyUnread, older.FromMS = 0, false, 0
	newer := older
	older.BeforeID, older.AfterID = q.AroundID, 0
	newer.BeforeID, newer.AfterID = 0, q.AroundID-1
	before, moreBefore, err := v.gather(s, older, true, (limit-1)/2)
	if err != nil {
		return Page{}, err
	}
	p.Messages, p.More, err = v.gather(s, newer, false, limit-len(before))
	if err != nil {
		return Page{}, err
	}
	if room := limit - len(p.Messages); room > len(before) && moreBefore {
		if before, moreBefore, err = v.gather(s, older, true, room); err != nil {
			return Page{}, err
		}
	}
	p.Messages, p.MoreBefore = append(before, p.Messages...), moreBefore
	return p, nil
}

// gather merges the walks of a query into at most limit messages, the newest with desc, and says whether there are more.
func (v *View) gather(s Session, q MessageQuery, desc bool, limit int) (
	msgs []*parleyv1.Message, more bool, err error) {
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
			m, err := v.render(w.c, w.seq, w.rec)
			if err != nil {
				return nil, false, err
			}
			msgs = append(msgs, m)
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
		if err != nil {
			return nil, err
		}
		thread := uint64(0)
		if q.ThreadID != 0 {
			if thread, _, err = v.visible(s.AccountID, conv, q.ThreadID); err != nil {
				return nil, err
			}
		}
		if conv == 0 {
			return nil, nil
		}
		c, err := v.openConv(s.AccountID, conv, nil)
		if err != nil {
			return nil, err
		}
		return []*walk{{v: v, c: c, q: q, desc: desc, thread: thread}}, nil
	}
	if q.ThreadID != 0 {
		return nil, ErrNoMessage
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

// visible finds a message of a conversation that an account belongs to; ErrNoMessage when it is in another one, or hidden.
func (v *View) visible(account, conv, id uint64) (seq uint64, r *internalv1.MessageRecord, err error) {
	p, err := v.place(id)
	if err != nil {
		return 0, nil, err
	}
	if p == nil || p.GetConversation() != conv {
		return 0, nil, ErrNoMessage
	}
	hidden, err := v.has(keyHidden(v.key(), account, conv, p.GetSeq()))
	if err != nil {
		return 0, nil, err
	}
	if hidden {
		return 0, nil, ErrNoMessage
	}
	r, err = v.message(conv, p.GetSeq())
	return p.GetSeq(), r, err
}

// resolve finds the conversation that an account means by a name; 0 when the two never talked. ErrNotFound when there is no
// such user or room, ErrNotMember when there is the room, but its content is not for the account.
func (v *View) resolve(account uint64, name string) (uint64, error) {
	name = foldName(name)
	if strings.HasPrefix(name, "#") {
		room, err := v.seenRoom(account, name)
		if err != nil {
			return 0, err
		}
		if room.rank < rankMember {
			return 0, ErrNotMember
		}
		return room.id, nil
	}
	user, ok := strings.CutPrefix(name, "@")
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
	v      *View
	id     uint64
	viewer uint64
	member *internalv1.MemberRecord
	self   *internalv1.AccountRecord
	// The other member of a direct conversation; erased says that what it sent is gone.
	other  *internalv1.AccountRecord
	erased bool
	// What the viewer is to a room.
	role *internalv1.RoomMemberRecord
	// threads are ids of messages that began threads, by seq, as far as they were looked up.
	threads map[uint64]uint64
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
	c := &convView{ConversationRecord: r, v: v, id: conv, viewer: viewer, member: m}
	if c.self, err = v.person(viewer); err != nil {
		return nil, err
	}
	if c.isRoom() {
		c.role, err = v.roomMember(conv, viewer)
		c.role, err = must(c.role, err, "member of a room", conv, viewer)
		return c, err
	}
	if c.other, err = v.person(otherMember(r, viewer)); err != nil {
		return nil, err
	}
	c.erased = c.other.GetDeleted()
	return c, nil
}

func (c *convView) isRoom() bool {
	return c.GetKind() == internalv1.ConversationKind_CONVERSATION_KIND_ROOM
}

// firstSeq is the oldest seq that was not removed.
func (c *convView) firstSeq() uint64 { return max(c.GetFirstSeq(), 1) }

func (c *convView) name() string {
	if c.isRoom() {
		return titleOf(c.GetName())
	}
	return "@" + c.other.GetUsername()
}

// unread is exact, within the bounds of roomUnread. What a deleted account sent is erased from the moment of its deletion,
// whatever the count says yet.
func (c *convView) unread() (uint64, error) {
	switch {
	case c.isRoom():
		return c.v.roomUnread(newRoomReader(c.id, c.ConversationRecord, c.viewer, c.member.GetReadSeq(), c.role.GetSent(),
			c.v.p.work.Erase))
	case c.erased:
		return 0, nil
	}
	return c.member.GetUnread(), nil
}

// allRead says, at no cost, that nothing is unread; where it is false something may be.
func (c *convView) allRead() bool {
	if c.isRoom() {
		return c.member.GetReadSeq() >= c.GetLastSeq()
	}
	return c.erased || c.member.GetUnread() == 0
}

// author returns the account of a message's sender.
func (c *convView) author(r *internalv1.MessageRecord) (*internalv1.AccountRecord, error) {
	switch {
	case r.GetSender() == c.viewer:
		return c.self, nil
	case c.isRoom():
		return c.v.person(r.GetSender())
	}
	return c.other, nil
}

// gone says whether a message is a placeholder.
func (c *convView) gone(r *internalv1.MessageRecord) (bool, error) {
	if r.GetDeleted() || r.GetSender() == c.viewer {
		return r.GetDeleted(), nil
	}
	a, err := c.author(r)
	return a.GetDeleted(), err
}
