package store

import (
	"parley/proto/internalv1"
)

// setReadMark says that everything up to a seq is read and everything above it is not: forward, or back.
func (m *machine) setReadMark(c *internalv1.Command, b *internalv1.SetReadMark) (*internalv1.Result, error) {
	target := foldName(b.GetConversation())
	digest := m.fields("set-read-mark").str(target).num(b.GetSeq()).digest()
	by, answer, err := m.begin(c.GetSession(), digest)
	if answer != nil || err != nil {
		return answer, err
	}
	conv, refusal, err := m.conversationFor(by.hotAccount, "conversation", target)
	if refusal != nil || err != nil {
		return refusal, err
	}
	p, err := m.newPlan(by.id, conv)
	if err != nil {
		return nil, err
	}
	ok, err := m.markUpTo(p, by.id, b.GetSeq())
	if err != nil {
		return nil, err
	}
	if !ok {
		return refuseLimit("seq", "too many deleted messages lie above it; mark a newer one"), nil
	}
	if err := m.carryOut(p, by.id); err != nil {
		return nil, err
	}
	r := done()
	return r, m.record(scope{account: by.hotAccount}, digest, r)
}

// markUpTo makes a seq the read mark of a plan, and counts what is unread above it. It is false when counting would look at
// more than MaxDeadScan.
func (m *machine) markUpTo(p *markPlan, viewer, seq uint64) (bool, error) {
	last := p.conv.GetLastSeq()
	seq = min(seq, last)
	if first := p.conv.GetFirstSeq(); first > 0 {
		seq = max(seq, first-1) // what was removed cannot be unread
	}
	r := p.state
	if p.conv.isRoom() {
		p.changed = seq != r.GetReadSeq()
		r.ReadSeq = seq
		return true, nil
	}
	was, hadRanges, wasUnread := r.GetReadSeq(), len(r.GetRanges()) > 0, r.GetUnread()
	other, err := m.account(p.conv.other(viewer))
	if err != nil {
		return false, err
	}
	unread := uint64(0)
	if !other.GetDeleted() {
		scan := MaxDeadScan
		var ok bool
		if unread, ok, err = m.countAlive(p.conv, viewer, run{seq + 1, last}, &scan); !ok || err != nil {
			return false, err
		}
	}
	r.ReadSeq, r.Unread, r.Ranges = seq, unread, nil
	if unread == 0 {
		readAll(r, last)
	}
	p.changed = hadRanges || r.GetReadSeq() != was || unread != wasUnread
	return true, nil
}

// setMute says what of a conversation calls for the caller's attention, and tells the account's other sessions. Only the
// newest such event of a conversation is kept.
func (m *machine) setMute(c *internalv1.Command, b *internalv1.SetMute) (*internalv1.Result, error) {
	target := foldName(b.GetConversation())
	digest := m.fields("set-mute").str(target).num(uint64(b.GetMute())).digest()
	by, answer, err := m.begin(c.GetSession(), digest)
	if answer != nil || err != nil {
		return answer, err
	}
	if b.GetMute() < internalv1.Mute_MUTE_UNSPECIFIED || b.GetMute() > internalv1.Mute_MUTE_ALL {
		return refuseField("mute", "must be nothing, mentions or all"), nil
	}
	conv, refusal, err := m.conversationFor(by.hotAccount, "conversation", target)
	if refusal != nil || err != nil {
		return refusal, err
	}
	h, err := m.member(by.id, conv.id)
	if err != nil {
		return nil, err
	}
	if h.GetMute() != b.GetMute() {
		if err := m.mute(h, conv, b.GetMute()); err != nil {
			return nil, err
		}
	}
	r := done()
	return r, m.record(scope{account: by.hotAccount}, digest, r)
}

func (m *machine) mute(h *hotMember, conv *hotConversation, level internalv1.Mute) error {
	if h.GetMuteIndex() != 0 {
		m.remove(keyAccountEvent(m.key(), h.account, position{index: h.GetMuteIndex(), ordinal: h.GetMuteOrdinal()}))
	}
	e := &event{kind: internalv1.EventKind_EVENT_KIND_MUTE_CHANGED, only: h.account, mute: level}
	if err := m.emit(conv, e, nil); err != nil {
		return err
	}
	h.Mute, h.MuteIndex, h.MuteOrdinal = level, e.pos.index, e.pos.ordinal
	m.touchMember(h)
	return nil
}
