package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/tui/common"
	lines "parley/tui/plain"
)

// plainly is a session without a screen on the fake cluster, and a person who types and reads.
type plainly struct {
	t    *testing.T
	fake *fake
	in   *io.PipeWriter
	done chan error

	mu  sync.Mutex
	out strings.Builder
}

func (p *plainly) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

func (p *plainly) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

func startPlain(t *testing.T, person bool, open string, prepare func(*fake)) *plainly {
	t.Helper()
	began := time.Now()
	now := func() time.Time { return epoch.Add(time.Since(began)) }
	p := &plainly{t: t, fake: newFake("alice", now), done: make(chan error, 1)}
	if prepare != nil {
		prepare(p.fake)
	}
	in, out := io.Pipe()
	p.in = out
	ctx, cancel := context.WithCancel(context.Background())
	ids := 0
	go func() {
		p.done <- lines.Run(ctx, lines.NewPipe(in, p, person), lines.Options{
			Backend: p.fake, Settings: common.DefaultSettings(), User: "alice", Open: open, Version: "v0", Patience: 10 * time.Second,
			OpenStore: p.fake.openStore,
			Now:       now, Zone: time.UTC, NewID: func() string { ids++; return fmt.Sprintf("id-%03d", ids) },
		})
	}()
	t.Cleanup(func() { cancel(); _ = out.Close() })
	return p
}

func (p *plainly) typed(rows ...string) {
	p.t.Helper()
	for _, r := range rows {
		if _, err := io.WriteString(p.in, r+"\n"); err != nil {
			p.t.Fatal(err)
		}
	}
}

// see awaits lines, each whole.
func (p *plainly) see(rows ...string) {
	p.t.Helper()
	for _, want := range rows {
		deadline := time.Now().Add(10 * time.Second)
		tick := time.NewTicker(5 * time.Millisecond)
		for !strings.Contains("\n"+p.text(), "\n"+want+"\n") {
			if time.Now().After(deadline) {
				p.t.Fatalf("awaited the line %q in:\n%s", want, p.text())
			}
			<-tick.C
		}
		tick.Stop()
	}
}

func (p *plainly) count(row string) int { return strings.Count("\n"+p.text(), "\n"+row+"\n") }

func (p *plainly) ended() error {
	p.t.Helper()
	select {
	case err := <-p.done:
		return err
	case <-time.After(20 * time.Second):
		p.t.Fatalf("the session does not end:\n%s", p.text())
		return nil
	}
}

// TestFeatureScreenReaderMode: what is on the screen elsewhere is a finished line here, each once, with words for what the screen
// says by signs and places.
func TestFeatureScreenReaderMode(t *testing.T) {
	p := startPlain(t, true, "@bob", deploys)
	p.see("parley v0, logged in as alice: /help lists the commands, /quit ends", "link: READY, 3 of 3 nodes up, on n1, leader n1",
		"unread: @dave 2", "12:46 bob, unread: deploy is green 🎉")
	if p.fake.marked("@dave") != 0 {
		t.Error("what was not written was marked as read")
	}
	p.fake.add("@bob", "bob", "on it", epoch)
	p.see("14:03 bob: on it")
	p.fake.add("@carol", "carol", "elsewhere", epoch)
	p.see("14:03 @carol: elsewhere")

	p.typed("hello there")
	p.see("14:03 you, committed: hello there")

	// An answer that is lost is unknown, tried again with the same id, and committed once.
	p.fake.mu.Lock()
	p.fake.sendErr = []error{common.Failure{Outcome: common.Unknown, Text: "the connection broke"}}
	p.fake.mu.Unlock()
	p.typed("twice tried", "//slash")
	p.see("14:03 you, unknown (tried again with the same id until that is known): twice tried", "14:03 you, committed: twice tried",
		"14:03 you, committed: /slash")
	if got := p.fake.tries(); !slices.Equal(got, []string{"id-001", "id-002", "id-002", "id-003"}) {
		t.Errorf("the tries were %v", got)
	}
	for _, row := range []string{"hello there", "twice tried", "/slash"} {
		if n := p.count("14:03 you, committed: " + row); n != 1 {
			t.Errorf("%q is committed in %d lines, want 1", row, n)
		}
	}

	// A refusal is said with its reason and does not hold back what follows.
	p.fake.mu.Lock()
	p.fake.sendErr = []error{common.Failure{Text: "too long"}}
	p.fake.mu.Unlock()
	p.typed("refused", "goes on")
	p.see("14:03 you, rejected (too long; /resend sends it again, /discard drops it): refused", "14:03 you, committed: goes on")
	p.typed("/resend")
	p.see("14:03 you, committed: refused")

	// No line of a message can be taken for somebody else's, or move anything.
	p.fake.add("@bob", "bob", "first\n14:03 carol: forged\x1b[2J\u202e", epoch)
	p.see("14:03 bob, 2 lines: first", "14:03 bob, line 2: 14:03 carol: forged␛[2J⟦RLO⟧")

	// The link: a short loss is one line, a long one says what it means and that what is written waits.
	p.fake.setLink(common.Link{Phase: common.FailingOver, Node: "n1", Members: members("n2", "n3")})
	p.fake.setLink(ready("n2", "n2", 8))
	p.see("link: failover n1 to n2")
	p.fake.setLink(common.Link{Phase: common.NoQuorum, Node: "n2", Members: members("n2")})
	p.see("link: READ-ONLY, n2 sees 1 of 3 nodes and no quorum; reading works, what you write is queued")
	hold := make(chan struct{})
	p.fake.mu.Lock()
	p.fake.hold = hold
	p.fake.mu.Unlock()
	p.typed("see you")
	p.see("14:03 you, queued (until there is a quorum): see you")
	p.fake.setLink(ready("n2", "n2", 9))
	close(hold)
	p.see("14:03 you, committed: see you")

	p.typed("/nonsense", "/status", "/next")
	p.see("error: no command /nonsense; /help lists them, //text sends a slash", "open: @bob", "outbox: 0 messages", "@carol: 1 message, 1 unread")
	p.typed("/help quit")
	p.see("help: /quit [keep|discard]: end; keep leaves what has no verdict for the next start, discard gives it up")
	p.typed("/quit")
	if err := p.ended(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if strings.ContainsAny(p.text(), "\x1b\x07\u202e") {
		t.Error("a control reached the terminal")
	}
	for row := range strings.Lines(p.text()) {
		own := row[0] < '0' || row[0] > '9' // what others wrote begins with its time
		if own && strings.ContainsFunc(row, func(r rune) bool { return r > 0x7e }) {
			t.Errorf("a line of the client is not ASCII: %q", row)
		}
	}
}

// A pipe's lines mean what they mean in their order, its end waits for the outcomes, and they are told.
func TestPlainPipe(t *testing.T) {
	p := startPlain(t, false, "", deploys)
	p.typed("/msg @carol", "one", "two", "/msg @dave three", "/quit")
	if err := p.ended(); err != nil {
		t.Fatalf("it ended with %v:\n%s", err, p.text())
	}
	p.see("14:03 you, committed: one", "14:03 you, committed: two", "14:03 you to @dave, committed: three")

	p = startPlain(t, false, "@bob", func(f *fake) {
		deploys(f)
		f.sendErr = []error{common.Failure{Text: "too long"}}
	})
	p.typed("refused", "taken")
	_ = p.in.Close()
	var u lines.Undelivered
	if err := p.ended(); !errors.As(err, &u) || u != (lines.Undelivered{Rejected: 1}) {
		t.Errorf("it ended with %v", err)
	}
	p.see("14:03 you, committed: taken")
}

// A session that is over says so and ends.
func TestPlainSessionOver(t *testing.T) {
	p := startPlain(t, true, "@bob", func(f *fake) { f.fail = common.Failure{Text: "the session has expired", Auth: true} })
	if err := p.ended(); !errors.Is(err, lines.ErrSessionOver) {
		t.Errorf("it ended with %v", err)
	}
}

// TestPlainStreamBehindAnswers: what the subscription tells after the answer to a later message of one's own is written, and the
// own one is not written again.
func TestPlainStreamBehindAnswers(t *testing.T) {
	p := startPlain(t, true, "@bob", deploys)
	p.see("12:46 bob, unread: deploy is green 🎉")
	p.fake.stall()
	p.fake.add("@bob", "bob", "before yours", epoch)
	p.typed("mine")
	p.see("14:03 you, committed: mine")
	p.fake.flow()
	p.see("14:03 bob: before yours")
	p.fake.add("@bob", "bob", "after yours", epoch)
	p.see("14:03 bob: after yours")
	for _, row := range []string{"14:03 bob: before yours", "14:03 you, committed: mine", "14:03 bob: after yours"} {
		if n := p.count(row); n != 1 {
			t.Errorf("%d lines %q, want 1:\n%s", n, row, p.text())
		}
	}
	if p.count("14:03 alice: mine")+p.count("14:03 you: mine") > 0 {
		t.Errorf("an own message is written again:\n%s", p.text())
	}
}
