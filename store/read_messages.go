package store

import (
	"container/heap"
	"slices"
	"sort"
	"strings"

	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
	"parley/proto/parleyv1"
)

// MessageQuery says which messages to read.
type MessageQuery struct {
	// Conversation is "@user" or "#room"; empty for all of the caller's.
	Conversation string
	// OnlyUnread leaves out what the caller has read, own messages and placeholders. The oldest come first.
	OnlyUnread bool
	Limit      int
	// BeforeID and AfterID bound the ids, both exclusive; 0 is no bound. With AfterID the oldest above it are returned,
	// otherwise the newest.
	BeforeID, AfterID uint64
}

// Messages returns messages in ascending id order, and whether there are more in the direction of paging. A user
// without a conversation has no messages; ErrNotFound when there is no such user or room.
func (v *View) Messages(s Session, q MessageQuery) (msgs []*parleyv1.Message, more bool, err error) {
	defer v.guard(&err)()
	limit := clampLimit(q.Limit)
	desc := !q.OnlyUnread && q.AfterID == 0
	walks, err := v.walks(s, q, desc)
	if err != nil {
		return nil, false, err
	}
	h := &walkHeap{desc: desc}
	for _, w := range walks {
		ok, err := w.begin()
		if err != nil {
			return nil, false, err
		}
		if ok {
			h.walks = append(h.walks, w)
		}
	}
	heap.Init(h)
	for len(h.walks) > 0 {
		w := h.walks[0]
		if w.opened {
			if len(msgs) == limit {
				more = true
				break
			}
			msgs = append(msgs, v.render(w.c, w.seq, w.rec))
		}
		ok, err := w.next()
		if err != nil {
			return nil, false, err
		}
		if ok {
			heap.Fix(h, 0)
		} else {
			heap.Pop(h)
		}
	}
	if desc {
		slices.Reverse(msgs)
	}
	return msgs, more, nil
}

// walks returns the conversations that a query is about.
func (v *View) walks(s Session, q MessageQuery, desc bool) ([]*walk, error) {
	if q.Conversation != "" {
		conv, err := v.resolve(s.AccountID, q.Conversation)
		if err != nil || conv == 0 {
			return nil, err
		}
		c, err := v.openConv(s.AccountID, conv, nil)
		if err != nil {
			return nil, err
		}
		return []*walk{{v: v, c: c, q: q, desc: desc}}, nil
	}
	var walks []*walk
	err := v.memberships(s.AccountID, func(conv uint64, m *internalv1.MemberRecord) error {
		c, err := v.openConv(s.AccountID, conv, m)
		if err != nil {
			return err
		}
		walks = append(walks, &walk{v: v, c: c, q: q, desc: desc})
		return nil
	})
	return walks, err
}

// resolve finds the conversation that an account means by a name; 0 when the two never talked.
func (v *View) resolve(account uint64, name string) (uint64, error) {
	user, ok := strings.CutPrefix(foldName(name), "@")
	if !ok {
		return 0, ErrNotFound
	}
	id, err := v.accountID(user)
	if err != nil {
		return 0, err
	}
	if id == 0 {
		return 0, ErrNotFound
	}
	return v.direct(account, id)
}

// memberships calls f for each conversation of an account, in no order that means anything.
func (v *View) memberships(account uint64, f func(conv uint64, m *internalv1.MemberRecord) error) error {
	lo := appendU64s(nil, tagMember, account)
	it := v.scan(lo, prefixEnd(lo), false)
	for it.next() {
		m, err := decode[internalv1.MemberRecord](&v.layers, it.key, it.value)
		if err != nil {
			return err
		}
		if err := f(u64At(it.key, 1), m); err != nil {
			return err
		}
	}
	return it.err
}

// convView is a conversation as one member sees it.
type convView struct {
	*internalv1.ConversationRecord
	id     uint64
	viewer uint64
	member *internalv1.MemberRecord
	// The two members of a direct conversation; erased says that what the other one sent is gone.
	self, other *internalv1.AccountRecord
	erased      bool
}

func (v *View) openConv(viewer, conv uint64, m *internalv1.MemberRecord) (*convView, error) {
	r, err := v.conversation(conv)
	if err != nil {
		return nil, err
	}
	if m == nil {
		if m, err = v.member(viewer, conv); err != nil {
			return nil, err
		}
		if m, err = must(m, nil, "member", viewer, conv); err != nil {
			return nil, err
		}
	}
	c := &convView{ConversationRecord: r, id: conv, viewer: viewer, member: m}
	if c.self, err = v.person(viewer); err != nil {
		return nil, err
	}
	if c.other, err = v.person(otherMember(r, viewer)); err != nil {
		return nil, err
	}
	c.erased = c.other.GetDeleted()
	return c, nil
}

func (c *convView) name() string { return "@" + c.other.GetUsername() }

// unread is exact. What a deleted account sent is erased from the moment of its deletion, whatever the count says yet.
func (c *convView) unread() uint64 {
	if c.erased {
		return 0
	}
	return c.member.GetUnread()
}

// gone says whether a message is a placeholder.
func (c *convView) gone(r *internalv1.MessageRecord) bool {
	return r.GetDeleted() || c.erased && r.GetSender() != c.viewer
}

func (v *View) render(c *convView, seq uint64, r *internalv1.MessageRecord) *parleyv1.Message {
	m := &parleyv1.Message{
		Id: r.GetId(), Conversation: c.name(), Seq: seq, Sender: c.other.GetUsername(), Time: timestamp(r.GetTimeUnixMs()),
		Cursor: encodeCursor(v.clusterID, position{index: r.GetEventIndex(), ordinal: r.GetEventOrdinal()}),
	}
	if c.gone(r) {
		m.Deleted = true
	} else {
		m.Text = r.GetText()
	}
	if r.GetSender() == c.viewer {
		m.Sender, m.RequestId = c.self.GetUsername(), formatUUID(r.GetRequestId())
	} else {
		m.Unread = !m.Deleted && !isRead(c.member, seq)
	}
	return m
}

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
	misses int
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
			return false, w.v.locate(&DamageError{Key: slices.Clone(w.it.key), Err: err, Hint: hintRestore})
		}
		hidden, err := w.hidden.has(w.seq)
		if err != nil {
			return false, err
		}
		if hidden {
			continue
		}
		if w.q.OnlyUnread && (rec.GetSender() == w.c.viewer || w.c.gone(rec)) {
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
func (v *View) searchSeqAt(c *convView, from uint64, f func(seq uint64, r *internalv1.MessageRecord) bool) (uint64, error) {
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
