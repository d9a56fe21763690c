package store

import (
	"parley/proto/internalv1"
)

// foundEvent is an entry of the event index.
type foundEvent struct {
	pos  position
	conv uint64
	own  bool // it is of the account, not of the conversation
	rec  *internalv1.EventRecord
}

// events returns up to limit events that an account can see after a position, in order: its own and those of its
// conversations, merged. Everything up to the position upTo is covered by them; more says that there is more above it.
func (v *View) events(account uint64, after position, limit int) (es []*event, upTo position, more bool, err error) {
	defer v.guard(&err)()
	g := &eventGather{v: v, after: after, limit: limit}
	if err := g.account(account); err != nil {
		return nil, position{}, false, err
	}
	err = v.memberships(account, g.conversation)
	if err != nil {
		return nil, position{}, false, err
	}
	g.trim()
	upTo = position{index: v.p.index, ordinal: maxOrdinal}
	if g.cut {
		more, upTo = true, g.found[len(g.found)-1].pos
	}
	convs := make(map[uint64]*convView)
	for _, f := range g.found {
		e, err := v.eventFor(account, convs, f)
		if err != nil {
			return nil, position{}, false, err
		}
		if e != nil {
			es = append(es, e)
		}
	}
	return es, upTo, more, nil
}

// eventFor tells an account one event; nil where there is nothing to tell. convs are the conversations that were opened.
func (v *View) eventFor(account uint64, convs map[uint64]*convView, f foundEvent) (*event, error) {
	if f.own && f.rec.GetKind() == internalv1.EventKind_EVENT_KIND_MEMBERSHIP_CHANGED {
		return v.membershipEvent(f, titleOf(f.rec.GetOldName()))
	}
	c, ok := convs[f.conv]
	if !ok {
		m, err := v.member(account, f.conv)
		if err != nil {
			return nil, err
		}
		if m != nil { // else it is what the account hid in a room that it is out of
			if c, err = v.openConv(account, f.conv, m); err != nil {
				return nil, err
			}
		}
		convs[f.conv] = c
	}
	if c == nil {
		return nil, nil
	}
	return v.eventOf(c, f)
}

// eventGather merges event tables and keeps the first limit of them, without holding more than a few times as many.
type eventGather struct {
	v     *View
	after position
	limit int
	found []foundEvent
	// cut means that something was left out; all of that is above the limit-th of found.
	cut bool
	// bound is the limit-th of found, once there are so many; what is above it is not wanted.
	bound    position
	hasBound bool
}

func (g *eventGather) account(account uint64) error {
	lo := keyAccountEvent(nil, account, g.after)
	hi := prefixEnd(lo[:9])
	return g.table(append(lo, 0), hi, 0)
}

// conversation takes a member's events of a conversation, of a room those after the join.
func (g *eventGather) conversation(conv uint64, m *internalv1.MemberRecord) error {
	after := g.after
	if join := (position{index: m.GetJoinIndex(), ordinal: m.GetJoinOrdinal()}); after.less(join) {
		after = join
	}
	c, err := g.v.conversation(conv)
	if err != nil {
		return err
	}
	if !after.less(position{index: c.GetLastEventIndex(), ordinal: c.GetLastEventOrdinal()}) {
		return nil
	}
	lo := keyConvEvent(nil, conv, after)
	hi := prefixEnd(lo[:9])
	return g.table(append(lo, 0), hi, conv)
}

func (g *eventGather) table(lo, hi []byte, conv uint64) error {
	it := g.v.scan(lo, hi, false)
	for n := 0; it.next(); n++ {
		pos := eventPosition(it.key)
		if n == g.limit || g.hasBound && g.bound.less(pos) {
			g.cut = true
			break
		}
		r, err := decode[internalv1.EventRecord](&g.v.layers, it.key, it.value)
		if err != nil {
			return err
		}
		of := conv
		if of == 0 {
			of = r.GetConversation()
		}
		g.found = append(g.found, foundEvent{pos: pos, conv: of, own: conv == 0, rec: r})
	}
	if it.err == nil && len(g.found) >= 4*g.limit {
		g.trim()
	}
	return it.err
}

func (g *eventGather) trim() {
	sortEvents(g.found)
	if len(g.found) > g.limit {
		g.found, g.cut = g.found[:g.limit], true
	}
	if len(g.found) == g.limit {
		g.bound, g.hasBound = g.found[g.limit-1].pos, true
	}
}

// nameEvent puts into an event what its conversation is called.
func (v *View) nameEvent(c *convView, e *event) error {
	if c.isRoom() {
		e.title = c.name()
		return nil
	}
	low, err := v.person(c.GetLow())
	if err != nil {
		return err
	}
	high, err := v.person(c.GetHigh())
	if err != nil {
		return err
	}
	e.low, e.high, e.lowName, e.highName = c.GetLow(), c.GetHigh(), low.GetUsername(), high.GetUsername()
	return nil
}

// membershipEvent tells what an account became to a room. To the account itself it is told under the name that the room had
// then, which is all that is told of a room to who is out of it.
func (v *View) membershipEvent(f foundEvent, title string) (*event, error) {
	e := &event{
		pos: f.pos, kind: f.rec.GetKind(), conv: f.conv, title: title, sender: f.rec.GetAccount(),
		change: &roomChange{membership: f.rec.GetMembership()},
	}
	a, err := v.person(f.rec.GetAccount())
	if err != nil {
		return nil, err
	}
	e.account = a.GetUsername()
	if f.rec.GetBy() == 0 {
		return e, nil
	}
	by, err := v.person(f.rec.GetBy())
	e.change.byName = by.GetUsername()
	return e, err
}

// eventOf tells an indexed event as the state is now; nil when the viewer has hidden what it is about, or
// retention removed it.
func (v *View) eventOf(c *convView, f foundEvent) (e *event, err error) {
	if f.rec.GetKind() == internalv1.EventKind_EVENT_KIND_MEMBERSHIP_CHANGED {
		return v.membershipEvent(f, c.name())
	}
	e = &event{
		pos: f.pos, kind: f.rec.GetKind(), conv: c.id, seq: f.rec.GetSeq(), message: f.rec.GetMessage(),
		readSeq: f.rec.GetReadSeq(), unread: f.rec.GetUnread(), annotation: f.rec.GetAnnotation(), value: f.rec.GetValue(),
		present: f.rec.GetPresent(), mute: f.rec.GetMute(),
	}
	if err := v.nameEvent(c, e); err != nil {
		return nil, err
	}
	switch f.rec.GetKind() {
	case internalv1.EventKind_EVENT_KIND_MESSAGE, internalv1.EventKind_EVENT_KIND_MESSAGE_EDITED,
		internalv1.EventKind_EVENT_KIND_MESSAGE_ANNOTATED:
		if e.seq < c.firstSeq() {
			return nil, nil // it was removed
		}
		hidden, err := v.has(keyHidden(v.key(), c.viewer, c.id, e.seq))
		if err != nil || hidden {
			return nil, err
		}
	}
	switch f.rec.GetKind() {
	case internalv1.EventKind_EVENT_KIND_MESSAGE, internalv1.EventKind_EVENT_KIND_MESSAGE_EDITED:
		r, err := v.message(c.id, e.seq)
		if err != nil {
			return nil, err
		}
		e.message, e.sender, e.timeMS, e.requestID = r.GetId(), r.GetSender(), r.GetTimeUnixMs(), r.GetRequestId()
		e.sent = position{index: r.GetEventIndex(), ordinal: r.GetEventOrdinal()}
		author, err := c.author(r)
		if err != nil {
			return nil, err
		}
		if e.deleted, err = c.gone(r); err != nil {
			return nil, err
		}
		e.account, e.read = author.GetUsername(), isRead(c.member, e.seq)
		if !e.deleted {
			e.text, e.edits, e.editedMS, e.pinned = r.GetText(), r.GetEdits(), r.GetEditedUnixMs(), r.GetPinned()
			if e.named.everyone, err = v.mentions(c, e.seq, r); err != nil { // whom else it names, its reader is not told
				return nil, err
			}
		}
		if r.GetThreadSeq() != 0 {
			if e.thread, err = v.threadID(c, r.GetThreadSeq()); err != nil {
				return nil, err
			}
		}
	case internalv1.EventKind_EVENT_KIND_ROOM_CHANGED:
		e.change = &roomChange{room: roomOf(c.ConversationRecord, rankNone), oldName: f.rec.GetOldName()}
		if e.sender = f.rec.GetAccount(); e.sender == 0 {
			return e, nil
		}
		by, err := v.person(e.sender)
		if err != nil {
			return nil, err
		}
		e.account = by.GetUsername()
	case internalv1.EventKind_EVENT_KIND_USER_DELETED, internalv1.EventKind_EVENT_KIND_MESSAGE_ANNOTATED:
		a, err := v.person(f.rec.GetAccount())
		if err != nil {
			return nil, err
		}
		e.account = a.GetUsername()
	}
	return e, nil
}
