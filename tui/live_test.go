package tui

import (
	"testing"

	"parley/api/client"
)

// A list of servers may name more addresses than the cluster has members: how many may still die is the members' matter.
func TestOnlyMembersCountForTheQuorum(t *testing.T) {
	configured := []client.Member{{Address: "127.0.0.1:50054"}, {Address: "127.0.0.1:50055"}}
	members := []client.Member{
		{ID: 1, Name: "n1", Connected: true, Current: true}, {ID: 2, Name: "n2", Connected: true}, {ID: 3, Name: "n3"},
	}
	for name, tc := range map[string]struct {
		members    []client.Member
		up, voters int
	}{
		"known":                      {append(members, configured...), 2, 3},
		"nobody has told of members": {configured, 0, 2},
	} {
		up, voters := link(client.State{Phase: client.Ready, Members: tc.members}).Up()
		if up != tc.up || voters != tc.voters {
			t.Errorf("%s: %d of %d up, want %d of %d", name, up, voters, tc.up, tc.voters)
		}
	}
}
