package store

import (
	"fmt"
	"testing"

	"parley/proto/internalv1"
)

// memberRig is a store whose three first members have announced themselves, at the cluster version that can change them.
func memberRig(t *testing.T) *rig {
	t.Helper()
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	for id := range uint64(3) {
		a := announce(id+1, MaxClusterVersion)
		a.GetAnnounceMember().Name = fmt.Sprintf("n%d", id+1)
		a.GetAnnounceMember().PeerAddress = fmt.Sprintf("h%d:1", id+1)
		r.ok(a)
	}
	r.ok(raise(2))
	return r
}

func changeMembers(n byte, b *internalv1.ChangeMembers) *internalv1.Command {
	b.FromAdminSocket = true
	b.Configured = []uint64{1, 2, 3}
	return &internalv1.Command{
		RequestId: append([]byte("0123456789abcde"), n),
		Body:      &internalv1.Command_ChangeMembers{ChangeMembers: b},
	}
}

func membersOf(t testing.TB, s *Store) []*internalv1.AnnounceMember {
	t.Helper()
	ms, err := s.Members()
	if err != nil {
		t.Fatal(err)
	}
	return ms
}

// Records that cannot be read are not the same as no records.
func TestMembersOfAClosedStore(t *testing.T) {
	r := memberRig(t)
	if err := r.s.Close(); err != nil {
		t.Fatal(err)
	}
	if ms, err := r.s.Members(); err == nil {
		t.Errorf("members %v without an error", ms)
	}
}

// A retry is told from a new request under the scope that Apply keeps the answer in.
func TestAnswered(t *testing.T) {
	r := memberRig(t)
	r.people("ann")
	cmd := changeMembers(1, adds("n4"))
	answered := func(tok, id []byte) bool {
		t.Helper()
		v := r.view()
		defer v.Close()
		known, err := v.Answered(tok, id)
		if err != nil {
			t.Fatal(err)
		}
		return known
	}
	if answered(nil, cmd.GetRequestId()) {
		t.Error("answered before it was asked")
	}
	r.ok(cmd)
	if !answered(nil, cmd.GetRequestId()) || answered(token("ann"), cmd.GetRequestId()) {
		t.Error("a request over the admin socket is not known, or is known as ann's")
	}
	id := r.id()
	r.ok(&internalv1.Command{RequestId: id, Body: &internalv1.Command_SetOperator{
		SetOperator: &internalv1.SetOperator{Username: "ann", Operator: true, FromAdminSocket: true}}})
	cmd = changeMembers(2, adds("n5"))
	cmd.Session = token("ann")
	r.ok(cmd)
	if !answered(token("ann"), cmd.GetRequestId()) || answered(nil, cmd.GetRequestId()) {
		t.Error("ann's request is not known, or is known as the socket's")
	}
}

func adds(names ...string) *internalv1.ChangeMembers {
	b := new(internalv1.ChangeMembers)
	for _, name := range names {
		b.Add = append(b.Add, &internalv1.ChangeMembers_Add{Name: name, PeerAddress: name + ":1"})
	}
	return b
}

func removes(names ...string) *internalv1.ChangeMembers {
	return &internalv1.ChangeMembers{Remove: names}
}

func (r *rig) membersAre(want string) {
	r.t.Helper()
	got := ""
	for _, m := range membersOf(r.t, r.s) {
		got += fmt.Sprintf("%d:%s:%s", m.GetId(), m.GetName(), m.GetRole().String()[len("MEMBER_ROLE_"):][:1])
		if m.GetReplaces() != 0 {
			got += fmt.Sprintf(":for%d", m.GetReplaces())
		}
		got += " "
	}
	if got != want {
		r.t.Errorf("members\n got %s\nwant %s", got, want)
	}
}

func TestChangeMembers(t *testing.T) {
	r := memberRig(t)
	r.ok(changeMembers(1, adds("n4")))
	r.ok(changeMembers(1, adds("n4"))) // a retry gets the first answer
	r.refused(changeMembers(1, adds("n5")), internalv1.Reason_REASON_REQUEST_ID_REUSED)
	r.membersAre("1:n1:U 2:n2:U 3:n3:U 4:n4:V ")

	// A replacement may have the name and the address of the one that it replaces.
	b := adds("n3")
	b.Add[0].Replaces, b.Add[0].PeerAddress = "n3", "h3:1"
	r.ok(changeMembers(2, b))
	r.membersAre("1:n1:U 2:n2:U 3:n3:R 4:n4:V 5:n3:V:for3 ")

	b = adds("n6")
	b.Add[0].Learner = true
	r.ok(changeMembers(3, b))
	r.ok(changeMembers(4, &internalv1.ChangeMembers{Promote: []string{"n6"}, Remove: []string{"n1"}}))
	r.membersAre("1:n1:R 2:n2:U 3:n3:R 4:n4:V 5:n3:V:for3 6:n6:V ")
	if last := r.s.LastMember(); last != 6 {
		t.Errorf("greatest id %d, want 6", last)
	}
}

func TestChangeMembersRefuses(t *testing.T) {
	r := memberRig(t)
	both := adds("n4")
	both.Add[0].Learner, both.Add[0].Replaces = true, "n1"
	address := adds("n4")
	address.Add[0].PeerAddress = "h1:1"
	early := changeMembers(9, adds("n4"))
	early.GetChangeMembers().Configured = []uint64{1, 2, 3, 4}
	for i, c := range []struct {
		name string
		b    *internalv1.ChangeMembers
		want internalv1.Reason
	}{
		{"nothing", &internalv1.ChangeMembers{}, internalv1.Reason_REASON_INVALID_FIELD},
		{"a name that is taken", adds("n1"), internalv1.Reason_REASON_INVALID_FIELD},
		{"the same name twice", adds("n4", "n4"), internalv1.Reason_REASON_INVALID_FIELD},
		{"an address that is taken", address, internalv1.Reason_REASON_INVALID_FIELD},
		{"a name of other characters", adds("a=b"), internalv1.Reason_REASON_INVALID_FIELD},
		{"a learner in a voter's place", both, internalv1.Reason_REASON_INVALID_FIELD},
		{"an unknown one to remove", removes("n9"), internalv1.Reason_REASON_MEMBER_NOT_FOUND},
		{"the same one twice", removes("n1", "n1"), internalv1.Reason_REASON_MEMBER_NOT_FOUND},
		{"an unknown one to promote", &internalv1.ChangeMembers{Promote: []string{"n9"}}, internalv1.Reason_REASON_MEMBER_NOT_FOUND},
		{"everybody", removes("n1", "n2", "n3"), internalv1.Reason_REASON_INVALID_FIELD},
		{"too many voters", adds("a", "b", "c", "d", "e", "f", "g"), internalv1.Reason_REASON_LIMIT_REACHED},
		{"too many changes", removes(make([]string, MaxMemberChanges+1)...), internalv1.Reason_REASON_INVALID_FIELD},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.t = t
			r.refused(changeMembers(byte(i), c.b), c.want)
		})
	}
	r.t = t
	r.refused(early, internalv1.Reason_REASON_NOT_ALLOWED)
	r.membersAre("1:n1:U 2:n2:U 3:n3:U ")
}

// The record of a member that was added takes the first data directory that announces itself, and no second one.
func TestAnnouncementOfAnAddedMember(t *testing.T) {
	r := memberRig(t)
	r.ok(changeMembers(1, adds("n4")))
	a := announce(4, MaxClusterVersion)
	a.GetAnnounceMember().Name, a.GetAnnounceMember().Role = "n4", roleFirst
	r.ok(a)
	r.membersAre("1:n1:U 2:n2:U 3:n3:U 4:n4:V ")
	other := announce(4, MaxClusterVersion)
	other.GetAnnounceMember().Name = "n4"
	other.GetAnnounceMember().Incarnation = []byte("another machine!")
	r.refused(other, internalv1.Reason_REASON_NOT_ALLOWED)
	stranger := announce(7, MaxClusterVersion)
	r.refused(stranger, internalv1.Reason_REASON_NOT_ALLOWED)
	r.ok(changeMembers(2, removes("n4")))
	a.GetAnnounceMember().Boot = 2
	r.refused(a, internalv1.Reason_REASON_NOT_ALLOWED)
}

// Tombstones are bounded; an id whose tombstone is gone stays removed.
func TestTombstonesAreBounded(t *testing.T) {
	r := memberRig(t)
	n := byte(0)
	for i := range MaxTombstones + 5 {
		name := fmt.Sprintf("x%d", i)
		r.ok(changeMembers(n, adds(name)))
		r.ok(changeMembers(n+1, removes(name)))
		n += 2
	}
	records := membersOf(t, r.s)
	if got, want := len(records), 3+MaxTombstones; got != want {
		t.Errorf("%d records, want %d", got, want)
	}
	if first := records[3].GetId(); first != 9 {
		t.Errorf("the oldest tombstone is of id %d, want 9", first)
	}
	gone := announce(4, MaxClusterVersion)
	gone.GetAnnounceMember().Boot = 9
	r.refused(gone, internalv1.Reason_REASON_NOT_ALLOWED)
}
