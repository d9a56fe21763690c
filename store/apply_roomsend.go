package store

import (
	"parley/proto/internalv1"
)

// sendToRoom appends a message to a room. What it writes does not depend on how many members there are.
func (m *machine) sendToRoom(from caller, digest [digestBytes]byte, target string, text []byte, replyTo uint64) (
	*internalv1.Result, error) {
	room, refusal, err := m.conversationFor(from.hotAccount, "conversation", target)
	if refusal != nil || err != nil {
		return refusal, err
	}
	if room.GetArchived() {
		return refuseArchived("conversation", target), nil
	}
	thread, refusal, err := m.threadOf(from.id, room, replyTo)
	if refusal != nil || err != nil {
		return refusal, err
	}
	named, err := m.mentionsIn(room, from.id, text)
	if err != nil {
		return nil, err
	}
	return nil, m.appendToRoom(from, room, digest, target, text, thread, named)
}

// appendToRoom is appendMessage for a room.
func (m *machine) appendToRoom(from caller, room *hotConversation, digest [digestBytes]byte, target string, text []byte,
	thread *foundMessage, named mentions) error {
	m.globals.LastMessage++
	m.touchGlobals()
	room.LastSeq++
	room.LastMessage = m.globals.GetLastMessage()
	e := &event{
		kind: internalv1.EventKind_EVENT_KIND_MESSAGE, seq: room.GetLastSeq(), message: room.GetLastMessage(),
		sender: from.id, account: from.GetUsername(), timeMS: m.stampMS, requestID: m.request, named: named,
	}
	if err := m.writeMessage(from, room, digest, e, text, thread, named); err != nil {
		return err
	}
	if err := m.addMentions(room, e.seq, named); err != nil {
		return err
	}
	author, err := m.roomMember(room.id, from.id)
	if author, err = must(author, err, "member of a room", room.id, from.id); err != nil {
		return err
	}
	author.Sent++
	m.touchRoomMember(author)
	r := &m.scratch.author
	r.Ordinal = author.GetSent()
	if err := m.insert(keyAuthored(m.key(), room.id, from.id, e.seq), r); err != nil {
		return err
	}
	if err := m.readOwn(from.id, room, e.seq); err != nil {
		return err
	}
	m.sent = appendSent(m.sent[:0], &m.scratch.message, '#', target[1:], e.seq, m.clusterID)
	return nil
}

// readOwn moves the read mark of who had read everything past an own message. Anybody else's is where it was: own messages
// above it are not counted as unread.
func (m *machine) readOwn(account uint64, room *hotConversation, seq uint64) error {
	h, err := m.member(account, room.id)
	if err != nil {
		return err
	}
	if h.GetReadSeq() == seq-1 {
		h.ReadSeq = seq
		m.touchMember(h)
	}
	return nil
}
