package api

import (
	"testing"

	"google.golang.org/grpc/codes"

	"parley/node"
	"parley/proto/internalv1"
	"parley/proto/parleyv1"
)

// TestStrands holds changes against who is reachable: n1 and n2 are, n3 is not, n4 is a learner.
func TestStrands(t *testing.T) {
	st := node.Status{Members: []node.Member{
		{ID: 1, Name: "n1", Reachable: true}, {ID: 2, Name: "n2", Reachable: true}, {ID: 3, Name: "n3"},
		{ID: 4, Name: "n4", Learner: true, Reachable: true},
	}}
	var records []*internalv1.AnnounceMember
	for _, m := range st.Members {
		records = append(records, &internalv1.AnnounceMember{Id: m.ID, Name: m.Name})
	}
	replace := func(old string) []*parleyv1.AddMember { return []*parleyv1.AddMember{{Name: "n5", Replaces: old}} }
	for _, c := range []struct {
		name    string
		r       *parleyv1.ChangeMembersRequest
		refused bool
	}{
		{"remove the dead one", &parleyv1.ChangeMembersRequest{Remove: []string{"n3"}}, false},
		{"remove a live one", &parleyv1.ChangeMembersRequest{Remove: []string{"n2"}}, true},
		{"replace the dead one", &parleyv1.ChangeMembersRequest{Add: replace("n3")}, false},
		{"replace a live one", &parleyv1.ChangeMembersRequest{Add: replace("n2")}, false},
		{"add one", &parleyv1.ChangeMembersRequest{Add: []*parleyv1.AddMember{{Name: "n5"}}}, false},
		{"promote a live learner", &parleyv1.ChangeMembersRequest{Promote: []string{"n4"}}, false},
		{"promote it in a live one's place", &parleyv1.ChangeMembersRequest{Promote: []string{"n4"}, Remove: []string{"n2"}}, false},
		{"all new without saying whom they replace", &parleyv1.ChangeMembersRequest{
			Add: []*parleyv1.AddMember{{Name: "n5"}}, Remove: []string{"n1", "n2", "n3"},
		}, true},
		{"remove a learner", &parleyv1.ChangeMembersRequest{Remove: []string{"n4"}}, false},
	} {
		if err := strands(st, records, c.r); (err != nil) != c.refused {
			t.Errorf("%s: refused %t, want %t: %v", c.name, err != nil, c.refused, err)
		}
	}
}

// TestStrandsWithoutASuccessor removes what was to replace n3, which then leaves beside it: n1 alone of two is no majority.
func TestStrandsWithoutASuccessor(t *testing.T) {
	st := node.Status{Members: []node.Member{
		{ID: 1, Name: "n1", Reachable: true}, {ID: 2, Name: "n2"}, {ID: 3, Name: "n3", Reachable: true},
	}}
	records := []*internalv1.AnnounceMember{
		{Id: 1, Name: "n1"}, {Id: 2, Name: "n2"}, {Id: 3, Name: "n3", Role: internalv1.MemberRole_MEMBER_ROLE_REMOVED},
		{Id: 4, Name: "n4", Role: internalv1.MemberRole_MEMBER_ROLE_VOTER, Replaces: 3},
	}
	if err := strands(st, records, &parleyv1.ChangeMembersRequest{Remove: []string{"n4"}}); err == nil {
		t.Error("n4 may go while n2 is silent, and n3 with it")
	}
	if err := strands(st, records, &parleyv1.ChangeMembersRequest{
		Add: []*parleyv1.AddMember{{Name: "n5", Replaces: "n4"}},
	}); err != nil {
		t.Errorf("n5 in n4's place, for which n3 stays: %v", err)
	}
}

// TestChangeMembersTellsWhatIsDone: neither a node that loses the quorum right after, nor a retry while others are silent, turns
// a change that was carried out into a refusal.
func TestChangeMembersTellsWhatIsDone(t *testing.T) {
	r := newRig(t)
	r.announceMembers(t)
	r.set(func(r *replica) {
		for i := range r.status.Members {
			r.status.Members[i].Reachable = true
		}
	})
	op := parleyv1.NewClusterServiceClient(r.socket)
	req := &parleyv1.ChangeMembersRequest{RequestId: rid().s, Remove: []string{"n2"}}
	r.set(func(r *replica) {
		r.barrierErr = &node.Error{Outcome: node.NotApplied, Cause: node.CauseNoLeader}
	})
	_, err := op.ChangeMembers(t.Context(), req)
	must(t, err)
	r.set(func(r *replica) {
		r.barrierErr = nil
		r.status.Members[0].Reachable, r.status.Members[1].Reachable = false, false
	})
	_, err = op.ChangeMembers(t.Context(), req)
	must(t, err)
	_, err = op.ChangeMembers(t.Context(), &parleyv1.ChangeMembersRequest{RequestId: rid().s, Promote: []string{"n3"}})
	wantError(t, err, codes.FailedPrecondition, reasonQuorumAtRisk)
}
