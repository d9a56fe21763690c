package e2e

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"parley/e2e/cluster"
	"parley/e2e/load"
	"parley/proto/parleyv1"
)

// TestSeed is what a user of the first version could do, through the binary, each step through another node (P3).
func TestSeed(t *testing.T) {
	t.Parallel()
	c := start(t, 3)
	n1, n2, n3 := c.Nodes[0], c.Nodes[1], c.Nodes[2]
	all := c.Addresses(0)

	t.Run("accounts", func(t *testing.T) {
		p := newPerson(t, "ada", all)
		if who := p.through(n2).rows("whoami"); len(who) != 1 || who[0].Username != "ada" {
			t.Errorf("whoami: want ada, got %v", who)
		}
		p.through(n3).exits(exitFailed, "account", "create", "ada")
		p.through(n3).exits(exitFailed, "account", "create", "ADA") // one name, whatever its case
		p.exits(exitUsage, "account", "create")
		bad := *p
		bad.state = t.TempDir()
		bad.exits(exitDenied, "login", "--user", "nobody-of-that-name")
		bad.exits(exitDenied, "whoami")
		p.through(n2).ok("logout")
		p.through(n3).exits(exitDenied, "whoami")
		p.through(n3).ok("login", "--user", "ada")
		p.through(n1).ok("whoami")
	})

	t.Run("list users by wildcard", func(t *testing.T) {
		p := newPerson(t, "list.a", all)
		newPerson(t, "list.b", c.Addresses(1))
		newPerson(t, "list_bb", c.Addresses(2))
		for glob, want := range map[string]string{
			"list.*": "list.a list.b", "list?b*": "list.b list_bb", "list??": "list.a list.b", "list[ab]": "", "*_bb": "list_bb",
		} {
			for _, n := range c.Nodes {
				var names []string
				for _, r := range p.through(n).rows("users", glob) {
					names = append(names, r.Username)
				}
				if got := strings.Join(names, " "); got != want {
					t.Errorf("users %s through %s: want %q, got %q", glob, n.Name, want, got)
				}
			}
		}
	})

	t.Run("send, read, unread, limit", func(t *testing.T) {
		a, b := newPerson(t, "sr.a", all), newPerson(t, "sr.b", all)
		for i := 1; i <= 5; i++ {
			r := a.through(c.Nodes[i%3]).send("@sr.b", fmt.Sprintf("m%d", i))
			if r.Conversation != "@sr.b" || r.Seq != uint64(i) || r.ID == 0 || r.RequestID == "" {
				t.Errorf("send %d: got %+v", i, r)
			}
		}
		wantTexts(t, "read --limit 2 is the newest two", b.through(n1).rows("read", "@sr.a", "--limit", "2", "--peek"), "m4", "m5")
		wantTexts(t, "read --unread --limit 2 is the oldest two",
			b.through(n2).rows("read", "@sr.a", "--unread", "--limit", "2"), "m1", "m2")
		wantTexts(t, "what was printed is read, the rest is not", b.through(n3).rows("read", "@sr.a", "--unread"), "m3", "m4", "m5")
		wantTexts(t, "nothing is unread", b.through(n1).rows("read", "@sr.a", "--unread"))
		b.through(n2).send("@sr.a", "answer")
		rs := a.through(n3).rows("read", "@sr.b")
		wantTexts(t, "both sides, oldest first", rs, "m1", "m2", "m3", "m4", "m5", "answer")
		if last := rs[len(rs)-1]; last.Sender != "sr.b" || last.Seq != 6 || !last.Unread {
			t.Errorf("the answer: got %+v", last)
		}
		wantTexts(t, "--before pages back", a.rows("read", "@sr.b", "--before", fmt.Sprint(rs[2].ID)), "m1", "m2")
		a.exits(exitNotFound, "send", "@nobody-of-that-name", "hi")
		a.exits(exitUsage, "send", "@sr.b", "bell \a")
	})

	t.Run("exactly once", func(t *testing.T) {
		a := newPerson(t, "eo.a", all)
		b := newPerson(t, "eo.b", all)
		id := uuid.NewString()
		first := a.through(n1).send("@eo.b", "once", "--request-id", id)
		for _, n := range c.Nodes {
			if again := a.through(n).send("@eo.b", "once", "--request-id", id); again.ID != first.ID || again.Seq != first.Seq {
				t.Errorf("again through %s: want the first answer %+v, got %+v", n.Name, first, again)
			}
		}
		a.exits(exitFailed, "send", "@eo.b", "another text", "--request-id", id)
		wantTexts(t, "it took effect once", b.rows("read", "@eo.a"), "once")
	})

	t.Run("delete messages", func(t *testing.T) {
		a, b := newPerson(t, "dm.a", all), newPerson(t, "dm.b", all)
		var rs []row
		for i := range 4 {
			rs = append(rs, a.send("@dm.b", fmt.Sprintf("d%d", i)))
		}
		ids := sprintIDs(rs)
		b.through(n2).ok("delete", ids[0])         // for b alone
		a.through(n3).ok("delete", ids[1], ids[2]) // for everyone
		wantTexts(t, "the author still has what the receiver deleted", visible(a.through(n1).rows("read", "@dm.b")), "d0", "d3")
		wantTexts(t, "the receiver has neither", visible(b.through(n1).rows("read", "@dm.a", "--peek")), "d3")
		wantTexts(t, "deleted ones are not unread", b.through(n3).rows("read", "@dm.a", "--unread"), "d3")
		c3 := newPerson(t, "dm.c", all)
		c3.exits(exitNotFound, "delete", ids[3])
		wantTexts(t, "a stranger deletes nothing", visible(a.rows("read", "@dm.b")), "d0", "d3")
	})

	t.Run("delete account", func(t *testing.T) {
		a, b := newPerson(t, "da.a", all), newPerson(t, "da.b", all)
		a.send("@da.b", "from the one who leaves")
		b.send("@da.a", "from the one who stays")
		a.through(n2).ok("account", "delete", "--yes")
		a.through(n3).exits(exitDenied, "whoami")
		a.through(n1).exits(exitDenied, "login", "--user", "da.a")
		a.through(n1).exits(exitFailed, "account", "create", "da.a") // the name stays reserved
		for _, n := range c.Nodes {
			wantTexts(t, "what stays, through "+n.Name, visible(b.through(n).rows("read", "@da.a", "--peek")), "from the one who stays")
		}
	})

	t.Run("live push", func(t *testing.T) {
		a, b := newPerson(t, "lp.a", all), newPerson(t, "lp.b", all)
		tail := b.through(n3).follow("tail", "@lp.a", "-o", "json")
		// tail follows from now on: what is sent before it stands may be missed, so send until it shows something.
		sent := 0
		var first row
		cluster.Await(t, cluster.Patience, "the first message in the tail", func() error {
			sent++
			a.through(n1).send("@lp.b", fmt.Sprintf("p%d", sent))
			var ok bool
			if first, ok = tail.next(); !ok {
				return cluster.ErrNotYet
			}
			return nil
		})
		for range 3 {
			sent++
			a.through(n2).send("@lp.b", fmt.Sprintf("p%d", sent))
		}
		want := first.Seq
		for want < uint64(sent) {
			want++
			r := tail.await()
			if r.Seq != want || r.Text != fmt.Sprintf("p%d", want) || r.Sender != "lp.a" || r.Cursor == "" {
				t.Fatalf("tail: want seq %d, got %+v", want, r)
			}
		}
		// A second tail from the first one's cursor shows the same, without a gap or a repetition.
		again := b.through(n2).follow("tail", "@lp.a", "--from", first.Cursor, "-o", "json")
		for seq := first.Seq + 1; seq <= uint64(sent); seq++ {
			if r := again.await(); r.Seq != seq {
				t.Fatalf("tail --from: want seq %d, got %+v", seq, r)
			}
		}
	})

	t.Run("unread counts", func(t *testing.T) {
		a := load.Account(t, all, "uc.a")
		b := load.Account(t, all, "uc.b")
		ctx, cancel := context.WithTimeout(context.Background(), cliTimeout)
		defer cancel()
		for i := range 7 {
			if _, err := a.SendMessage(ctx, &parleyv1.SendMessageRequest{Conversation: "@uc.b", Text: fmt.Sprint(i)}); err != nil {
				t.Fatal(err)
			}
		}
		wantUnread := func(when string, want uint64) {
			t.Helper()
			for _, n := range c.Nodes {
				d, err := n.Direct(b.Token())
				if err != nil {
					t.Fatal(err)
				}
				cs, err := d.Chat.ListConversations(d.Context(ctx), &parleyv1.ListConversationsRequest{})
				d.Close()
				if err != nil {
					t.Fatal(err)
				}
				if len(cs.GetConversations()) != 1 || cs.GetConversations()[0].GetUnread() != want {
					t.Errorf("%s, through %s: want one conversation with %d unread, got %v", when, n.Name, want, cs.GetConversations())
				}
			}
		}
		wantUnread("before reading", 7)
		mark := func(from, to uint64) {
			t.Helper()
			if _, err := b.MarkRead(ctx, &parleyv1.MarkReadRequest{
				Ranges: []*parleyv1.ReadRange{{Conversation: "@uc.a", FromSeq: from, ToSeq: to}},
			}); err != nil {
				t.Fatal(err)
			}
		}
		mark(6, 7)
		wantUnread("after reading the newest two", 5)
		mark(1, 2)
		wantUnread("after reading the oldest two", 3)
		mark(1, 7)
		wantUnread("after reading all", 0)
	})

	t.Run("state survives a restart of all", func(t *testing.T) {
		a, b := newPerson(t, "pr.a", all), newPerson(t, "pr.b", all)
		a.send("@pr.b", "one")
		b.rows("read", "@pr.a")
		a.send("@pr.b", "two")
		for _, n := range c.Nodes {
			n.Kill()
		}
		for _, n := range c.Nodes {
			n.Start()
		}
		c.AwaitServing(c.Nodes...)
		for _, n := range c.Nodes {
			// The same session, without a second login (P5).
			wantTexts(t, "unread after the restart, through "+n.Name, b.through(n).rows("read", "@pr.a", "--unread", "--peek"), "two")
			wantTexts(t, "history after the restart, through "+n.Name, b.through(n).rows("read", "@pr.a", "--peek"), "one", "two")
		}
		load.VerifyHashes(t, c)
	})
}

// visible leaves out placeholders of deleted messages.
func visible(rs []row) []row {
	return slices.DeleteFunc(rs, func(r row) bool { return r.Text == "" })
}

// following is a running `parley tail`.
type following struct {
	t     *testing.T
	lines chan row
}

// follow starts the binary and reads its lines until the test ends.
func (p *person) follow(args ...string) *following {
	p.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := p.command(ctx, args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	f := &following{t: p.t, lines: make(chan row, 1024)}
	done := make(chan struct{})
	// Owned by the test: ends when the process does, and touches the channel only.
	go func() {
		defer close(done)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			for _, r := range parseRows(p.t, lines.Text()) {
				f.lines <- r
			}
		}
	}()
	p.t.Cleanup(func() {
		cancel()
		<-done
		_ = cmd.Wait() // it was killed
	})
	return f
}

// next returns a line if there is one.
func (f *following) next() (row, bool) {
	select {
	case r := <-f.lines:
		return r, true
	default:
		return row{}, false
	}
}

// await waits for the next line.
func (f *following) await() row {
	f.t.Helper()
	var got row
	cluster.Await(f.t, cluster.Patience, "the next line of the tail", func() error {
		var ok bool
		if got, ok = f.next(); !ok {
			return cluster.ErrNotYet
		}
		return nil
	})
	return got
}
