package main

import (
	"fmt"

	"parley/proto/parleyv1"
)

// eventJSON is a line of tail --events that is no message. Event tells it from one: edited, deleted, reaction, pin, room,
// membership, read, mute or user_deleted.
type eventJSON struct {
	Event        string `json:"event"`
	ID           uint64 `json:"id,omitempty"`
	Conversation string `json:"conversation,omitempty"`
	Seq          uint64 `json:"seq,omitempty"`
	// Username is whom it is about, By who did it, where that is another.
	Username string `json:"username,omitempty"`
	By       string `json:"by,omitempty"`
	// Present is false where a reaction or a pin was taken back.
	Present    *bool        `json:"present,omitempty"`
	Emoji      string       `json:"emoji,omitempty"`
	OnlyForMe  bool         `json:"only_for_me,omitempty"`
	Membership string       `json:"membership,omitempty"`
	Me         bool         `json:"me,omitempty"`
	OldName    string       `json:"old_name,omitempty"`
	ReadSeq    *uint64      `json:"read_seq,omitempty"`
	Unread     *uint64      `json:"unread,omitempty"`
	Mute       string       `json:"mute,omitempty"`
	Message    *messageJSON `json:"message,omitempty"`
	Room       *roomJSON    `json:"room,omitempty"`
	Cursor     string       `json:"cursor"`
}

// toEvent is an event that is no message, and its line for people; nil for what this program does not know.
func toEvent(e *parleyv1.Event) (j *eventJSON, line string) {
	switch c := e.GetChange().(type) {
	case *parleyv1.Event_MessageEdited:
		m := toMessageJSON(c.MessageEdited, nil)
		j = &eventJSON{Event: "edited", ID: m.ID, Conversation: m.Conversation, Seq: m.Seq, Username: m.Sender, Message: &m}
		text := indentLines(sanitize(m.Text))
		if m.Deleted {
			text = "(deleted since)"
		}
		line = fmt.Sprintf("%s edited %d: %s", m.Sender, m.ID, text)
	case *parleyv1.Event_MessageDeleted:
		d := c.MessageDeleted
		j = &eventJSON{Event: "deleted", ID: d.GetId(), Conversation: d.GetConversation(), Seq: d.GetSeq(), OnlyForMe: d.GetOnlyForMe()}
		line = fmt.Sprintf("%d was deleted", d.GetId())
		if d.GetOnlyForMe() {
			line = fmt.Sprintf("%d was deleted for you", d.GetId())
		}
	case *parleyv1.Event_MessageAnnotated:
		j, line = annotatedEvent(c.MessageAnnotated)
	case *parleyv1.Event_RoomChanged:
		j, line = roomEvent(c.RoomChanged)
	case *parleyv1.Event_MembershipChanged:
		m := c.MembershipChanged
		j = &eventJSON{Event: "membership", Conversation: m.GetConversation(), Username: m.GetUsername(), By: m.GetBy(),
			Membership: membershipName(m.GetMembership()), Me: m.GetMe()}
		line = membershipWords(m)
	case *parleyv1.Event_ReadMarked:
		r := c.ReadMarked
		seq, unread := r.GetReadSeq(), r.GetUnread()
		j = &eventJSON{Event: "read", Conversation: r.GetConversation(), ReadSeq: &seq, Unread: &unread}
		line = fmt.Sprintf("you have read up to seq %d, %d unread", seq, unread)
	case *parleyv1.Event_MuteChanged:
		mute := muteName(c.MuteChanged.GetMute())
		j = &eventJSON{Event: "mute", Conversation: c.MuteChanged.GetConversation(), Mute: mute}
		line = "muted: " + mute
	case *parleyv1.Event_UserDeleted:
		u := c.UserDeleted
		j = &eventJSON{Event: "user_deleted", Conversation: u.GetConversation(), Username: u.GetUsername()}
		line = u.GetUsername() + " deleted the account; what it sent is erased"
	default:
		return nil, ""
	}
	j.Cursor = e.GetCursor()
	return j, line
}

func annotatedEvent(x *parleyv1.MessageAnnotated) (*eventJSON, string) {
	present := x.GetPresent()
	j := &eventJSON{
		Event: annotationName(x.GetKind()), ID: x.GetId(), Conversation: x.GetConversation(), Seq: x.GetSeq(), Username: x.GetUsername(),
		Emoji: x.GetValue(), Present: &present,
	}
	words := "%s reacted to %d with %s"
	switch pin := x.GetKind() == parleyv1.AnnotationKind_ANNOTATION_KIND_PIN; {
	case pin && present:
		words = "%s pinned %d%s"
	case pin:
		words = "%s unpinned %d%s"
	case !present:
		words = "%s took back from %d their %s"
	}
	return j, fmt.Sprintf(words, x.GetUsername(), x.GetId(), x.GetValue())
}

func roomEvent(c *parleyv1.RoomChanged) (*eventJSON, string) {
	r := toRoomJSON(c.GetRoom())
	j := &eventJSON{Event: "room", Conversation: r.Name, Username: c.GetUsername(), OldName: c.GetOldName(), Room: &r}
	who := c.GetUsername()
	if who == "" {
		who = "an administrator"
	}
	if c.GetOldName() != "" {
		return j, fmt.Sprintf("%s renamed %s to %s", who, c.GetOldName(), r.Name)
	}
	kind, topic := "public", r.Topic
	switch {
	case r.Archived:
		kind = "archived"
	case r.Private:
		kind = "private"
	}
	if topic == "" {
		topic = "no topic"
	}
	return j, fmt.Sprintf("%s changed the room: %s, %s", who, kind, topic)
}

// membershipWords tells what became of a member, and who made it so, where that is another.
func membershipWords(m *parleyv1.MembershipChanged) string {
	own := m.GetBy() == m.GetUsername() || m.GetBy() == ""
	var words string
	switch {
	case m.GetMembership() == noMember && own:
		words = "left"
	case m.GetMembership() == noMember:
		words = "was put out"
	case m.GetMembership() == banned:
		words = "was banned"
	case m.GetMembership() == invited:
		words = "was invited"
	case m.GetMembership() == member && own:
		words = "joined"
	case m.GetMembership() == member:
		words = "is a member"
	default:
		words = "is " + membershipName(m.GetMembership()) + " now"
	}
	if !own {
		words += ", by " + m.GetBy()
	}
	return m.GetUsername() + " " + words
}

// printEvent prints what is no message: always to a person, and to a script that asked for it.
func (a *app) printEvent(e *parleyv1.Event, to string, asked bool) error {
	j, line := toEvent(e)
	if j == nil || to != "" && j.Conversation != to {
		return nil
	}
	if !a.json() {
		if j.Event == "read" || j.Event == "mute" {
			return nil // what another terminal of theirs did is no news to a person
		}
		return a.printf("* %s  %s\n", sanitizeLine(j.Conversation), sanitize(line))
	}
	if !asked {
		return nil
	}
	return a.printJSON(j)
}
