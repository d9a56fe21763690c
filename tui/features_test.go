package tui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"parley/proto/parleyv1"
	"parley/tui/common"
)

func resetFrame(reason string) *parleyv1.SubscribeResponse {
	return &parleyv1.SubscribeResponse{Frame: &parleyv1.SubscribeResponse_Reset_{
		Reset_: &parleyv1.Reset{Cursor: "0", Reason: reason}}}
}

func TestLoginWrongThenRight(t *testing.T) {
	x := start(t, 80, 24, func(f *fake) { deploys(f); f.tok = nil })
	x.see("Log in", "Nodes", "n1", "127.0.0.1:50051", "connected · 0 ms")
	x.golden("login_80x24")
	x.typed("wrong horse")
	x.keys("enter")
	x.see("✗ wrong user name or password")
	for range "wrong horse" {
		x.keys("backspace")
	}
	x.typed("correct horse")
	x.keys("enter")
	x.see("deploy is green", "READY  n1★")
	if x.saved["alice"] == "" {
		t.Error("the session was not stored")
	}
}

func TestCreateAccount(t *testing.T) {
	x := start(t, 80, 24, func(f *fake) { f.tok = nil })
	x.keys("ctrl+t")
	x.see("Shown as", "Once more")
	x.keys("down", "down", "down") // back to the user name by way of every field
	x.keys("up", "up", "up")
	for range "alice" {
		x.keys("backspace")
	}
	x.typed("Erin!")
	x.keys("enter", "enter")
	x.typed("correct horse")
	x.keys("enter")
	x.typed("correct horse")
	x.keys("enter")
	x.see("only a to z")
	x.keys("backspace", "enter")
	x.keys("enter", "enter", "enter")
	x.see("Welcome, erin", "^K")
	if x.fake.logins != 1 || len(x.fake.created) != 1 {
		t.Errorf("%d accounts made, %d logins; want one each", len(x.fake.created), x.fake.logins)
	}
	x.golden("welcome_80x24")
}

func TestStoredTokenGoesStraightToChat(t *testing.T) {
	x := start(t, 100, 24, deploys)
	x.see("Parley · alice", "@bob", "@carol", "@dave")
	if x.fake.logins != 0 {
		t.Error("logged in although there was a token")
	}
}

func TestPeopleByPattern(t *testing.T) {
	x := start(t, 100, 24, deploys)
	x.see("deploy is green")
	x.keys("ctrl+k")
	x.see("Go to a room, a person or a >command", "@alice", "notes to yourself")
	x.typed("?a*")
	x.await("the pattern at the cluster", func() bool {
		x.fake.mu.Lock()
		defer x.fake.mu.Unlock()
		return slices.Contains(x.fake.patterns, "?a*")
	})
	x.see("@carol", "@dave", "2 unread", "2 match ·")
	x.gone("@bob  conv")
	x.golden("people_100x24")
	x.keys("esc")
	x.typed("/who al*")
	x.keys("enter")
	x.see("? @al*", "▸ @alice")
	x.keys("enter")
	x.see("Only you can read what you write here")
}

// The page learns the answers of questions that were overtaken, and must not show them.
func TestSlashCommands(t *testing.T) {
	x := start(t, 100, 24, deploys)
	x.open("@bob")
	x.typed("/shrug")
	x.keys("enter")
	x.see("no command /shrug", "> /shrug")
	if n := len(x.fake.tries()); n != 0 {
		t.Fatal("an unknown command was sent as text")
	}
	x.keys("ctrl+c")
	x.typed("//shrug")
	x.keys("enter")
	x.see("✓ alice  /shrug")

	x.typed("/ms")
	x.see("/msg @user [text]")
	x.keys("tab")
	x.typed("@carol at noon?")
	x.keys("enter")
	x.see("@carol · direct conversation", "✓ alice  at noon?")

	x.typed("/msg @nobody")
	x.keys("enter")
	x.see("@nobody: no such user")
	x.gone("@nobody · direct")
	x.keys("alt+1")

	x.typed("/help")
	x.keys("enter")
	x.see("Anywhere", "go to a room, a person or a command")
	x.golden("help_100x24")
	x.keys("esc")
	x.see("Message @")
}

// Somebody who has no conversation yet sees the first message that comes.
func TestFirstMessageOpensItself(t *testing.T) {
	x := start(t, 100, 24, nil)
	x.see("You have no conversations yet")
	x.fake.add("@bob", "bob", "welcome aboard", epoch)
	x.see("@bob · direct conversation", "welcome aboard")
}

func TestUnreadViewAndMarkRead(t *testing.T) {
	x := start(t, 100, 24, func(f *fake) {
		deploys(f)
		for i := 1; i <= 40; i++ {
			f.store("@carol", "carol", fmt.Sprintf("message %03d", i), "", epoch)
		}
	})
	x.see("@carol · direct conversation", "message 001", " new ─") // opened at the unread line
	shown := len(messageRows(x.screen()))
	x.await("what was shown to be marked", func() bool { return x.fake.marked("@carol") == uint64(shown) })
	x.see(fmt.Sprintf("@carol        %d", 40-shown))

	x.typed("/unread 5")
	x.keys("enter")
	x.see("5 unread messages, oldest first")
	rows := messageRows(x.screen())
	if want := fmt.Sprintf("message %03d", shown+1); len(rows) != 5 || rows[0] != want {
		t.Errorf("the unread view shows %v, want 5 from %s", rows, want)
	}
	x.await("the five to be marked", func() bool { return x.fake.marked("@carol") == uint64(shown+5) })
	x.keys("esc")
	x.see("message 040")
	x.keys("alt+l")
	x.see("marked @carol as read")
	x.await("all to be marked", func() bool { return x.fake.marked("@carol") >= 40 })

	x.typed("/read 3")
	x.keys("enter")
	x.typed("/read x")
	x.keys("enter")
	x.see("a number from 1 to 1000", "> /read x")
}

func TestNothingIsMarkedWithoutFocus(t *testing.T) {
	x := start(t, 100, 24, deploys)
	x.open("@carol")
	x.send(tea.BlurMsg{})
	x.fake.add("@carol", "carol", "psst", epoch)
	x.see("psst", " new ─")
	x.send(press("f1")) // some updates later it is still unread
	x.send(press("esc"))
	if n := x.fake.marked("@carol"); n != 0 {
		t.Fatalf("%d messages were marked as read behind a lost focus", n)
	}
	x.send(tea.FocusMsg{})
	x.await("it to be marked", func() bool { return x.fake.marked("@carol") == 1 })
}

func TestScrollOlderAndPill(t *testing.T) {
	x := start(t, 100, 24, long(120))
	x.see("message 120")
	x.fake.add("@bob", "bob", "message 121", epoch)
	x.see("message 121")
	x.await("older messages", func() bool { // more than were loaded at first
		x.keys("pgup")
		return strings.Contains(x.screen(), "message 050")
	})
	place := messageRows(x.screen())
	x.fake.add("@bob", "bob", "message 122", epoch)
	x.see("↓ 1 new below")
	if got := messageRows(x.screen()); !slices.Equal(place, got) {
		t.Errorf("a new message moved the reader: %v, then %v", place, got)
	}
	x.send(tea.WindowSizeMsg{Width: 64, Height: 18})
	if got := messageRows(x.screen()); got[0] != place[0] {
		t.Errorf("a new size moved the reader from %s to %s", place[0], got[0])
	}
	x.send(tea.WindowSizeMsg{Width: 100, Height: 24})
	x.keys("end")
	x.see("message 122")
	x.gone("new below")
	x.await("the start", func() bool {
		x.keys("home")
		return strings.Contains(x.screen(), "start of the conversation")
	})
	x.see("message 001")
}

func TestDeleteMessages(t *testing.T) {
	x := start(t, 100, 24, deploys)
	x.open("@bob")
	x.see("deploy is green")
	x.keys("ctrl+s", "space", "space", "d")
	x.see("Delete?", "1 message of yours will vanish for everyone. 1 message of others will vanish for you alone.")
	x.golden("delete_100x24")
	x.keys("n")
	x.see("deploy is green")
	x.keys("d", "y")
	x.see("message deleted")
	x.gone("deploy is green")
}

func TestDeleteAccount(t *testing.T) {
	x := start(t, 100, 24, deploys)
	if err := x.app.c.SaveSession("alice", []byte("t")); err != nil {
		t.Fatal(err)
	}
	x.see("Message @")
	x.typed("/delete-account")
	x.keys("enter")
	x.see("Delete the account alice?")
	x.typed("alicia")
	x.keys("enter")
	x.typed("correct horse")
	x.keys("enter")
	x.see("type your user name, alice, to confirm")
	if x.fake.deleted {
		t.Fatal("deleted without the right confirmation")
	}
	x.keys("up")
	for range "alicia" {
		x.keys("backspace")
	}
	x.typed("alice")
	x.keys("enter", "enter")
	x.see("The account alice was deleted.", "Log in")
	if len(x.saved) != 0 {
		t.Error("the stored token was not removed")
	}
}

func TestLogoutAndSessionEnd(t *testing.T) {
	x := start(t, 100, 24, deploys)
	x.see("Message @")
	x.typed("/logout")
	x.keys("enter")
	x.see("You are logged out.", "Log in")
	x.typed("correct horse")
	x.keys("enter")
	x.see("Message @", " 3 @") // the third conversation is the one that is opened below
	x.fake.mu.Lock()
	x.fake.fail = common.Failure{Text: "the session was revoked", Auth: true}
	x.fake.mu.Unlock()
	x.keys("alt+3")
	x.see("Your session is over: the session was revoked. Log in again.", "Not read before the session was over.")
}

func TestDraftsStayWithTheirConversation(t *testing.T) {
	x := start(t, 100, 24, deploys)
	x.open("@bob")
	x.see("deploy is green")
	x.typed("for bob")
	x.keys("ctrl+n")
	x.see("Message @dave", "draft")
	x.keys("esc", "ctrl+p")
	x.see("> for bob")
	x.keys("shift+enter")
	x.typed("second row")
	x.keys("esc")
	x.see("> for bob", "  second row")
	x.keys("enter")
	x.see("✓ alice  for bob", "second row")
}

func TestQuitKeys(t *testing.T) {
	x := start(t, 100, 24, deploys)
	x.see("Message @")
	x.typed("x")
	x.keys("ctrl+c")
	x.see("draft cleared")
	if x.quit {
		t.Fatal("one ^C quit")
	}
	x.keys("ctrl+c")
	x.await("to quit", func() bool { return x.quit })

	y := start(t, 100, 24, deploys)
	y.fake.mu.Lock()
	y.fake.hold = make(chan struct{})
	y.fake.mu.Unlock()
	y.see("Message @")
	y.typed("wait for me")
	y.keys("enter", "ctrl+q")
	y.see("This would be given up: 1 message without a verdict.")
	y.keys("n", "ctrl+q", "y")
	y.await("to quit", func() bool { return y.quit })
}

// stuckBackend never answers.
type stuckBackend struct{ *fake }

func (stuckBackend) ListConversations(ctx context.Context, _ *parleyv1.ListConversationsRequest) (*parleyv1.ListConversationsResponse, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (stuckBackend) ListUsers(ctx context.Context, _ *parleyv1.ListUsersRequest) (*parleyv1.ListUsersResponse, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (stuckBackend) SendMessage(ctx context.Context, _ *parleyv1.SendMessageRequest) (*parleyv1.SendMessageResponse, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (stuckBackend) ReadMessages(ctx context.Context, _ *parleyv1.ReadMessagesRequest) (*parleyv1.ReadMessagesResponse, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// Nothing that a person presses waits for the cluster. If Update did, this test would hang.
func TestUpdateNeverBlocks(t *testing.T) {
	x := start(t, 100, 24, nil)
	x.app.c.Backend = stuckBackend{x.fake}
	x.typed("/msg @bob hello")
	x.keys("enter", "ctrl+k")
	x.typed("car")
	x.keys("esc", "pgup", "home", "alt+l", "ctrl+r", "f1", "pgdown", "esc", "up", "d", "esc")
	x.typed("still typing")
	x.see("> still typing", "hello")
}

func TestNoTerminalIsRefused(t *testing.T) {
	for _, c := range []struct {
		term        string
		in, out, ok bool
	}{
		{"xterm-256color", true, true, true},
		{"dumb", true, true, false},
		{"xterm", false, true, false},
		{"xterm", true, false, false},
	} {
		err := checkTerminal(c.term, c.in, c.out)
		if (err == nil) != c.ok {
			t.Errorf("TERM=%s in=%v out=%v: %v", c.term, c.in, c.out, err)
		}
		if err != nil && (!errors.Is(err, ErrNoTerminal) || !strings.Contains(err.Error(), "parley read")) {
			t.Errorf("the refusal does not say what to use instead: %v", err)
		}
	}
}

func TestPlainErrors(t *testing.T) {
	for in, want := range map[string]string{
		`connection error: desc = "transport: Error while dialing: dial tcp 127.0.0.1:1: connect: connection refused"`: "dial tcp 127.0.0.1:1: connect: connection refused",
		`connection error: desc = "transport: authentication handshake failed: tls: unknown certificate authority"`:    "tls: unknown certificate authority",
		"no quorum": "no quorum",
	} {
		if got := plain(in); got != want {
			t.Errorf("plain(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestTooSmall(t *testing.T) {
	x := start(t, 30, 6, deploys)
	x.see("30x6 is too small.", "parley read")
}

// What a message says must not move, clear or rename anything outside its own rows.
func TestInjectionStaysInItsRow(t *testing.T) {
	x := start(t, 100, 24, deploys)
	x.open("@carol")
	x.see("lunch?")
	x.fake.add("@carol", "carol", "a\x1b[2Jb\x1b]0;owned\x07c\u202edesrever\u0300\u0300\u0300\u0300\u0300\u0300\u0300\u0300\u009b31m", epoch)
	x.see("a␛[2Jb␛]0;owned␇c⟦RLO⟧desrever", "⟦U+009B⟧31m", "lunch?", "READY")
	content, _ := x.app.page.View()
	if strings.Contains(content, "\x1b[2J") || strings.ContainsAny(content, "\u202e\u009b\x07") {
		t.Error("a control of a message reached the terminal")
	}
}
