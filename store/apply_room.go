package store

import (
	"strings"

	"parley/proto/internalv1"
)

// The ranks, as they ascend.
const (
	rankNone      = internalv1.Membership_MEMBERSHIP_UNSPECIFIED
	rankBanned    = internalv1.Membership_MEMBERSHIP_BANNED
	rankInvited   = internalv1.Membership_MEMBERSHIP_INVITED
	rankMember    = internalv1.Membership_MEMBERSHIP_MEMBER
	rankModerator = internalv1.Membership_MEMBERSHIP_MODERATOR
	rankOwner     = internalv1.Membership_MEMBERSHIP_OWNER
)

func (h *hotConversation) isRoom() bool {
	return h.GetKind() == internalv1.ConversationKind_CONVERSATION_KIND_ROOM
}

// roomTitle returns a room's name with its #.
func (h *hotConversation) roomTitle() string {
	if h.title == "" {
		h.title = titleOf(h.GetName())
	}
	return h.title
}

// titleOf puts the # before a room's name, where there is one.
func titleOf(name string) string {
	if name == "" {
		return ""
	}
	return "#" + name
}

// createRoom makes a room with the caller as its owner and only member.
func (m *machine) createRoom(c *internalv1.Command, b *internalv1.CreateRoom) (*internalv1.Result, error) {
	target := foldName(b.GetRoom())
	private := uint64(0)
	if b.GetPrivate() {
		private = 1
	}
	digest := m.fields("create-room").str(target).str(b.GetTopic()).num(private).digest()
	by, answer, err := m.begin(c.GetSession(), digest)
	if answer != nil || err != nil {
		return answer, err
	}
	name, why := roomName(target)
	if why != "" {
		return refuseField("room", "%s", why), nil
	}
	if why := badTopic(b.GetTopic()); why != "" {
		return refuseField("topic", "%s", why), nil
	}
	if taken, err := m.room(name); err != nil {
		return nil, err
	} else if taken != nil {
		return refuseRoomExists("room", target), nil
	}
	if by.GetConversations() >= MaxConversations {
		return refuseConversations("room", by.hotAccount), nil
	}
	m.globals.LastConversation++
	m.touchGlobals()
	room := &hotConversation{id: m.globals.GetLastConversation(), ConversationRecord: &internalv1.ConversationRecord{
		Kind: internalv1.ConversationKind_CONVERSATION_KIND_ROOM, Name: name, Topic: b.GetTopic(), Private: b.GetPrivate(),
		CreatedUnixMs: m.clock(),
	}}
	if err := m.insert(keyConversation(m.key(), room.id), room.ConversationRecord); err != nil {
		return nil, err
	}
	if err := m.insert(keyRoomName(m.key(), name), &internalv1.NumberRecord{Number: room.id}); err != nil {
		return nil, err
	}
	m.convs.put(room.id, room)
	m.rooms.put(name, room.id)
	if err := m.setRank(room, by.hotAccount, by.hotAccount, rankOwner); err != nil {
		return nil, err
	}
	if err := m.tellRoom(room, by.hotAccount, ""); err != nil {
		return nil, err
	}
	r := roomResult(room, rankOwner)
	return r, m.record(scope{account: by.hotAccount}, digest, r)
}

// updateRoom changes what is set of a room. All of it is allowed, or nothing is changed.
func (m *machine) updateRoom(c *internalv1.Command, b *internalv1.UpdateRoom) (*internalv1.Result, error) {
	target := foldName(b.GetRoom())
	digest := m.updateDigest(target, b)
	sc, by, answer, err := m.roomKeeper(c, b, target, digest)
	if answer != nil || err != nil {
		return answer, err
	}
	if refusal := checkUpdate(b); refusal != nil {
		return refusal, nil
	}
	name, ok := strings.CutPrefix(target, "#")
	if !ok {
		return refuseField("room", "must be #room"), nil
	}
	room, err := m.room(name)
	if err != nil {
		return nil, err
	}
	rank := rankNone
	if room != nil && by != nil {
		if rank, err = m.rank(room.id, by.id); err != nil {
			return nil, err
		}
	}
	asOperator := by == nil || by.GetOperator()
	refusal, err := m.mayUpdate(room, rank, asOperator, b)
	if refusal != nil || err != nil {
		return refusal, err
	}
	was := room.GetArchived()
	if err := m.changeRoom(room, by, b); err != nil {
		return nil, err
	}
	if room.GetArchived() != was && rank < rankOwner {
		detail := ""
		if was {
			detail = "opened again"
		}
		if err := m.audit(sc.actor(), actRoomArchive, target, detail); err != nil {
			return nil, err
		}
	}
	r := roomResult(room, rank)
	return r, m.record(sc, digest, r)
}

// updateDigest tells what is set to nothing from what is not set.
func (m *machine) updateDigest(target string, b *internalv1.UpdateRoom) [digestBytes]byte {
	flag := func(p *bool) uint64 {
		switch {
		case p == nil:
			return 0
		case *p:
			return 2
		}
		return 1
	}
	f := m.fields("update-room").str(target)
	for _, s := range []*string{b.NewName, b.Topic} {
		if s == nil {
			f = f.num(0)
		} else {
			f = f.num(1).str(*s)
		}
	}
	f = f.num(flag(b.Private)).num(flag(b.Archived))
	if b.RetainDays == nil {
		f = f.num(0)
	} else {
		f = f.num(uint64(b.GetRetainDays()) + 1)
	}
	return f.digest()
}

// roomKeeper says who changes a room: an account, or nil for a node's admin socket.
func (m *machine) roomKeeper(c *internalv1.Command, b *internalv1.UpdateRoom, target string, digest [digestBytes]byte) (
	scope, *hotAccount, *internalv1.Result, error) {
	if len(c.GetSession()) == 0 && b.GetFromAdminSocket() {
		if _, why := roomName(target); why != "" {
			return scope{}, nil, refuseField("room", "%s", why), nil
		}
		sc, answer, err := m.operator(c, true, target, digest)
		return sc, nil, answer, err
	}
	by, answer, err := m.begin(c.GetSession(), digest)
	return scope{account: by.hotAccount}, by.hotAccount, answer, err
}

// checkUpdate refuses what no room may become.
func checkUpdate(b *internalv1.UpdateRoom) *internalv1.Result {
	switch {
	case b.NewName == nil && b.Topic == nil && b.Private == nil && b.Archived == nil && b.RetainDays == nil:
		return refuseField("", "nothing is to be changed; set a name, a topic, private, archived or retain_days")
	case b.GetRetainDays() > MaxRetainDays:
		return refuseField("retain_days", "must be at most %d", MaxRetainDays)
	}
	if b.NewName != nil {
		if _, why := roomName(foldName(b.GetNewName())); why != "" {
			return refuseField("new_name", "%s", why)
		}
	}
	if why := badTopic(b.GetTopic()); why != "" {
		return refuseField("topic", "%s", why)
	}
	return nil
}

// mayUpdate refuses a change of a room that who asks for it may not make. To an operator that is no member a room is its
// name, and to be archived.
func (m *machine) mayUpdate(room *hotConversation, rank internalv1.Membership, operator bool, b *internalv1.UpdateRoom) (
	*internalv1.Result, error) {
	target := foldName(b.GetRoom())
	onlyArchives := b.Archived != nil && b.NewName == nil && b.Topic == nil && b.Private == nil && b.RetainDays == nil
	closing := operator && onlyArchives
	switch {
	case room == nil, !closing && hiddenFrom(room.ConversationRecord, rank):
		return refuseNoRoom("room", target), nil
	case closing:
	case rank < rankMember:
		return refuseNotMember("room", target), nil
	case rank < rankOwner && (b.NewName != nil || b.Private != nil || b.Archived != nil || b.RetainDays != nil):
		return refuse(internalv1.Reason_REASON_NOT_ALLOWED, "", "only an owner of %s may do this", target), nil
	case rank < rankModerator:
		return refuse(internalv1.Reason_REASON_NOT_ALLOWED, "", "only a moderator or an owner of %s may do this", target), nil
	}
	if room.GetArchived() && (b.Archived == nil || b.GetArchived() && !onlyArchives) {
		return refuseArchived("room", target), nil
	}
	if b.Archived != nil && !b.GetArchived() && room.GetOwners() == 0 {
		return refuse(internalv1.Reason_REASON_NOT_ALLOWED, "archived", "%s has no members any more; it stays closed", target), nil
	}
	if b.NewName == nil {
		return nil, nil
	}
	name, _ := roomName(foldName(b.GetNewName()))
	taken, err := m.room(name)
	if err == nil && taken != nil && taken != room {
		return refuseRoomExists("new_name", "#"+name), nil
	}
	return nil, err
}

// changeRoom carries out a change and tells the members, unless all is so already. by is nil for the admin socket. The old
// name goes on pointing to the room.
func (m *machine) changeRoom(room *hotConversation, by *hotAccount, b *internalv1.UpdateRoom) error {
	changed, oldName := false, ""
	if name, _ := roomName(foldName(b.GetNewName())); b.NewName != nil && name != room.GetName() {
		known, err := m.room(name)
		if err != nil {
			return err
		}
		if known == nil {
			if err := m.insert(keyRoomName(m.key(), name), &internalv1.NumberRecord{Number: room.id}); err != nil {
				return err
			}
			m.rooms.put(name, room.id)
		}
		oldName = room.GetName()
		room.Name, room.title, changed = name, "", true
	}
	if b.Topic != nil && b.GetTopic() != room.GetTopic() {
		room.Topic, changed = b.GetTopic(), true
	}
	if b.Private != nil && b.GetPrivate() != room.GetPrivate() {
		room.Private, changed = b.GetPrivate(), true
	}
	if b.Archived != nil && b.GetArchived() != room.GetArchived() {
		room.Archived, changed = b.GetArchived(), true
	}
	if b.RetainDays != nil && b.GetRetainDays() != room.GetRetainDays() {
		m.setRetainDays(room, b.GetRetainDays())
		changed = true
	}
	if !changed {
		return nil
	}
	m.touchConversation(room)
	return m.tellRoom(room, by, oldName)
}

// tellRoom tells the members what a room is now. by is nil for the admin socket.
func (m *machine) tellRoom(room *hotConversation, by *hotAccount, oldName string) error {
	e := &event{
		kind:   internalv1.EventKind_EVENT_KIND_ROOM_CHANGED,
		change: &roomChange{room: roomOf(room.ConversationRecord, rankNone), oldName: oldName},
	}
	if by != nil {
		e.sender, e.account = by.id, by.GetUsername()
	}
	return m.emit(room, e, nil)
}

// hiddenFrom says whether a room is, to an account of a rank, as if there were none of the name.
func hiddenFrom(room *internalv1.ConversationRecord, rank internalv1.Membership) bool {
	return room.GetPrivate() && rank < rankInvited
}

// roomResult is a room as an account of a rank is answered it. An operator's right to close rooms is none to see into them.
func roomResult(room *hotConversation, rank internalv1.Membership) *internalv1.Result {
	r := &internalv1.RoomResult{
		Room: room.roomTitle(), Private: room.GetPrivate(), Archived: room.GetArchived(), Membership: rank,
	}
	if !hiddenFrom(room.ConversationRecord, rank) {
		r.Topic, r.Members = room.GetTopic(), room.GetMembers()
		r.CreatedUnixMs, r.RetainDays = room.GetCreatedUnixMs(), room.GetRetainDays()
	}
	return &internalv1.Result{Outcome: &internalv1.Result_Room{Room: r}}
}

// roomName takes the # off a folded "#name", and says what is wrong with it; "" when nothing is.
func roomName(target string) (name, why string) {
	name, ok := strings.CutPrefix(target, "#")
	if !ok {
		return "", "must be #room"
	}
	if why := badName(name); why != "" {
		return "", "the room's name " + why
	}
	return name, ""
}

func refuseNoRoom(field, target string) *internalv1.Result {
	return refuse(internalv1.Reason_REASON_CONVERSATION_NOT_FOUND, field, "there is no room %q", target)
}

func refuseRoomExists(field, target string) *internalv1.Result {
	return refuse(internalv1.Reason_REASON_ROOM_EXISTS, field, "the name %q is taken", target)
}

func refuseNotMember(field, target string) *internalv1.Result {
	return refuse(internalv1.Reason_REASON_NOT_A_MEMBER, field, "you are not a member of %s; join it first", target)
}

func refuseArchived(field, target string) *internalv1.Result {
	return refuse(internalv1.Reason_REASON_ROOM_ARCHIVED, field, "%s is archived; nothing can be written there", target)
}

func refuseConversations(field string, a *hotAccount) *internalv1.Result {
	return refuseLimit(field, "the account %q has %d conversations, which is the most there may be", a.GetUsername(),
		MaxConversations)
}
