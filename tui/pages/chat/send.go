package chat

import (
	"context"
	"fmt"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"parley/proto/parleyv1"
	"parley/tui/common"
	"parley/tui/components/dialog"
	"parley/tui/components/timeline"
	"parley/tui/outbox"
)

// outgoing is an own message from Enter to its outcome, and its row. The rules are those of package outbox.
type outgoing struct {
	*outbox.Message
	entry *timeline.Entry
	// marked says that the copy on disk says "tried", so that a try needs no other write first.
	marked bool
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

// submitReply is submit for a reply to a message: root began its thread, lead is the line that tells which that is. What is
// submitted is on disk before it is tried.
func (m *Model) submitReply(name, text string, replyTo, root uint64, lead string) tea.Cmd {
	v := m.conversation(name)
	if v.waiting() >= outbox.MaxWaiting {
		m.fail(fmt.Sprintf("%d messages wait here already; let them go first", outbox.MaxWaiting))
		return nil
	}
	m.lastOrder++
	o := m.newOutgoing(&outbox.Message{Outgoing: common.Outgoing{
		ID: m.c.NewID(), Conversation: name, Text: text, ReplyTo: replyTo, Thread: root, Lead: lead,
		Cluster: m.cluster, Written: m.c.Now(), Order: m.lastOrder,
	}, Saved: m.store == nil && !m.storing})
	for _, w := range v.out {
		w.Kept = false // what an older one waits for is asked again: this one waits for it too
	}
	v.out = append(v.out, o)
	v.tl.SetUnread("")
	v.tl.End()
	cmds := []tea.Cmd{m.keep(v, o), m.pump(v)}
	m.restate(v)
	v.rebuild()
	return tea.Batch(cmds...)
}

func (m *Model) newOutgoing(msg *outbox.Message) *outgoing {
	return &outgoing{Message: msg, marked: msg.Tried, entry: &timeline.Entry{
		Key: msg.ID, Time: msg.Written, Author: m.user, Text: common.Body(msg.Text), Own: true, State: msg.State(),
		ThreadID: msg.Thread, ReplyTo: msg.Lead,
	}}
}

// ready reports whether the cluster takes writes, and is the one that the outbox is for.
func (m *Model) ready() bool {
	return m.c.Link.Usable() && !m.storing && (m.cluster == "" || m.c.Link.ClusterID == m.cluster)
}

// pump gives the next message of a conversation to the cluster, when none is on its way.
func (m *Model) pump(v *conversation) tea.Cmd {
	next, ask := outbox.Next(v.outbox(), m.c.Now(), m.ready())
	v.ask = ask != nil && !ask.Kept
	if next == nil {
		return nil
	}
	o := v.find(next.ID)
	o.Begin()
	m.restate(v)
	return m.trySend(o)
}

// pumpAll is pump for every conversation, once the link is good again.
func (m *Model) pumpAll() tea.Cmd {
	var cmds []tea.Cmd
	for _, v := range m.conversations {
		if len(v.out) > 0 {
			cmds = append(cmds, m.pump(v))
		}
	}
	return tea.Batch(cmds...)
}

// trySend makes one try. What the disk does not call tried yet is written first: see invariant 2 of package outbox.
func (m *Model) trySend(o *outgoing) tea.Cmd {
	be, parent, store, msg := m.c.Backend, m.follows(m.ctx, o.ID), m.store, o.Outgoing
	write := func() tea.Msg { return nil }
	if store != nil && !o.marked {
		write = m.ordered(func() tea.Msg {
			_ = store.Put(msg) // without it, a crash would bring it back as queued under its id: it still takes effect once
			return nil
		})
	}
	o.marked = true
	return func() tea.Msg {
		write()
		ctx, cancel := context.WithTimeout(parent, common.WriteTimeout)
		defer cancel()
		resp, err := be.SendMessage(ctx, &parleyv1.SendMessageRequest{
			RequestId: msg.ID, Conversation: msg.Conversation, Text: msg.Text, ReplyTo: msg.ReplyTo,
		})
		return sentMsg{msg.Conversation, msg.ID, resp, err}
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
	f := m.c.Backend.Explain(msg.err)
	if f.Auth { // the session is over, the message is not: it waits for the next one
		o.InFlight = false
		return m.sessionOver(f)
	}
	var cmd tea.Cmd
	if o.Failed(f) {
		cmd = m.later(v.name)
	} else {
		cmd = tea.Batch(m.rewrite(o), m.pump(v))
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
	return tea.Tick(outbox.RetryAfter, func(time.Time) tea.Msg { return retryMsg{name} })
}

func (v *conversation) find(id string) *outgoing {
	for _, o := range v.out {
		if o.ID == id {
			return o
		}
	}
	return nil
}

// outbox is what waits, as the rules want it.
func (v *conversation) outbox() []*outbox.Message {
	list := make([]*outbox.Message, len(v.out))
	for i, o := range v.out {
		list[i] = o.Message
	}
	return list
}

// restate shows what is known of each waiting message, in a sign and in words.
func (m *Model) restate(v *conversation) {
	now, ready, position := m.c.Now(), m.ready(), 0
	for _, o := range v.out {
		if o.Waiting() && !o.Foreign {
			position++
		}
		e := o.entry
		e.State, e.Note = o.State(), common.Line(o.Reason(now, position, ready))
		switch {
		case o.Rejected:
			e.Note += " · ↑ then alt+r, x"
		case o.Stuck, o.Foreign:
			e.Note += " · ↑ then alt+r, x"
		case e.State == timeline.Queued && position > 1: // the row of the first one says it for all
			e.Note = ""
		case o.Age(now) == "" && ready && !o.Unknown: // on its way, and nothing to say about it
			e.Note = ""
		}
	}
}

// doubt marks what was on its way when the link broke. It returns those messages.
func (m *Model) doubt() []*outgoing {
	var out []*outgoing
	for _, v := range m.conversations {
		for _, o := range v.out {
			if o.Doubt() {
				out = append(out, o)
			}
		}
	}
	return out
}

// retry asks whether a rejected message is to be edited first, and sends a stuck or foreign one again, under its old id.
func (m *Model) retry(e *timeline.Entry) tea.Cmd {
	v := m.cur
	o := v.find(e.Key)
	switch {
	case o == nil || !o.Stuck && !o.Rejected && !o.Foreign && !o.Kept:
		m.fail("only a rejected message can be sent again")
		return nil
	case !o.Rejected:
		return m.again(v, o)
	}
	v.tl.StopSelect()
	d := dialog.New(m.c, "Send again?", fmt.Sprintf("“%s” was rejected: %s.", m.c.Widths.Truncate(common.Line(o.Text), 60), common.Line(o.Why)), "")
	d.Choices = []dialog.Choice{
		{Key: "e", Word: "edit it first", Do: func() tea.Cmd { return m.rework(v, o) }},
		{Key: "s", Word: "send as it is", Do: func() tea.Cmd { return m.again(v, o) }},
		{Key: "x", Word: "discard", Do: func() tea.Cmd { return m.dropOne(waitingRow{v: v, o: o}) }},
	}
	m.dialog = d
	return nil
}

func (m *Model) again(v *conversation, o *outgoing) tea.Cmd {
	o.Again(m.cluster)
	cmd := tea.Batch(m.rewrite(o), m.pump(v))
	m.restate(v)
	v.rebuild()
	return cmd
}

// discard drops a message that is not on its way. Of one in doubt only the asking ends; that is confirmed first.
func (m *Model) discard(e *timeline.Entry) tea.Cmd {
	o := m.cur.find(e.Key)
	if o == nil {
		m.fail("only a message without a verdict can be discarded; d deletes a sent one")
		return nil
	}
	return m.dropOne(waitingRow{v: m.cur, o: o})
}

// giveUp takes messages out of the outbox for good.
func (m *Model) giveUp(v *conversation, gone ...*outgoing) tea.Cmd {
	v.out = slices.DeleteFunc(v.out, func(o *outgoing) bool { return slices.Contains(gone, o) })
	for _, o := range gone {
		m.settled = append(m.settled, o.ID)
	}
	cmd := m.pump(v)
	m.restate(v)
	v.rebuild()
	return cmd
}
