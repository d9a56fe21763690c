package chat

import (
	"cmp"
	"context"
	"slices"

	tea "charm.land/bubbletea/v2"

	"parley/proto/parleyv1"
	"parley/tui/common"
	"parley/tui/components/timeline"
)

// viewKind is what the timeline shows instead of the whole conversation, while conversation.onlyOn.
type viewKind int

const (
	unreadView viewKind = iota // what /unread asked for
	threadView                 // one thread: its first message, then the replies
	pinsView                   // the pinned messages
	aroundView                 // a window somewhere in the history: see window.go
)

// viewMsg is the answer to a view's question.
type viewMsg struct {
	conversation string
	kind         viewKind
	epoch        int
	first        *parleyv1.GetMessageResponse // of a thread: the message that began it
	resp         *parleyv1.ReadMessagesResponse
	err          error
}

// openThread shows the thread that a message is in, or would begin.
func (m *Model) openThread(e *timeline.Entry) tea.Cmd {
	if e == nil || e.ID == 0 {
		m.fail("a message without a verdict has no thread yet")
		return nil
	}
	m.cur.tl.StopSelect()
	return m.openView(m.cur, threadView, rootOf(e))
}

// openView asks for what a view shows.
func (m *Model) openView(v *conversation, kind viewKind, root uint64) tea.Cmd {
	be, ctx, link, name, epoch := m.c.Backend, m.ctx, m.c.Link, v.name, m.epoch
	return func() tea.Msg {
		msg := viewMsg{conversation: name, kind: kind, epoch: epoch}
		if kind == threadView {
			msg.first, _, msg.err = common.Either(ctx, link, func(ctx context.Context, c parleyv1.Consistency) (*parleyv1.GetMessageResponse, error) {
				return be.GetMessage(ctx, &parleyv1.GetMessageRequest{Id: root, Consistency: c})
			}, be.Explain)
			if msg.err != nil {
				return msg
			}
		}
		msg.resp, _, msg.err = common.Either(ctx, link, func(ctx context.Context, c parleyv1.Consistency) (*parleyv1.ReadMessagesResponse, error) {
			return be.ReadMessages(ctx, &parleyv1.ReadMessagesRequest{
				Conversation: name, ThreadId: root, OnlyPinned: kind == pinsView, Limit: maxPage, Consistency: c,
			})
		}, be.Explain)
		return msg
	}
}

func (m *Model) onView(msg viewMsg) tea.Cmd {
	v := m.conversation(msg.conversation)
	if msg.err != nil {
		f := m.c.Backend.Explain(msg.err)
		if f.Auth {
			return m.sessionOver(f)
		}
		m.fail("cannot read " + map[viewKind]string{threadView: "the thread", pinsView: "the pins"}[msg.kind] + ": " + f.Error())
		return nil
	}
	if v != m.cur || msg.epoch != m.epoch {
		return nil
	}
	var es []*timeline.Entry
	if msg.first != nil {
		es = append(es, m.shared(v, msg.first.GetMessage()))
	}
	for _, pm := range msg.resp.GetMessages() {
		es = append(es, m.shared(v, pm))
	}
	if msg.kind == pinsView && len(es) == 0 {
		m.tell("nothing is pinned in " + v.name)
		return nil
	}
	v.onlyOn, v.only, v.view, v.root, v.cut = true, es, msg.kind, msg.first.GetMessage().GetId(), msg.resp.GetMore()
	v.tl.SetUnread("")
	cmd := m.lead(v, es)
	v.rebuild()
	v.tl.End()
	return cmd
}

// shared is the entry of a message that was read: the loaded one where there is one, so that what happens to it shows in the
// whole conversation and in a view.
func (m *Model) shared(v *conversation, pm *parleyv1.Message) *timeline.Entry {
	e := entry(m.user, pm)
	old := v.bySeq(e.Seq)
	if old == nil {
		return e
	}
	merge(old, e)
	v.learn(e)
	return old
}

// joinView takes a message that came into what the view shows, when it belongs there.
func (v *conversation) joinView(e *timeline.Entry) {
	if !v.onlyOn {
		return
	}
	switch v.view {
	case unreadView:
		if !e.Unread {
			return
		}
	case threadView:
		if e.ThreadID != v.root {
			return
		}
	case pinsView:
		if !e.Pinned {
			return
		}
	case aroundView: // what comes now is below it
		return
	}
	i, found := slices.BinarySearchFunc(v.only, e.Seq, func(a *timeline.Entry, seq uint64) int { return cmp.Compare(a.Seq, seq) })
	if !found {
		v.only = slices.Insert(v.only, i, e)
	}
}

// inView reports whether an own message that waits is shown in the view that is on.
func (v *conversation) inView(e *timeline.Entry) bool {
	return !v.onlyOn || v.view == unreadView || v.view == threadView && e.ThreadID == v.root
}

// viewNote is what the header says of a view.
func (m *Model) viewNote(v *conversation) string {
	back := " · Esc shows all"
	switch v.view {
	case threadView:
		n := max(0, len(v.only)-1)
		note := "thread, " + count(n, "reply", "replies")
		if v.cut {
			note = "thread, its newest " + count(n, "reply", "replies")
		}
		return note + " · Enter replies" + back
	case aroundView:
		return "further back · PgDn goes on, End shows the newest"
	case pinsView:
		return count(len(v.only), "pinned message", "pinned messages") + back
	}
	return count(len(v.only), "unread message", "unread messages") + ", oldest first" + back
}

// threadLead is the line over what is written in the thread view.
func (m *Model) threadLead(v *conversation) string {
	if len(v.only) == 0 {
		return ""
	}
	return leadText(v.only[0])
}

// readFailed answers an error of a read in the status bar, or ends the session.
func (m *Model) readFailed(what string, err error) tea.Cmd {
	return common.Send(common.FailedMsg{What: what, Err: err})
}
