package tui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"parley/proto/parleyv1"
)

// lobby has rooms and people in every state that the sidebar tells apart.
func lobby(f *fake) {
	f.room("#general", "deploys and daily chatter", "bob", "alice", "carol", "dave")
	f.room("#ops", "what burns", "alice", "bob")
	f.room("#lab", "experiments", "carol").ranks["alice"] = invited
	f.room("#random", "", "dave", "bob")
	f.store("@carol", "carol", "lunch?", "", epoch.Add(-3*time.Hour)).Unread = false
	f.store("#ops", "bob", "@alice the disk is full", "", epoch.Add(-2*time.Hour)).MentionsMe = true
	f.store("@bob", "bob", "ping", "", epoch.Add(-time.Hour)).Unread = false
	for i := range 3 {
		f.store("@dave", "dave", fmt.Sprintf("are you there? %d", i+1), "", epoch.Add(-time.Hour))
	}
	f.store("#general", "dave", "deploy is green", "", epoch).Unread = false
	f.online = map[string]parleyv1.Presence{
		"bob": parleyv1.Presence_PRESENCE_ACTIVE, "carol": parleyv1.Presence_PRESENCE_AWAY,
	}
}

// lobbySettled awaits what comes by itself after the start.
func lobbySettled(x *harness) {
	x.t.Helper()
	x.see("Message @dave", "@bob ●", "@carol ○", "#lab", "are you there? 3")
	x.keys("alt+2")
	x.see("Message #general", "3 of 4 here · deploys and daily chatter")
	x.await("what was read to be marked", func() bool { return x.fake.marked("@dave") == 3 })
	x.see("#ops          @1")
}

// The sidebar tells rooms, people, presence, unread messages, mentions and invitations apart, and hides nothing that calls.
func TestFeatureRoomSidebar(t *testing.T) {
	x := start(t, 100, 24, lobby)
	lobbySettled(x)
	x.golden("sidebar_100x24")
	x.keys("f2")
	x.gone("Parley · alice")
	x.keys("f2")
	x.see("Parley · alice")

	// Twenty quiet conversations, and the loud one still shows.
	y := start(t, 100, 24, func(f *fake) {
		lobby(f)
		for i := range 20 {
			f.store(fmt.Sprintf("#quiet-%02d", i), "bob", "zzz", "", epoch).Unread = false
		}
	})
	y.see("#ops          @1", "#lab     invited", "more")
	if strings.Contains(y.screen(), "#quiet-00") {
		t.Error("the terminal is too high for this test")
	}
}

// Who is in a room, who of them is there, and what can be done about it.
func TestFeatureMemberList(t *testing.T) {
	x := start(t, 100, 24, lobby)
	lobbySettled(x)
	x.line("/who")
	x.see("Members of #general", "@dave", "owner")
	x.golden("members_100x24")
	x.keys("down", "enter")
	x.see("Message @bob", "here")

	x.fake.soft(&parleyv1.SubscribeResponse{Frame: &parleyv1.SubscribeResponse_Typing{
		Typing: &parleyv1.Typing{Conversation: "@bob", Username: "bob"}}})
	x.see("bob is typing")
	x.fake.soft(&parleyv1.SubscribeResponse{Frame: &parleyv1.SubscribeResponse_Presence{
		Presence: &parleyv1.PresenceChange{Username: "bob", Presence: parleyv1.Presence_PRESENCE_OFFLINE}}})
	x.gone("@bob ●")
	x.advance(7 * time.Second)
	x.gone("bob is typing")
	x.typed("he")
	x.await("the others to hear of typing, once", func() bool {
		x.fake.mu.Lock()
		defer x.fake.mu.Unlock()
		return len(x.fake.typed) == 1 && x.fake.typed[0] == "@bob"
	})
}

// alt+a: mentions first, then what else is unread, then back.
func TestFeatureJumpNextUnread(t *testing.T) {
	x := start(t, 100, 24, func(f *fake) {
		lobby(f)
		for _, m := range f.msgs {
			if m.Conversation == "@dave" {
				m.Unread = false
			}
		}
		f.store("#general", "bob", "anybody?", "", epoch)
		f.store("@carol", "carol", "tea?", "", epoch)
	})
	x.see("Message @carol", "tea?", "#ops          @1")
	x.keys("alt+a")
	x.see("Message #ops", "the disk is full")
	x.keys("alt+a")
	x.see("Message #general", "anybody?")
	x.await("all to be marked", func() bool { return x.fake.marked("#general") > 0 && x.fake.marked("#ops") > 0 })
	x.keys("alt+a")
	x.see("back in @carol", "Message @carol")
	x.keys("alt+s")
	x.see("Message #general")
	x.keys("alt+s")
	x.see("Message @carol")
}

// ^K: letters in their order, unread ones first, rooms to join, rooms to make, commands.
func TestFeatureFuzzySwitcher(t *testing.T) {
	x := start(t, 100, 24, lobby)
	lobbySettled(x)
	x.keys("ctrl+k")
	x.see("Go to a room, a person or a >command", "#random  Enter joins", "@alice  you: notes to yourself", "▸ #ops  @1, 1 unread")
	x.golden("switcher_100x24")
	x.typed("gnl")
	x.see("▸ #general")
	x.gone("@dave  conv")
	x.keys("enter")
	x.gone("Go to a room")
	x.see("Message #general")

	x.keys("ctrl+k")
	x.typed("random")
	x.see("▸ #random  Enter joins")
	x.keys("enter")
	x.see("Message #random")

	x.keys("ctrl+k")
	x.typed("#war")
	x.see("#war  Enter makes this room")
	x.keys("enter")
	x.see("Message #war")

	x.typed("a draft")
	x.keys("ctrl+k")
	x.typed(">rena")
	x.see("▸ /rename #new-name")
	x.keys("enter")
	x.see("> /rename")
	x.keys("ctrl+c")
	x.keys("ctrl+k")
	x.typed(">redra")
	x.keys("enter")
	x.see("Message #war")
}
