package chat

import (
	"context"
	"slices"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"parley/proto/parleyv1"
	"parley/tui/common"
)

// setMembers does the same to everybody who is named.
func (m *Model) setMembers(args string, to parleyv1.Membership, said, what string) tea.Cmd {
	v := m.thisRoom()
	if v == nil {
		return nil
	}
	words := strings.Fields(args)
	if len(words) == 0 || len(words) > maxAtOnce {
		m.fail("whom? @user, at most " + strconv.Itoa(maxAtOnce) + " of them")
		return nil
	}
	b := &batch{m: m, word: said, left: len(words)}
	var users []string
	for _, w := range words {
		user, ok := userName(w)
		if !ok {
			m.fail("that is no user name: a to z, 0 to 9, . _ -")
			return nil
		}
		if is, _ := v.people.find(user); to == parleyv1.Membership_MEMBERSHIP_INVITED && is >= parleyv1.Membership_MEMBERSHIP_MEMBER {
			m.fail("@" + user + " is in " + v.name + " already")
			return nil
		}
		users = append(users, user)
	}
	var cmds []tea.Cmd
	for _, user := range users {
		who := "@" + user
		cmds = append(cmds, m.doElse(who+": "+what, func(ctx context.Context, be common.Backend, id string) error {
			_, err := be.SetMembership(ctx, &parleyv1.SetMembershipRequest{RequestId: id, Room: v.name, Username: user, Membership: to})
			return err
		}, func() tea.Cmd { return b.one(who) }, b.bad))
	}
	return tea.Batch(cmds...)
}

// batch gathers what became of several requests, so that the answer to one does not hide that of another.
type batch struct {
	m            *Model
	word         string
	left         int
	good, failed []string
}

func (b *batch) one(who string) tea.Cmd {
	b.good = append(b.good, who)
	b.said()
	return nil
}

func (b *batch) bad(text string) {
	b.failed = append(b.failed, text)
	b.said()
}

// said tells all of them together: what failed comes first.
func (b *batch) said() {
	if b.left--; b.left > 0 {
		return
	}
	parts := slices.Clone(b.failed)
	if len(b.good) > 0 {
		parts = append(parts, strings.Join(b.good, ", ")+": "+b.word)
	}
	b.m.setFlash(strings.Join(parts, " · "), len(b.failed) > 0)
}
