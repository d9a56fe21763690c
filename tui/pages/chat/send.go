package chat

import (
	"context"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"parley/proto/parleyv1"
	"parley/tui/common"
	"parley/tui/components/timeline"
)

// outgoing is an own message from Enter to its outcome.
type outgoing struct {
	id      string // the request id, for all tries
	text    string
	replyTo uint64 // the message that it answers; 0 for none
	entry   *timeline.Entry

	inFlight bool
	unknown  bool // a try ended without a verdict, or the link broke under one: see invariant 5
	stuck    bool // a retry was refused while an earlier try is in doubt; waits for a person or for the stream
	tries    int
	done     bool // committed
	why      string
}

// sentMsg is the end of one try.
type sentMsg struct {
	conversation string
	id           string
	resp         *parleyv1.SendMessageResponse
	err          error
}

// retryMsg asks for another look at what waits.
type retryMsg struct{ conversation string }

// submit takes a message over from the composer.
func (m *Model) submit(name, text string) tea.Cmd { return m.submitReply(name, text, 0, 0, "") }

// submitReply is submit for a reply to a message: root began its thread, lead is the line that tells which that is.
func (m *Model) submitReply(name, text string, replyTo, root uint64, lead string) tea.Cmd {
	v := m.conversation(name)
	if v.waiting() >= maxOutgoing {
		m.fail(fmt.Sprintf("%d messages wait here already; let them go first", maxOutgoing))
		return nil
	}
	id := m.c.NewID()
	v.out = append(v.out, &outgoing{id: id, text: text, replyTo: replyTo, entry: &timeline.Entry{
		Key: id, Time: m.c.Now(), Author: m.user, Text: common.Body(text), Own: true, State: timeline.Queued,
		ThreadID: root, ReplyTo: lead,
	}})
	v.tl.SetUnread("")
	v.tl.End()
	cmd := m.pump(v)
	v.rebuild()
	return cmd
}

// pump gives the next message of a conversation to the cluster, when none is on its way.
func (m *Model) pump(v *conversation) tea.Cmd {
	for _, o := range v.out {
		switch {
		case o.entry.State == timeline.Rejected:
			continue
		case o.inFlight || o.stuck:
			return nil
		}
		o.inFlight = true
		o.tries++
		m.restate(v)
		return m.trySend(v.name, o)
	}
	return nil
}

// pumpAll is pump for every conversation, once the link is good again.
func (m *Model) pumpAll() tea.Cmd {
	var cmds []tea.Cmd
	for _, v := range m.conversations {
		cmds = append(cmds, m.pump(v))
	}
	return tea.Batch(cmds...)
}

func (m *Model) trySend(name string, o *outgoing) tea.Cmd {
	be, parent, id, text, replyTo := m.c.Backend, m.ctx, o.id, o.text, o.replyTo
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(parent, common.WriteTimeout)
		defer cancel()
		resp, err := be.SendMessage(ctx, &parleyv1.SendMessageRequest{RequestId: id, Conversation: name, Text: text, ReplyTo: replyTo})
		return sentMsg{name, id, resp, err}
	}
}

// onSent takes the outcome of a try.
func (m *Model) onSent(msg sentMsg) tea.Cmd {
	v := m.conversation(msg.conversation)
	o := v.find(msg.id)
	if msg.err == nil {
		m.committed(v, o, msg)
		m.refreshMove()
		v.rebuild()
		return m.pump(v)
	}
	if o == nil { // the stream brought the commit before this answer
		return m.pump(v)
	}
	o.inFlight = false
	f := m.c.Backend.Explain(msg.err)
	if f.Auth {
		return m.sessionOver(f)
	}
	o.why = f.Text
	var cmd tea.Cmd
	switch {
	case f.Outcome == common.Unknown || o.unknown && f.Outcome == common.NotApplied:
		o.unknown = true
		cmd = m.later(v.name)
	case f.Outcome == common.NotApplied:
		cmd = m.later(v.name)
	case o.unknown:
		o.stuck = true
	default:
		o.entry.State = timeline.Rejected
		o.entry.Note = "rejected: " + f.Error() + " · ↑ then alt+r sends again, x discards"
		cmd = m.pump(v)
	}
	m.refreshMove()
	m.restate(v)
	v.rebuild()
	return cmd
}

// committed moves a message to its place in the order.
func (m *Model) committed(v *conversation, o *outgoing, msg sentMsg) {
	r := msg.resp
	v.note(r.GetId(), r.GetSeq())
	if o == nil {
		return
	}
	v.insert(&timeline.Entry{
		Key: msg.id, ID: r.GetId(), Seq: r.GetSeq(), Time: r.GetTime().AsTime(), Author: m.user,
		Text: o.entry.Text, Own: true, State: timeline.Committed,
		ThreadID: o.entry.ThreadID, ReplyTo: o.entry.ReplyTo,
	})
}

func (m *Model) later(name string) tea.Cmd {
	return tea.Tick(retryAfter, func(time.Time) tea.Msg { return retryMsg{name} })
}

func (v *conversation) find(id string) *outgoing {
	for _, o := range v.out {
		if o.id == id {
			return o
		}
	}
	return nil
}

// restate shows what is known of each waiting message, in a sign and in words.
func (m *Model) restate(v *conversation) {
	now := m.c.Now()
	for _, o := range v.out {
		if o.entry.State == timeline.Rejected {
			continue
		}
		wait := ""
		if d := now.Sub(o.entry.Time); d >= ageAfter {
			wait = " · " + common.Age(d)
		}
		switch {
		case o.stuck:
			o.entry.State = timeline.Unknown
			o.entry.Note = "outcome unknown: an earlier try may have worked, the last was refused: " + o.why + " · ↑ then alt+r, x"
		case o.unknown:
			o.entry.State = timeline.Unknown
			o.entry.Note = "outcome unknown, trying again with the same id" + wait
		case o.inFlight && m.c.Link.Usable():
			o.entry.State, o.entry.Note = timeline.Sending, ""
			if wait != "" {
				o.entry.Note = "sending" + wait
			}
		default:
			o.entry.State = timeline.Queued
			o.entry.Note = "queued" + wait
			if m.c.Link.Usable() && o.tries == 0 {
				o.entry.Note = ""
			}
		}
	}
}

// doubt marks what was on its way when the link broke. It returns those messages.
func (m *Model) doubt() []*outgoing {
	var out []*outgoing
	for _, v := range m.conversations {
		for _, o := range v.out {
			if o.inFlight {
				o.unknown = true
				out = append(out, o)
			}
		}
	}
	return out
}

// resend tries a failed or stuck message again, under its old id: a refusal was never recorded, so the id is still good.
func (m *Model) resend(e *timeline.Entry) tea.Cmd {
	v := m.cur
	o := v.find(e.Key)
	if o == nil || !o.stuck && e.State != timeline.Rejected {
		m.fail("only a rejected message can be sent again")
		return nil
	}
	o.stuck = false
	e.State, e.Note = timeline.Queued, ""
	cmd := m.pump(v)
	v.rebuild()
	return cmd
}

// discard drops a failed or stuck message.
func (m *Model) discard(e *timeline.Entry) tea.Cmd {
	v := m.cur
	for i, o := range v.out {
		if o.id == e.Key && (o.stuck || e.State == timeline.Rejected) {
			v.out = append(v.out[:i:i], v.out[i+1:]...)
			cmd := m.pump(v)
			v.rebuild()
			return cmd
		}
	}
	m.fail("only a rejected message can be discarded; d deletes a sent one")
	return nil
}
