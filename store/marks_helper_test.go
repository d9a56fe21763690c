package store

import (
	"fmt"
	"strings"

	"parley/proto/internalv1"
	"parley/proto/parleyv1"
)

func (r *rig) postCmd(tok, to, text string, replyTo uint64) *internalv1.Command {
	return &internalv1.Command{RequestId: r.id(), Session: token(tok), Body: &internalv1.Command_PostMessage{
		PostMessage: &internalv1.PostMessage{Conversation: to, Text: text, ReplyTo: replyTo},
	}}
}

func (r *rig) editCmd(tok string, id uint64, text string) *internalv1.Command {
	return &internalv1.Command{RequestId: r.id(), Session: token(tok), Body: &internalv1.Command_EditMessage{
		EditMessage: &internalv1.EditMessage{Id: id, Text: text},
	}}
}

func (r *rig) reactCmd(tok string, id uint64, value string, present bool) *internalv1.Command {
	return &internalv1.Command{RequestId: r.id(), Session: token(tok), Body: &internalv1.Command_Annotate{
		Annotate: &internalv1.Annotate{Id: id, Kind: kindReaction, Value: value, Present: present},
	}}
}

func (r *rig) pinCmd(tok string, id uint64, present bool) *internalv1.Command {
	return &internalv1.Command{RequestId: r.id(), Session: token(tok), Body: &internalv1.Command_Annotate{
		Annotate: &internalv1.Annotate{Id: id, Kind: kindPin, Present: present},
	}}
}

func (r *rig) readMarkCmd(tok, conv string, seq uint64) *internalv1.Command {
	return &internalv1.Command{RequestId: r.id(), Session: token(tok), Body: &internalv1.Command_SetReadMark{
		SetReadMark: &internalv1.SetReadMark{Conversation: conv, Seq: seq},
	}}
}

func (r *rig) muteCmd(tok, conv string, mute internalv1.Mute) *internalv1.Command {
	return &internalv1.Command{RequestId: r.id(), Session: token(tok), Body: &internalv1.Command_SetMute{
		SetMute: &internalv1.SetMute{Conversation: conv, Mute: mute},
	}}
}

// message returns all about a message as one account sees it.
func (r *rig) message(tok string, id uint64) *parleyv1.GetMessageResponse {
	r.t.Helper()
	v, s := r.as(tok)
	defer v.Close()
	m, err := v.Message(s, id)
	if err != nil {
		r.t.Fatal(err)
	}
	return m
}

// page returns what a query reads: the seqs, with "<" before them and ">" after them where there are more.
func (r *rig) page(tok string, q MessageQuery) string {
	r.t.Helper()
	if q.Limit == 0 {
		q.Limit = MaxPage
	}
	v, s := r.as(tok)
	defer v.Close()
	p, err := v.Messages(s, q)
	if err != nil {
		return err.Error()
	}
	var seqs []string
	if p.MoreBefore {
		seqs = append(seqs, "<")
	}
	for _, m := range p.Messages {
		seqs = append(seqs, fmt.Sprint(m.GetSeq()))
	}
	if p.More {
		seqs = append(seqs, ">")
	}
	return strings.Join(seqs, " ")
}

// marksOf says in a line what is on a message beside its text.
func marksOf(m *parleyv1.Message) string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if m.GetThreadId() != 0 {
		add("in %d", m.GetThreadId())
	}
	if m.GetReplies() != 0 {
		add("replies %d", m.GetReplies())
	}
	if m.GetEdits() != 0 {
		add("edits %d", m.GetEdits())
	}
	for _, x := range m.GetReactions() {
		mine := ""
		if x.GetMine() {
			mine = "+"
		}
		add("%s%d%s", x.GetEmoji(), x.GetCount(), mine)
	}
	if m.GetPinned() {
		add("pinned")
	}
	return strings.Join(out, ", ")
}

// conversationOf returns a conversation as one account's list has it.
func (r *rig) conversationOf(tok, name string) *parleyv1.Conversation {
	r.t.Helper()
	v, s := r.as(tok)
	defer v.Close()
	cs, _, err := v.Conversations(s, MaxPage, "")
	if err != nil {
		r.t.Fatal(err)
	}
	for _, c := range cs {
		if c.GetName() == name {
			return c
		}
	}
	r.t.Fatalf("%s has no conversation %s", tok, name)
	return nil
}
