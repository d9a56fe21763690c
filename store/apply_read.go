package store

import (
	"fmt"

	"parley/proto/internalv1"
)

// markPlan is what a MarkRead will make of one conversation's read state.
type markPlan struct {
	conv    *hotConversation
	member  *hotMember
	state   *internalv1.MemberRecord
	changed bool
}

// markRead marks ranges of messages as read. All of them are worked out on copies first: when one is refused, none
// happened.
func (m *machine) markRead(c *internalv1.Command, b *internalv1.MarkRead) (*internalv1.Result, error) {
	f := m.fields("mark-read")
	for _, r := range b.GetRanges() {
		f = f.str(foldName(r.GetConversation())).num(r.GetFromSeq()).num(r.GetToSeq())
	}
	digest := f.digest()
	by, answer, err := m.begin(c.GetSession(), digest)
	if answer != nil || err != nil {
		return answer, err
	}
	if n := len(b.GetRanges()); n == 0 || n > MaxMarkRanges {
		return refuseField("ranges", "must have 1 to %d ranges", MaxMarkRanges), nil
	}
	var plans []*markPlan
	scan := MaxDeadScan
	for i, r := range b.GetRanges() {
		field := fmt.Sprintf("ranges[%d]", i)
		if r.GetFromSeq() == 0 || r.GetToSeq() < r.GetFromSeq() {
			return refuseField(field, "must begin at 1 or later and not end before it begins"), nil
		}
		p, refusal, err := m.planFor(&plans, by.hotAccount, field+".conversation", foldName(r.GetConversation()))
		if refusal != nil || err != nil {
			return refusal, err
		}
		in := run{r.GetFromSeq(), min(r.GetToSeq(), p.conv.GetLastSeq())}
		if in.from > in.to {
			continue
		}
		ok, err := m.markRun(p, by.id, in, &scan)
		if err != nil {
			return nil, err
		}
		if !ok {
			return refuseLimit(field, "too many deleted messages lie in this range; mark up to the newest message"), nil
		}
	}
	for _, p := range plans {
		if err := m.carryOut(p, by.id); err != nil {
			return nil, err
		}
	}
	r := done()
	return r, m.record(scope{account: by.hotAccount}, digest, r)
}

// planFor finds the conversation that a range is in, and its plan: one for each conversation.
func (m *machine) planFor(plans *[]*markPlan, by *hotAccount, field, target string) (
	*markPlan, *internalv1.Result, error) {
	conv, refusal, err := m.conversationFor(by, field, target)
	if refusal != nil || err != nil {
		return nil, refusal, err
	}
	for _, p := range *plans {
		if p.conv == conv {
			return p, nil, nil
		}
	}
	p, err := m.newPlan(by.id, conv)
	if err != nil {
		return nil, nil, err
	}
	*plans = append(*plans, p)
	return p, nil, nil
}

func (m *machine) newPlan(account uint64, conv *hotConversation) (*markPlan, error) {
	h, err := m.member(account, conv.id)
	if err != nil {
		return nil, err
	}
	return &markPlan{conv: conv, member: h, state: copyReadState(h.MemberRecord)}, nil
}

// markRun adds a run to a plan. It is false when counting would look at more than is left of scan.
func (m *machine) markRun(p *markPlan, viewer uint64, in run, scan *int) (bool, error) {
	r := p.state
	if p.conv.isRoom() {
		p.changed = p.changed || in.to > r.GetReadSeq()
		r.ReadSeq = max(r.GetReadSeq(), in.to)
		return true, nil
	}
	if r.GetUnread() == 0 {
		return true, nil // then everything is read
	}
	newly := unreadRuns(r, in)
	if len(newly) == 0 {
		return true, nil
	}
	p.changed = true
	var read uint64
	for _, n := range newly {
		count, ok, err := m.countAlive(p.conv, viewer, n, scan)
		if !ok || err != nil {
			return false, err
		}
		read += count
	}
	if read > r.GetUnread() {
		return false, fmt.Errorf("conversation %d has %d unread messages for account %d, but %d are in %v", p.conv.id,
			r.GetUnread(), viewer, read, newly)
	}
	addRange(r, in)
	r.Unread -= read
	if r.GetUnread() == 0 {
		readAll(r, p.conv.GetLastSeq())
		return true, nil
	}
	return m.boundRanges(p, viewer, scan)
}

// boundRanges keeps the ranges below MaxReadRanges: first it joins those with nothing unread between them, then it lets
// go of the lowest. Its messages become unread again; a message that is unread is never lost.
func (m *machine) boundRanges(p *markPlan, viewer uint64, scan *int) (bool, error) {
	r := p.state
	if len(r.GetRanges()) <= 2*MaxReadRanges {
		return true, nil
	}
	read := r.GetReadSeq()
	var out []uint64
	for i := 0; i < len(r.Ranges); i += 2 {
		lo, hi := r.Ranges[i], r.Ranges[i+1]
		end := read
		if len(out) > 0 {
			end = out[len(out)-1]
		}
		between, ok, err := m.countAlive(p.conv, viewer, run{end + 1, lo - 1}, scan)
		if !ok || err != nil {
			return false, err
		}
		switch {
		case between > 0:
			out = append(out, lo, hi)
		case len(out) == 0:
			read = hi
		default:
			out[len(out)-1] = hi
		}
	}
	r.ReadSeq, r.Ranges = read, out
	for len(r.Ranges) > 2*MaxReadRanges {
		n, ok, err := m.countAlive(p.conv, viewer, run{r.Ranges[0], r.Ranges[1]}, scan)
		if !ok || err != nil {
			return false, err
		}
		r.Unread += n
		r.Ranges = r.Ranges[2:]
	}
	return true, nil
}

// unreadOf returns how many messages a plan leaves unread: of a room it is counted.
func (m *machine) unreadOf(p *markPlan, viewer uint64) (uint64, error) {
	if !p.conv.isRoom() {
		return p.state.GetUnread(), nil
	}
	h, err := m.roomMember(p.conv.id, viewer)
	if err != nil {
		return 0, err
	}
	return m.roomUnread(newRoomReader(p.conv.id, p.conv.ConversationRecord, viewer, p.state.GetReadSeq(), h.GetSent(),
		m.erasing > 0))
}

// carryOut writes a plan and tells the account's other sessions. Only the newest such event of a conversation is kept:
// it says everything that the earlier ones said.
func (m *machine) carryOut(p *markPlan, viewer uint64) error {
	if !p.changed {
		return nil
	}
	h := p.member
	if h.GetMarkIndex() != 0 {
		m.remove(keyAccountEvent(m.key(), viewer, position{index: h.GetMarkIndex(), ordinal: h.GetMarkOrdinal()}))
	}
	unread, err := m.unreadOf(p, viewer)
	if err != nil {
		return err
	}
	e := &event{
		kind: internalv1.EventKind_EVENT_KIND_READ_MARKED, only: viewer, readSeq: p.state.GetReadSeq(), unread: unread,
	}
	if err := m.emit(p.conv, e, nil); err != nil {
		return err
	}
	h.MemberRecord = p.state
	h.MarkIndex, h.MarkOrdinal = e.pos.index, e.pos.ordinal
	m.touchMember(h)
	return nil
}

// countAlive counts the messages of a run that others sent and that the viewer can still read: from the running count
// in the messages at its two ends, less those that were deleted or hidden. It is false when those are more than scan.
func (m *machine) countAlive(c *hotConversation, viewer uint64, in run, scan *int) (n uint64, ok bool, err error) {
	if in.from > in.to || c.GetLow() == c.GetHigh() {
		return 0, true, nil
	}
	hi, err := m.byOther(c, viewer, in.to)
	if err != nil {
		return 0, false, err
	}
	lo, err := m.byOther(c, viewer, in.from-1)
	if err != nil {
		return 0, false, err
	}
	dead, ok, err := m.countDead(c, viewer, in, scan)
	return hi - lo - dead, ok, err
}

// byOther counts the messages up to a seq that the viewer did not send.
func (m *machine) byOther(c *hotConversation, viewer, seq uint64) (uint64, error) {
	if seq == 0 {
		return 0, nil
	}
	if seq == c.GetFirstSeq()-1 { // the newest that was removed
		return byOtherThan(c.ConversationRecord, viewer, seq, &internalv1.MessageRecord{SentByLow: c.GetRemovedByLow()}), nil
	}
	r, err := m.message(c.id, seq)
	if err != nil {
		return 0, err
	}
	return byOtherThan(c.ConversationRecord, viewer, seq, r), nil
}

// countDead counts the seqs of a run that are hidden from the viewer or deleted by their author, the other one; each
// once.
func (m *machine) countDead(c *hotConversation, viewer uint64, in run, scan *int) (n uint64, ok bool, err error) {
	other := c.other(viewer)
	hidden := m.scan(keyHidden(nil, viewer, c.id, in.from), keyHidden(nil, viewer, c.id, in.to+1), false)
	dead := m.scan(keyDead(nil, c.id, other, in.from), keyDead(nil, c.id, other, in.to+1), false)
	h, d := hidden.next(), dead.next()
	for h || d {
		if *scan--; *scan < 0 {
			return 0, false, nil
		}
		n++
		switch {
		case !d:
			h = hidden.next()
		case !h:
			d = dead.next()
		default:
			hs, ds := u64At(hidden.key, 2), u64At(dead.key, 2)
			if hs <= ds {
				h = hidden.next()
			}
			if ds <= hs {
				d = dead.next()
			}
		}
	}
	if hidden.err != nil {
		return 0, false, hidden.err
	}
	return n, true, dead.err
}
