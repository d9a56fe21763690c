package store

import (
	"errors"

	"parley/proto/internalv1"
	"parley/proto/parleyv1"
)

// Reader reads single messages for one caller in one view. What the caller may not read, has hidden, or nobody can read any
// more is not there.
type Reader struct {
	v      *View
	viewer uint64
	// convs are the caller's conversations; nil until one is opened.
	convs map[uint64]*convView
}

// Readable is a message that its Reader's caller may read.
type Readable struct {
	Conversation, Seq uint64
	Author            uint64
	TimeMS            int64
	Text              string

	conv *convView
	rec  *internalv1.MessageRecord
}

// Reader returns a reader for a caller, with the numbers of the conversations that it may read, in ascending order.
func (v *View) Reader(s Session) (r *Reader, convs []uint64, err error) {
	defer v.guard(&err)()
	r = &Reader{v: v, viewer: s.AccountID, convs: make(map[uint64]*convView)}
	lo := appendU64s(nil, tagMember, s.AccountID)
	it := v.scan(lo, prefixEnd(lo), false)
	for it.next() {
		conv := u64At(it.key, 1)
		r.convs[conv] = nil
		convs = append(convs, conv)
	}
	return r, convs, it.err
}

// Conversation returns the number of a conversation that the caller may read, by its name; 0 when there is none.
func (r *Reader) Conversation(name string) (conv uint64, err error) {
	defer r.v.guard(&err)()
	conv, err = r.v.resolve(r.viewer, name)
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrNotMember) {
		return 0, nil
	}
	if _, ok := r.convs[conv]; !ok {
		conv = 0
	}
	return conv, err
}

// Account returns the number of an account by its name; 0 when there is none, or what it sent is erased.
func (r *Reader) Account(name string) (id uint64, err error) {
	defer r.v.guard(&err)()
	if id, err = r.v.accountID(foldName(name)); err != nil || id == 0 {
		return 0, err
	}
	a, err := r.v.person(id)
	if err != nil || a.GetDeleted() {
		return 0, err
	}
	return id, nil
}

// Look reads a message by its id; nil when it is not there for the caller.
func (r *Reader) Look(id uint64) (m *Readable, err error) {
	defer r.v.guard(&err)()
	p, err := r.v.place(id)
	if err != nil || p == nil {
		return nil, err
	}
	c, ok := r.convs[p.GetConversation()]
	if !ok {
		return nil, nil
	}
	if c == nil {
		if c, err = r.v.openConv(r.viewer, p.GetConversation(), nil); err != nil {
			return nil, err
		}
		r.convs[c.id] = c
	}
	rec, err := load[internalv1.MessageRecord](&r.v.layers, keyMessage(r.v.key(), c.id, p.GetSeq()))
	if err != nil || rec == nil {
		return nil, err
	}
	if gone, err := c.gone(rec); err != nil || gone {
		return nil, err
	}
	hidden, err := r.v.has(keyHidden(r.v.key(), r.viewer, c.id, p.GetSeq()))
	if err != nil || hidden {
		return nil, err
	}
	return &Readable{
		Conversation: c.id, Seq: p.GetSeq(), Author: rec.GetSender(), TimeMS: rec.GetTimeUnixMs(), Text: rec.GetText(),
		conv: c, rec: rec,
	}, nil
}

// Message makes a message as the caller sees it.
func (r *Reader) Message(m *Readable) (msg *parleyv1.Message, err error) {
	defer r.v.guard(&err)()
	return r.v.render(m.conv, m.Seq, m.rec)
}
