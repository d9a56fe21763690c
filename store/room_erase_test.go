package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley/proto/internalv1"
)

// eraseAll lets the leader's commands work off what deletions left to do.
func (r *rig) eraseAll() {
	r.t.Helper()
	for n := 0; ; n++ {
		if n == 1000 {
			r.t.Fatal("the erasing does not end")
		}
		if !r.s.Work().Erase {
			return
		}
		r.ok(eraseCmd())
	}
}

// What a deleted account sent to rooms reads as erased at once, also where it had left; then it is out of them, the members are
// told, and its texts are gone. Who sees the rooms counts nothing of it as unread, before and after.
func TestDeletedAccountInRooms(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.chatters("ann", "bob", "cat", "dan")
	for _, room := range []string{"#stays", "#left", "#silent", "#invited"} {
		r.ok(r.createRoomCmd("ann", room, true))
		for _, n := range []string{"bob", "cat"} {
			r.ok(r.rankCmd("ann", room, n, rankInvited))
			if room != "#invited" || n != "cat" {
				r.join(n, room)
			}
		}
	}
	for i := range 3 {
		r.send("cat", "#stays", fmt.Sprintf("secret %d", i))
		r.send("cat", "#left", fmt.Sprintf("secret %d", i))
		r.send("ann", "#stays", "open")
		r.send("ann", "#left", "open")
	}
	r.ok(r.deleteCmd("ann", 1))
	r.ok(r.reactCmd("bob", 2, "x", true))
	r.send("cat", "@ann", "secret in private")
	r.leave("cat", "#left")
	r.leave("cat", "#silent")
	ws := r.watchers("ann", "bob")
	for _, w := range ws {
		drain(t, w)
	}
	r.ok(r.deleteUserCmd("cat", 1))
	texts := func() string {
		t.Helper()
		var lines []string
		for _, room := range []string{"#stays", "#left"} {
			lines = append(lines, r.read("bob", MessageQuery{Conversation: room})...)
			c := r.conversationOf("bob", room)
			if want := 3; int(c.GetUnread()) != want {
				t.Errorf("%s has %d unread, want %d", room, c.GetUnread(), want)
			}
			if got := r.page("bob", MessageQuery{Conversation: room, OnlyUnread: true}); got != "2 4 6" {
				t.Errorf("unread of %s are %q", room, got)
			}
		}
		return strings.Join(lines, "|")
	}
	at := texts()
	if strings.Contains(at, "secret") || strings.Count(at, "(deleted)") != 6 || strings.Count(at, "open new") != 6 {
		t.Errorf("right after the deletion: %s", at)
	}
	if got := r.members("ann", "#stays", rankNone); got != "ann owner, bob member" {
		t.Errorf("right after the deletion the members are %q", got)
	}
	r.eraseAll()
	if after := texts(); after != at {
		t.Errorf("after the erasure: %s\nbefore it: %s", after, at)
	}
	for n, w := range ws {
		got := drain(t, w)
		slices.Sort(got)
		want := []string{"gone cat in #left", "gone cat in #stays"}
		if n == "ann" {
			want = []string{"gone cat in #left", "gone cat in #stays", "gone cat in @cat"}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s is told %q, want %q", n, got, want)
		}
	}
	for room, want := range map[string]string{
		"#stays": "#stays 2 owner private", "#left": "#left 2 owner private", "#invited": "#invited 2 owner private",
	} {
		if got := r.roomOf("ann", room); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if n := countTable(t, s, tagTrace); n != 0 {
		t.Errorf("%d traces are left", n)
	}
	if n := countTable(t, s, tagErase); n != 0 {
		t.Errorf("%d accounts are being erased still", n)
	}
	v := r.view()
	defer v.Close()
	it := v.scan([]byte{tagMessage}, []byte{tagMessage + 1}, false)
	for it.next() {
		if strings.Contains(string(it.value), "secret") {
			t.Errorf("a text is left: %x", it.key)
		}
	}
	if it.err != nil {
		t.Fatal(it.err)
	}
	finalHash(t, s)
}

// A room whose only owner is deleted goes to its first moderator, else to its first member, accounts that are deleted too left
// out; with nobody left it is archived, and nobody can come in between.
func TestDeletedOwner(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.chatters("ann", "bob", "cat", "dan", "eve")
	for _, tt := range []struct {
		room, members, mod string
		deleted            bool
	}{{room: "#mod", members: "bob cat dan", mod: "dan"}, {room: "#first", members: "dan cat"}, {room: "#alone"},
		{room: "#two", members: "bob"}} {
		r.ok(r.createRoomCmd("ann", tt.room, false))
		for _, n := range strings.Fields(tt.members) {
			r.join(n, tt.room)
		}
		if tt.mod != "" {
			r.ok(r.rankCmd("ann", tt.room, tt.mod, rankModerator))
		}
	}
	w := r.watchers("dan")["dan"]
	r.ok(r.deleteUserCmd("ann", 1))
	r.ok(r.deleteUserCmd("bob", 1))
	if !r.s.Work().Erase {
		t.Fatal("nothing is left to do")
	}
	r.ok(eraseCmd()) // ann's rooms; bob is there still
	r.refused(r.rankCmd("eve", "#two", "", rankMember), internalv1.Reason_REASON_ROOM_ARCHIVED)
	r.refused(r.rankCmd("eve", "#alone", "", rankMember), internalv1.Reason_REASON_ROOM_ARCHIVED)
	r.eraseAll()
	for room, want := range map[string]string{
		"#mod": "cat member, dan owner", "#first": "cat owner, dan member",
	} {
		if got := r.members("cat", room, rankNone); got != want {
			t.Errorf("%s has %q, want %q", room, got, want)
		}
	}
	for _, room := range []string{"#alone", "#two"} {
		if got := r.roomOf("eve", room); got != room+" 0 unspecified archived" {
			t.Errorf("%s", got)
		}
	}
	want := []string{
		"dan in #mod: owner by , me", "gone ann in #mod", "cat in #first: owner by ", "gone ann in #first", "gone bob in #mod",
	}
	if got := drain(t, w); !slices.Equal(got, want) {
		t.Errorf("dan is told %q, want %q", got, want)
	}
	finalHash(t, s)
}

// Taking an account out of very many rooms goes by slices, none of which writes too much.
func TestDeletedAccountOfManyRooms(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.chatters("ann", "bob")
	const n = 4 * EraseEvents / eraseRoomCost
	for i := range n {
		room := fmt.Sprintf("#r%d", i)
		r.ok(r.createRoomCmd("ann", room, false))
		r.join("bob", room)
		r.send("ann", room, "text")
		if i%3 == 0 {
			r.ok(r.rankCmd("ann", room, "bob", rankOwner))
			r.leave("ann", room)
		}
	}
	r.ok(r.deleteUserCmd("ann", 1))
	r.eraseAll()
	for i := range n {
		room := fmt.Sprintf("#r%d", i)
		if got := r.members("bob", room, rankNone); got != "bob owner" {
			t.Fatalf("%s has %q", room, got)
		}
		if got := r.read("bob", MessageQuery{Conversation: room}); len(got) != 1 || !strings.Contains(got[0], "(deleted)") {
			t.Fatalf("%s reads %q", room, got)
		}
	}
	finalHash(t, s)
}
