package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/api/client"
	"parley/demo"
	"parley/proto/parleyv1"
)

// demoHouse are the sessions of the demo's people, by name.
type demoHouse struct {
	sessions map[string]*client.Client
	last     uint64 // id of the newest message in the room
}

func (h *demoHouse) bots() map[string]demo.Bot {
	bots := map[string]demo.Bot{}
	for _, b := range demo.Names {
		bots[b.Name] = h.sessions[b.Name]
	}
	return bots
}

func (h *demoHouse) close() {
	for _, c := range h.sessions {
		_ = c.Close()
	}
}

// demoLine is one message of the conversations that are there already.
type demoLine struct{ from, to, text string }

func demoLines(info demoJSON) []demoLine {
	n := info.Nodes
	return []demoLine{
		{"bob", "@alice", fmt.Sprintf("Nodes are ordinary processes: kill -9 %d in another terminal is as good as F6. That is %s.", n[0].PID, n[0].Name)},
		{"carol", "@alice", "You can be me, in a second terminal:\n" + attachCommand(info, "carol", "")},
		{"bob", demo.Room, fmt.Sprintf("Welcome, Alice! This room lives on %d machines: here they are processes, one each.", len(n))},
		{"alice", demo.Room, "And when one dies?"},
		{"bob", demo.Room, "Try it: press F6 and then a number. You go on writing, and nothing is lost."},
	}
}

// seed makes the accounts and the room, logs everybody in, keeps their tokens, and has them talk. Who sits at the screen is an
// operator, so that everything can be tried.
func (a *app) seed(ctx context.Context, info demoJSON) (h *demoHouse, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	st, err := a.state()
	if err != nil {
		return nil, err
	}
	h = &demoHouse{sessions: map[string]*client.Client{}}
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	display := map[string]string{demoUser: demoDisplay}
	for _, b := range demo.Names {
		display[b.Name] = b.Display
	}
	g, gctx := errgroup.WithContext(ctx)
	for _, name := range info.Users {
		c, err := a.dialWith(nil)
		if err != nil {
			return nil, err
		}
		h.sessions[name] = c
		g.Go(func() error {
			if _, err := c.CreateUser(gctx, &parleyv1.CreateUserRequest{
				Username: name, DisplayName: display[name], Password: info.Password,
			}); err != nil {
				return err
			}
			_, err := c.Login(gctx, name, info.Password, "parley demo")
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for i := len(info.Users) - 1; i >= 0; i-- { // the first one last, so that it is the current account
		if err := st.save(info.Users[i], h.sessions[info.Users[i]].Token()); err != nil {
			return nil, err
		}
	}
	if err := a.demoOperator(ctx, info.Data); err != nil {
		return nil, err
	}
	return h, h.furnish(ctx, info)
}

// demoOperator makes who sits at the screen an operator, as the first one is made: over the admin socket.
func (a *app) demoOperator(ctx context.Context, data string) error {
	c, closeClient, err := a.dialCluster(&adminFlags{data: data})
	if err != nil {
		return err
	}
	defer closeClient()
	_, err = c.SetOperator(ctx, &parleyv1.SetOperatorRequest{Username: demoUser, Operator: true})
	return err
}

// furnish makes the room, lets everybody join and says the first lines.
func (h *demoHouse) furnish(ctx context.Context, info demoJSON) error {
	if _, err := h.sessions["bob"].CreateRoom(ctx, &parleyv1.CreateRoomRequest{Room: demo.Room, Topic: demo.Topic}); err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	for name, c := range h.sessions {
		if name == "bob" {
			continue
		}
		g.Go(func() error {
			_, err := c.SetMembership(gctx, &parleyv1.SetMembershipRequest{
				Room: demo.Room, Membership: parleyv1.Membership_MEMBERSHIP_MEMBER,
			})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, l := range demoLines(info) {
		resp, err := h.sessions[l.from].SendMessage(ctx, &parleyv1.SendMessageRequest{Conversation: l.to, Text: l.text})
		if err != nil {
			return err
		}
		h.last = max(h.last, resp.GetId())
	}
	return nil
}
