package store

import (
	"parley/proto/internalv1"
)

// roomReader is a member of a room whose unread messages are counted.
type roomReader struct {
	conv, viewer     uint64
	lastSeq, readSeq uint64
	sent             uint64 // messages of the member's own in the room, ever
	erasing          bool   // accounts were deleted whose messages are not all cleared yet
}

// newRoomReader is for a member with a read mark; what retention removed above that is nothing to be read any more.
func newRoomReader(conv uint64, c *internalv1.ConversationRecord, viewer, readSeq, sent uint64, erasing bool) roomReader {
	return roomReader{
		conv: conv, viewer: viewer, lastSeq: c.GetLastSeq(), readSeq: max(readSeq, max(c.GetFirstSeq(), 1)-1), sent: sent,
		erasing: erasing,
	}
}

// ownAbove counts a member's own messages above a seq: from the first one's number and the number of all.
func (l *layers) ownAbove(conv, author, seq, sent uint64) (uint64, error) {
	it := l.scan(keyAuthored(nil, conv, author, seq+1), keyAuthored(nil, conv, author+1, 0), false)
	if !it.next() {
		return 0, it.err
	}
	r, err := decode[internalv1.AuthoredRecord](l, it.key, it.value)
	if err != nil {
		return 0, err
	}
	return sent - r.GetOrdinal() + 1, nil
}

// roomUnread counts the messages of a room above a member's read mark that others sent and that the member can still read.
// It is exact as long as fewer than MaxDeadScan of them are placeholders or hidden; those beyond count as unread.
func (l *layers) roomUnread(r roomReader) (uint64, error) {
	if r.readSeq >= r.lastSeq {
		return 0, nil
	}
	own, err := l.ownAbove(r.conv, r.viewer, r.readSeq, r.sent)
	if err != nil {
		return 0, err
	}
	gone, err := l.goneAbove(r)
	return r.lastSeq - r.readSeq - own - gone, err
}

// goneAbove counts the others' messages above a read mark that are placeholders, hidden, or by a deleted account.
func (l *layers) goneAbove(r roomReader) (n uint64, err error) {
	above := func(key func(seq uint64) []byte) *seqSet {
		s := &seqSet{it: l.scan(key(r.readSeq+1), key(r.lastSeq+1), false)}
		s.advance()
		return s
	}
	sets := []*seqSet{
		above(func(seq uint64) []byte { return keyDead(nil, r.conv, 0, seq) }),
		above(func(seq uint64) []byte { return keyHidden(nil, r.viewer, r.conv, seq) }),
	}
	scan := MaxDeadScan
	if r.erasing {
		it := l.scan([]byte{tagErase}, []byte{tagErase + 1}, false)
		for ; scan > 0 && it.next(); scan-- {
			author := u64At(it.key, 0)
			if s := above(func(seq uint64) []byte { return keyAuthored(nil, r.conv, author, seq) }); s.ok {
				sets = append(sets, s)
			} else if s.it.err != nil {
				return 0, s.it.err
			}
		}
		if it.err != nil {
			return 0, it.err
		}
	}
	own := above(func(seq uint64) []byte { return keyAuthored(nil, r.conv, r.viewer, seq) })
	for all := mergeSeqs(sets...); scan > 0; scan-- {
		seq, ok, err := all.next()
		if !ok || err != nil {
			return n, err
		}
		mine, err := own.has(seq)
		if err != nil {
			return 0, err
		}
		if !mine {
			n++
		}
	}
	return n, nil
}
