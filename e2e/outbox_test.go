package e2e

import (
	"fmt"
	"syscall"
	"testing"

	"parley/e2e/load"
	"parley/tui/ptytest"
)

// TestOutboxOutlivesEverything writes into the terminal client while every node is down, kills the client, opens it again, and
// only then brings the nodes back: each message is stored once, in the order of writing, under the id that it got at first.
func TestOutboxOutlivesEverything(t *testing.T) {
	t.Parallel()
	c := start(t, 3)
	alice := newPerson(t, "alice", c.Addresses(0))
	load.Account(t, c.Addresses(0), "bob")
	s := alice.open("chat", "@bob")
	s.await("READY", "Message @bob")
	s.keys("before", ptytest.Enter)
	s.await("✓ alice  before")
	for _, n := range c.Nodes {
		n.Kill()
	}
	s.await("OFFLINE")
	want := []string{"before"}
	for i := range 12 {
		text := fmt.Sprintf("line %02d.", i+1)
		want = append(want, text)
		s.keys(text, ptytest.Enter)
	}
	s.await("line 12.", "queue 12")
	s.keys("half a thought")
	s.await("> half a thought")
	s.await("no node answers for 4.") // what is not the outbox is written every two seconds
	if err := s.term.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-s.term.Exited()

	list := alice.rows("outbox", "list")
	if len(list) != 12 || list[0].Text != "line 01." || list[11].Text != "line 12." {
		t.Fatalf("after the kill the outbox has %d messages: %v", len(list), texts(list))
	}
	s = alice.open("chat", "@bob")
	s.await("line 01.", "line 12.", "queue 12", "> half a thought")
	s.keys(ptytest.PageUp)
	s.await("before", "kept on this machine")
	s.keys(ptytest.PageDown)
	for _, n := range c.Nodes {
		n.Start()
	}
	c.AwaitServing(c.Nodes...)
	s.await("READY", "✓        line 12.")
	rs := alice.rows("read", "@bob", "--limit", "100", "--peek")
	wantTexts(t, "what was stored", rs, want...)
	for i, r := range list {
		if got := rs[i+1].RequestID; got != "" && got != r.RequestID {
			t.Errorf("%q was stored under %s, was written as %s", r.Text, got, r.RequestID)
		}
	}
	s.keys(ptytest.CtrlQ)
	<-s.term.Exited()
	if left := alice.rows("outbox", "list"); len(left) > 0 {
		t.Errorf("the outbox still has %v", texts(left))
	}
}
