package store

import (
	"parley/proto/internalv1"
)

// editMessage replaces the text of an own message and keeps the one before.
func (m *machine) editMessage(c *internalv1.Command, b *internalv1.EditMessage) (*internalv1.Result, error) {
	digest := m.fields("edit-message").num(b.GetId()).str(b.GetText()).digest()
	by, answer, err := m.begin(c.GetSession(), digest)
	if answer != nil || err != nil {
		return answer, err
	}
	if why := badText([]byte(b.GetText())); why != "" {
		return refuseField("text", "%s", why), nil
	}
	f, refusal, err := m.markable(by.hotAccount, b.GetId(), true)
	if refusal != nil || err != nil {
		return refusal, err
	}
	if f.rec.GetSender() != by.id {
		return refuse(internalv1.Reason_REASON_NOT_ALLOWED, "id", "only its author may edit a message"), nil
	}
	if f.rec.GetText() != b.GetText() {
		if f.rec.GetEdits() >= MaxEdits {
			return refuseLimit("id", "the message was edited %d times, which is the most there may be; send a new one", MaxEdits), nil
		}
		if err := m.replaceText(f, b.GetText()); err != nil {
			return nil, err
		}
	}
	r := &internalv1.Result{Outcome: &internalv1.Result_Edit{Edit: &internalv1.EditResult{
		Id: b.GetId(), AppliedIndex: m.index,
	}}}
	return r, m.record(scope{account: by.hotAccount}, digest, r)
}

func (m *machine) replaceText(f *foundMessage, text string) error {
	f.rec.Edits++
	was := &internalv1.EditRecord{Text: f.rec.GetText(), UntilUnixMs: m.stampMS}
	if err := m.insert(keyEdit(m.key(), f.conv.id, f.seq, uint64(f.rec.GetEdits())), was); err != nil {
		return err
	}
	named, err := m.nameAnew(f, text)
	if err != nil {
		return err
	}
	f.rec.Text, f.rec.EditedUnixMs = text, m.stampMS
	if err := m.put(keyMessage(m.key(), f.conv.id, f.seq), f.rec); err != nil {
		return err
	}
	thread, err := m.threadID(f)
	if err != nil {
		return err
	}
	author, err := m.account(f.rec.GetSender())
	if err != nil {
		return err
	}
	return m.emit(f.conv, &event{
		kind: internalv1.EventKind_EVENT_KIND_MESSAGE_EDITED, account: author.GetUsername(), seq: f.seq,
		message: f.rec.GetId(), sender: f.rec.GetSender(), timeMS: f.rec.GetTimeUnixMs(), requestID: f.rec.GetRequestId(),
		thread: thread, edits: f.rec.GetEdits(), editedMS: m.stampMS, pinned: f.rec.GetPinned(), named: named,
		sent: position{index: f.rec.GetEventIndex(), ordinal: f.rec.GetEventOrdinal()},
	}, []byte(text))
}

// nameAnew makes whom a message of a room mentions follow its new text; the caller writes the message.
func (m *machine) nameAnew(f *foundMessage, text string) (mentions, error) {
	if !f.conv.isRoom() {
		return mentions{}, nil
	}
	named, err := m.mentionsIn(f.conv, f.rec.GetSender(), []byte(text))
	if err != nil {
		return mentions{}, err
	}
	if err := m.dropMentions(f, named); err != nil {
		return mentions{}, err
	}
	f.rec.MentionsRoom, f.rec.Mentions = named.everyone, uint32(len(named.accounts))
	return named, m.addMentions(f.conv, f.seq, named)
}

// threadID returns the id of the message that began a reply's thread; 0 when there is none, or when it was removed.
func (m *machine) threadID(f *foundMessage) (uint64, error) {
	first := f.rec.GetThreadSeq()
	if first == 0 || first < f.conv.GetFirstSeq() {
		return 0, nil
	}
	r, err := m.message(f.conv.id, first)
	return r.GetId(), err
}

// markable finds a message that an account can see and that is no placeholder, to be edited or annotated. What says something
// to the other side of a direct conversation is refused as a message would be when one of them blocks the other.
func (m *machine) markable(by *hotAccount, id uint64, says bool) (*foundMessage, *internalv1.Result, error) {
	f, err := m.visibleMessage(by.id, id)
	if err != nil {
		return nil, nil, err
	}
	if f == nil {
		return nil, refuseNoMessage("id", id), nil
	}
	gone, err := m.gone(f.rec)
	if err != nil {
		return nil, nil, err
	}
	if gone {
		return nil, refuse(internalv1.Reason_REASON_MESSAGE_NOT_FOUND, "id", "message %d was deleted", id), nil
	}
	if f.conv.GetArchived() {
		return nil, refuseArchived("id", f.conv.roomTitle()), nil
	}
	if f.conv.isRoom() || !says {
		return f, nil, nil
	}
	other, err := m.account(f.conv.other(by.id))
	if err != nil {
		return nil, nil, err
	}
	refusal, err := m.refuseBlocked("id", by, other)
	return f, refusal, err
}
