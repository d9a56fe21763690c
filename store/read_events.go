package store

import (
	"parley/proto/internalv1"
)

// foundEvent is an entry of the event index.
type foundEvent struct {
	pos  position
	conv uint64
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
	err = v.memberships(account, func(conv uint64, _ *internalv1.MemberRecord) error { return g.conversation(conv) })
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
		c := convs[f.conv]
		if c == nil {
			if c, err = v.openConv(account, f.conv, nil); err != nil {
				return nil, position{}, false, err
			}
			convs[f.conv] = c
		}
		e, err := v.eventOf(c, f)
		if err != nil {
			return nil, position{}, false, err
		}
		if e != nil {
			es = append(es, e)
		}
	}
	return es, upTo, more, nil
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

func (g *eventGather) conversation(conv uint64) error {
	c, err := g.v.conversation(conv)
	if err != nil {
		return err
	}
	if !g.after.less(position{index: c.GetLastEventIndex(), ordinal: c.GetLastEventOrdinal()}) {
		return nil
	}
	lo := keyConvEvent(nil, conv, g.after)
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
		g.found = append(g.found, foundEvent{pos: pos, conv: of, rec: r})
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

// eventOf tells an indexed event as the state is now; nil when the viewer has hidden what it is about.
func (v *View) eventOf(c *convView, f foundEvent) (*event, error) {
	low, err := v.person(c.GetLow())
	if err != nil {
		return nil, err
	}
	high, err := v.person(c.GetHigh())
	if err != nil {
		return nil, err
	}
	e := &event{
		pos: f.pos, kind: f.rec.GetKind(), conv: c.id, low: c.GetLow(), high: c.GetHigh(),
		lowName: low.GetUsername(), highName: high.GetUsername(), seq: f.rec.GetSeq(), message: f.rec.GetMessage(),
		readSeq: f.rec.GetReadSeq(), unread: f.rec.GetUnread(), annotation: f.rec.GetAnnotation(), value: f.rec.GetValue(),
		present: f.rec.GetPresent(), mute: f.rec.GetMute(),
	}
	switch f.rec.GetKind() {
	case internalv1.EventKind_EVENT_KIND_MESSAGE, internalv1.EventKind_EVENT_KIND_MESSAGE_EDITED,
		internalv1.EventKind_EVENT_KIND_MESSAGE_ANNOTATED:
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
		e.deleted, e.read = c.gone(r), isRead(c.member, e.seq)
		if !e.deleted {
			e.text, e.edits, e.editedMS, e.pinned = r.GetText(), r.GetEdits(), r.GetEditedUnixMs(), r.GetPinned()
		}
		if r.GetThreadSeq() != 0 {
			if e.thread, err = v.threadID(c, r.GetThreadSeq()); err != nil {
				return nil, err
			}
		}
	case internalv1.EventKind_EVENT_KIND_USER_DELETED, internalv1.EventKind_EVENT_KIND_MESSAGE_ANNOTATED:
		a, err := v.person(f.rec.GetAccount())
		if err != nil {
			return nil, err
		}
		e.account = a.GetUsername()
	}
	return e, nil
}
