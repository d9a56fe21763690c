package e2e

import (
	"fmt"
	"syscall"
	"testing"

	"parley/e2e/cluster"
	"parley/tui/ptytest"
)

// TestPlainOutboxOverCrash types into the client without a screen while no node runs, kills it with SIGKILL, starts it again, and
// brings the nodes up: each message is stored once, in the order of writing, and what the terminal says is whole lines (P1, P5).
func TestPlainOutboxOverCrash(t *testing.T) {
	t.Parallel()
	c := start(t, 3)
	alice := newPerson(t, "alice", c.Addresses(0))
	newPerson(t, "bob", c.Addresses(1))
	s := alice.open("chat", "--plain", "@bob")
	s.await("logged in as alice", "link: READY, 3 of 3 nodes up", "@bob>")
	s.keys("before", ptytest.Enter)
	s.await("you, committed: before")
	for _, n := range c.Nodes {
		n.Kill()
	}
	s.await("what you write is queued")
	want := []string{"before"}
	for i := range 5 {
		text := fmt.Sprintf("waits %d", i+1)
		want = append(want, text)
		s.keys(text, ptytest.Enter)
		s.await(": " + text)
	}
	s.keys("half a thought")
	if err := s.term.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-s.term.Exited()

	s = alice.open("chat", "--plain", "@bob")
	s.await("outbox: 5 messages are of an earlier time here")
	for _, n := range c.Nodes {
		n.Start()
	}
	c.AwaitServing(c.Nodes...)
	s.await("you, committed: waits 5")
	cluster.Await(t, cluster.Patience, "the messages to be stored", func() error {
		if got := len(alice.rows("read", "@bob", "--peek")); got < len(want) {
			return fmt.Errorf("%d of %d", got, len(want))
		}
		return nil
	})
	for _, n := range c.Nodes {
		wantTexts(t, "what was stored, through "+n.Name, alice.through(n).rows("read", "@bob", "--peek"), want...)
	}
	s.keys("/quit", ptytest.Enter)
	<-s.term.Exited()
	if err := s.term.Err(); err != nil {
		t.Errorf("the client after /quit: want exit code 0, got %v", err)
	}
	s = alice.open("chat", "--plain", "@bob")
	s.await("you, committed: waits 5", "@bob>")
	s.keys("/status", ptytest.Enter)
	s.await("outbox: 0 messages")
}
