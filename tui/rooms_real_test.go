package tui

import (
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"google.golang.org/grpc/codes"

	"parley/api/client"
	"parley/proto/parleyv1"
	"parley/tui/common"
	"parley/tui/components/sidebar"
)

// An invitation that comes while nothing is open asks nothing: a key that was meant for a list would answer it.
func TestInvitationDoesNotAskByItself(t *testing.T) {
	x := start(t, 80, 24, func(f *fake) { f.room("#ops", "", "bob"); f.room("#secret", "", "bob").Private = true })
	x.see("You have no conversations yet")
	x.line("/rooms")
	x.see("▸ #ops")
	x.fake.mu.Lock()
	x.fake.rank(x.fake.findRoom("#secret"), "alice", "bob", invited)
	x.fake.mu.Unlock()
	x.see("1 #secret")
	x.keys("esc")
	x.see("You are invited: alt+1 answers")
	x.keys("y", "enter")
	x.fake.mu.Lock()
	got := x.fake.findRoom("#secret").ranks["alice"]
	x.fake.mu.Unlock()
	if got != invited || strings.Contains(x.screen(), "Join #secret?") {
		t.Errorf("alice is %v of #secret:\n%s", got, x.screen())
	}
	x.keys("ctrl+c", "alt+1")
	x.see("Join #secret?", "bob invites you")
}

// What became of one of several people is not hidden by what became of the others.
func TestSeveralInvited(t *testing.T) {
	x := start(t, 60, 24, func(f *fake) { f.room("#ops", "", "alice", "bob") })
	x.open("#ops")
	x.line("/invite @nobody @carol")
	x.see("│ ✗ @nobody: not invited: no user", "│ nobody · @carol: invited") // in full, though the bar has no room
	x.line("/invite @bob")
	x.see("@bob is in #ops already")
}

// The invite code is asked for where the cluster asks for one, and only there.
func TestConnectWithInviteCode(t *testing.T) {
	x := start(t, 80, 24, func(f *fake) {
		deploys(f)
		f.tok, f.invite = nil, "eEym0H_YT6lLxGcsrflcwg"
		f.link.Members[2].Reachable, f.link.Members[2].Trouble = false, "dial tcp 127.0.0.1:50053: connect: connection refused"
	})
	x.see("connected · 0 ms", "up · 0 ms", "connection refused")
	x.keys("ctrl+t")
	for range "alice" {
		x.keys("backspace")
	}
	x.typed("erin")
	x.keys("tab", "tab")
	x.typed("correct horse")
	x.keys("tab")
	x.typed("correct horse")
	x.gone("Invite code")
	x.keys("enter")
	x.see("Invite code", "needs an invite code")
	x.golden("connect-invite_80x24")
	x.typed("short")
	x.keys("enter")
	x.see("has 16 to 64 characters")
	for range "short" {
		x.keys("backspace")
	}
	x.typed("eEym0H_YT6lLxGcsrflcwg")
	x.keys("enter")
	x.see("Message @") // in, with the conversations of the fake
}

// Only refusals that a code can mend ask for one.
func TestWhoAsksForAnInviteCode(t *testing.T) {
	for _, tc := range []struct {
		reason, field string
		want          bool
	}{{"REGISTRATION_CLOSED", "invite_code", true}, {"REGISTRATION_CLOSED", "", false}, {"INVITE_INVALID", "", true}, {"USER_EXISTS", "", false}} {
		err := &client.Error{Code: codes.PermissionDenied, Reason: tc.reason, Field: tc.field}
		if got := explain(err).Invite; got != tc.want {
			t.Errorf("%s %s: %v", tc.reason, tc.field, got)
		}
	}
}

// A click chooses in a list, in the switcher and in the search.
func TestMouseChooses(t *testing.T) {
	x := start(t, 100, 24, func(f *fake) {
		deploys(f)
		f.room("#lab", "", "bob")
		f.room("#ops", "", "bob")
	})
	x.see("Message @")
	click := func(text string) {
		t.Helper()
		x.see(text)
		for i, r := range strings.Split(x.screen(), "\n") {
			if k := strings.LastIndex(r, text); k > sidebar.Width {
				x.send(tea.MouseClickMsg{X: len([]rune(r[:k])), Y: i, Button: tea.MouseLeft})
				return
			}
		}
	}
	x.line("/rooms")
	x.see("▸ #lab")
	click("#ops")
	x.see("▸ #ops")
	click("#ops")
	x.see("Message #ops")
	x.keys("ctrl+k")
	x.see("Go to a room")
	click("@carol")
	x.see("Message @carol")
	x.keys("ctrl+f")
	x.typed("deploy")
	x.see("deploy is green", "found")
	click("deploy is green")
	x.see("r reply")
	x.gone("Search messages")
}

// In a window of the past the end is the newest message, also while one is selected, and a slash begins a command.
func TestSelectedInTheWindow(t *testing.T) {
	x := start(t, 100, 24, func(f *fake) { long(400)(f); f.msgs[99].Text = "the needle" })
	x.see("message 400")
	jump := func() {
		t.Helper()
		x.keys("ctrl+f")
		x.typed("needle")
		x.see("1 found")
		x.keys("enter")
		x.see("newer below", "r reply")
	}
	jump()
	x.keys("end")
	x.see("message 400")
	jump()
	x.line("/goto 50")
	x.see("message 050")
}

// A notice from before anything was loaded stands where it happened, not after the first message.
func TestNoticeBeforeTheFirstMessage(t *testing.T) {
	x := start(t, 100, 24, func(f *fake) { deploys(f); f.room("#ops", "", "alice") })
	x.see("#ops")
	x.fake.mu.Lock()
	x.fake.rank(x.fake.findRoom("#ops"), "bob", "bob", parleyv1.Membership_MEMBERSHIP_MEMBER)
	x.fake.mu.Unlock()
	x.open("@bob")
	x.fake.add("@bob", "bob", "ping", x.now())
	x.see("ping") // and with it all that came before
	x.advance(2e9)
	x.fake.add("#ops", "bob", "hello from bob", x.now())
	x.open("#ops")
	x.see("bob joined", "hello from bob")
	if s := x.screen(); strings.Index(s, "bob joined") > strings.Index(s, "hello from bob") {
		t.Errorf("bob wrote before he joined:\n%s", s)
	}
}

// Before the log-in no node has told its name; its address stands for it.
func TestAddressWhileThereIsNoName(t *testing.T) {
	l := common.Link{Phase: common.Ready, Address: "127.0.0.1:50051"}
	if got := l.Detail(epoch); !strings.HasPrefix(got, "127.0.0.1:50051") {
		t.Errorf("%q", got)
	}
}
