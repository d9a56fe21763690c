package store

import (
	"slices"
	"sort"

	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
)

// walk goes through the messages of one conversation that a query wants, in one direction.
type walk struct {
	v    *View
	c    *convView
	q    MessageQuery
	desc bool
	// thread is the first seq of the thread that is walked through; 0 for none.
	thread uint64

	// key orders the walks: the present message's id; before the walk is opened a bound of its first one.
	key    uint64
	opened bool
	hi     uint64    // last seq of the walk
	it     *iterator // over the messages, or
	index  *seqMerge // over the seqs of the only ones that are wanted
	hidden *seqSet
	seq    uint64
	rec    *internalv1.MessageRecord
	misses int // in a row
	passed int // in all
}

// begin says whether there can be anything, without reading messages where that is not needed.
func (w *walk) begin() (bool, error) {
	if w.c.GetLastSeq() == 0 || w.c.GetLastMessage() <= w.q.AfterID || w.q.OnlyUnread && w.c.allRead() ||
		w.q.OnlyPinned && w.c.GetPins() == 0 || w.q.OnlyMentions && !w.c.isRoom() {
		return false, nil
	}
	if !w.desc {
		return w.next()
	}
	w.key = w.c.GetLastMessage()
	return true, nil
}

// open bounds the seqs and starts the walk.
func (w *walk) open() error {
	w.opened = true
	lo, hi := w.c.firstSeq(), w.c.GetLastSeq()
	var err error
	if w.q.FromMS != 0 {
		sentSince := func(r *internalv1.MessageRecord) bool { return r.GetTimeUnixMs() >= w.q.FromMS }
		if lo, err = w.v.searchSeq(w.c, lo, sentSince); err != nil {
			return err
		}
	}
	if w.q.AfterID > 0 {
		above, err := w.v.firstSeqAbove(w.c, w.q.AfterID)
		if err != nil {
			return err
		}
		lo = max(lo, above)
	}
	if w.q.BeforeID > 0 && w.q.BeforeID <= w.c.GetLastMessage() {
		above, err := w.v.firstSeqAbove(w.c, w.q.BeforeID-1)
		if err != nil {
			return err
		}
		hi = above - 1
	}
	if w.q.OnlyUnread {
		lo = max(lo, w.c.member.GetReadSeq()+1)
	}
	w.hi = hi
	w.from(lo)
	return nil
}

// from puts the walk to the seqs from lo on.
func (w *walk) from(lo uint64) {
	if w.index = w.wanted(lo); w.index == nil {
		w.it = w.v.scan(keyMessage(nil, w.c.id, lo), keyMessage(nil, w.c.id, w.hi+1), w.desc)
	}
	w.hidden = w.marks(lo, func(seq uint64) []byte { return keyHidden(nil, w.c.viewer, w.c.id, seq) })
}

// wanted returns an index with all the messages that are wanted, nil where there is none.
func (w *walk) wanted(lo uint64) *seqMerge {
	conv := w.c.id
	switch {
	case w.thread != 0:
		return mergeSeqs(w.marks(lo, func(seq uint64) []byte { return keyThread(nil, conv, w.thread, seq) }))
	case w.q.OnlyPinned:
		const pin = uint64(internalv1.AnnotationKind_ANNOTATION_KIND_PIN)
		return mergeSeqs(w.marks(lo, func(seq uint64) []byte { return appendU64s(nil, tagAnnotation, pin, conv, seq) }))
	case w.q.OnlyMentions:
		return mergeSeqs(w.marks(lo, func(seq uint64) []byte { return keyMention(nil, w.c.viewer, conv, seq) }),
			w.marks(lo, func(seq uint64) []byte { return keyMention(nil, 0, conv, seq) }))
	}
	return nil
}

// marks returns the seqs of a table from lo to the walk's last one.
func (w *walk) marks(lo uint64, key func(seq uint64) []byte) *seqSet {
	s := &seqSet{desc: w.desc, it: w.v.scan(key(lo), key(w.hi+1), w.desc)}
	s.advance()
	return s
}

// step moves to the next message of the walk's range and returns its record as it is stored.
func (w *walk) step() (value []byte, ok bool, err error) {
	if w.index == nil {
		if !w.it.next() {
			return nil, false, w.it.err
		}
		w.seq = u64At(w.it.key, 1)
		return w.it.value, true, nil
	}
	if w.seq, ok, err = w.index.next(); !ok || err != nil {
		return nil, false, err
	}
	key := keyMessage(w.v.key(), w.c.id, w.seq)
	value, ok, err = w.v.get(key)
	if err == nil && !ok {
		err = &ContradictionError{Key: slices.Clone(key), Err: errMissing}
	}
	return value, ok, err
}

// maxMisses is how many messages of one's own an unread walk passes one by one before it searches for the next other.
const maxMisses = 32

// next moves to the next wanted message.
func (w *walk) next() (bool, error) {
	if !w.opened {
		if err := w.open(); err != nil {
			return false, err
		}
	}
	for {
		value, ok, err := w.step()
		if !ok || err != nil {
			return false, err
		}
		if w.q.OnlyUnread {
			if i := rangeOf(w.c.member, w.seq); i >= 0 {
				w.skipTo(w.c.member.Ranges[i+1] + 1)
				continue
			}
		}
		rec := new(internalv1.MessageRecord)
		if err := proto.Unmarshal(value, rec); err != nil {
			return false, w.v.locate(&ContradictionError{Key: keyMessage(nil, w.c.id, w.seq), Err: err})
		}
		hidden, err := w.hidden.has(w.seq)
		if err != nil {
			return false, err
		}
		if hidden {
			continue
		}
		gone := false
		if w.q.OnlyUnread || w.q.OnlyPinned || w.q.OnlyMentions {
			if gone, err = w.c.gone(rec); err != nil {
				return false, err
			}
		}
		if w.q.OnlyPinned || w.q.OnlyMentions {
			if ok, err := w.marked(rec); err != nil {
				return false, err
			} else if !ok || gone {
				continue
			}
		}
		if w.q.OnlyUnread && (rec.GetSender() == w.c.viewer || gone) {
			w.passed++
			if w.misses++; w.misses > maxMisses && rec.GetSender() == w.c.viewer {
				w.misses = 0
				seq, err := w.v.nextByOther(w.c, w.seq, rec)
				if err != nil {
					return false, err
				}
				w.skipTo(seq)
			}
			continue
		}
		w.misses = 0
		w.rec, w.key = rec, rec.GetId()
		return true, nil
	}
}

// marked says whether a message is pinned and mentions the viewer, as far as that is wanted. An index has led to it, but by one
// of several that may be wanted.
func (w *walk) marked(rec *internalv1.MessageRecord) (bool, error) {
	if w.q.OnlyPinned && !rec.GetPinned() {
		return false, nil
	}
	if !w.q.OnlyMentions {
		return true, nil
	}
	return w.v.mentions(w.c, w.seq, rec)
}

func (w *walk) skipTo(seq uint64) { w.from(min(seq, w.hi+1)) }

// firstSeqAbove returns the first seq whose message has an id above the one given; ids ascend with seqs.
func (v *View) firstSeqAbove(c *convView, id uint64) (uint64, error) {
	if p, err := v.place(id); err != nil {
		return 0, err
	} else if p != nil && p.GetConversation() == c.id {
		return p.GetSeq() + 1, nil
	}
	return v.searchSeq(c, c.firstSeq(), func(r *internalv1.MessageRecord) bool { return r.GetId() > id })
}

// nextByOther returns the first seq after one's own message that another one sent: only their messages leave the count of
// one's own behind.
func (v *View) nextByOther(c *convView, seq uint64, r *internalv1.MessageRecord) (uint64, error) {
	if c.isRoom() {
		return v.nextByOthers(c, seq)
	}
	byOther := func(seq uint64, r *internalv1.MessageRecord) uint64 {
		return byOtherThan(c.ConversationRecord, c.viewer, seq, r)
	}
	have := byOther(seq, r)
	at := seq + 1
	return v.searchSeqAt(c, at, func(seq uint64, r *internalv1.MessageRecord) bool { return byOther(seq, r) > have })
}

// nextByOthers is nextByOther in a room, where the own messages are numbered.
func (v *View) nextByOthers(c *convView, seq uint64) (uint64, error) {
	others := func(seq uint64) (uint64, error) {
		own, err := v.ownAbove(c.id, c.viewer, seq, c.role.GetSent())
		return seq + own, err // less all that are one's own, which is the same for every seq
	}
	have, err := others(seq)
	if err != nil {
		return 0, err
	}
	n := sort.Search(int(c.GetLastSeq()-seq), func(i int) bool {
		if err != nil {
			return true
		}
		var n uint64
		n, err = others(seq + 1 + uint64(i))
		return n > have
	})
	return seq + 1 + uint64(n), err
}

// byOtherThan counts the messages up to seq that an account did not send.
func byOtherThan(c *internalv1.ConversationRecord, account, seq uint64, r *internalv1.MessageRecord) uint64 {
	if c.GetLow() == account {
		return seq - r.GetSentByLow()
	}
	return r.GetSentByLow()
}

func (v *View) searchSeq(c *convView, from uint64, f func(r *internalv1.MessageRecord) bool) (uint64, error) {
	return v.searchSeqAt(c, from, func(_ uint64, r *internalv1.MessageRecord) bool { return f(r) })
}

// searchSeqAt returns the first seq at or above from of which f is true; one above the newest when there is none.
func (v *View) searchSeqAt(c *convView, from uint64, f func(seq uint64, r *internalv1.MessageRecord) bool) (
	uint64, error) {
	var err error
	n := sort.Search(int(c.GetLastSeq()-min(from-1, c.GetLastSeq())), func(i int) bool {
		if err != nil {
			return true
		}
		var r *internalv1.MessageRecord
		seq := from + uint64(i)
		if r, err = v.message(c.id, seq); err != nil {
			return true
		}
		return f(seq, r)
	})
	return from + uint64(n), err
}

// seqSet answers, for seqs in the order of a walk, whether they are in a table whose keys have a seq as third number.
type seqSet struct {
	it   *iterator
	desc bool
	at   uint64
	ok   bool
}

func (s *seqSet) advance() {
	if s.ok = s.it.next(); s.ok {
		s.at = u64At(s.it.key, 2)
	}
}

func (s *seqSet) has(seq uint64) (bool, error) {
	for s.ok && s.at != seq && (s.at < seq) != s.desc {
		s.advance()
	}
	return s.ok && s.at == seq, s.it.err
}

// seqMerge goes through the seqs of one or two tables in the order of a walk, each seq once.
type seqMerge struct{ sets []*seqSet }

func mergeSeqs(sets ...*seqSet) *seqMerge { return &seqMerge{sets: sets} }

func (m *seqMerge) next() (seq uint64, ok bool, err error) {
	for _, s := range m.sets {
		if s.it.err != nil {
			return 0, false, s.it.err
		}
		if s.ok && (!ok || (s.at < seq) != s.desc) {
			seq, ok = s.at, true
		}
	}
	for _, s := range m.sets {
		if s.ok && s.at == seq {
			s.advance()
		}
	}
	return seq, ok, nil
}

// walkHeap has the walk whose message is next on top.
type walkHeap struct {
	walks []*walk
	desc  bool
}

func (h *walkHeap) Len() int { return len(h.walks) }
func (h *walkHeap) Less(i, j int) bool {
	return (h.walks[i].key < h.walks[j].key) != h.desc && h.walks[i].key != h.walks[j].key
}
func (h *walkHeap) Swap(i, j int) { h.walks[i], h.walks[j] = h.walks[j], h.walks[i] }
func (h *walkHeap) Push(x any)    { h.walks = append(h.walks, x.(*walk)) }

func (h *walkHeap) Pop() any {
	last := len(h.walks) - 1
	w := h.walks[last]
	h.walks = h.walks[:last]
	return w
}
