package tui

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/tui/common"
)

// long fills a conversation with numbered messages.
func long(n int) func(*fake) {
	return func(f *fake) {
		for i := 1; i <= n; i++ {
			m := f.store("@bob", "bob", fmt.Sprintf("message %03d", i), "", epoch.Add(time.Duration(i-n)*time.Minute))
			m.Unread = false
		}
	}
}

// messageRows are the rows of the screen that show a numbered message.
func messageRows(screen string) (rows []string) {
	for r := range strings.Lines(screen) {
		if i := strings.Index(r, "message "); i >= 0 {
			rows = append(rows, r[i:i+len("message 000")])
		}
	}
	return rows
}

// The promise of the whole client: a node dies, and the reader keeps the draft, the place in the text and the message that
// was on its way, which takes effect once, under one request id.
func TestFailoverKeepsDraftScrollAndSendInFlight(t *testing.T) {
	x := start(t, 100, 24, long(120))
	x.see("message 120", "READY  n1★")

	hold := make(chan struct{})
	x.fake.mu.Lock()
	x.fake.hold, x.fake.lostAck = hold, 1 // the first try happens, and its answer dies with the node
	x.fake.mu.Unlock()
	x.typed("on it")
	x.keys("enter")
	x.see("… alice  on it")
	x.await("the first try", func() bool { return len(x.fake.tries()) == 1 })

	x.keys("pgup")
	x.typed("half a thou")
	before := messageRows(x.screen())

	x.fake.setLink(common.Link{Phase: common.FailingOver, Node: "n1", Members: members("n2", "n3")})
	x.see("FAILOVER  n1 → next node")
	x.advance(80 * time.Millisecond)
	x.fake.setLink(ready("n2", "n2", 8))
	x.see("READY  n2★")

	if after := messageRows(x.screen()); !slices.Equal(before, after) {
		t.Errorf("the reader was moved\nbefore: %v\nafter:  %v", before, after)
	}
	if !strings.Contains(x.screen(), "> half a thou") {
		t.Errorf("the draft is gone:\n%s", x.screen())
	}
	x.typed("ght")
	x.see("> half a thought")

	close(hold)
	x.await("a second try", func() bool { return len(x.fake.tries()) >= 1 && x.app.c.Link.Node == "n2" })
	x.keys("ctrl+c") // clears the draft, so that End goes to the timeline
	x.keys("end")
	x.see("✓ alice  on it", "moved n1 → n2 in 80 ms · 1 re-sent · 0 lost")
	ids := slices.Compact(x.fake.tries())
	if len(ids) != 1 {
		t.Errorf("one message was tried under %d request ids: %v", len(ids), ids)
	}
	if n := strings.Count(x.screen(), "on it"); n != 1 {
		t.Errorf("the message is drawn %d times:\n%s", n, x.screen())
	}
}

// An unknown outcome is shown as such and tried again with the same id until there is an answer.
func TestUnknownIsRetriedWithTheSameID(t *testing.T) {
	x := start(t, 100, 24, deploys)
	unknown := common.Failure{Outcome: common.Unknown, Text: "the connection broke"}
	refused := common.Failure{Outcome: common.NotApplied, Text: "no quorum"}
	x.fake.mu.Lock()
	x.fake.sendErr = []error{unknown, refused, nil}
	x.fake.mu.Unlock()
	x.open("@bob")
	x.typed("restart n1")
	x.keys("enter")
	x.see("? alice  restart n1", "outcome unknown, trying again with the same id")
	x.await("three tries", func() bool {
		if s := x.screen(); strings.Contains(s, "✗ alice") || strings.Contains(s, "· alice  restart") {
			t.Fatalf("a message in doubt was shown as failed or queued:\n%s", s)
		}
		return len(x.fake.tries()) == 3
	})
	x.see("✓ alice  restart n1")
	if ids := slices.Compact(x.fake.tries()); len(ids) != 1 {
		t.Errorf("request ids of one message: %v", ids)
	}
}

// After a doubt, a refusal does not prove that the earlier try did nothing: the message stays unknown until it is known.
func TestRefusalAfterDoubtStaysUnknown(t *testing.T) {
	x := start(t, 100, 24, deploys)
	x.open("@bob")
	x.fake.mu.Lock()
	x.fake.sendErr = []error{common.Failure{Outcome: common.Unknown, Text: "lost"}, common.Failure{Text: "too many"}}
	x.fake.mu.Unlock()
	x.typed("hm")
	x.keys("enter")
	x.see("? alice  hm", "an earlier try may have worked", "refused: too many")
	x.keys("up", "alt+r")
	x.see("✓ alice  hm")
	if ids := slices.Compact(x.fake.tries()); len(ids) != 1 {
		t.Errorf("request ids of one message: %v", ids)
	}
}

// Messages of one conversation go one at a time, in order; a failed one lets the later ones pass.
func TestSendOrderAndFailure(t *testing.T) {
	x := start(t, 100, 24, deploys)
	x.open("@bob")
	hold := make(chan struct{})
	x.fake.mu.Lock()
	x.fake.hold, x.fake.sendErr = hold, []error{common.Failure{Text: "too long", Hint: "shorten it"}}
	x.fake.mu.Unlock()
	for _, s := range []string{"one", "two", "three"} {
		x.typed(s)
		x.keys("enter")
	}
	x.see("… alice  one", "·        two", "·        three", "queue 3")
	x.await("the first try", func() bool { return len(x.fake.tries()) == 1 })
	close(hold)
	x.see("✗ alice  one", "rejected: too long (shorten it)", "✓ alice  two", "✓        three")
	x.golden("sends_100x24")

	x.keys("up", "g", "G", "x") // the failed one stands last
	x.gone("✗ alice  one")
}

// Without a quorum nothing is lost: messages wait, reads come from the node alone and say how old they are, and all of it
// heals when the quorum is back.
func TestReadOnlyAndBack(t *testing.T) {
	x := start(t, 100, 24, func(f *fake) {
		deploys(f)
		f.noQuorum = true
		f.link = common.Link{Phase: common.NoQuorum, Node: "n3", Members: members("n3"), Since: epoch.Add(-time.Minute)}
	})
	x.see("READ-ONLY  n3: 1 of 3, no quorum", "data as of 14:03:12", "deploy is green")
	x.fake.mu.Lock()
	x.fake.sendErr = []error{common.Failure{Outcome: common.NotApplied, Text: "no quorum"}}
	x.fake.mu.Unlock()
	x.typed("still here")
	x.keys("enter")
	x.see("· alice  still here", "queued")

	x.fake.mu.Lock()
	x.fake.noQuorum = false
	x.fake.mu.Unlock()
	x.fake.setLink(ready("n3", "n2", 9))
	x.see("READY  n3 · leader n2★", "✓ alice  still here")
	x.gone("as of")
	if ids := slices.Compact(x.fake.tries()); len(ids) != 1 {
		t.Errorf("request ids of one message: %v", ids)
	}
}

// A leader that changes under a node that stays is told in one row.
func TestLeaderChangeRow(t *testing.T) {
	x := start(t, 100, 24, deploys)
	x.see("Message @")
	x.fake.setLink(ready("n1", "n3", 9))
	x.see("leader n1 → n3 (term 9)", "READY  n1 · leader n3★")
}

// The library learns the new leader's name a moment after its node serves again: one death is one row.
func TestLateLeaderJoinsTheRow(t *testing.T) {
	x := start(t, 100, 24, func(f *fake) { deploys(f); f.link = ready("n1", "n3", 7) })
	x.see("Message @")
	x.fake.setLink(common.Link{Phase: common.Electing, Node: "n1", Members: members("n1", "n2")})
	x.see("ELECTION")
	x.advance(8 * time.Millisecond)
	x.fake.setLink(ready("n1", "n3", 7))
	x.see("back on n1 in 8 ms · 0 re-sent · 0 lost")
	x.advance(time.Second)
	x.fake.setLink(ready("n1", "n2", 8))
	x.see("leader n3 → n2 (term 8) in 8 ms · 0 re-sent · 0 lost")
	x.gone("back on n1")
}

// A death that shakes the link twice is one row too, from its begin to its end.
func TestShakyMoveIsOneRow(t *testing.T) {
	x := start(t, 100, 24, deploys)
	x.see("Message @")
	x.fake.setLink(common.Link{Phase: common.FailingOver, Node: "n1", Members: members("n2", "n3")})
	x.see("FAILOVER")
	x.advance(10 * time.Millisecond)
	x.fake.setLink(ready("n2", "n1", 7))
	x.see("moved n1 → n2 in 10 ms")
	x.advance(10 * time.Millisecond)
	x.fake.setLink(common.Link{Phase: common.Electing, Node: "n2", Members: members("n2", "n3")})
	x.see("ELECTION")
	x.advance(30 * time.Millisecond)
	x.fake.setLink(ready("n2", "n3", 8))
	x.see("moved n1 → n2 in 50 ms · leader n1 → n3 (term 8) · 0 re-sent · 0 lost")
	if n := strings.Count(x.screen(), "14:03 ─"); n != 1 {
		t.Errorf("one fail-over is told in %d rows:\n%s", n, x.screen())
	}
}

// A node that was just taken has no name for a moment: the row still tells from where to where, and not that we are back.
func TestMoveToANodeWithoutAName(t *testing.T) {
	x := start(t, 100, 24, deploys)
	x.open("@bob")
	x.see("READY  n1★")
	x.fake.setLink(common.Link{Phase: common.FailingOver, Node: "n1", Members: members("n2", "n3")})
	x.see("FAILOVER")
	x.fake.setLink(ready("n1", "n1", 7)) // it still answers for a moment
	x.see("back on n1")
	nameless := ready("", "", 7)
	nameless.Address = "127.0.0.1:50052"
	x.fake.setLink(nameless)
	x.gone("READY  n1★")
	x.fake.setLink(ready("n2", "n2", 8))
	x.see("READY  n2★", "moved n1 → n2")
	x.gone("back on n1")
}

// What was said while there was no node stands above how it ended.
func TestOfflineAndBack(t *testing.T) {
	x := start(t, 100, 24, deploys)
	x.see("Message @")
	x.fake.setLink(ready("n2", "n2", 8))
	x.see("moved n1 → n2 at once · 0 re-sent · 0 lost")
	hold := make(chan struct{})
	x.fake.mu.Lock()
	x.fake.hold, x.fake.lostAck = hold, 1
	x.fake.mu.Unlock()
	x.typed("anybody?")
	x.keys("enter")
	x.await("the first try", func() bool { return len(x.fake.tries()) == 1 })
	x.fake.setLink(common.Link{Phase: common.Offline, Node: "n2", Members: members()})
	x.see("OFFLINE", "no node answers; what you write is queued")
	close(hold) // the row of the move counts it, while the trouble is not over
	x.see(" ─ moved n1 → n2 at once · 1 re-sent · 0 lost")
	if strings.Contains(x.screen(), "quorum is back") {
		t.Errorf("the end of the trouble is told before it ended:\n%s", x.screen())
	}
	x.advance(3 * time.Second)
	x.fake.setLink(ready("n2", "n3", 9))
	x.see("quorum is back: moved n1 → n2")
	s := x.screen()
	if strings.Index(s, "no node answers") > strings.Index(s, "quorum is back") || strings.Count(s, "moved n1") != 1 {
		t.Errorf("the end of the trouble stands above it:\n%s", s)
	}
}

// A subscription that was reset reads anew and shows each message once; what waits and the draft stay.
func TestResetReloads(t *testing.T) {
	x := start(t, 100, 24, deploys)
	x.open("@bob")
	x.see("deploy is green")
	x.typed("draft")
	x.await("the stream", func() bool { x.fake.mu.Lock(); defer x.fake.mu.Unlock(); return len(x.fake.subs) == 1 })
	x.fake.mu.Lock()
	x.fake.store("@bob", "bob", "while you were away", "", epoch)
	for _, s := range x.fake.subs {
		s <- resetFrame("history was cut")
	}
	x.fake.mu.Unlock()
	x.see("while you were away", "> draft")
	if n := strings.Count(x.screen(), "deploy is green"); n != 1 {
		t.Errorf("a message is drawn %d times:\n%s", n, x.screen())
	}
}

// A stream that ends by itself is opened again from where it was.
func TestStreamIsReopened(t *testing.T) {
	x := start(t, 100, 24, deploys)
	x.see("Message @")
	x.await("the first stream", func() bool { x.fake.mu.Lock(); defer x.fake.mu.Unlock(); return len(x.fake.subs) == 1 })
	x.fake.mu.Lock()
	close(x.fake.subs[0])
	x.fake.subs = nil
	x.fake.mu.Unlock()
	x.await("a new stream", func() bool { x.fake.mu.Lock(); defer x.fake.mu.Unlock(); return len(x.fake.subs) == 1 })
	x.fake.add("@dave", "dave", "back again", epoch)
	x.see("@dave          3")
}
