package cluster

import (
	"context"
	"fmt"

	tea "charm.land/bubbletea/v2"

	"parley/proto/parleyv1"
	"parley/tui/common"
	"parley/tui/components/dialog"
)

// Act is what an operator does to a member.
type Act int

// The acts, by their keys t, p and r.
const (
	Transfer Act = iota
	Promote
	Remove
)

// maxName bounds the typed confirmation; names of nodes are short.
const maxName = 64

// Ask opens the question about a member; its name is to be typed before anything happens. The node that is asked refuses who
// is no operator, and what would strand the quorum.
func (m *Model) Ask(act Act, name string) {
	if name == "" {
		return
	}
	title, text, verb := m.question(act, name)
	m.ask = dialog.New(m.c, title, text, verb, dialog.Field{Label: "Type " + name, Limit: maxName})
	m.ask.Danger = act == Remove
	m.ask.SetWidth(m.w)
	ask, id := m.ask, m.c.NewID()
	m.ask.Confirm = func(values []string) (string, tea.Cmd) {
		if values[0] != name {
			return "that is not " + name + "; nothing was done", nil
		}
		ask.Busy = true
		return "", m.act(act, name, id)
	}
}

// question says what the act means for the quorum.
func (m *Model) question(act Act, name string) (title, text, verb string) {
	up, voters := m.c.Link.Up()
	switch act {
	case Transfer:
		return "Make " + name + " the leader?", "Messages wait for some milliseconds while leadership moves. Nothing is lost.", "transfer"
	case Promote:
		after := voters + 1
		return "Make " + name + " a voter?", fmt.Sprintf("%d voters then, of which %d may be down at one time.", after, (after-1)/2), "promote"
	}
	mb, after := m.member(name), voters
	if mb == nil || mb.GetRole() != parleyv1.MemberRole_MEMBER_ROLE_LEARNER {
		after--
	}
	return "Remove " + name + " from the cluster?", fmt.Sprintf("%d of %d voters are up now; %d voters then, of which %d may be down at one "+
		"time. A removed node does not come back with its old data.", up, voters, after, max(0, (after-1)/2)), "remove"
}

// act carries it out under one request id.
func (m *Model) act(act Act, name, id string) tea.Cmd {
	be, parent := m.c.Backend, m.ctx
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(parent, common.WriteTimeout)
		defer cancel()
		msg := doneMsg{to: m}
		switch act {
		case Transfer:
			msg.text, msg.what = name+" leads", "not transferred"
			_, msg.err = be.TransferLeadership(ctx, &parleyv1.TransferLeadershipRequest{To: name})
		case Promote:
			msg.text, msg.what = name+" becomes a voter", "not promoted"
			_, msg.err = be.ChangeMembers(ctx, &parleyv1.ChangeMembersRequest{RequestId: id, Promote: []string{name}})
		case Remove:
			msg.text, msg.what = name+" is removed", "not removed"
			_, msg.err = be.ChangeMembers(ctx, &parleyv1.ChangeMembersRequest{RequestId: id, Remove: []string{name}})
		}
		return msg
	}
}
