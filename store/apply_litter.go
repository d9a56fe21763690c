package store

import (
	"bytes"

	"parley/proto/internalv1"
)

// A message that becomes a placeholder loses what is on it. Its pin goes at once, for pins are counted. Its earlier texts and
// its reactions may be more than one command removes: the message forgets how many there are, which is all that a read goes
// by, and a mark has EraseSlice commands remove them.

// strip takes off a message what is on it; the caller writes the message.
func (m *machine) strip(f *foundMessage) error {
	if f.rec.GetPinned() {
		if err := m.unpin(f); err != nil {
			return err
		}
	}
	if f.rec.GetEdits() != 0 || f.rec.GetReactions() != 0 {
		if err := m.insert(keyLitter(m.key(), f.conv.id, f.seq), &internalv1.MarkRecord{}); err != nil {
			return err
		}
		m.littered++
	}
	f.rec.Edits, f.rec.EditedUnixMs, f.rec.Reactions, f.rec.ReactionValues = 0, 0, 0, 0
	return nil
}

// stripKeys is how many keys strip writes.
func stripKeys(r *internalv1.MessageRecord) (n int) {
	if r.GetPinned() {
		n += 2
	}
	if r.GetEdits() != 0 || r.GetReactions() != 0 {
		n++
	}
	return n
}

// sweepLitter removes a bounded number of earlier texts and reactions of placeholders.
func (m *machine) sweepLitter() error {
	var keys [][]byte
	it := m.scan([]byte{tagLitter}, []byte{tagLitter + 1}, false)
	for len(keys) < SweepKeys && it.next() {
		conv, seq := u64At(it.key, 0), u64At(it.key, 1)
		edits := appendU64s(nil, tagEdit, conv, seq)
		found, err := keysOf(m.scan(edits, prefixEnd(edits), false), SweepKeys-len(keys))
		if err != nil {
			return err
		}
		keys = append(keys, found...)
		if found, err = keysOf(m.annotations(conv, seq, kindReaction), SweepKeys-len(keys)); err != nil {
			return err
		}
		if keys = append(keys, found...); len(keys) < SweepKeys {
			keys = append(keys, bytes.Clone(it.key)) // nothing of it is left
			m.littered--
		}
	}
	if it.err != nil {
		return it.err
	}
	for _, key := range keys {
		m.remove(key)
	}
	return nil
}

// keysOf lists up to n keys of a walk.
func keysOf(it *iterator, n int) (keys [][]byte, err error) {
	for len(keys) < n && it.next() {
		keys = append(keys, bytes.Clone(it.key))
	}
	return keys, it.err
}
