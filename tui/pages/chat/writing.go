package chat

import (
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"parley/proto/parleyv1"
	"parley/tui/common"
	"parley/tui/components/timeline"
)

// writing is what Enter will do with a conversation's draft when it is not a new message of its own. It stays with the
// conversation, as the draft does.
type writing struct {
	answer *answering
	edit   *editing

	threads map[uint64]string // first lines of threads whose first message is not loaded; empty while asked for
}

// answering is a reply being written.
type answering struct {
	to   uint64 // the message; the cluster finds its thread
	root uint64
	lead string
}

// editing is an own message being rewritten.
type editing struct {
	id    uint64
	clock string
	old   string // what it says now
	draft string // what stood in the composer before, and stands there again afterwards
}

// startReply makes the draft a reply.
func (m *Model) startReply(e *timeline.Entry) tea.Cmd {
	v := m.cur
	if !m.actable(e, "answered") {
		return nil
	}
	m.stopEdit(v)
	v.tl.StopSelect()
	v.answer = &answering{to: e.ID, root: rootOf(e), lead: leadText(e)}
	return nil
}

// rootOf is the id of the message that began the thread which a message is in, or will begin.
func rootOf(e *timeline.Entry) uint64 {
	if e.ThreadID != 0 {
		return e.ThreadID
	}
	return e.ID
}

// startEdit puts an own message's text into the composer.
func (m *Model) startEdit(e *timeline.Entry) tea.Cmd {
	v := m.cur
	switch {
	case !m.actable(e, "edited"):
		return nil
	case !e.Own:
		m.fail("only an own message can be edited")
		return nil
	case m.pending(e, "edit"):
		m.fail("an edit of this message is on its way; its outcome comes first")
		return nil
	}
	m.stopEdit(v)
	v.tl.StopSelect()
	v.edit = &editing{id: e.ID, clock: e.Time.In(m.c.Zone).Format("15:04"), old: e.Text, draft: m.composer.Value()}
	m.composer.SetValue(e.Text)
	return nil
}

// actable reports whether a message is there for the cluster to act on, and says so when not.
func (m *Model) actable(e *timeline.Entry, what string) bool {
	switch {
	case e == nil:
		m.fail("no message is selected: ^S selects")
	case e.ID == 0 && e.State == timeline.Rejected:
		m.fail("a rejected message cannot be " + what + "; alt+r edits or sends it again, x discards it")
	case e.ID == 0:
		m.fail("a message without a verdict cannot be " + what + " yet")
	case e.Deleted:
		m.fail("a deleted message cannot be " + what)
	default:
		return true
	}
	return false
}

// stopEdit leaves the edit mode and gives the draft back.
func (m *Model) stopEdit(v *conversation) {
	if v.edit == nil {
		return
	}
	draft := v.edit.draft
	v.edit = nil
	if v == m.cur {
		m.composer.SetValue(draft)
	} else {
		v.draft = draft
	}
}

// keptDraft is what of a conversation is a draft: while a message is edited that is what stood there before.
func (m *Model) keptDraft(v *conversation) string {
	switch {
	case v.edit != nil:
		return v.edit.draft
	case v == m.cur:
		return m.composer.Value()
	}
	return v.draft
}

// leaveWriting takes the innermost of edit and reply back. It reports whether there was one; a draft is never lost to it.
func (m *Model) leaveWriting() bool {
	switch v := m.cur; {
	case v == nil:
		return false
	case v.edit != nil:
		m.stopEdit(v)
		m.tell("not edited")
	case v.answer != nil:
		v.answer = nil
	default:
		return false
	}
	return true
}

// write is Enter on a text: an edit, a reply, or a message.
func (m *Model) write(text string) tea.Cmd {
	v := m.cur
	if v.edit != nil {
		return m.finishEdit(v, text)
	}
	m.composer.SetValue("")
	switch {
	case v.answer != nil:
		a := v.answer
		v.answer = nil
		return m.submitReply(v.name, text, a.to, a.root, a.lead)
	case v.onlyOn && v.view == threadView:
		return m.submitReply(v.name, text, v.root, v.root, m.threadLead(v))
	}
	return m.submit(v.name, text)
}

func (m *Model) finishEdit(v *conversation, text string) tea.Cmd {
	ed := v.edit
	m.stopEdit(v)
	if text == ed.old {
		m.tell("nothing was changed")
		return nil
	}
	return m.editMessage(v, ed.id, text)
}

// editMessage has the cluster replace a text. What is shown stays the old one until it did.
func (m *Model) editMessage(v *conversation, id uint64, text string) tea.Cmd {
	be := m.c.Backend
	var resp *parleyv1.EditMessageResponse
	return m.act(&action{
		name: v.name, target: id, what: "edit",
		write: func(ctx context.Context, req string) (err error) {
			resp, err = be.EditMessage(ctx, &parleyv1.EditMessageRequest{RequestId: req, Id: id, Text: text})
			return err
		},
		done: func() {
			m.applyEdit(resp.GetMessage())
			v.rebuild()
		},
		failed: func(common.Failure) string {
			if v != m.cur || v.edit != nil || !m.composer.Empty() {
				return ""
			}
			if e := v.byID(id); e != nil && !e.Deleted { // give the text back to be corrected
				m.startEdit(e)
				m.composer.SetValue(text)
			}
			return ""
		},
	})
}

// banner is the row over the composer that says what Enter will do.
func (m *Model) banner() []string {
	v := m.cur
	if v == nil {
		return nil
	}
	st, ws := m.c.Styles, m.c.Widths
	var head string
	keys := " · Esc cancels"
	switch {
	case v.edit != nil:
		head, keys = "editing your message of "+v.edit.clock, " · Enter saves · Esc gives the draft back"
	case v.answer != nil:
		head = "reply to " + v.answer.lead
	default:
		return nil
	}
	room := m.w - 1 - ws.Width(keys)
	if room < 20 { // what is answered comes first
		return []string{" " + st.Accent.Render(ws.Truncate(head, m.w-2))}
	}
	return []string{" " + st.Accent.Render(ws.Truncate(head, room)) + st.Dim.Render(keys)}
}

// lastOwn is the newest own message that can be edited.
func (v *conversation) lastOwn() *timeline.Entry {
	for _, e := range slices.Backward(v.msgs) {
		if e.Own && !e.Deleted {
			return e
		}
	}
	return nil
}

// pointed is the message that a command means: one named by its number (a seq, or #id), or the selected one, or the newest.
func (m *Model) pointed(number string) *timeline.Entry {
	v := m.cur
	if v == nil {
		m.fail("no conversation is open: ^K finds people")
		return nil
	}
	if number != "" {
		if e := v.numbered(number); e != nil {
			return e
		}
		m.fail("no message " + number + " is loaded here; its seq stands in the row of the selected message")
		return nil
	}
	if e := v.tl.Selected(); e != nil {
		return e
	}
	shown := v.tl.Shown()
	for _, e := range slices.Backward(shown) {
		if e.Kind == timeline.Message && e.ID != 0 && !e.Deleted {
			return e
		}
	}
	m.fail("no message is shown here")
	return nil
}

// numbered finds a message by its seq, or by #id.
func (v *conversation) numbered(s string) *timeline.Entry {
	if rest, byID := strings.CutPrefix(s, "#"); byID {
		if n := number(rest); n != 0 {
			return v.byID(n)
		}
		return nil
	}
	if n := number(s); n != 0 {
		return v.bySeq(n)
	}
	return nil
}

// writingHint is what the empty composer says that Enter will do.
func (m *Model) writingHint() string {
	switch v := m.cur; {
	case v.edit != nil:
		return "the new text"
	case v.answer != nil, v.onlyOn && v.view == threadView:
		return "Reply in " + v.title()
	default:
		return "Message " + v.title()
	}
}
