package tui

import (
	"strings"
	"testing"

	"parley/proto/parleyv1"
)

// Rooms appear beside people and are read and written as they are; every kind of event that they bring leaves the client
// standing, and nothing that comes from others reaches the terminal as more than text.
func TestRoomsAmongTheConversations(t *testing.T) {
	const evil = "\x1b[31mred\u202e"
	x := start(t, 100, 24, func(f *fake) {
		deploys(f)
		f.store("#ops", "bob", "the disk is full", "", epoch)
	})
	x.see("#ops", "@bob")
	x.keys("ctrl+k")
	x.typed("#ops")
	x.keys("enter")
	x.see("the disk is full", "#ops · room")
	x.typed("on it")
	x.keys("enter")
	x.see("on it")

	m := x.fake.add("#ops", "bob", "thanks", epoch)
	x.see("thanks")
	x.fake.mu.Lock()
	edited := &parleyv1.Message{Id: m.Id, Conversation: "#ops", Seq: m.Seq, Sender: "bob", Text: "thank you " + evil, Edits: 1}
	room := &parleyv1.Room{Name: "#war", Topic: evil}
	for _, e := range []*parleyv1.Event{
		{Change: &parleyv1.Event_MessageEdited{MessageEdited: edited}},
		{Change: &parleyv1.Event_MessageAnnotated{MessageAnnotated: &parleyv1.MessageAnnotated{Id: m.Id, Conversation: "#ops",
			Seq: m.Seq, Kind: parleyv1.AnnotationKind_ANNOTATION_KIND_REACTION, Value: evil, Username: "bob", Present: true}}},
		{Change: &parleyv1.Event_RoomChanged{RoomChanged: &parleyv1.RoomChanged{Room: room, OldName: "#ops", Username: "bob"}}},
		{Change: &parleyv1.Event_RoomChanged{RoomChanged: &parleyv1.RoomChanged{Room: room, OldName: "#unknown"}}},
		{Change: &parleyv1.Event_RoomChanged{RoomChanged: &parleyv1.RoomChanged{}}},
		{Change: &parleyv1.Event_MembershipChanged{MembershipChanged: &parleyv1.MembershipChanged{Conversation: "#ops",
			Username: "carol", Membership: parleyv1.Membership_MEMBERSHIP_MEMBER}}},
		{Change: &parleyv1.Event_MembershipChanged{MembershipChanged: &parleyv1.MembershipChanged{Conversation: "#lab", Me: true,
			Username: "alice", Membership: parleyv1.Membership_MEMBERSHIP_MEMBER}}},
		{Change: &parleyv1.Event_MembershipChanged{MembershipChanged: &parleyv1.MembershipChanged{Conversation: "#nowhere", Me: true}}},
		{Change: &parleyv1.Event_MembershipChanged{MembershipChanged: &parleyv1.MembershipChanged{Conversation: "#war", Me: true,
			Username: "alice", By: "bob"}}},
		{Change: &parleyv1.Event_MuteChanged{MuteChanged: &parleyv1.MuteChanged{Conversation: "#ops", Mute: parleyv1.Mute_MUTE_ALL}}},
		{Change: &parleyv1.Event_UserDeleted{UserDeleted: &parleyv1.UserDeleted{Username: "bob", Conversation: "#lab"}}},
		{},
	} {
		x.fake.push(e)
	}
	x.fake.mu.Unlock()
	x.see("thank you", "bob renamed the room: it is #war now", "not a member of #war", "#lab")
	x.gone("#nowhere")
	if v := x.app.View(); strings.Contains(v.Content, "\x1b[31mred") || strings.Contains(x.screen(), "\u202e") {
		t.Errorf("what others wrote reached the terminal:\n%q", v.Content)
	}
}
