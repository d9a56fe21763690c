package main

import (
	"context"
	"fmt"

	"parley/api/client"
	"parley/e2e/cluster"
	"parley/e2e/load"
	"parley/proto/parleyv1"
)

// newRoom makes a room with the accounts of all conversations in it. Some of them write and read there, and one follows it from
// each node.
func (p *party) newRoom(name string) *talk {
	t := &talk{name: "room", peers: [2]string{name, name}, hot: true}
	var members [][]byte
	for _, other := range p.talks {
		members = append(members, other.tokens[:]...)
	}
	for i, token := range members {
		cl := load.Dial(p.tb, client.Options{Servers: p.c.Addresses(i), Token: token})
		if err := enter(cl, name, i == 0); err != nil {
			p.tb.Fatalf("%v", err)
		}
		if i < roomWriters {
			p.clients++
			t.writers = append(t.writers, &writer{
				id: p.clients, name: fmt.Sprintf("%s.%d", t.name, i), to: name, cl: cl, r: p.rand(p.clients),
			})
		}
	}
	t.tokens = [2][]byte{members[0], members[len(members)-1]}
	for i, n := range p.c.All() {
		t.readers = append(t.readers, p.newReader(t, i%2, n.Address))
		cl := load.Dial(p.tb, client.Options{Servers: p.c.Addresses(i), Token: members[i%len(members)]})
		t.streams = append(t.streams, follow(p.tb, cl, name))
	}
	return t
}

// enter makes the room, or joins it. A cluster that has just been formed has no rooms before all of its nodes have said that they
// know them.
func enter(cl *client.Client, name string, create bool) error {
	what := "join"
	err := cluster.Poll(setupTimeout, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
		defer cancel()
		var err error
		if create {
			what = "create"
			_, err = cl.CreateRoom(ctx, &parleyv1.CreateRoomRequest{Room: name})
		} else {
			_, err = cl.SetMembership(ctx, &parleyv1.SetMembershipRequest{
				Room: name, Membership: parleyv1.Membership_MEMBERSHIP_MEMBER,
			})
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("%s %s: %w", what, name, err)
	}
	return nil
}
