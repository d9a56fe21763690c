package main

import (
	"fmt"

	"parley/proto/parleyv1"
)

// messageJSON is one line of read and tail; the fields up to cursor are part of the contract with scripts.
type messageJSON struct {
	ID           uint64  `json:"id"`
	Conversation string  `json:"conversation"`
	Seq          uint64  `json:"seq"`
	Sender       string  `json:"sender"`
	Text         string  `json:"text"`
	Time         string  `json:"time"`
	Unread       bool    `json:"unread"`
	Cursor       string  `json:"cursor"`
	Deleted      bool    `json:"deleted,omitempty"`
	RequestID    string  `json:"request_id,omitempty"`
	AgeMS        *uint64 `json:"age_ms,omitempty"`
}

// printMessage writes one message in one write: it is out whole, or the error says that it is not.
func (a *app) printMessage(m *parleyv1.Message, age *uint64) error {
	if a.json() {
		return a.printJSON(messageJSON{
			ID: m.GetId(), Conversation: m.GetConversation(), Seq: m.GetSeq(), Sender: m.GetSender(), Text: m.GetText(),
			Time: rfc3339(m.GetTime()), Unread: m.GetUnread(), Cursor: m.GetCursor(), Deleted: m.GetDeleted(),
			RequestID: m.GetRequestId(), AgeMS: age,
		})
	}
	return a.printf("%s\n", messageLine(m))
}

// messageLine is a message for people: id, time, conversation, author, text. A dot marks an unread one.
func messageLine(m *parleyv1.Message) string {
	mark := " "
	if m.GetUnread() {
		mark = "•"
	}
	text := indentLines(sanitize(m.GetText()))
	if m.GetDeleted() {
		text = "(deleted)"
	}
	return fmt.Sprintf("%s%6d  %s  %s  %s: %s", mark, m.GetId(), clockTime(m.GetTime()),
		sanitizeLine(m.GetConversation()), sanitizeLine(m.GetSender()), text)
}
