package demo

import (
	"time"

	"parley/proto/parleyv1"
	"parley/tui/common"
)

// ledger compares what was acknowledged with what was read. It keeps only what is open.
type ledger struct {
	s      common.DemoState
	acked  map[uint64]bool   // acknowledged and not read yet
	stored map[uint64]string // read and not acknowledged yet: id to sender
	last   map[string]uint64 // by bot: the newest acknowledged id
	lost   map[uint64]bool
	twice  map[uint64]bool
}

func newLedger() *ledger {
	return &ledger{acked: map[uint64]bool{}, stored: map[uint64]string{}, last: map[string]uint64{},
		lost: map[uint64]bool{}, twice: map[uint64]bool{}}
}

func (l *ledger) sent(said line, id uint64) {
	if said.to != Room {
		return // only what everybody can read is counted
	}
	l.s.Sent++
	l.last[said.from] = max(l.last[said.from], id)
	if _, ok := l.stored[id]; ok {
		delete(l.stored, id)
		l.s.Found++
	} else {
		l.acked[id] = true
	}
	for id, sender := range l.stored {
		l.judge(id, sender)
	}
}

// judge finds out whether a stored message without an acknowledgement is a copy: one line is under way at a time, so what is
// older than its bot's newest acknowledged line was stored beside one.
func (l *ledger) judge(id uint64, sender string) {
	if id < l.last[sender] {
		l.twice[id] = true
	}
}

// due are the messages that a read which begins now must show.
func (l *ledger) due() []uint64 {
	ids := make([]uint64, 0, len(l.acked))
	for id := range l.acked {
		ids = append(ids, id)
	}
	return ids
}

func (l *ledger) read(ms []*parleyv1.Message, isBot func(string) bool) {
	for _, m := range ms {
		switch {
		case !isBot(m.GetSender()):
		case l.acked[m.GetId()]:
			delete(l.acked, m.GetId())
			delete(l.lost, m.GetId())
			l.s.Found++
		default:
			l.stored[m.GetId()] = m.GetSender()
			l.judge(m.GetId(), m.GetSender())
		}
	}
}

// settle says what the reads since due did not show.
func (l *ledger) settle(due []uint64, at time.Time) {
	for _, id := range due {
		if l.acked[id] {
			l.lost[id] = true
		}
	}
	l.s.Counted = at
}

func (l *ledger) state() common.DemoState {
	s := l.s
	s.Lost, s.Twice = len(l.lost), len(l.twice)
	return s
}
