package store

import (
	"bytes"
	"sync/atomic"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"parley/proto/internalv1"
	"parley/proto/parleyv1"
)

// event is one change that somebody can see, with all that is needed to tell it to anyone who may: no reader goes back
// to the state for it. It is made once and shared by all watchers; nobody changes it.
type event struct {
	pos  position
	kind internalv1.EventKind
	conv uint64
	// The members of a direct conversation; both 0 of a room.
	low, high         uint64
	lowName, highName string
	// "#name" of a room, at the time.
	title string
	// The only account that may see it; 0 for all members.
	only uint64

	seq, message  uint64
	sender        uint64
	text          string
	timeMS        int64
	requestID     []byte
	deleted, read bool   // of a message: it is a placeholder; its reader has read it
	thread        uint64 // of a message: id of the one that began its thread
	edits         uint32 // of one that was edited: how often, when last, and where it was sent
	editedMS      int64
	sent          position
	pinned        bool
	// Of an event about an account, or of what one did.
	account string
	// Of READ_MARKED.
	readSeq, unread uint64
	// Of MESSAGE_ANNOTATED.
	annotation internalv1.AnnotationKind
	value      string
	present    bool
	// Of MUTE_CHANGED.
	mute internalv1.Mute
	// Of a message of a room.
	named  mentions
	change *roomChange // of ROOM_CHANGED and MEMBERSHIP_CHANGED

	told *told // nil where nobody else reads the same event
}

// roomChange is what a room became, or what an account became to it.
type roomChange struct {
	// Of ROOM_CHANGED: without what the reader is to it, which differs; and its name before, if that was another.
	room    *parleyv1.Room
	oldName string
	// Of MEMBERSHIP_CHANGED: what sender became, and who made it so; nobody where a room lost its owner.
	membership internalv1.Membership
	by         uint64
	byName     string
}

// told is an event as those see it that see the same of it, made once for all the watchers of each: of a direct conversation
// its two members, of a room the one that the event is by or about, those whom it mentions, and everybody else.
type told struct{ kinds [3]atomic.Pointer[Told] }

// kindOf says which of told an account sees.
func (e *event) kindOf(account uint64) int {
	switch {
	case e.title == "" && e.low == account, e.title != "" && e.sender == account:
		return 0
	case e.title == "", e.named.has(account):
		return 1
	}
	return 2
}

// nameFor returns the conversation as a member names it.
func (e *event) nameFor(account uint64) string {
	if e.title != "" {
		return e.title
	}
	if e.low == account {
		return "@" + e.highName
	}
	return "@" + e.lowName
}

func (e *event) senderName() string {
	if e.title != "" {
		return e.account
	}
	if e.sender == e.low {
		return e.lowName
	}
	return e.highName
}

// Told is an event as one account sees it. It is shared by all watchers of the account: nobody may change it.
type Told struct {
	*parleyv1.Event
	// Frame is what a stream sends for it. It was encoded once, and says nothing before it is encoded: its bytes are held as
	// fields that nobody knows, which protobuf passes on as they are.
	Frame *parleyv1.SubscribeResponse
}

// tell says it as one account sees it.
func (e *event) tell(account uint64, clusterID []byte) *Told {
	if e.told == nil {
		return newTold(e.forAccount(account, clusterID))
	}
	p := &e.told.kinds[e.kindOf(account)]
	if p.Load() == nil {
		p.CompareAndSwap(nil, newTold(e.forAccount(account, clusterID)))
	}
	return p.Load()
}

func newTold(e *parleyv1.Event) *Told {
	frame := &parleyv1.SubscribeResponse{Frame: &parleyv1.SubscribeResponse_Event{Event: e}}
	if b, err := proto.Marshal(frame); err == nil { // else the stream says what is wrong with it
		frame = new(parleyv1.SubscribeResponse)
		frame.ProtoReflect().SetUnknown(b)
	}
	return &Told{Event: e, Frame: frame}
}

// forAccount makes it as one account sees it.
func (e *event) forAccount(account uint64, clusterID []byte) *parleyv1.Event {
	cursor := encodeCursor(clusterID, e.pos)
	out := &parleyv1.Event{Cursor: cursor}
	switch e.kind {
	case internalv1.EventKind_EVENT_KIND_MESSAGE:
		m := e.messageFor(account, cursor)
		m.Unread = e.sender != account && !e.deleted && !e.read
		out.Change = &parleyv1.Event_Message{Message: m}
	case internalv1.EventKind_EVENT_KIND_MESSAGE_EDITED:
		m := e.messageFor(account, encodeCursor(clusterID, e.sent))
		out.Change = &parleyv1.Event_MessageEdited{MessageEdited: m}
	case internalv1.EventKind_EVENT_KIND_MESSAGE_ANNOTATED:
		out.Change = &parleyv1.Event_MessageAnnotated{MessageAnnotated: &parleyv1.MessageAnnotated{
			Id: e.message, Conversation: e.nameFor(account), Seq: e.seq, Kind: parleyv1.AnnotationKind(e.annotation),
			Value: e.value, Username: e.account, Present: e.present,
		}}
	case internalv1.EventKind_EVENT_KIND_MUTE_CHANGED:
		out.Change = &parleyv1.Event_MuteChanged{MuteChanged: &parleyv1.MuteChanged{
			Conversation: e.nameFor(account), Mute: parleyv1.Mute(e.mute),
		}}
	case internalv1.EventKind_EVENT_KIND_MESSAGE_DELETED, internalv1.EventKind_EVENT_KIND_MESSAGE_HIDDEN:
		out.Change = &parleyv1.Event_MessageDeleted{MessageDeleted: &parleyv1.MessageDeleted{
			Id: e.message, Conversation: e.nameFor(account), Seq: e.seq,
			OnlyForMe: e.kind == internalv1.EventKind_EVENT_KIND_MESSAGE_HIDDEN,
		}}
	case internalv1.EventKind_EVENT_KIND_READ_MARKED:
		out.Change = &parleyv1.Event_ReadMarked{ReadMarked: &parleyv1.ReadMarked{
			Conversation: e.nameFor(account), ReadSeq: e.readSeq, Unread: e.unread,
		}}
	case internalv1.EventKind_EVENT_KIND_ROOM_CHANGED:
		out.Change = &parleyv1.Event_RoomChanged{RoomChanged: &parleyv1.RoomChanged{
			Room: e.change.room, OldName: titleOf(e.change.oldName), Username: e.account,
		}}
	case internalv1.EventKind_EVENT_KIND_MEMBERSHIP_CHANGED:
		out.Change = &parleyv1.Event_MembershipChanged{MembershipChanged: &parleyv1.MembershipChanged{
			Conversation: e.nameFor(account), Username: e.account, Membership: parleyv1.Membership(e.change.membership),
			By: e.change.byName, Me: e.sender == account,
		}}
	case internalv1.EventKind_EVENT_KIND_USER_DELETED:
		out.Change = &parleyv1.Event_UserDeleted{UserDeleted: &parleyv1.UserDeleted{
			Username: e.account, Conversation: e.nameFor(account),
		}}
	}
	return out
}

// messageFor makes an event's message as one account sees it, without what other events tell: replies and reactions. cursor
// is the message's own.
func (e *event) messageFor(account uint64, cursor string) *parleyv1.Message {
	m := &parleyv1.Message{
		Id: e.message, Conversation: e.nameFor(account), Seq: e.seq, Sender: e.senderName(), Text: e.text,
		Time: timestamp(e.timeMS), Deleted: e.deleted, Cursor: cursor, ThreadId: e.thread, Pinned: e.pinned,
	}
	if e.edits != 0 {
		m.Edits, m.Edited = e.edits, timestamp(e.editedMS)
	}
	if e.sender == account {
		m.RequestId = formatUUID(e.requestID)
	}
	m.MentionsMe = e.named.has(account) && !e.deleted
	return m
}

// emitted is an event of the entries that are being applied. Its text and request id are the command's own memory, which
// is there until the events are delivered.
type emitted struct {
	event
	text []byte
}

// keep makes an event that does not depend on a command's memory.
func (e *emitted) keep() *event {
	kept := e.event
	kept.text, kept.requestID, kept.told = string(e.text), bytes.Clone(e.requestID), new(told)
	return &kept
}

// forgetEvents makes room for the events of the next publish.
func (m *machine) forgetEvents() {
	clear(m.events)
	m.events = m.events[:0]
	if cap(m.events) > maxEmitted {
		m.events = nil
	}
}

// emit gives an event its position, indexes it under its conversation or its account, and queues it for the watchers, with
// a message's text.
func (m *machine) emit(c *hotConversation, e *event, text []byte) error {
	if c.isRoom() {
		e.title = c.roomTitle()
	} else if err := m.nameMembers(c); err != nil {
		return err
	}
	e.pos = m.nextPosition()
	e.conv, e.low, e.high = c.id, c.GetLow(), c.GetHigh()
	e.lowName, e.highName = c.lowName, c.highName
	m.events = append(m.events, emitted{event: *e, text: text})
	r := &m.scratch.event
	r.Kind, r.Seq = e.kind, e.seq
	r.Conversation, r.Message, r.Account, r.ReadSeq, r.Unread = 0, 0, 0, 0, 0
	r.Annotation, r.Value, r.Present, r.Mute = 0, "", false, 0
	r.Membership, r.By, r.OldName = 0, 0, ""
	switch e.kind {
	case internalv1.EventKind_EVENT_KIND_MESSAGE_DELETED, internalv1.EventKind_EVENT_KIND_MESSAGE_EDITED:
		r.Message = e.message
	case internalv1.EventKind_EVENT_KIND_MESSAGE_ANNOTATED:
		r.Message, r.Account = e.message, e.sender
		r.Annotation, r.Value, r.Present = e.annotation, e.value, e.present
	case internalv1.EventKind_EVENT_KIND_MUTE_CHANGED:
		r.Conversation, r.Mute = c.id, e.mute
	case internalv1.EventKind_EVENT_KIND_ROOM_CHANGED:
		r.Account, r.OldName = e.sender, e.change.oldName
	case internalv1.EventKind_EVENT_KIND_MEMBERSHIP_CHANGED:
		r.Account, r.Membership, r.By = e.sender, e.change.membership, e.change.by
		if e.only != 0 { // who is out must not learn what the room is called later
			r.Conversation, r.OldName = c.id, c.GetName()
		}
	case internalv1.EventKind_EVENT_KIND_USER_DELETED:
		r.Account = e.sender
	case internalv1.EventKind_EVENT_KIND_MESSAGE_HIDDEN:
		r.Conversation, r.Message = c.id, e.message
	case internalv1.EventKind_EVENT_KIND_READ_MARKED:
		r.Conversation, r.ReadSeq, r.Unread = c.id, e.readSeq, e.unread
	}
	if e.only != 0 {
		return m.insert(keyAccountEvent(m.key(), e.only, e.pos), r)
	}
	c.LastEventIndex, c.LastEventOrdinal = e.pos.index, e.pos.ordinal
	m.touchConversation(c)
	return m.insert(keyConvEvent(m.key(), c.id, e.pos), r)
}

// nameMembers looks the names of a conversation's members up, once: a name never changes.
func (m *machine) nameMembers(c *hotConversation) error {
	if c.lowName != "" {
		return nil
	}
	low, err := m.account(c.GetLow())
	if err != nil {
		return err
	}
	high, err := m.account(c.GetHigh())
	if err != nil {
		return err
	}
	c.lowName, c.highName = low.GetUsername(), high.GetUsername()
	return nil
}

func timestamp(unixMS int64) *timestamppb.Timestamp {
	t := &timestamppb.Timestamp{Seconds: unixMS / 1000, Nanos: int32(unixMS%1000) * 1e6}
	if t.Nanos < 0 {
		t.Seconds--
		t.Nanos += 1e9
	}
	return t
}

const hexDigits = "0123456789abcdef"

// formatUUID writes 16 bytes in the usual form; anything else as "".
func formatUUID(b []byte) string {
	if len(b) != requestBytes {
		return ""
	}
	var s [36]byte
	j := 0
	for i, c := range b {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			s[j] = '-'
			j++
		}
		s[j], s[j+1] = hexDigits[c>>4], hexDigits[c&15]
		j += 2
	}
	return string(s[:])
}
