package store

import (
	"parley/proto/internalv1"
)

// postMessage is sendMessage for what may be a reply.
func (m *machine) postMessage(c *internalv1.Command, b *internalv1.PostMessage) (*internalv1.Result, error) {
	target := foldName(b.GetConversation())
	m.target = target
	digest := m.fields("post-message").str(target).str(b.GetText()).num(b.GetReplyTo()).digest()
	from, answer, err := m.beginSend(c.GetSession(), digest, target)
	if answer != nil || err != nil {
		return answer, err
	}
	return m.sendTo(from, digest, target, []byte(b.GetText()), b.GetReplyTo())
}

// threadOf finds the first message of the thread that a reply belongs to: a reply to a reply is one in its thread. It is nil
// for a message that replies to none. conv is nil where the two never talked.
func (m *machine) threadOf(by uint64, conv *hotConversation, replyTo uint64) (
	*foundMessage, *internalv1.Result, error) {
	if replyTo == 0 {
		return nil, nil, nil
	}
	to, err := m.visibleMessage(by, replyTo)
	if err != nil {
		return nil, nil, err
	}
	if to == nil || to.conv != conv {
		return nil, refuseNoMessage("reply_to", replyTo), nil
	}
	gone, err := m.gone(to.rec)
	if err != nil {
		return nil, nil, err
	}
	if gone && to.rec.GetReplies() == 0 {
		return nil, refuse(internalv1.Reason_REASON_MESSAGE_NOT_FOUND, "reply_to", "message %d was deleted", replyTo), nil
	}
	first := to.rec.GetThreadSeq()
	if first == 0 || first < conv.GetFirstSeq() {
		return to, nil, nil // it begins the thread, or the one that did was removed
	}
	r, err := m.message(conv.id, first)
	return &foundMessage{conv: conv, seq: first, rec: r}, nil, err
}

// addReply counts a reply, and indexes it under its thread.
func (m *machine) addReply(thread *foundMessage, seq uint64) error {
	if err := m.insert(keyThread(m.key(), thread.conv.id, thread.seq, seq), &internalv1.MarkRecord{}); err != nil {
		return err
	}
	thread.rec.Replies++
	return m.put(keyMessage(m.key(), thread.conv.id, thread.seq), thread.rec)
}

// gone says whether a message is a placeholder: its author deleted it, or the account.
func (m *machine) gone(r *internalv1.MessageRecord) (bool, error) {
	if r.GetDeleted() {
		return true, nil
	}
	a, err := m.account(r.GetSender())
	return a != nil && a.GetDeleted(), err
}

func refuseNoMessage(field string, id uint64) *internalv1.Result {
	return refuse(internalv1.Reason_REASON_MESSAGE_NOT_FOUND, field, "there is no message %d", id)
}
