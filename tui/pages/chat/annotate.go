package chat

import (
	"cmp"
	"slices"

	"parley/proto/parleyv1"
	"parley/tui/common"
	"parley/tui/components/timeline"
)

// merge takes into an entry what another reading of the same message says. It is older news when it knows of fewer edits:
// the stream may tell of a message after a page showed it edited.
func merge(old, e *timeline.Entry) {
	if e.Edited >= old.Edited {
		old.Text, old.Edited, old.Mention = e.Text, e.Edited, e.Mention
	}
	if e.ThreadID != 0 {
		old.ThreadID = e.ThreadID
	}
	old.Deleted = old.Deleted || e.Deleted
	old.Unread = old.Unread && e.Unread
	if old.Deleted {
		old.Text, old.Unread, old.Mention, old.Pinned, old.Reactions = "", false, false, false, nil
	}
}

// learn takes over what a page or an answer says in full and an event leaves out: reactions, replies, the pin.
func (v *conversation) learn(e *timeline.Entry) {
	if old := v.bySeq(e.Seq); old != nil && !old.Deleted {
		old.Reactions, old.Replies, old.Pinned = e.Reactions, e.Replies, e.Pinned
	}
}

// bySeq is the loaded message with a seq, or nil.
func (v *conversation) bySeq(seq uint64) *timeline.Entry {
	i, found := slices.BinarySearchFunc(v.msgs, seq, func(a *timeline.Entry, seq uint64) int { return cmp.Compare(a.Seq, seq) })
	if !found {
		return nil
	}
	return v.msgs[i]
}

// byID is the loaded message with an id, or nil. Ids ascend as seqs do.
func (v *conversation) byID(id uint64) *timeline.Entry {
	i, found := slices.BinarySearchFunc(v.msgs, id, func(a *timeline.Entry, id uint64) int { return cmp.Compare(a.ID, id) })
	if found {
		return v.msgs[i]
	}
	if i := slices.IndexFunc(v.only, func(e *timeline.Entry) bool { return e.ID == id }); i >= 0 {
		return v.only[i]
	}
	return nil
}

// doubtful reports whether an event may tell what was counted already: a page is read beside the stream and may be ahead of
// it. What is counted is then read anew instead of counted on.
func (m *Model) doubtful(v *conversation) bool {
	now := m.c.Now()
	return now.Sub(v.read) < doubtFor || now.Sub(m.followed) < doubtFor
}

// applyEdit takes an edited text. The event says nothing of reactions and replies: they stay.
func (m *Model) applyEdit(pm *parleyv1.Message) *conversation {
	v := m.conversation(pm.GetConversation())
	old := v.byID(pm.GetId())
	if old == nil {
		return v
	}
	e := entry(m.user, pm)
	e.Unread = old.Unread // an edit leaves it as it is
	merge(old, e)
	for _, r := range v.msgs {
		if r.ThreadID == old.ID {
			r.ReplyTo = leadText(old)
		}
	}
	return v
}

// applyAnnotation takes a reaction or a pin, or its end.
func (m *Model) applyAnnotation(a *parleyv1.MessageAnnotated) *conversation {
	v := m.conversation(a.GetConversation())
	e := v.byID(a.GetId())
	if e == nil || e.Deleted {
		return v
	}
	switch a.GetKind() {
	case parleyv1.AnnotationKind_ANNOTATION_KIND_PIN:
		e.Pinned = a.GetPresent()
	case parleyv1.AnnotationKind_ANNOTATION_KIND_REACTION:
		mine := a.GetUsername() == m.user
		if m.doubtful(v) && !mine {
			m.rereadLater(v, e.ID)
			return v
		}
		e.Reactions = reacted(e.Reactions, common.Line(a.GetValue()), mine, a.GetPresent())
	}
	return v
}

// reacted is a message's reactions after one came or went. The own one is told once more than it happens, as an answer and as
// an event: it changes nothing the second time. The list given is not changed: a page may share it.
func reacted(rs []timeline.Reaction, emoji string, mine, present bool) []timeline.Reaction {
	rs = slices.Clone(rs)
	i := slices.IndexFunc(rs, func(r timeline.Reaction) bool { return r.Text == emoji })
	switch {
	case i < 0 && !present, i >= 0 && mine && rs[i].Mine == present:
		return rs
	case i < 0:
		at, _ := slices.BinarySearchFunc(rs, emoji, func(r timeline.Reaction, s string) int { // the contract's order
			return cmp.Or(cmp.Compare(len(r.Text), len(s)), cmp.Compare(r.Text, s))
		})
		return slices.Insert(rs, at, timeline.Reaction{Text: emoji, Count: 1, Mine: mine})
	case present:
		rs[i].Count++
	default:
		rs[i].Count--
	}
	if mine {
		rs[i].Mine = present
	}
	if rs[i].Count <= 0 {
		rs = slices.Delete(rs, i, i+1)
	}
	return rs
}

// applyMute takes what another session of ours set.
func (m *Model) applyMute(c *parleyv1.MuteChanged) *conversation {
	v := m.conversation(c.GetConversation())
	v.mute = c.GetMute()
	return v
}

// countReply counts a reply at the message that began its thread. It is called for each message of the stream once.
func (m *Model) countReply(v *conversation, e *timeline.Entry) {
	if e.ThreadID == 0 {
		return
	}
	root := v.byID(e.ThreadID)
	switch {
	case root == nil:
	case m.doubtful(v):
		m.rereadLater(v, root.ID)
	default:
		root.Replies++
	}
}

// leadText is the line over a reply: who began the thread, with what words.
func leadText(root *timeline.Entry) string {
	if root.Deleted {
		return root.Author + ": message deleted"
	}
	text := []rune(common.Line(root.Text))
	if len(text) > leadRunes {
		text = append(text[:leadRunes-1], '…')
	}
	return root.Author + ": " + string(text)
}

// leadOf gives a reply its line when the thread's first message is loaded, and asks for that one otherwise.
func (m *Model) leadOf(v *conversation, e *timeline.Entry) {
	if e.ThreadID == 0 || e.ReplyTo != "" {
		return
	}
	if root := v.byID(e.ThreadID); root != nil {
		e.ReplyTo = leadText(root)
		return
	}
	if v.threads == nil {
		v.threads = map[uint64]string{}
	}
	if text, asked := v.threads[e.ThreadID]; asked {
		e.ReplyTo = text
		return
	}
	v.threads[e.ThreadID] = ""
	m.rereadLater(v, e.ThreadID)
}
