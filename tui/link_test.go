package tui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"parley/proto/parleyv1"
	"parley/tui/common"
)

// linkState is one row of the table of connection states: what brings it about, and what a person must see of it.
type linkState struct {
	state    common.State
	bring    func(x *harness)
	bar      []string // in the status bar, at every width from 60 on
	composer string   // what the composer's row says; empty: nothing but the conversation's name
	program  tea.ProgramState
}

var linkStates = []linkState{
	{common.StateConnecting, func(x *harness) {
		x.fake.setLink(common.Link{Phase: common.Connecting, Trying: "n1", Attempt: 1, Attempts: 3, Members: members()})
		x.advance(800 * time.Millisecond)
	}, []string{"CONNECTING  n1 (1/3) 800 ms"}, "will queue", tea.ProgramStateWorking},
	{common.StateSyncing, func(x *harness) {
		x.app.c.Link.Sync = common.Sync{Running: true, Done: 214, Total: 900}
	}, []string{"SYNCING  214/900"}, "", tea.ProgramStateWorking},
	{common.StateReady, func(*harness) {}, []string{"READY  n1★ 0 ms", "3/3 up"}, "", tea.ProgramStateIdle},
	{common.StateDegraded, func(x *harness) {
		l := ready("n1", "n1", 7)
		l.Members = members("n1", "n2")
		x.fake.setLink(l)
	}, []string{"READY  n1★ 0 ms", "2/3 up · can lose 0"}, "", tea.ProgramStateIdle},
	{common.StateElection, func(x *harness) {
		x.fake.setLink(common.Link{Phase: common.Electing, Node: "n2", Term: 9, Members: members("n2", "n3")})
		x.advance(1200 * time.Millisecond)
	}, []string{"ELECTION  term 9 · 1.2 s"}, "will queue", tea.ProgramStateWorking},
	{common.StateFailover, func(x *harness) {
		x.fake.setLink(common.Link{Phase: common.FailingOver, Node: "n1", Trying: "n2", Attempt: 2, Attempts: 3,
			NextTry: x.now().Add(400 * time.Millisecond), Members: members("n2", "n3")})
	}, []string{"FAILOVER  n1 → n2 (2/3)", "retry 400 ms"}, "will queue", tea.ProgramStateWorking},
	{common.StateReadOnly, func(x *harness) {
		x.fake.setLink(common.Link{Phase: common.NoQuorum, Node: "n3", Members: members("n3")})
		x.advance(4 * time.Second)
	}, []string{"READ-ONLY  n3: 1 of 3, no quorum"}, "queued until there is a quorum", tea.ProgramStateWorking},
	{common.StateOffline, func(x *harness) {
		x.fake.setLink(common.Link{Phase: common.Offline, Node: "n1", NextTry: x.now().Add(8 * time.Second), Members: members(),
			Err: "dial tcp 127.0.0.1:50051: connect: connection refused"})
	}, []string{"OFFLINE  next try 8.0 s (^R now)"}, "queued until a node answers", tea.ProgramStateError},
	{common.StateDraining, func(x *harness) {
		l := ready("n3", "n3", 8)
		l.Draining = "n2"
		x.fake.setLink(l)
	}, []string{"DRAINING  n2 → n3"}, "", tea.ProgramStateIdle},
	{common.StateAuth, func(x *harness) {
		x.fake.mu.Lock()
		x.fake.fail = common.Failure{Text: "the session was revoked", Auth: true}
		x.fake.mu.Unlock()
		x.keys("alt+3")
	}, []string{"AUTH  the session is over"}, "Your session is over: the session was", tea.ProgramStateBlocked},
	{common.StateVersion, func(x *harness) {
		x.fake.mu.Lock()
		x.fake.fail = common.Failure{Text: "unknown method ListConversations", Version: true}
		x.fake.mu.Unlock()
		x.fake.setLink(common.Link{Phase: common.NoQuorum, Node: "n3", Members: members("n3")}) // its end has the list read anew
		x.see("READ-ONLY")
		x.fake.setLink(ready("n1", "n1", 7))
	}, []string{"VERSION  the nodes do not speak"}, "Upgrade", tea.ProgramStateError},
}

// Every state of the connection, at every size: its word, what it means, what the composer says, what the terminal is told.
func TestFeatureLinkStateShown(t *testing.T) {
	for _, ls := range linkStates {
		for _, size := range [][2]int{{100, 30}, {80, 24}, {60, 20}, {40, 10}} {
			if size[0] == 40 && ls.state != common.StateReadOnly && ls.state != common.StateOffline && ls.state != common.StateDegraded {
				continue
			}
			name := fmt.Sprintf("link_%s_%dx%d", strings.ToLower(ls.state.String()), size[0], size[1])
			t.Run(name, func(t *testing.T) {
				x := start(t, size[0], size[1], deploys)
				x.see("green")
				x.keys("ctrl+k")
				x.typed("bob")
				x.keys("enter")
				x.gone("Go to a room")
				x.see("Message @bob", "2 unread")
				x.await("the round trip", func() bool { return x.app.c.Link.RTT > 0 })
				ls.bring(x)
				x.await(ls.state.String(), func() bool { return x.app.c.Link.State() == ls.state })
				x.see(" " + ls.state.Word() + " ")
				if size[0] >= 60 {
					x.see(ls.bar...)
					if ls.composer != "" {
						x.see(ls.composer)
					}
				}
				x.golden(name)
				rows := strings.Split(x.screen(), "\n")
				if bottom := rows[len(rows)-1]; ls.composer == "" && bottom != "> Message @bob" {
					t.Errorf("the composer says %q where a message goes out at once", bottom)
				}
				if ps := x.app.View().ProgramStatus; ps.State != ls.program || ps.Title != ls.state.Word() {
					t.Errorf("the terminal is told %s %q, want %s %q", ps.State, ps.Title, ls.program, ls.state.Word())
				}
			})
		}
	}
}

// What is written in each state goes where its row of the table says.
func TestComposerByState(t *testing.T) {
	for _, ls := range linkStates {
		t.Run(ls.state.String(), func(t *testing.T) {
			x := start(t, 100, 24, deploys)
			x.open("@bob")
			hold := make(chan struct{})
			x.fake.mu.Lock()
			x.fake.hold = hold
			x.fake.mu.Unlock()
			ls.bring(x)
			x.await(ls.state.String(), func() bool { return x.app.c.Link.State() == ls.state })
			x.typed("hello there")
			if ls.state.Stopped() {
				x.gone("> hello there")
				x.see("nothing can be written now")
				return
			}
			x.keys("enter")
			x.see("hello there")
			want := "· alice  hello there"
			if ls.state.Sends() {
				want = "… alice  hello there"
			}
			x.see(want)
			close(hold)
		})
	}
}

// The bell rings when writing stops and when a node is back after there was none, and never otherwise.
func TestBell(t *testing.T) {
	x := start(t, 100, 24, deploys)
	x.see("Message @")
	rung := func(want int, after string) {
		t.Helper()
		x.await(fmt.Sprintf("%d bells after %s", want, after), func() bool { return x.bells == want })
	}
	x.fake.setLink(common.Link{Phase: common.FailingOver, Node: "n1", Members: members("n2", "n3")})
	x.see("FAILOVER")
	x.fake.setLink(ready("n2", "n2", 8))
	x.see("READY  n2★", "moved n1 → n2")
	rung(0, "a fail-over")
	x.fake.setLink(common.Link{Phase: common.NoQuorum, Node: "n3", Members: members("n3")})
	rung(1, "READ-ONLY")
	x.fake.setLink(common.Link{Phase: common.Offline, Members: members()})
	x.see("OFFLINE")
	x.fake.setLink(ready("n3", "n2", 9))
	rung(2, "OFFLINE to READY")
}

// A node that falls and comes back leaves two rows, and none when that took less than a second.
func TestDownAndUpRows(t *testing.T) {
	x := start(t, 100, 24, deploys)
	x.see("Message @")
	l := ready("n1", "n1", 7)
	l.Members = members("n1", "n2")
	x.fake.setLink(l)
	x.see("─ n3 is down · 2/3 up, can lose 0")
	x.advance(300 * time.Millisecond)
	x.fake.setLink(ready("n1", "n1", 7))
	x.gone("n3 is down")
	x.fake.setLink(l)
	x.see("─ n3 is down")
	x.advance(4 * time.Second)
	x.fake.setLink(ready("n1", "n1", 7))
	x.see("─ n3 is down · 2/3 up, can lose 0", "─ n3 is up again after 4.0 s · 3/3 up")
}

// After a time without a quorum the client says how much of what it missed has come, until all has.
func TestSyncing(t *testing.T) {
	x := start(t, 100, 24, deploys)
	x.see("deploy is green", "Message @")
	x.await("the stream", func() bool { x.fake.mu.Lock(); defer x.fake.mu.Unlock(); return len(x.fake.subs) == 1 })
	x.fake.mu.Lock()
	x.fake.noQuorum = true
	subs := x.fake.subs
	x.fake.subs = nil // the node hears of nothing
	x.fake.mu.Unlock()
	x.fake.setLink(common.Link{Phase: common.NoQuorum, Node: "n3", Members: members("n3")})
	x.see("READ-ONLY")
	for i := range 3 {
		x.fake.add("@bob", "bob", fmt.Sprintf("missed %d", i+1), epoch)
	}
	x.fake.mu.Lock()
	x.fake.noQuorum = false
	missed := x.fake.log[len(x.fake.log)-3:]
	x.fake.mu.Unlock()
	x.fake.setLink(ready("n3", "n2", 9))
	x.see("SYNCING  0/3")
	subs[0] <- missed[0]
	x.see("SYNCING  1/3")
	subs[0] <- missed[1]
	subs[0] <- missed[2]
	x.see("READY  n3")

	x.fake.mu.Lock() // what was missed and deleted again never comes: a heartbeat ends the wait
	x.fake.noQuorum = true
	x.fake.mu.Unlock()
	x.fake.setLink(common.Link{Phase: common.NoQuorum, Node: "n3", Members: members("n3")})
	x.see("READ-ONLY")
	x.fake.add("@bob", "bob", "missed 4", epoch)
	x.fake.mu.Lock()
	x.fake.noQuorum = false
	x.fake.mu.Unlock()
	x.fake.setLink(ready("n3", "n2", 9))
	x.see("SYNCING  0/1")
	subs[0] <- &parleyv1.SubscribeResponse{Frame: &parleyv1.SubscribeResponse_Heartbeat{Heartbeat: &parleyv1.Heartbeat{Cursor: "99"}}}
	x.see("READY  n3")
}

// A refused token leaves what was read on the screen, and Enter leads to the log-in.
func TestBarredThenLogIn(t *testing.T) {
	x := start(t, 100, 24, deploys)
	x.open("@bob")
	x.see("deploy is green")
	x.fake.mu.Lock()
	x.fake.fail = common.Failure{Text: "the session was revoked", Auth: true}
	x.fake.mu.Unlock()
	x.keys("alt+3")
	x.see("AUTH", "Your session is over")
	x.keys("alt+1")
	x.see("deploy is green")
	x.fake.mu.Lock()
	x.fake.fail, x.fake.tok = nil, nil
	x.fake.mu.Unlock()
	x.keys("enter")
	x.see("Create an account", "Your session is over")
	x.typed("correct horse")
	x.keys("enter")
	x.see("READY  n1★", "Message @")
}

// An upgrade of the nodes ends VERSION by itself.
func TestVersionHeals(t *testing.T) {
	x := start(t, 100, 24, func(f *fake) {
		deploys(f)
		f.fail = common.Failure{Text: "unknown method ListConversations", Version: true}
	})
	x.see("VERSION", "Upgrade the")
	x.fake.mu.Lock()
	x.fake.fail = nil
	x.fake.mu.Unlock()
	x.see("READY  n1★", "Message @")
	x.gone("Upgrade")
}
