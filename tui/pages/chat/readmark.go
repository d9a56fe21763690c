package chat

import (
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"

	"parley/proto/parleyv1"
	"parley/tui/components/timeline"
)

// markUnreadFrom makes a message, and all after it, unread again. What is on screen stays unread until the conversation is left
// or marked as read: it was asked for.
func (m *Model) markUnreadFrom(e *timeline.Entry) tea.Cmd {
	v := m.cur
	if e == nil || e.Seq == 0 {
		m.fail("a message without a verdict cannot be marked as unread")
		return nil
	}
	v.tl.StopSelect()
	be, name, seq := m.c.Backend, v.name, e.Seq
	return m.act(&action{
		name: name, what: "marking as unread",
		write: func(ctx context.Context, req string) error {
			_, err := be.SetReadMark(ctx, &parleyv1.SetReadMarkRequest{RequestId: req, Conversation: name, Seq: seq - 1})
			return err
		},
		done: func() {
			v.unreadFrom(seq)
			m.recount = true
			m.tell("unread from here; it stays so until you leave " + name)
		},
	})
}

// unreadFrom makes what others wrote from a seq on unread, and holds it so.
func (v *conversation) unreadFrom(seq uint64) {
	v.hold = true
	first := ""
	for _, e := range v.msgs {
		if e.Seq < seq || e.Own || e.Deleted {
			continue
		}
		e.Unread = true
		delete(v.toMark, e.Seq)
		if first == "" {
			first = e.Key
		}
	}
	v.tl.SetUnread(first)
	v.rebuild()
}

// marksBack reports whether a read mark goes back, and keeps it: another session of ours, or this one, made messages unread.
// Events come in the order of the log, so only a mark below the one before is one that went back.
func (v *conversation) marksBack(seq uint64) bool {
	back := seq < v.readSeq
	v.readSeq = seq
	return back
}

// mutes are the levels by the words of the command.
var mutes = map[string]parleyv1.Mute{
	"": parleyv1.Mute_MUTE_ALL, "all": parleyv1.Mute_MUTE_ALL, "mentions": parleyv1.Mute_MUTE_MENTIONS, "none": parleyv1.Mute_MUTE_UNSPECIFIED,
}

// muteWords say what a level means, after the conversation's name.
var muteWords = map[parleyv1.Mute]string{
	parleyv1.Mute_MUTE_ALL: " is muted; /mute none ends that", parleyv1.Mute_MUTE_MENTIONS: " calls you for mentions only",
	parleyv1.Mute_MUTE_UNSPECIFIED: " calls you for every message",
}

func (m *Model) cmdMute(args string) tea.Cmd {
	level, known := mutes[strings.ToLower(args)]
	switch {
	case m.cur == nil:
		m.fail("no conversation is open: ^K finds people")
		return nil
	case !known:
		m.fail("/mute [all|mentions|none]: all calls for nothing, mentions for those only")
		return nil
	}
	v, be, name := m.cur, m.c.Backend, m.cur.name
	return m.act(&action{
		name: name, what: "mute",
		write: func(ctx context.Context, req string) error {
			_, err := be.SetMute(ctx, &parleyv1.SetMuteRequest{RequestId: req, Conversation: name, Mute: level})
			return err
		},
		done: func() {
			v.mute = level
			m.tell(name + muteWords[level])
		},
	})
}
