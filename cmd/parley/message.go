package main

import (
	"fmt"
	"strings"

	"parley/proto/parleyv1"
)

// messageJSON is one line of read and tail; the fields up to cursor are part of the contract with scripts.
type messageJSON struct {
	ID           uint64         `json:"id"`
	Conversation string         `json:"conversation"`
	Seq          uint64         `json:"seq"`
	Sender       string         `json:"sender"`
	Text         string         `json:"text"`
	Time         string         `json:"time"`
	Unread       bool           `json:"unread"`
	Cursor       string         `json:"cursor"`
	Deleted      bool           `json:"deleted,omitempty"`
	RequestID    string         `json:"request_id,omitempty"`
	ThreadID     uint64         `json:"thread_id,omitempty"`
	Replies      uint32         `json:"replies,omitempty"`
	Edits        uint32         `json:"edits,omitempty"`
	Edited       string         `json:"edited,omitempty"`
	MentionsMe   bool           `json:"mentions_me,omitempty"`
	Pinned       bool           `json:"pinned,omitempty"`
	Reactions    []reactionJSON `json:"reactions,omitempty"`
	AgeMS        *uint64        `json:"age_ms,omitempty"`
}

type reactionJSON struct {
	Emoji string `json:"emoji"`
	Count uint32 `json:"count"`
	Mine  bool   `json:"mine,omitempty"`
}

func toMessageJSON(m *parleyv1.Message, age *uint64) messageJSON {
	j := messageJSON{
		ID: m.GetId(), Conversation: m.GetConversation(), Seq: m.GetSeq(), Sender: m.GetSender(), Text: m.GetText(),
		Time: rfc3339(m.GetTime()), Unread: m.GetUnread(), Cursor: m.GetCursor(), Deleted: m.GetDeleted(),
		RequestID: m.GetRequestId(), ThreadID: m.GetThreadId(), Replies: m.GetReplies(), Edits: m.GetEdits(),
		Edited: rfc3339(m.GetEdited()), MentionsMe: m.GetMentionsMe(), Pinned: m.GetPinned(), AgeMS: age,
	}
	for _, r := range m.GetReactions() {
		j.Reactions = append(j.Reactions, reactionJSON{Emoji: r.GetEmoji(), Count: r.GetCount(), Mine: r.GetMine()})
	}
	return j
}

// printMessage writes one message in one write: it is out whole, or the error says that it is not.
func (a *app) printMessage(m *parleyv1.Message, age *uint64) error {
	if a.json() {
		return a.printJSON(toMessageJSON(m, age))
	}
	return a.printf("%s\n", messageLine(m))
}

// messageLine is a message for people: id, time, conversation, author, text, and what is to be said of it. A dot marks an
// unread one, an @ an unread one that mentions the reader.
func messageLine(m *parleyv1.Message) string {
	mark := " "
	switch {
	case m.GetUnread() && m.GetMentionsMe():
		mark = "@"
	case m.GetUnread():
		mark = "•"
	}
	text := indentLines(sanitize(m.GetText()))
	if m.GetDeleted() {
		text = "(deleted)"
	}
	if notes := messageNotes(m); len(notes) > 0 {
		text += "  [" + strings.Join(notes, ", ") + "]"
	}
	return fmt.Sprintf("%s%6d  %s  %s  %s: %s", mark, m.GetId(), clockTime(m.GetTime()),
		sanitizeLine(m.GetConversation()), sanitizeLine(m.GetSender()), text)
}

// messageNotes is what a message has beside its text.
func messageNotes(m *parleyv1.Message) (notes []string) {
	if id := m.GetThreadId(); id != 0 {
		notes = append(notes, fmt.Sprintf("in thread %d", id))
	}
	switch n := m.GetReplies(); n {
	case 0:
	case 1:
		notes = append(notes, "1 reply")
	default:
		notes = append(notes, fmt.Sprintf("%d replies", n))
	}
	if m.GetEdits() > 0 {
		notes = append(notes, "edited")
	}
	if m.GetPinned() {
		notes = append(notes, "pinned")
	}
	for _, r := range m.GetReactions() {
		notes = append(notes, fmt.Sprintf("%s %d", sanitizeLine(r.GetEmoji()), r.GetCount()))
	}
	return notes
}
