package store

import (
	"bytes"

	"parley/proto/internalv1"
)

const (
	kindReaction = internalv1.AnnotationKind_ANNOTATION_KIND_REACTION
	kindPin      = internalv1.AnnotationKind_ANNOTATION_KIND_PIN
)

// annotate sets a reaction of the caller's or a pin on a message, or takes it back. What is so already stays so, and is
// answered alike.
func (m *machine) annotate(c *internalv1.Command, b *internalv1.Annotate) (*internalv1.Result, error) {
	present := uint64(0)
	if b.GetPresent() {
		present = 1
	}
	digest := m.fields("annotate").num(b.GetId()).num(uint64(b.GetKind())).str(b.GetValue()).num(present).digest()
	by, answer, err := m.begin(c.GetSession(), digest)
	if answer != nil || err != nil {
		return answer, err
	}
	switch b.GetKind() {
	case kindReaction:
		if why := badReaction(b.GetValue()); why != "" {
			return refuseField("value", "%s", why), nil
		}
	case kindPin:
		if b.GetValue() != "" {
			return refuseField("value", "must be empty: a pin has none"), nil
		}
	default:
		return refuseField("kind", "must be a reaction or a pin"), nil
	}
	f, refusal, err := m.markable(by.hotAccount, b.GetId(), b.GetPresent())
	if refusal != nil || err != nil {
		return refusal, err
	}
	var changed bool
	if b.GetKind() == kindPin {
		changed, refusal, err = m.pin(by.id, f, b.GetPresent())
	} else {
		changed, refusal, err = m.react(by.id, f, b.GetValue(), b.GetPresent())
	}
	if refusal != nil || err != nil {
		return refusal, err
	}
	if changed {
		if err := m.put(keyMessage(m.key(), f.conv.id, f.seq), f.rec); err != nil {
			return nil, err
		}
		err := m.emit(f.conv, &event{
			kind: internalv1.EventKind_EVENT_KIND_MESSAGE_ANNOTATED, seq: f.seq, message: f.rec.GetId(), sender: by.id,
			account: by.GetUsername(), annotation: b.GetKind(), value: b.GetValue(), present: b.GetPresent(),
		}, nil)
		if err != nil {
			return nil, err
		}
	}
	r := done()
	return r, m.record(scope{account: by.hotAccount}, digest, r)
}

// react sets or takes back a reaction, and counts on the message what is there; the caller writes that.
func (m *machine) react(by uint64, f *foundMessage, value string, present bool) (bool, *internalv1.Result, error) {
	there, err := m.has(keyAnnotation(m.layers.key(), uint64(kindReaction), f.conv.id, f.seq, value, by))
	if err != nil || there == present {
		return false, nil, err
	}
	others, err := m.reactedByOthers(by, f, value)
	if err != nil {
		return false, nil, err
	}
	key := keyAnnotation(m.key(), uint64(kindReaction), f.conv.id, f.seq, value, by)
	if !present {
		m.remove(key)
		f.rec.Reactions--
		if !others {
			f.rec.ReactionValues--
		}
		return true, nil, nil
	}
	switch {
	case f.rec.GetReactions() >= MaxReactions:
		return false, refuseLimit("id", "the message has %d reactions, which is the most there may be", MaxReactions), nil
	case !others && f.rec.GetReactionValues() >= MaxReactionValues:
		return false, refuseLimit("value", "the message has %d different reactions, which is the most there may be; use one of them",
			MaxReactionValues), nil
	}
	f.rec.Reactions++
	if !others {
		f.rec.ReactionValues++
	}
	return true, nil, m.put(key, &internalv1.AnnotationRecord{TimeUnixMs: m.stampMS})
}

// reactedByOthers says whether anybody else reacted to a message with a value.
func (m *machine) reactedByOthers(by uint64, f *foundMessage, value string) (bool, error) {
	first := keyAnnotation(nil, uint64(kindReaction), f.conv.id, f.seq, value, 0)
	it := m.scan(first, prefixEnd(first[:len(first)-8]), false)
	for it.next() {
		if _, account := annotationOf(it.key); account != by {
			return true, nil
		}
	}
	return false, it.err
}

// pin pins a message, or unpins it, whoever pinned it: either side of a direct conversation may, in a room its moderators.
func (m *machine) pin(by uint64, f *foundMessage, present bool) (bool, *internalv1.Result, error) {
	if f.conv.isRoom() {
		rank, err := m.rank(f.conv.id, by)
		if err != nil {
			return false, nil, err
		}
		if rank < rankModerator {
			return false, refuse(internalv1.Reason_REASON_NOT_ALLOWED, "id", "only moderators of %s pin its messages",
				f.conv.roomTitle()), nil
		}
	}
	if f.rec.GetPinned() == present {
		return false, nil, nil
	}
	if !present {
		return true, nil, m.unpin(f)
	}
	if f.conv.GetPins() >= MaxPins {
		return false, refuseLimit("id", "the conversation has %d pinned messages, which is the most there may be; unpin one",
			MaxPins), nil
	}
	f.conv.Pins++
	m.touchConversation(f.conv)
	f.rec.Pinned = true
	key := keyAnnotation(m.key(), uint64(kindPin), f.conv.id, f.seq, "", by)
	return true, nil, m.put(key, &internalv1.AnnotationRecord{TimeUnixMs: m.stampMS})
}

func (m *machine) unpin(f *foundMessage) error {
	it := m.annotations(f.conv.id, f.seq, kindPin)
	if !it.next() {
		_, err := must[internalv1.AnnotationRecord](nil, it.err, "pin", f.conv.id, f.seq)
		return err
	}
	m.remove(bytes.Clone(it.key))
	f.conv.Pins--
	m.touchConversation(f.conv)
	f.rec.Pinned = false
	return nil
}
