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

	// key orders the walks: the present message's id; before the walk is opened a bound of its first one.
	key    uint64
	opened bool
	it     *iterator
	hidden *seqSet
	seq    uint64
	rec    *internalv1.MessageRecord
	misses int // in a row
	passed int // in all
}

// begin says whether there can be anything, without reading messages where that is not needed.
func (w *walk) begin() (bool, error) {
	if w.c.GetLastSeq() == 0 || w.c.GetLastMessage() <= w.q.AfterID || w.q.OnlyUnread && w.c.unread() == 0 {
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
	lo, hi := uint64(1), w.c.GetLastSeq()
	var err error
	if w.q.AfterID > 0 {
		if lo, err = w.v.firstSeqAbove(w.c, w.q.AfterID); err != nil {
			return err
		}
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
	w.from(lo, hi)
	return w.it.err
}

func (w *walk) from(lo, hi uint64) {
	w.it = w.v.scan(keyMessage(nil, w.c.id, lo), keyMessage(nil, w.c.id, hi+1), w.desc)
	w.hidden = w.v.hiddenSeqs(w.c, lo, hi, w.desc)
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
	for w.it.next() {
		w.seq = u64At(w.it.key, 1)
		if w.q.OnlyUnread {
			if i := rangeOf(w.c.member, w.seq); i >= 0 {
				w.skipTo(w.c.member.Ranges[i+1] + 1)
				continue
			}
		}
		rec := new(internalv1.MessageRecord)
		if err := proto.Unmarshal(w.it.value, rec); err != nil {
			return false, w.v.locate(&ContradictionError{Key: slices.Clone(w.it.key), Err: err})
		}
		hidden, err := w.hidden.has(w.seq)
		if err != nil {
			return false, err
		}
		if hidden {
			continue
		}
		if w.q.OnlyUnread && (rec.GetSender() == w.c.viewer || w.c.gone(rec)) {
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
	return false, w.it.err
}

func (w *walk) skipTo(seq uint64) {
	hi := u64At(w.it.hi, 1) - 1
	w.from(min(seq, hi+1), hi)
}

// firstSeqAbove returns the first seq whose message has an id above the one given; ids ascend with seqs.
func (v *View) firstSeqAbove(c *convView, id uint64) (uint64, error) {
	if p, err := v.place(id); err != nil {
		return 0, err
	} else if p != nil && p.GetConversation() == c.id {
		return p.GetSeq() + 1, nil
	}
	return v.searchSeq(c, 1, func(r *internalv1.MessageRecord) bool { return r.GetId() > id })
}

// nextByOther returns the first seq after one's own message that the other one sent: only their messages leave the
// count of one's own behind.
func (v *View) nextByOther(c *convView, seq uint64, r *internalv1.MessageRecord) (uint64, error) {
	byOther := func(seq uint64, r *internalv1.MessageRecord) uint64 {
		return byOtherThan(c.ConversationRecord, c.viewer, seq, r)
	}
	have := byOther(seq, r)
	at := seq + 1
	return v.searchSeqAt(c, at, func(seq uint64, r *internalv1.MessageRecord) bool { return byOther(seq, r) > have })
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

// seqSet answers, for seqs in the order of a walk, whether they are in a table of marks.
type seqSet struct {
	it   *iterator
	desc bool
	at   uint64
	ok   bool
}

func (v *View) hiddenSeqs(c *convView, lo, hi uint64, desc bool) *seqSet {
	s := &seqSet{desc: desc, it: v.scan(keyHidden(nil, c.viewer, c.id, lo), keyHidden(nil, c.viewer, c.id, hi+1), desc)}
	s.advance()
	return s
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
