package store

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"parley/proto/internalv1"
)

func (r *rig) blockCmd(tok, whom string, blocked bool) *internalv1.Command {
	return &internalv1.Command{RequestId: r.id(), Session: token(tok), Body: &internalv1.Command_SetBlock{
		SetBlock: &internalv1.SetBlock{Username: whom, Blocked: blocked}}}
}

// presenceRig is a few people: ann talks to bob and to eve, all but eve and dan are in #ops, dan talks to nobody, and #big has
// everybody and too many more.
func presenceRig(t *testing.T) *rig {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob", "cid", "dan", "eve")
	r.ok(raise(MaxClusterVersion))
	r.send("ann", "@bob", "hi")
	r.send("eve", "@ann", "hi")
	r.send("ann", "@ann", "note")
	r.markRoom("#ops", "ann", "bob", "cid")
	big := []string{"ann", "bob", "cid", "dan", "eve"}
	for i := range MaxCircleRoom {
		name := fmt.Sprintf("x%03d", i)
		r.people(name)
		big = append(big, name)
	}
	r.markRoom("#big", big...)
	return r
}

func (r *rig) numberOf(name string) uint64 {
	r.t.Helper()
	v := r.view()
	defer v.Close()
	id, _, err := v.byName(name)
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

// Presence concerns whom one talks to and who is in the same small room: nobody else, nobody across a block, and no more
// than were asked for.
func TestCircle(t *testing.T) {
	r := presenceRig(t)
	circle := func(of string, here func(uint64) bool) (names []string) {
		t.Helper()
		v := r.view()
		defer v.Close()
		username, ids, err := v.Circle(r.numberOf(of), here)
		if err != nil || username != of {
			t.Fatalf("the circle of %s: %q, %v", of, username, err)
		}
		for _, id := range ids {
			a, err := v.person(id)
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, a.GetUsername())
		}
		return names
	}
	check := func(of, want string) {
		t.Helper()
		if got := fmt.Sprint(circle(of, nil)); got != want {
			t.Errorf("%s concerns %s, want %s", of, got, want)
		}
	}
	check("ann", "[bob cid eve]")
	check("cid", "[ann bob]")
	check("dan", "[]")
	bob := r.numberOf("bob")
	if got := fmt.Sprint(circle("ann", func(id uint64) bool { return id == bob })); got != "[bob]" {
		t.Errorf("ann concerns %s of bob", got)
	}
	r.ok(r.blockCmd("eve", "ann", true))
	r.ok(r.blockCmd("cid", "bob", true))
	check("ann", "[bob cid]")
	check("eve", "[]")
	check("bob", "[ann]")
	r.ok(r.rankCmd("ann", "#ops", "cid", internalv1.Membership_MEMBERSHIP_BANNED))
	check("ann", "[bob]")
	v, ses := r.as("eve")
	defer v.Close()
	people, err := v.People(ses, []string{"bob", "ann", "nobody"})
	if err != nil || !slices.Equal(people, []Person{{AccountID: bob}, {AccountID: r.numberOf("ann"), Hidden: true}, {}}) {
		t.Errorf("eve finds %v, %v", people, err)
	}
}

// Typing is shown to who may read it and to nobody else, whoever asks this node to, and from who may send.
func TestTypingTo(t *testing.T) {
	r := presenceRig(t)
	conv := func(who, name string) uint64 {
		t.Helper()
		v, ses := r.as(who)
		defer v.Close()
		id, err := v.TypingIn(ses, name)
		if err != nil {
			t.Fatalf("%s in %s: %v", who, name, err)
		}
		return id
	}
	seen := func(who string, conv uint64) (out []string) {
		t.Helper()
		v := r.view()
		defer v.Close()
		_, to, err := v.TypingTo(r.numberOf(who), conv)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range to {
			p, err := v.person(a.Account)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, p.GetUsername()+" in "+a.Conversation)
		}
		return out
	}
	direct, ops := conv("ann", "@bob"), conv("ann", "#ops")
	check := func(who string, conv uint64, want string) {
		t.Helper()
		if got := fmt.Sprint(seen(who, conv)); got != want {
			t.Errorf("that %s types in %d is shown to %s, want %s", who, conv, got, want)
		}
	}
	check("ann", direct, "[bob in @ann]")
	check("bob", direct, "[ann in @bob]")
	check("ann", ops, "[bob in #ops cid in #ops]")
	check("eve", direct, "[]") // a node that lags, or lies
	check("eve", ops, "[]")
	check("ann", 999, "[]")
	if n := len(seen("dan", conv("dan", "#big"))); n != MaxCircleRoom+4 {
		t.Errorf("in a larger room it is shown to %d", n)
	}
	for _, c := range []struct {
		who, name string
		want      error
	}{{"ann", "@nobody", ErrNotFound}, {"ann", "#nothing", ErrNotFound}, {"eve", "#ops", ErrNotMember}} {
		v, ses := r.as(c.who)
		if _, err := v.TypingIn(ses, c.name); !errors.Is(err, c.want) {
			t.Errorf("%s in %s: %v, want %v", c.who, c.name, err, c.want)
		}
		v.Close()
	}
	if id := conv("ann", "@dan"); id != 0 {
		t.Errorf("the two never talked, but have conversation %d", id)
	}
	r.ok(r.blockCmd("bob", "ann", true))
	check("ann", direct, "[]")
	check("ann", ops, "[cid in #ops]")
	if id := conv("ann", "@bob"); id != 0 {
		t.Error("ann types to bob, who blocks her")
	}
	r.ok(r.rankCmd("cid", "#ops", "", internalv1.Membership_MEMBERSHIP_UNSPECIFIED))
	check("ann", ops, "[]")
	archived := true
	r.ok(&internalv1.Command{RequestId: r.id(), Session: token("ann"), Body: &internalv1.Command_UpdateRoom{
		UpdateRoom: &internalv1.UpdateRoom{Room: "#ops", Archived: &archived}}})
	if id := conv("ann", "#ops"); id != 0 {
		t.Error("ann types in an archived room")
	}
}
