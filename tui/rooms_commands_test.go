package tui

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"parley/proto/parleyv1"
)

// line writes a line into the composer and sends it.
func (x *harness) line(s string) {
	x.typed(s)
	x.keys("enter")
}

const (
	banned    = parleyv1.Membership_MEMBERSHIP_BANNED
	invited   = parleyv1.Membership_MEMBERSHIP_INVITED
	moderator = parleyv1.Membership_MEMBERSHIP_MODERATOR
)

// A room from its making to its end, by commands alone.
func TestRoomCommands(t *testing.T) {
	x := start(t, 100, 24, deploys)
	x.see("deploy is green")
	x.line("/create Ops what burns today")
	x.see("Message #ops", "what burns today", "#ops is yours")
	x.line("/create #ops")
	x.see("the name #ops is taken")
	x.keys("ctrl+c")
	rank := func(who string, want parleyv1.Membership) {
		t.Helper()
		x.await(who+" to be "+want.String(), func() bool {
			x.fake.mu.Lock()
			defer x.fake.mu.Unlock()
			return x.fake.findRoom("#ops").ranks[who] == want
		})
	}
	x.line("/invite @bob carol")
	rank("bob", invited)
	rank("carol", invited)
	x.see("alice invited bob", "alice invited carol")
	x.fake.mu.Lock()
	x.fake.rank(x.fake.findRoom("#ops"), "bob", "bob", parleyv1.Membership_MEMBERSHIP_MEMBER)
	x.fake.mu.Unlock()
	x.see("bob joined")
	x.line("/role @bob moderator")
	rank("bob", moderator)
	x.see("alice made bob a moderator")
	x.line("/ban carol")
	rank("carol", banned)
	x.line("/topic nothing burns")
	x.see("alice set the topic: nothing burns")
	x.line("/topic --none")
	x.see("alice took the topic away")
	x.line("/rename #incidents")
	x.see("Message #incidents", "alice renamed the room: it is #incidents now")
	x.line("still here?")
	x.see("✓ alice  still here?")
	x.line("/archive")
	x.see("Archive #incidents?", "nothing written")
	x.keys("y")
	x.see("alice archived the room")
	x.line("/unarchive")
	x.see("alice opened the room again")
	x.line("/kick")
	x.see("whom?", "> /kick")
	x.keys("ctrl+c")
	x.line("/leave")
	x.gone("Message #incidents")
	x.gone("1 #incidents")
}

// What others do to a room shows at once: a rename takes unread counts, drafts and messages under way along.
func TestRoomRenamedUnderTheReader(t *testing.T) {
	x := start(t, 100, 24, func(f *fake) {
		deploys(f)
		f.room("#ops", "", "bob", "alice")
		f.store("#ops", "bob", "the disk is full", "", epoch)
	})
	x.open("#ops")
	x.see("the disk is full")
	hold := make(chan struct{})
	x.fake.mu.Lock()
	x.fake.hold = hold
	x.fake.mu.Unlock()
	x.line("on its way")
	x.typed("a draft")
	x.see("… alice  on its way")
	x.fake.mu.Lock()
	r := x.fake.findRoom("#ops")
	if err := x.fake.change(r, "bob", &parleyv1.UpdateRoomRequest{NewName: proto.String("#war"), Topic: proto.String("all of it")}); err != nil {
		t.Fatal(err)
	}
	x.fake.hold = nil
	x.fake.mu.Unlock()
	x.see("bob renamed the room: it is #war now", "a draft")
	close(hold)
	x.await("one copy of the message, in the new name's place", func() bool {
		return strings.Count(x.screen(), "on its way") == 1 && !strings.Contains(x.screen(), "… alice")
	})
	for _, r := range strings.Split(x.screen(), "\n") {
		if strings.Contains(r, "#ops") && !strings.Contains(r, "renamed") {
			t.Errorf("the old name is still there: %q", r)
		}
	}
	x.fake.mu.Lock()
	x.fake.rank(r, "alice", "bob", parleyv1.Membership_MEMBERSHIP_UNSPECIFIED)
	x.fake.mu.Unlock()
	x.see("bob put you out", "the disk is full")
}

// Invitations, old and new, stand in the sidebar; opening one asks.
func TestInvitations(t *testing.T) {
	x := start(t, 100, 24, func(f *fake) {
		deploys(f)
		f.room("#lab", "experiments", "bob").ranks["alice"] = invited
		f.room("#ops", "", "bob")
		f.room("#secret", "", "bob").Private = true
	})
	x.see("1 #lab")
	x.keys("alt+1")
	x.see("Join #lab?", "experiments")
	x.keys("y")
	x.see("Message #lab")
	x.fake.mu.Lock()
	x.fake.rank(x.fake.findRoom("#secret"), "alice", "bob", invited)
	x.fake.mu.Unlock()
	x.see("bob invites you to #secret", "#secret")
	x.line("/join secret")
	x.see("Message #secret")
	x.line("/rooms")
	x.see("Rooms", "#ops", "1 member")
	x.keys("down", "enter")
	x.see("#ops")
	x.await("to be in #ops", func() bool {
		x.fake.mu.Lock()
		defer x.fake.mu.Unlock()
		return x.fake.findRoom("#ops").ranks["alice"] == parleyv1.Membership_MEMBERSHIP_MEMBER
	})
	x.see("Message #ops")
	x.line("/join #nowhere")
	x.see("#nowhere: not joined: no room #nowhere")
}
