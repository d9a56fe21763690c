package chat

import (
	"context"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"parley/proto/parleyv1"
	"parley/tui/common"
)

// markMsg says that what was gathered is to be told to the cluster.
type markMsg struct{ conversation string }

// markedMsg is the end of one try of a MarkRead.
type markedMsg struct {
	conversation string
	batch        *markBatch
	err          error
}

// markBatch keeps its request id over all tries.
type markBatch struct {
	id     string
	seqs   []uint64
	ranges []*parleyv1.ReadRange
}

// markShown marks what is on screen: called after every Update, it does nothing when nothing changed.
func (m *Model) markShown() tea.Cmd {
	v := m.cur
	if v == nil || v.hold || v.windowed() || !m.c.Focused || m.overlay() || m.w < MinWidth || m.h < MinHeight {
		return nil
	}
	for _, e := range v.tl.Shown() {
		if e.Unread && e.Seq > 0 {
			e.Unread = false
			v.toMark[e.Seq] = true
		}
	}
	return m.markLater(v)
}

// markLater schedules the telling, once for all that comes in between.
func (m *Model) markLater(v *conversation) tea.Cmd {
	if len(v.toMark) == 0 || len(v.marking) > 0 || m.markTimer[v.name] {
		return nil
	}
	m.markTimer[v.name] = true
	name := v.name
	return tea.Tick(markAfter, func(time.Time) tea.Msg { return markMsg{name} })
}

func (m *Model) onMark(msg markMsg) tea.Cmd {
	m.markTimer[msg.conversation] = false
	v := m.conversation(msg.conversation)
	if len(v.marking) > 0 || len(v.toMark) == 0 {
		return nil
	}
	b := &markBatch{id: m.c.NewID()}
	seqs := make([]uint64, 0, len(v.toMark))
	for s := range v.toMark {
		seqs = append(seqs, s)
	}
	slices.Sort(seqs)
	for _, s := range seqs {
		n := len(b.ranges)
		if n > 0 && b.ranges[n-1].ToSeq == s-1 {
			b.ranges[n-1].ToSeq = s
		} else if n == maxMarkRanges {
			break // the rest goes with the next batch
		} else {
			b.ranges = append(b.ranges, &parleyv1.ReadRange{Conversation: v.name, FromSeq: s, ToSeq: s})
		}
		b.seqs = append(b.seqs, s)
		delete(v.toMark, s)
		v.marking[s] = true
	}
	v.marked = false
	return m.mark(v.name, b)
}

func (m *Model) mark(name string, b *markBatch) tea.Cmd {
	be, parent := m.c.Backend, m.ctx
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(parent, common.WriteTimeout)
		defer cancel()
		_, err := be.MarkRead(ctx, &parleyv1.MarkReadRequest{RequestId: b.id, Ranges: b.ranges})
		return markedMsg{name, b, err}
	}
}

func (m *Model) onMarked(msg markedMsg) tea.Cmd {
	v := m.conversation(msg.conversation)
	if msg.err != nil {
		f := m.c.Backend.Explain(msg.err)
		if f.Auth {
			return m.sessionOver(f)
		}
		if f.Outcome != common.Refused { // the same request again, until the cluster takes it
			name, b := msg.conversation, msg.batch
			return tea.Tick(retryAfter, func(time.Time) tea.Msg { return remarkMsg{name, b} })
		}
	}
	for _, s := range msg.batch.seqs {
		delete(v.marking, s)
	}
	if msg.err == nil && !v.marked { // the stream did not bring the new count
		v.unread -= min(v.unread, uint64(len(msg.batch.seqs)))
	}
	m.recount = m.recount || v.mentions > 0
	if m.listing {
		v.markedIn = m.lists
	}
	return m.markLater(v)
}

// remarkMsg tries a batch again.
type remarkMsg struct {
	conversation string
	batch        *markBatch
}

// markAll marks the whole conversation, also what was never on screen: the reader asked for it.
func (m *Model) markAll() tea.Cmd {
	v := m.cur
	if v == nil || v.lastSeq == 0 {
		return nil
	}
	b := &markBatch{id: m.c.NewID(), ranges: []*parleyv1.ReadRange{{Conversation: v.name, FromSeq: 1, ToSeq: v.lastSeq}}}
	for _, e := range v.msgs {
		e.Unread = false
	}
	clear(v.toMark)
	v.unread, v.mentions, v.marked, v.hold = 0, 0, true, false
	v.tl.SetUnread("")
	m.tell("marked " + v.name + " as read")
	return m.mark(v.name, b)
}
