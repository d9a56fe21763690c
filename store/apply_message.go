package store

import (
	"strings"

	"parley/proto/internalv1"
)

// sendMessage appends a message. The answer to one that is carried out is left in m.sent, marshalled, and nil is returned.
func (m *machine) sendMessage(c *send) (*internalv1.Result, error) {
	target := foldName(string(c.conversation))
	m.target = target
	digest := m.fields("send-message").str(target).bytes(c.text).digest()
	from, answer, err := m.beginSend(c.session, digest, target)
	if answer != nil || err != nil {
		return answer, err
	}
	return m.sendTo(from, digest, target, c.text, 0)
}

// sendTo sends a message, which may be a reply.
func (m *machine) sendTo(from caller, digest [digestBytes]byte, target string, text []byte, replyTo uint64) (
	*internalv1.Result, error) {
	if why := badText(text); why != "" {
		return refuseField("text", "%s", why), nil
	}
	if len(target) > 0 && target[0] == '#' {
		return m.sendToRoom(from, digest, target, text, replyTo)
	}
	to, refusal, err := m.directTarget("conversation", target)
	if refusal != nil || err != nil {
		return refusal, err
	}
	if to.GetDeleted() {
		return refuseDeletedUser("conversation", to.GetUsername()), nil
	}
	if refusal, err := m.refuseBlocked("conversation", from.hotAccount, to); refusal != nil || err != nil {
		return refusal, err
	}
	conv, err := m.direct(from.id, to.id)
	if err != nil {
		return nil, err
	}
	thread, refusal, err := m.threadOf(from.id, conv, replyTo)
	if refusal != nil || err != nil {
		return refusal, err
	}
	if conv == nil {
		for _, a := range []*hotAccount{from.hotAccount, to} {
			if a.GetConversations() >= MaxConversations {
				return refuseConversations("conversation", a), nil
			}
		}
		if conv, err = m.createDirect(from.hotAccount, to); err != nil {
			return nil, err
		}
	}
	return nil, m.appendMessage(from, to, conv, digest, text, thread)
}

// directTarget finds the account behind "@name".
func (m *machine) directTarget(field, target string) (*hotAccount, *internalv1.Result, error) {
	name, ok := strings.CutPrefix(target, "@")
	if !ok {
		return nil, refuseField(field, "must be @user or #room"), nil
	}
	if why := badName(name); why != "" {
		return nil, refuseField(field, "the user name %s", why), nil
	}
	a, err := m.accountByName(name)
	if err == nil && a == nil {
		return nil, refuseNoUser(field, name), nil
	}
	return a, nil, err
}

func (m *machine) createDirect(a, b *hotAccount) (*hotConversation, error) {
	if a.id > b.id {
		a, b = b, a
	}
	m.globals.LastConversation++
	m.touchGlobals()
	c := &hotConversation{id: m.globals.GetLastConversation(), ConversationRecord: &internalv1.ConversationRecord{
		Kind: internalv1.ConversationKind_CONVERSATION_KIND_DIRECT, Low: a.id, High: b.id,
	}}
	if err := m.insert(keyConversation(m.key(), c.id), c.ConversationRecord); err != nil {
		return nil, err
	}
	if err := m.insert(keyDirect(m.key(), a.id, b.id), &internalv1.NumberRecord{Number: c.id}); err != nil {
		return nil, err
	}
	m.convs.put(c.id, c)
	m.directs.put([2]uint64{a.id, b.id}, c.id)
	if err := m.join(a, c); err != nil || a == b {
		return c, err
	}
	return c, m.join(b, c)
}

func (m *machine) join(a *hotAccount, c *hotConversation) error {
	h := &hotMember{MemberRecord: new(internalv1.MemberRecord), account: a.id, conv: c.id}
	if err := m.insert(keyMember(m.key(), a.id, c.id), h.MemberRecord); err != nil {
		return err
	}
	m.members.put([2]uint64{a.id, c.id}, h)
	a.Conversations++
	m.touchAccount(a)
	return nil
}

// appendMessage gives a message its id, seq and time: all come from the log. thread is the first message of the thread that
// it is a reply in, nil for none.
func (m *machine) appendMessage(from caller, to *hotAccount, conv *hotConversation, digest [digestBytes]byte,
	text []byte, thread *foundMessage) error {
	m.globals.LastMessage++
	m.touchGlobals()
	conv.LastSeq++
	conv.LastMessage = m.globals.GetLastMessage()
	if from.id == conv.GetLow() {
		conv.SentByLow++
	}
	e := &event{
		kind: internalv1.EventKind_EVENT_KIND_MESSAGE, seq: conv.GetLastSeq(), message: conv.GetLastMessage(),
		sender: from.id, timeMS: m.stampMS, requestID: m.request,
	}
	if err := m.writeMessage(from, conv, digest, e, text, thread, mentions{}); err != nil {
		return err
	}
	if err := m.countUnread(from.id, to.id, conv); err != nil {
		return err
	}
	m.sent = appendSent(m.sent[:0], &m.scratch.message, '@', to.GetUsername(), e.seq, m.clusterID)
	return nil
}

// writeMessage writes what every message has: its event, its record, its place, its answer, and a thread's count of it.
func (m *machine) writeMessage(from caller, conv *hotConversation, digest [digestBytes]byte, e *event, text []byte,
	thread *foundMessage, named mentions) error {
	threadSeq := uint64(0)
	if thread != nil {
		threadSeq, e.thread = thread.seq, thread.rec.GetId()
	}
	if err := m.emit(conv, e, text); err != nil {
		return err
	}
	r := &m.scratch.message
	r.Id, r.Sender, r.TimeUnixMs, r.RequestId = e.message, from.id, m.stampMS, m.request
	r.EventIndex, r.EventOrdinal, r.SentByLow = e.pos.index, e.pos.ordinal, conv.GetSentByLow()
	r.ThreadSeq, r.MentionsRoom, r.Mentions = threadSeq, named.everyone, uint32(len(named.accounts))
	m.valueBuf = appendMessageRecord(m.valueBuf[:0], r, text)
	m.write(keyMessage(m.key(), conv.id, e.seq), m.valueBuf, itemFresh)
	p := &m.scratch.place
	p.Conversation, p.Seq = conv.id, e.seq
	if err := m.insert(keyPlace(m.key(), e.message), p); err != nil {
		return err
	}
	if thread != nil {
		if err := m.addReply(thread, e.seq); err != nil {
			return err
		}
	}
	return m.recordSend(from.hotAccount, digest, conv.id, e.seq)
}

// countUnread moves both sides' read state past a new message. A member with nothing unread has read everything: its
// watermark follows, so that it never has to be searched for from far below.
func (m *machine) countUnread(from, to uint64, conv *hotConversation) error {
	sender, err := m.member(from, conv.id)
	if err != nil {
		return err
	}
	if sender.GetUnread() == 0 {
		sender.ReadSeq = conv.GetLastSeq()
		m.touchMember(sender)
	}
	if from == to {
		return nil
	}
	receiver, err := m.member(to, conv.id)
	if err != nil {
		return err
	}
	receiver.Unread++
	m.touchMember(receiver)
	return nil
}

func sendResult(r *internalv1.MessageRecord, to string, seq uint64, clusterID []byte) *internalv1.Result {
	return &internalv1.Result{Outcome: &internalv1.Result_Send{Send: &internalv1.SendResult{
		Id: r.GetId(), Conversation: to, Seq: seq, TimeUnixMs: r.GetTimeUnixMs(),
		Cursor: encodeCursor(clusterID, position{index: r.GetEventIndex(), ordinal: r.GetEventOrdinal()}),
	}}}
}

// recomposeSend makes the answer to a sent message again from the message: a placeholder has all of it. A room is answered
// by the name that the request has for it: the same as before, whatever it is called by now and whoever may know that.
func (m *machine) recomposeSend(conv, seq uint64) (*internalv1.Result, error) {
	r, err := m.message(conv, seq)
	if err != nil {
		return nil, err
	}
	c, err := m.conversation(conv)
	if err != nil {
		return nil, err
	}
	if c.isRoom() {
		return sendResult(r, m.target, seq, m.clusterID), nil
	}
	to, err := m.account(c.other(r.GetSender()))
	if err != nil {
		return nil, err
	}
	return sendResult(r, "@"+to.GetUsername(), seq, m.clusterID), nil
}

// other returns the other member of a direct conversation; oneself where one talks to oneself.
func (h *hotConversation) other(account uint64) uint64 {
	return otherMember(h.ConversationRecord, account)
}

func otherMember(c *internalv1.ConversationRecord, account uint64) uint64 {
	if c.GetLow() == account {
		return c.GetHigh()
	}
	return c.GetLow()
}
