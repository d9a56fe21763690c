package search

import (
	"slices"
	"testing"

	"parley/proto/internalv1"
	"parley/proto/parleyv1"
)

func (r *rig) createRoom(by, room string, private bool) {
	r.t.Helper()
	r.ok(&internalv1.Command{RequestId: r.id(), Session: token(by), Body: &internalv1.Command_CreateRoom{
		CreateRoom: &internalv1.CreateRoom{Room: room, Private: private},
	}})
}

func (r *rig) membership(by, room, name string, m internalv1.Membership) {
	r.t.Helper()
	r.ok(&internalv1.Command{RequestId: r.id(), Session: token(by), Body: &internalv1.Command_SetMembership{
		SetMembership: &internalv1.SetMembership{Room: room, Username: name, Membership: m},
	}})
}

// TestRooms searches a room as what one can be to it: only its members find anything, from the moment they are and as long.
func TestRooms(t *testing.T) {
	const (
		member  = internalv1.Membership_MEMBERSHIP_MEMBER
		invited = internalv1.Membership_MEMBERSHIP_INVITED
		nothing = internalv1.Membership_MEMBERSHIP_UNSPECIFIED
		banned  = internalv1.Membership_MEMBERSHIP_BANNED
	)
	r := newRig(t)
	r.people("ann", "bob", "eve")
	r.open()
	r.createRoom("ann", "#open", false)
	r.createRoom("ann", "#closed", true)
	first := r.send("ann", "#open", "deploy of n1")
	second := r.send("ann", "#closed", "deploy of n2")
	both := []uint64{second, first}
	queries := []string{"deploy", `"deploy of"`, "dep*", "from:ann", "deploy in:#open in:#closed", "in:#closed in:#open"}
	all := func(what, by string, want []uint64) {
		t.Helper()
		r.settle()
		for _, q := range queries {
			for _, best := range []bool{false, true} {
				got := r.search(by, q, best, 1)
				slices.Sort(got)
				slices.Reverse(got)
				r.same(what+": "+by+": "+q, got, want)
			}
		}
		r.same(what+": "+by+": a scan", want, r.scan(by, func(m *parleyv1.Message) bool { return true }))
	}
	all("the owner", "ann", both)
	all("nobody yet", "bob", nil)
	r.membership("ann", "#closed", "bob", invited)
	all("invited", "bob", nil)
	r.membership("bob", "#closed", "", member)
	all("joined one", "bob", []uint64{second})
	r.membership("bob", "#open", "", member)
	all("joined both", "bob", both)
	r.same("in one", r.search("bob", "deploy in:#open", false, 5), []uint64{first})
	r.same("not in one", r.search("bob", "deploy -in:#open", false, 5), []uint64{second})
	r.edit("ann", second, "deploy of n3")
	r.settle()
	r.same("edited", r.search("bob", "n3", false, 5), []uint64{second})
	r.same("before the edit", r.search("bob", "n2", false, 5), nil)
	r.membership("ann", "#closed", "bob", banned)
	all("banned", "bob", []uint64{first})
	r.membership("bob", "#open", "", nothing)
	all("left", "bob", nil)
	all("never was", "eve", nil)
	r.membership("bob", "#open", "", member)
	r.deleteUser("ann")
	all("its author is no more", "bob", nil)
}
