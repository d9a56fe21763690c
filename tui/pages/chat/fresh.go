package chat

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"parley/proto/parleyv1"
	"parley/tui/common"
	"parley/tui/components/timeline"
)

// freshness is the messages that are to be read anew, each once whatever number of events named it.
type freshness struct {
	of      map[uint64]string // id -> conversation
	waiting bool              // a reading is scheduled or under way
}

// askFreshMsg begins a reading.
type askFreshMsg struct{}

// freshMsg is the end of one.
type freshMsg struct {
	epoch int
	got   []*parleyv1.GetMessageResponse
	left  map[uint64]string // could not be read: the next time
	err   error
}

// rereadLater notes a message to be read anew.
func (m *Model) rereadLater(v *conversation, id uint64) {
	if m.fresh.of == nil {
		m.fresh.of = map[uint64]string{}
	}
	if len(m.fresh.of) < maxFresh {
		m.fresh.of[id] = v.name
	}
}

// askFresh schedules the reading of what is stale.
func (m *Model) askFresh() tea.Cmd {
	if len(m.fresh.of) == 0 || m.fresh.waiting {
		return nil
	}
	m.fresh.waiting = true
	return tea.Tick(freshAfter, func(time.Time) tea.Msg { return askFreshMsg{} })
}

func (m *Model) readFresh() tea.Cmd {
	be, ctx, link, epoch := m.c.Backend, m.ctx, m.c.Link, m.epoch
	now := map[uint64]string{}
	for id, name := range m.fresh.of {
		if len(now) == freshAtOnce {
			break
		}
		now[id] = name
		delete(m.fresh.of, id)
	}
	return func() tea.Msg {
		msg := freshMsg{epoch: epoch}
		for id := range now {
			resp, _, err := common.Either(ctx, link, func(ctx context.Context, c parleyv1.Consistency) (*parleyv1.GetMessageResponse, error) {
				return be.GetMessage(ctx, &parleyv1.GetMessageRequest{Id: id, Consistency: c})
			}, be.Explain)
			f := common.Failure{}
			if err != nil {
				f = be.Explain(err)
			}
			switch {
			case err == nil:
				msg.got = append(msg.got, resp)
				delete(now, id)
			case f.NotFound, f.Outcome == common.Refused && !f.Auth: // it is gone, and with it the question
				delete(now, id)
			default:
				msg.err = err
			}
		}
		msg.left = now
		return msg
	}
}

func (m *Model) onFresh(msg freshMsg) tea.Cmd {
	m.fresh.waiting = false
	if msg.err != nil {
		if f := m.c.Backend.Explain(msg.err); f.Auth {
			return m.sessionOver(f)
		}
		for id, name := range msg.left {
			m.rereadLater(m.conversation(name), id)
		}
		m.fresh.waiting = true
		return tea.Tick(retryAfter, func(time.Time) tea.Msg { return askFreshMsg{} })
	}
	for _, r := range msg.got {
		if msg.epoch == m.epoch {
			m.freshen(r.GetMessage())
		}
	}
	return m.askFresh()
}

// freshen takes over all that an answer says of a message, and gives its replies their line.
func (m *Model) freshen(pm *parleyv1.Message) {
	v := m.conversations[pm.GetConversation()]
	if v == nil {
		return
	}
	e := entry(m.user, pm)
	if old := v.byID(e.ID); old != nil {
		e.Unread = old.Unread
		merge(old, e)
		if !old.Deleted {
			old.Reactions, old.Replies, old.Pinned = e.Reactions, e.Replies, e.Pinned
		}
	}
	text := leadText(e)
	if _, asked := v.threads[e.ID]; asked {
		v.threads[e.ID] = text
	}
	for _, es := range [][]*timeline.Entry{v.msgs, v.only} {
		for _, r := range es {
			if r.ThreadID == e.ID {
				r.ReplyTo = text
			}
		}
	}
	v.rebuild()
}

// lead gives the replies of a page their lines, as far as they are known, and asks for the rest.
func (m *Model) lead(v *conversation, es []*timeline.Entry) tea.Cmd {
	for _, e := range es {
		if have := v.bySeq(e.Seq); have != nil {
			e = have
		}
		m.leadOf(v, e)
	}
	return m.askFresh()
}
