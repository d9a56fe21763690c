package plain

import (
	"context"

	"parley/proto/parleyv1"
	"parley/tui/common"
)

// showKept opens a conversation from the disk while no node has told the present ones.
func (s *session) showKept() {
	if s.listed || s.store == nil || len(s.kept.Conversations) == 0 || s.kept.Cluster != s.cluster {
		return
	}
	for _, c := range s.kept.Conversations {
		v := s.conversation(c.GetName())
		if v.lastSeq == 0 { // nothing newer is known
			v.unread, v.mention, v.mute = c.GetUnread(), uint64(c.GetMentions()), c.GetMute()
			v.lastID = max(v.lastID, c.GetLastMessage().GetId())
		}
	}
	if vs := s.sorted(); s.cur == nil && len(vs) > 0 {
		s.cur = vs[0]
		s.prompt()
	}
	s.readKept(s.cur)
}

// readKept writes the end of a conversation's history as it is on disk, with the time of that. What a node tells later goes on
// after it.
func (s *session) readKept(v *conversation) {
	if s.store == nil || v == nil || v.shown > 0 {
		return
	}
	store := s.store
	s.call(func(context.Context) func() {
		ms, err := store.Messages(v.name)
		return func() { s.onKept(v, ms, err) }
	})
}

func (s *session) onKept(v *conversation, ms []*parleyv1.Message, err error) {
	switch {
	case err != nil:
		s.say("error: the file of this account: %s", err)
		return
	case v.shown > 0 || s.cur != v || len(ms) == 0: // a node was faster, or another one was opened
		return
	}
	ms = ms[max(0, len(ms)-openLines):]
	at := s.kept.At.In(s.o.Zone).Format("Monday 2 January 15:04")
	s.say("link: no node has answered; %s, %s as of %s:", common.Line(v.name), several(len(ms), "message", "messages"), at)
	for _, m := range ms {
		s.show(m, unreadNote(m)...)
		v.shown = max(v.shown, m.GetSeq())
	}
}
