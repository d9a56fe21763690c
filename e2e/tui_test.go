package e2e

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"parley/e2e/cluster"
	"parley/e2e/load"
	"parley/proto/parleyv1"
	"parley/tui/ptytest"
)

// TestChatOverLeaderKill kills the leader, which is also the node that the terminal client works through, while a person has
// scrolled up, has a half-typed draft and a message on its way. Nothing of that is lost, nobody logs in again, and the
// message arrives once (P2, P5).
func TestChatOverLeaderKill(t *testing.T) {
	t.Parallel()
	c := start(t, 3)
	alice := newPerson(t, "alice", c.Addresses(0))
	bob := load.Account(t, c.Addresses(0), "bob")
	say := func(text string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
		defer cancel()
		if _, err := bob.SendMessage(ctx, &parleyv1.SendMessageRequest{Conversation: "@alice", Text: text}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 60 {
		say(fmt.Sprintf("line %02d.", i+1))
	}
	leader := c.Leader()
	s := alice.through(leader).open("chat", "@bob")
	s.await("line 01.", "READY", "3/3 up", leader.Name+"★") // it opens at the first unread message
	s.keys(ptytest.End)
	s.await("line 60.")

	// The leader hangs; a message is typed, the person scrolls up and begins the next one; the leader dies.
	leader.Pause()
	s.keys("is anybody there", ptytest.Enter)
	s.await("is anybody there")
	s.keys(ptytest.PageUp)
	s.awaitNot("line 60.")
	s.keys("half a thou")
	s.await("> half a thou")
	before := s.lines()
	leader.Kill()

	s.await("READY", "2/3 up", "> half a thou")
	s.awaitNot(leader.Name + "★")
	// Off the screen, what was typed first is stored; the answer shall come after it.
	cluster.Await(t, cluster.Patience, "the message to be stored", func() error {
		if got := texts(alice.through(c.Others(leader)[0]).rows("read", "@bob", "--limit", "1", "--peek")); got != "is anybody there" {
			return fmt.Errorf("the newest is %q", got)
		}
		return nil
	})
	say("a late answer")
	s.await("↓", "> half a thou")
	if after := s.lines(); !slices.Equal(after, before) {
		t.Errorf("the scroll position moved: want %v, got %v\n%s", before, after, s.term.Screen())
	}
	s.keys(ptytest.PageDown, ptytest.PageDown, ptytest.PageDown)
	s.await("✓ alice  is anybody there", "a late answer", "> half a thou")
	s.keys("ght", ptytest.Enter)
	s.await("✓ alice  half a thought")

	want := []string{"is anybody there", "a late answer", "half a thought"}
	for _, n := range c.Others(leader) {
		rs := alice.through(n).rows("read", "@bob", "--limit", "3", "--peek")
		wantTexts(t, "what was stored, through "+n.Name, rs, want...)
	}
	leader.Start()
	c.AwaitServing(leader)
	s.await("3/3 up")
	s.keys(ptytest.CtrlQ)
	<-s.term.Exited()
	if err := s.term.Err(); err != nil {
		t.Errorf("the client after ^Q: want exit code 0, got %v", err)
	}
	if s.term.AltScreen() {
		t.Error("the client did not give the screen back")
	}
}

// screen is the binary on a pseudo terminal.
type screen struct {
	t    *testing.T
	term *ptytest.Terminal
}

// open starts the binary on a terminal of 100 columns and 24 rows; it ends with the test.
func (p *person) open(args ...string) *screen { return p.openAt(100, 24, args...) }

// openAt is open on a terminal of another size.
func (p *person) openAt(w, h int, args ...string) *screen {
	p.t.Helper()
	term, err := ptytest.Start(p.command(context.Background(), args...), w, h)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = term.Close() }) // it may have ended
	return &screen{p.t, term}
}

func (s *screen) keys(keys ...string) {
	s.t.Helper()
	if err := s.term.Type(keys...); err != nil {
		s.t.Fatal(err)
	}
}

func (s *screen) await(texts ...string) {
	s.t.Helper()
	if err := s.term.WaitFor(cluster.Patience, texts...); err != nil {
		s.t.Fatal(err)
	}
}

func (s *screen) awaitNot(text string) {
	s.t.Helper()
	gone := func(screen string) bool { return !strings.Contains(screen, text) }
	if err := s.term.Wait(cluster.Patience, gone); err != nil {
		s.t.Fatalf("awaited that %q is gone: %v", text, err)
	}
}

// lines are the numbered messages in view.
func (s *screen) lines() []string {
	return regexp.MustCompile(`line \d\d\.`).FindAllString(s.term.Screen(), -1)
}
