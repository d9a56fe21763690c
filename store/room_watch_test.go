package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"parley/proto/internalv1"
	"parley/proto/parleyv1"
)

// roomEventLine says in a line what an event tells.
func roomEventLine(e *parleyv1.Event) string {
	switch c := e.GetChange().(type) {
	case *parleyv1.Event_Message:
		line := lineOf(c.Message)
		if c.Message.GetMentionsMe() {
			line += " mentions me"
		}
		if c.Message.GetRequestId() != "" {
			line += " mine"
		}
		return line
	case *parleyv1.Event_MessageDeleted:
		return fmt.Sprintf("deleted %s %d %v", c.MessageDeleted.GetConversation(), c.MessageDeleted.GetSeq(), c.MessageDeleted.GetOnlyForMe())
	case *parleyv1.Event_ReadMarked:
		return fmt.Sprintf("read %s %d, %d unread", c.ReadMarked.GetConversation(), c.ReadMarked.GetReadSeq(), c.ReadMarked.GetUnread())
	case *parleyv1.Event_UserDeleted:
		return fmt.Sprintf("gone %s in %s", c.UserDeleted.GetUsername(), c.UserDeleted.GetConversation())
	case *parleyv1.Event_RoomChanged:
		return fmt.Sprintf("room %s was %q by %s", roomLine(c.RoomChanged.GetRoom()), c.RoomChanged.GetOldName(), c.RoomChanged.GetUsername())
	case *parleyv1.Event_MembershipChanged:
		m := c.MembershipChanged
		line := fmt.Sprintf("%s in %s: %s by %s", m.GetUsername(), m.GetConversation(), rankWord(m.GetMembership()), m.GetBy())
		if m.GetMe() {
			line += ", me"
		}
		return line
	}
	return "?"
}

// watchers follow for several accounts from now on.
func (r *rig) watchers(names ...string) map[string]*Watcher {
	r.t.Helper()
	v := r.view()
	from := v.Cursor()
	v.Close()
	ws := make(map[string]*Watcher)
	for _, n := range names {
		w, err := r.s.Watch(WatchOptions{Session: token(n), Cursor: from})
		if err != nil {
			r.t.Fatal(err)
		}
		r.t.Cleanup(w.Close)
		ws[n] = w
	}
	return ws
}

// drain returns what a watcher is told until nothing is left.
func drain(t *testing.T, w *Watcher) (lines []string) {
	t.Helper()
	over, cancel := context.WithCancel(context.Background())
	cancel()
	for {
		es, err := w.Next(over)
		if errors.Is(err, context.Canceled) {
			return lines
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range es {
			lines = append(lines, roomEventLine(e.Event))
		}
	}
}

// Members are told what happens in a room, each its own way; who is out is told that, and nothing more, live and whenever the
// stream is resumed, under no name that the room has got since.
func TestWatchRooms(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.chatters("ann", "bob", "cat", "eve")
	names := []string{"ann", "bob", "cat", "eve"}
	live, late := r.watchers(names...), r.watchers(names...)
	for _, w := range live {
		drain(t, w) // from here on it is told live
	}
	r.ok(r.createRoomCmd("ann", "#ops", true))
	r.ok(r.rankCmd("ann", "#ops", "bob", rankInvited))
	r.ok(r.rankCmd("ann", "#ops", "cat", rankInvited))
	r.ok(r.rankCmd("ann", "#ops", "eve", rankBanned)) // she must not learn of it
	r.send("ann", "#ops", "before bob")
	r.join("bob", "#ops")
	r.join("cat", "#ops")
	r.send("ann", "#ops", "hi @bob")
	r.ok(r.markCmd("bob", "#ops", 1, 2))
	r.ok(r.deleteCmd("bob", 1))
	r.send("bob", "#ops", "hi all")
	r.ok(r.deleteCmd("ann", 3))
	for n, w := range live {
		if got := drain(t, w); !slices.Equal(got, liveBefore[n]) {
			t.Errorf("%s is told\n%q, want\n%q", n, got, liveBefore[n])
		}
	}
	r.ok(r.rankCmd("ann", "#ops", "bob", rankNone))
	r.ok(r.updateRoomCmd("ann", "#ops", rename("#fire")))
	r.send("ann", "#fire", "without @bob")
	r.ok(r.rankCmd("ann", "#fire", "cat", rankModerator))
	for n, w := range live {
		if got := drain(t, w); !slices.Equal(got, liveAfter[n]) {
			t.Errorf("%s is told\n%q, want\n%q", n, got, liveAfter[n])
		}
	}
	for n, w := range late {
		if got := drain(t, w); !slices.Equal(got, toldLate[n]) {
			t.Errorf("%s is told later\n%q, want\n%q", n, got, toldLate[n])
		}
	}
	finalHash(t, s)
}

var liveBefore = map[string][]string{
	"ann": {
		"ann in #ops: owner by ann, me",
		`room #ops 1 unspecified private was "" by ann`,
		"bob in #ops: invited by ann", "cat in #ops: invited by ann", "eve in #ops: banned by ann",
		"#ops 1 ann: before bob mine",
		"bob in #ops: member by bob", "cat in #ops: member by cat",
		"#ops 2 ann: hi @bob mine", "#ops 3 bob: hi all new", "deleted #ops 3 false",
	},
	"bob": {
		"bob in #ops: invited by ann, me", "bob in #ops: member by bob, me", "cat in #ops: member by cat",
		"#ops 2 ann: hi @bob new mentions me", "read #ops 2, 0 unread", "deleted #ops 1 true",
		"#ops 3 bob: hi all mine", "deleted #ops 3 false",
	},
	"cat": {
		"cat in #ops: invited by ann, me", "cat in #ops: member by cat, me",
		"#ops 2 ann: hi @bob new", "#ops 3 bob: hi all new", "deleted #ops 3 false",
	},
	"eve": nil,
}

var liveAfter = map[string][]string{
	"ann": {
		"bob in #ops: unspecified by ann", `room #fire 2 unspecified private was "#ops" by ann`,
		"#fire 4 ann: without @bob mine", "cat in #fire: moderator by ann",
	},
	"bob": {"bob in #ops: unspecified by ann, me"},
	"cat": {
		"bob in #ops: unspecified by ann", `room #fire 2 unspecified private was "#ops" by ann`,
		"#fire 4 ann: without @bob new", "cat in #fire: moderator by ann, me",
	},
	"eve": nil,
}

var toldLate = map[string][]string{
	"ann": {
		"ann in #ops: owner by ann, me",
		`room #fire 2 unspecified private was "" by ann`,
		"bob in #fire: invited by ann", "cat in #fire: invited by ann", "eve in #fire: banned by ann",
		"#fire 1 ann: before bob mine",
		"bob in #fire: member by bob", "cat in #fire: member by cat",
		"#fire 2 ann: hi @bob mine", "#fire 3 bob: (deleted)", "deleted #fire 3 false",
		"bob in #fire: unspecified by ann", `room #fire 2 unspecified private was "#ops" by ann`,
		"#fire 4 ann: without @bob mine", "cat in #fire: moderator by ann",
	},
	"bob": {
		"bob in #ops: invited by ann, me", "bob in #ops: member by bob, me", "bob in #ops: unspecified by ann, me",
	},
	"cat": {
		"cat in #ops: invited by ann, me", "cat in #ops: member by cat, me",
		"#fire 2 ann: hi @bob new", "#fire 3 bob: (deleted)", "deleted #fire 3 false",
		"bob in #fire: unspecified by ann", `room #fire 2 unspecified private was "#ops" by ann`,
		"#fire 4 ann: without @bob new", "cat in #fire: moderator by ann, me",
	},
	"eve": nil,
}

// A watcher is not taken in with rooms that may be others by now.
func TestWatchRegistersWithPresentRooms(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.chatters("ann", "bob")
	r.ok(r.createRoomCmd("ann", "#ops", false))
	r.join("bob", "#ops")
	v, ses := r.as("bob")
	rooms, err := v.roomsOf(ses.AccountID)
	if err != nil || len(rooms) != 1 {
		t.Fatal(rooms, err)
	}
	at := v.Index()
	v.Close()
	stale := func() *Watcher { return &Watcher{s: s, account: ses.AccountID, wake: make(chan struct{}, 1)} }
	r.send("ann", "#ops", "moves nobody")
	w := stale()
	if ok, err := s.hub.add(w, rooms, at); !ok || err != nil {
		t.Fatalf("taken in: %v, %v", ok, err)
	}
	s.hub.remove(w)
	r.ok(r.rankCmd("ann", "#ops", "bob", rankNone))
	if ok, err := s.hub.add(stale(), rooms, at); ok || err != nil {
		t.Fatalf("with rooms from before a change of members taken in: %v, %v", ok, err)
	}
	if len(s.hub.byAccount) != 0 || len(s.hub.byRoom) != 0 {
		t.Fatalf("the hub has %d accounts, %d rooms", len(s.hub.byAccount), len(s.hub.byRoom))
	}
}

// After a snapshot took the place of the state, rooms are told to those who are in them now.
func TestWatchRoomsAcrossInstall(t *testing.T) {
	from, _ := fileStore(t, Options{})
	r := newRig(t, from)
	r.chatters("ann", "bob", "cat")
	r.ok(r.createRoomCmd("ann", "#ops", false))
	r.join("bob", "#ops")
	to, path := fileStore(t, Options{})
	if _, err := to.Apply(r.log); err != nil {
		t.Fatal(err)
	}
	follower := newRig(t, to)
	ws := follower.watchers("ann", "bob", "cat")
	for _, w := range ws {
		drain(t, w)
	}
	r.ok(r.rankCmd("ann", "#ops", "bob", rankNone))
	r.join("cat", "#ops")
	if err := from.Flush(); err != nil {
		t.Fatal(err)
	}
	spool := filepath.Join(filepath.Dir(path), "spool")
	if _, _, err := from.Spool(spool); err != nil {
		t.Fatal(err)
	}
	if _, err := to.Install(spool); err != nil {
		t.Fatal(err)
	}
	for n, want := range map[string][]string{
		"ann": {"bob in #ops: unspecified by ann", "cat in #ops: member by cat"},
		"bob": {"bob in #ops: unspecified by ann, me"}, "cat": {"cat in #ops: member by cat, me"},
	} {
		if got := drain(t, ws[n]); !slices.Equal(got, want) {
			t.Errorf("%s is told of the snapshot %q, want %q", n, got, want)
		}
	}
	before := len(r.log)
	r.send("ann", "#ops", "hi")
	if _, err := to.Apply(r.log[before:]); err != nil {
		t.Fatal(err)
	}
	for n, want := range map[string][]string{"ann": {"#ops 1 ann: hi mine"}, "bob": nil, "cat": {"#ops 1 ann: hi new"}} {
		if got := drain(t, ws[n]); !slices.Equal(got, want) {
			t.Errorf("%s is told after the snapshot %q, want %q", n, got, want)
		}
	}
}

// roomFollower is a member that comes and goes, and what its stream told.
type roomFollower struct {
	name string
	// moves are the indexes at which it joined and left, in turns.
	moves []uint64
	told  []uint64 // indexes of the room's messages
}

// in says whether the follower was in the room for an event.
func (f *roomFollower) in(index uint64) bool {
	at, _ := slices.BinarySearch(f.moves, index)
	return at%2 == 1
}

// P4 in rooms: streams that stop and resume while their accounts join, leave and are put out tell no message from outside of a
// membership, none twice and none out of order, and from the last join on every one.
func TestWatchFollowsMembership(t *testing.T) {
	s, _ := fileStore(t, Options{OverlayBytes: 16 << 10, FlushInterval: time.Millisecond})
	r := newRig(t, s)
	names := []string{"bob", "cat", "dan"}
	r.chatters(append([]string{"ann"}, names...)...)
	r.ok(r.createRoomCmd("ann", "#ops", true))
	const last = "the last message"
	ctx := testContext(t)
	follow := func(f *roomFollower, seed uint64) error {
		rnd := rand.New(rand.NewPCG(seed, 3))
		cursor := encodeCursor(testCluster, position{})
		for {
			w, err := s.Watch(WatchOptions{Session: token(f.name), Cursor: cursor})
			if err != nil {
				return err
			}
			for range 1 + rnd.IntN(12) {
				es, err := w.Next(ctx)
				if err != nil {
					return fmt.Errorf("after %d messages: %w", len(f.told), err)
				}
				for _, e := range es {
					if e.GetMessage() == nil {
						continue
					}
					at, reason := decodeCursor(testCluster, e.GetCursor())
					if reason != "" {
						return errors.New(reason)
					}
					f.told = append(f.told, at.index)
					if e.GetMessage().GetText() == last {
						w.Close()
						return nil
					}
				}
			}
			cursor = w.Cursor()
			w.Close()
		}
	}
	moves := make(map[string][]uint64)
	var followers []*roomFollower
	var wg sync.WaitGroup
	for i, n := range names {
		for j := range 3 {
			f := &roomFollower{name: n}
			followers = append(followers, f)
			wg.Go(func() {
				if err := follow(f, uint64(10*i+j)); err != nil {
					t.Errorf("%s: %v", f.name, err)
				}
			})
		}
	}
	rnd := rand.New(rand.NewPCG(4, 4))
	var sent []uint64
	move := func(n string) {
		var c *internalv1.Command
		switch in := len(moves[n])%2 == 1; {
		case !in:
			r.ok(r.rankCmd("ann", "#ops", n, rankInvited))
			c = r.rankCmd(n, "#ops", "", rankMember)
		case rnd.IntN(2) == 0:
			c = r.rankCmd(n, "#ops", "", rankNone)
		default:
			c = r.rankCmd("ann", "#ops", n, []internalv1.Membership{rankNone, rankBanned}[rnd.IntN(2)])
		}
		r.ok(c)
		moves[n] = append(moves[n], r.index)
	}
	for i := range 1500 {
		if rnd.IntN(4) == 0 {
			move(names[rnd.IntN(len(names))])
			continue
		}
		r.send("ann", "#ops", fmt.Sprint(i))
		sent = append(sent, r.index)
	}
	for _, n := range names {
		if len(moves[n])%2 == 0 {
			move(n)
		}
	}
	r.send("ann", "#ops", last)
	sent = append(sent, r.index)
	wg.Wait()
	if t.Failed() {
		return
	}
	for _, f := range followers {
		f.moves = moves[f.name]
		for i, at := range f.told {
			if !f.in(at) {
				t.Errorf("%s was told of index %d, which is outside of its memberships", f.name, at)
			}
			if i > 0 && at <= f.told[i-1] {
				t.Errorf("%s was told of index %d after %d", f.name, at, f.told[i-1])
			}
		}
		join := f.moves[len(f.moves)-1]
		from, _ := slices.BinarySearch(sent, join)
		begin, _ := slices.BinarySearch(f.told, join)
		if !slices.Equal(f.told[begin:], sent[from:]) {
			t.Errorf("%s joined last at %d and was told of %v, want %v", f.name, join, f.told[begin:], sent[from:])
		}
	}
	var in int
	for _, f := range followers {
		in += len(f.told)
	}
	if in < len(sent) || len(sent) < 1000 {
		t.Errorf("%d messages, told %d times: nothing was tested", len(sent), in)
	}
}
