package sim

import (
	"errors"
	"fmt"

	"parley/node"
	"parley/proto/internalv1"
	"parley/proto/parleyv1"
	"parley/store"
)

// answered holds the answer to a request against the register: what it says of that request at that place in the log.
func (g *register) answered(c *client, o *op, a node.Answer, res *internalv1.Result) {
	vs := g.verdicts[string(o.request)]
	if g.blind || a.Index > g.index || len(vs) == 0 {
		return
	}
	sent := res.GetSend()
	got := verdict{a.Index, res.GetRefusal().GetReason(), sent.GetId(), 0}
	for _, v := range vs {
		if v.seq != 0 {
			got.seq = sent.GetSeq()
		}
		if v == got {
			return
		}
	}
	c.w.fail("%s: %s at index %d was answered %v; by the log it is %+v", c.name, o.what, a.Index, res, vs)
}

// sight is what a node showed to somebody of a room.
type sight struct {
	index  uint64
	err    error
	page   []*parleyv1.Message
	unread uint64
}

// readRoom asks a node for a linearizable page of a room, and what is unread in it.
func (c *client) readRoom(r *room) {
	c.consult(func() func(*replica) {
		floor := c.w.law.acked
		return func(on *replica) {
			seen := c.lookInto(on, r, page)
			if seen.index < floor {
				c.w.fail("node %d shows %s %s at index %d by a linearizable read that began after index %d was acknowledged", on.id,
					c.name, r.name, seen.index, floor)
			}
			// The register hears of what a node applies in the same turn, but after it.
			c.w.after(c.w.way(), func() {
				if err := c.w.law.register.shown(c, on, r, seen); err != nil {
					c.w.fail("%v", err)
				}
			})
		}
	})
}

func (c *client) lookInto(on *replica, r *room, limit int) sight {
	v, err := on.s.Store().View()
	c.w.must(err)
	defer v.Close()
	seen := sight{index: v.Index()}
	ses, err := v.Session(c.token)
	if err != nil {
		c.w.fail("node %d does not know the session of %s: %v", on.id, c.name, err)
	}
	p, err := v.Messages(ses, store.MessageQuery{Conversation: r.name, Limit: limit})
	if err != nil {
		seen.err = err
		return seen
	}
	seen.page = p.Messages
	cs, _, err := v.Conversations(ses, store.MaxPage, "")
	c.w.must(err)
	for _, conv := range cs {
		if conv.GetName() == r.name {
			seen.unread = conv.GetUnread()
			return seen
		}
	}
	seen.err = fmt.Errorf("%s is not among the conversations", r.name)
	return seen
}

// shown holds what a node showed against the register: nothing to who is not in the room, and everything to who is.
func (g *register) shown(c *client, on *replica, r *room, seen sight) error {
	if g.blind || seen.index > g.index {
		return nil
	}
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%s: node %d at index %d shows %s %s", r.name, on.id, seen.index, c.name, fmt.Sprintf(format, args...))
	}
	if !r.memberAt(c.name, seen.index) {
		if !errors.Is(seen.err, store.ErrNotFound) && !errors.Is(seen.err, store.ErrNotMember) {
			return bad("%d messages, to who is no member (%v)", len(seen.page), seen.err)
		}
		return nil
	}
	if seen.err != nil {
		return bad("an error: %v", seen.err)
	}
	if want := r.unreadAt(c.name, seen.index); seen.unread != want {
		return bad("%d unread messages, there are %d", seen.unread, want)
	}
	at := len(r.messages)
	for at > 0 && r.messages[at-1].at.index > seen.index {
		at--
	}
	for i := len(seen.page) - 1; i >= 0; i-- {
		for at > 0 && r.messages[at-1].hiddenAt(c.name, seen.index) {
			at--
		}
		got := seen.page[i]
		if at == 0 {
			return bad("seq %d, which there is not", got.GetSeq())
		}
		m := r.messages[at-1]
		at--
		text, edits := m.textAt(seen.index)
		want := &parleyv1.Message{
			Id: m.id, Seq: m.seq, Sender: m.sender, Text: text, Edits: uint32(edits), Deleted: m.deletedAt(seen.index),
		}
		if said, is := words(got), words(want); said != is {
			return bad("%s; want %s", said, is)
		}
	}
	return nil
}

func words(m *parleyv1.Message) string {
	return fmt.Sprintf("message %d, seq %d of %s: %q, edited %d times, deleted %v", m.GetId(), m.GetSeq(), m.GetSender(), m.GetText(),
		m.GetEdits(), m.GetDeleted())
}

// judgeRooms holds every room on every node at the end against the register, with all that is on its messages.
func (c *client) judgeRooms() error {
	w, g := c.w, c.w.law.register
	if g.blind {
		return nil
	}
	for _, r := range g.order {
		for _, on := range w.serving() {
			seen := c.lookInto(on, r, store.MaxPage)
			if err := g.shown(c, on, r, seen); err != nil {
				return w.violation("%v", err)
			}
			if r.ranks[c.name] < member {
				continue
			}
			shown := map[uint64]*parleyv1.Message{}
			for _, m := range seen.page {
				shown[m.GetSeq()] = m
			}
			for _, m := range r.messages {
				got := shown[m.seq]
				if (got == nil) != (m.hidden[c.name] != 0) {
					return w.violation("%s: node %d shows %s seq %d: %v", r.name, on.id, c.name, m.seq, got)
				}
				if said, is := marksOf(got), m.wantMarks(); got != nil && said != is {
					return w.violation("%s: node %d shows %s seq %d with %s; want %s", r.name, on.id, c.name, m.seq, said, is)
				}
			}
		}
	}
	return c.judgeRoomTail()
}

func marksOf(m *parleyv1.Message) string {
	reactions := 0
	for _, r := range m.GetReactions() {
		reactions += int(r.GetCount())
	}
	return fmt.Sprintf("thread %d, %d replies, %d reactions, pinned %v", m.GetThreadId(), m.GetReplies(), reactions, m.GetPinned())
}

func (m *roomMessage) wantMarks() string {
	thread := uint64(0)
	if m.thread != nil {
		thread = m.thread.id
	}
	return fmt.Sprintf("thread %d, %d replies, %d reactions, pinned %v", thread, m.replies, len(m.marks), m.pinned)
}
