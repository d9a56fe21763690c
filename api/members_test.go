package api

import (
	"testing"

	"parley/node"
	"parley/proto/parleyv1"
)

// TestStrands holds changes against who is reachable: n1 and n2 are, n3 is not, n4 is a learner.
func TestStrands(t *testing.T) {
	st := node.Status{Members: []node.Member{
		{ID: 1, Name: "n1", Reachable: true}, {ID: 2, Name: "n2", Reachable: true}, {ID: 3, Name: "n3"},
		{ID: 4, Name: "n4", Learner: true, Reachable: true},
	}}
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
		if err := strands(st, c.r); (err != nil) != c.refused {
			t.Errorf("%s: refused %t, want %t: %v", c.name, err != nil, c.refused, err)
		}
	}
}
