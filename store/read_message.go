package store

import (
	"parley/proto/internalv1"
	"parley/proto/parleyv1"
)

// Message tells all about one message: its earlier texts, the oldest first, and who pinned it and reacted to it, at most
// MaxPage of them. Nothing of that is told of a placeholder. ErrNoMessage when there is none that the caller can see.
func (v *View) Message(s Session, id uint64) (m *parleyv1.GetMessageResponse, err error) {
	defer v.guard(&err)()
	p, err := v.place(id)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, ErrNoMessage
	}
	member, err := v.member(s.AccountID, p.GetConversation())
	if err != nil {
		return nil, err
	}
	if member == nil {
		return nil, ErrNoMessage
	}
	seq, r, err := v.visible(s.AccountID, p.GetConversation(), id)
	if err != nil {
		return nil, err
	}
	c, err := v.openConv(s.AccountID, p.GetConversation(), member)
	if err != nil {
		return nil, err
	}
	m = &parleyv1.GetMessageResponse{LogIndex: r.GetEventIndex()}
	if m.Message, err = v.render(c, seq, r); err != nil {
		return nil, err
	}
	if m.Message.GetDeleted() {
		return m, nil
	}
	if m.Earlier, err = v.earlier(c.id, seq, r.GetEdits()); err != nil {
		return nil, err
	}
	m.Annotations, err = v.annotators(c.id, seq, r)
	return m, err
}

// earlier returns the texts that edits replaced.
func (v *View) earlier(conv, seq uint64, edits uint32) (texts []*parleyv1.EarlierText, err error) {
	it := v.scan(keyEdit(nil, conv, seq, 1), keyEdit(nil, conv, seq, uint64(edits)+1), false)
	for it.next() {
		r, err := decode[internalv1.EditRecord](&v.layers, it.key, it.value)
		if err != nil {
			return nil, err
		}
		texts = append(texts, &parleyv1.EarlierText{Text: r.GetText(), Until: timestamp(r.GetUntilUnixMs())})
	}
	return texts, it.err
}

// annotators returns who pinned a message and who reacted to it.
func (v *View) annotators(conv, seq uint64, m *internalv1.MessageRecord) (as []*parleyv1.Annotation, err error) {
	var kinds []internalv1.AnnotationKind
	if m.GetPinned() {
		kinds = append(kinds, internalv1.AnnotationKind_ANNOTATION_KIND_PIN)
	}
	if m.GetReactions() != 0 {
		kinds = append(kinds, internalv1.AnnotationKind_ANNOTATION_KIND_REACTION)
	}
	for _, kind := range kinds {
		it := v.annotations(conv, seq, kind)
		for len(as) < MaxPage && it.next() {
			r, err := decode[internalv1.AnnotationRecord](&v.layers, it.key, it.value)
			if err != nil {
				return nil, err
			}
			value, account := annotationOf(it.key)
			who, err := v.person(account)
			if err != nil {
				return nil, err
			}
			as = append(as, &parleyv1.Annotation{
				Kind: parleyv1.AnnotationKind(kind), Value: string(value), Username: who.GetUsername(),
				Time: timestamp(r.GetTimeUnixMs()),
			})
		}
		if it.err != nil {
			return nil, it.err
		}
	}
	return as, nil
}
