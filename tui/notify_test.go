package tui

import (
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	uv "github.com/charmbracelet/ultraviolet"

	"parley/proto/parleyv1"
)

// TestFeatureNotify: a person who looks elsewhere is called by the way that their terminal knows, what is muted is not told, and the
// title counts.
func TestFeatureNotify(t *testing.T) {
	for k, v := range map[string]string{"TERM": "foot", "TERM_PROGRAM": "", "TMUX": "", "STY": ""} {
		t.Setenv(k, v)
	}
	x := start(t, 100, 24, func(f *fake) {
		deploys(f)
		f.store("#ops", "bob", "quiet so far", "", epoch).Unread = false
	})
	x.open("@bob")
	called := func(want string) func() bool {
		return func() bool { return strings.Contains(strings.Join(x.raw, "|"), want) }
	}
	none := func(what, seen string) {
		t.Helper()
		x.see(seen)
		if s := strings.Join(x.raw, "|"); strings.Contains(s, "notify;") || strings.Contains(s, "p=body") {
			t.Errorf("%s was called: %q", what, s)
		}
		x.raw = nil
	}
	later := func() { x.raw = nil; x.advance(time.Minute) }

	x.fake.add("@bob", "bob", "you are looking", epoch)
	none("who looks at it", "you are looking")

	later()
	x.fake.add("@carol", "carol", "another conversation", epoch)
	x.await("a call for a direct message elsewhere", called("\x1b]777;notify;@carol;another conversation\x1b\\"))
	if got, want := x.app.View().WindowTitle, "(+3) @bob — parley"; got != want {
		t.Errorf("the title is %q, want %q", got, want)
	}

	later()
	x.send(tea.BlurMsg{})
	x.fake.add("@bob", "bob", "you look elsewhere", epoch)
	x.await("a call while the terminal has no focus", called("notify;@bob;you look elsewhere"))

	later()
	x.fake.add("#ops", "bob", "chatter", epoch)
	x.await("a call for a room", called("notify;#ops;bob: chatter"))

	later()
	x.fake.mu.Lock()
	x.fake.push(&parleyv1.Event{Change: &parleyv1.Event_MuteChanged{MuteChanged: &parleyv1.MuteChanged{
		Conversation: "#ops", Mute: parleyv1.Mute_MUTE_MENTIONS,
	}}})
	x.fake.mu.Unlock()
	x.fake.add("#ops", "bob", "more chatter", epoch)
	x.fake.add("@bob", "bob", "a mark", epoch) // it comes after the muted one
	x.await("a call that is not for the muted room", called("notify;@bob;a mark"))
	if called("chatter")() {
		t.Errorf("a muted room called: %q", x.raw)
	}
	later()
	x.fake.mu.Lock()
	m := x.fake.store("#ops", "bob", "@alice look", "", epoch)
	m.MentionsMe = true
	x.fake.push(&parleyv1.Event{Change: &parleyv1.Event_Message{Message: m}})
	x.fake.mu.Unlock()
	x.await("a call for a mention", called("notify;#ops;bob: @alice look"))
	x.await("the mention in the title", func() bool { return strings.HasPrefix(x.app.View().WindowTitle, "(@1 +") })

	later()
	x.send(uv.UnknownOscEvent("\x1b]99;i=parley:p=?;p=body\x1b\\"))
	x.fake.add("@bob", "bob", "\x1b]9;pwned\x07 again", epoch)
	x.await("a call as the terminal said it knows", called("\x1b]99;i=parley:d=0;@bob\x1b\\\x1b]99;i=parley:p=body;␛]9;pwned␇ again\x1b\\"))

	later()
	x.app.c.Settings.Notify = "off"
	x.fake.add("@bob", "bob", "in silence", epoch)
	x.send(tea.FocusMsg{})
	none("who wants silence", "in silence")
}

// TestStreamBehindAnswers: the answer to an own message, or a page, may be faster than the stream. What the stream tells late is
// called for and counted all the same.
func TestStreamBehindAnswers(t *testing.T) {
	for k, v := range map[string]string{"TERM": "foot", "TERM_PROGRAM": "", "TMUX": "", "STY": ""} {
		t.Setenv(k, v)
	}
	x := start(t, 100, 24, deploys)
	x.open("@dave")
	x.await("what was read to be marked", func() bool { return x.fake.marked("@dave") > 0 && x.app.View().WindowTitle == "(+1) @dave — parley" })
	called := func(what string) {
		t.Helper()
		x.await("a call for "+what, func() bool { return strings.Contains(strings.Join(x.raw, "|"), what) })
		x.raw = nil
		x.advance(time.Minute)
	}
	x.fake.stall()
	x.fake.add("@dave", "dave", "before yours", epoch)
	x.typed("mine")
	x.keys("enter")
	x.await("mine to be committed", func() bool { return len(x.fake.tries()) == 1 && strings.Contains(x.screen(), "✓") })
	x.send(tea.BlurMsg{}) // keys are a sign of somebody who looks
	x.fake.flow()
	called("notify;@dave;before yours")
	if got, want := x.app.View().WindowTitle, "(+2) @dave — parley"; got != want {
		t.Errorf("the title is %q, want %q", got, want)
	}

	x.fake.stall()
	x.fake.add("@carol", "carol", "first", epoch)
	x.fake.flow()
	called("notify;@carol;first")
	x.fake.stall()
	x.fake.add("@carol", "carol", "in a page", epoch)
	x.keys("alt+3")
	x.send(tea.BlurMsg{})
	x.see("in a page")
	x.fake.flow()
	called("notify;@carol;in a page")
	if got, want := x.app.View().WindowTitle, "(+4) @carol — parley"; got != want {
		t.Errorf("the title is %q, want %q", got, want)
	}
}
