package store

import (
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
	"parley/proto/parleyv1"
)

func (r *rig) profileCmd(tok string, display, status *string) *internalv1.Command {
	return &internalv1.Command{RequestId: r.id(), Session: token(tok), Body: &internalv1.Command_UpdateProfile{
		UpdateProfile: &internalv1.UpdateProfile{DisplayName: display, Status: status},
	}}
}

func (r *rig) user(name string) *parleyv1.User {
	r.t.Helper()
	v := r.view()
	defer v.Close()
	u, err := v.User(name)
	if err != nil {
		r.t.Fatal(err)
	}
	return u
}

// people3 makes accounts at the cluster version that knows what people do.
func people3(t *testing.T, names ...string) (*rig, *Store) {
	t.Helper()
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people(names...)
	r.ok(raise(3))
	return r, s
}

// What is set changes, what is not stays, and a name that is taken away is the user name again.
func TestProfiles(t *testing.T) {
	r, s := people3(t, "ann")
	for _, tt := range []struct {
		display, status  *string
		wantName, wantIs string
	}{
		{nil, proto.String("at sea"), "ann!", "at sea"},
		{proto.String("Ann"), nil, "Ann", "at sea"},
		{proto.String(""), proto.String(""), "ann", ""},
		{nil, nil, "ann", ""},
	} {
		res := r.ok(r.profileCmd("ann", tt.display, tt.status)).GetUser()
		u := r.user("ann")
		if u.GetDisplayName() != tt.wantName || u.GetStatus() != tt.wantIs {
			t.Errorf("%v, %v: ann is %v", tt.display, tt.status, u)
		}
		if res.GetDisplayName() != tt.wantName || res.GetStatus() != tt.wantIs || res.GetUsername() != "ann" {
			t.Errorf("%v, %v: answered %v", tt.display, tt.status, res)
		}
	}
	long := func(n int) *string { return proto.String(fmt.Sprintf("%0*d", n, 0)) }
	r.ok(r.profileCmd("ann", long(MaxDisplayNameRunes), long(MaxStatusRunes)))
	for field, c := range map[string]*internalv1.Command{
		"display_name": r.profileCmd("ann", long(MaxDisplayNameRunes+1), nil),
		"status":       r.profileCmd("ann", nil, long(MaxStatusRunes+1)),
	} {
		if f := r.do(c).GetRefusal(); f.GetReason() != internalv1.Reason_REASON_INVALID_FIELD || f.GetField() != field {
			t.Errorf("%s: refused with %v", field, f)
		}
	}
	r.refused(r.profileCmd("ann", nil, proto.String("a\x1b[2J")), internalv1.Reason_REASON_INVALID_FIELD)
	finalHash(t, s)
}

// A block refuses what either side would send to the other, and nothing else; ending it is the end of that.
func TestBlocks(t *testing.T) {
	r, s := people3(t, "ann", "bob", "cat")
	r.send("bob", "@ann", "before")
	list := func(who string) (names []string) {
		v, ses := r.as(who)
		defer v.Close()
		users, err := v.Blocks(ses)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range users {
			names = append(names, u.GetUsername())
		}
		return names
	}
	r.ok(r.blockCmd("ann", "cat", true))
	c := r.blockCmd("ann", "BOB", true)
	r.ok(c)
	r.ok(c)
	r.ok(r.blockCmd("ann", "bob", true)) // it is so
	if got := list("ann"); !slices.Equal(got, []string{"bob", "cat"}) {
		t.Errorf("ann blocks %v", got)
	}
	if got := list("bob"); len(got) != 0 {
		t.Errorf("bob blocks %v", got)
	}
	r.refused(r.sendCmd("bob", "@ann", "x"), internalv1.Reason_REASON_BLOCKED)
	r.refused(r.sendCmd("ann", "@bob", "x"), internalv1.Reason_REASON_BLOCKED)
	r.refused(r.postCmd("bob", "@ann", "x", 0), internalv1.Reason_REASON_BLOCKED)
	r.send("bob", "@cat", "they may")
	r.send("ann", "@ann", "a note")
	r.ok(r.blockCmd("bob", "ann", true))
	r.ok(r.blockCmd("ann", "bob", false))
	r.refused(r.sendCmd("ann", "@bob", "x"), internalv1.Reason_REASON_BLOCKED) // bob's own stands
	r.ok(r.blockCmd("bob", "ann", false))
	r.ok(r.blockCmd("bob", "ann", false))
	r.send("ann", "@bob", "peace")
	if got := r.read("ann", MessageQuery{Conversation: "@bob"}); len(got) != 2 {
		t.Errorf("ann reads %q", got)
	}
	for reason, c := range map[internalv1.Reason]*internalv1.Command{
		internalv1.Reason_REASON_INVALID_FIELD:  r.blockCmd("ann", "ann", true),
		internalv1.Reason_REASON_USER_NOT_FOUND: r.blockCmd("ann", "nobody", true),
	} {
		r.refused(c, reason)
	}
	r.ok(r.deleteUserCmd("cat", 1))
	if got := list("ann"); len(got) != 0 {
		t.Errorf("ann blocks %v, of whom none is left", got)
	}
	r.refused(r.blockCmd("bob", "cat", true), internalv1.Reason_REASON_USER_DELETED)
	r.ok(r.blockCmd("ann", "cat", false))
	finalHash(t, s)
}

func TestBlocksAreBounded(t *testing.T) {
	r, _ := people3(t, "ann")
	for i := range MaxBlocks + 1 {
		r.ok(r.createCmd(fmt.Sprintf("p%d", i)))
	}
	for i := range MaxBlocks {
		r.ok(r.blockCmd("ann", fmt.Sprintf("p%d", i), true))
	}
	r.refused(r.blockCmd("ann", fmt.Sprintf("p%d", MaxBlocks), true), internalv1.Reason_REASON_LIMIT_REACHED)
	r.ok(r.blockCmd("ann", "p0", true)) // it is so
	r.ok(r.blockCmd("ann", "p0", false))
	r.ok(r.blockCmd("ann", fmt.Sprintf("p%d", MaxBlocks), true))
}

// Below the cluster version that knows acts, nothing writes what it did not write before.
func TestNothingIsNotedBeforeVersion3(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob")
	r.ok(r.passwordCmd("ann", 1))
	r.ok(r.logoutCmd("bob"))
	v := r.view()
	defer v.Close()
	if es, err := v.Audit(0, MaxPage); err != nil || len(es) != 0 {
		t.Fatalf("noted: %v, %v", es, err)
	}
	g, err := v.globals()
	if err != nil || g.GetLastAudit() != 0 {
		t.Fatalf("%v, %v", g, err)
	}
}
