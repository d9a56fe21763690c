package chat

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"parley/proto/parleyv1"
	"parley/tui/common"
)

// invitationsMsg is the answer about the rooms that one is invited to. Later ones come as events.
type invitationsMsg struct {
	resp *parleyv1.ListRoomsResponse
	err  error
}

func (m *Model) loadInvitations() tea.Cmd {
	be, ctx, link := m.c.Backend, m.ctx, m.c.Link
	return func() tea.Msg {
		resp, _, err := common.Either(ctx, link, func(ctx context.Context, c parleyv1.Consistency) (*parleyv1.ListRoomsResponse, error) {
			return be.ListRooms(ctx, &parleyv1.ListRoomsRequest{Mine: true, PageSize: maxConversations, Consistency: c})
		}, be.Explain)
		return invitationsMsg{resp, err}
	}
}

// onInvitations shows them in the sidebar. One that could not be asked for is not missed: /rooms tells them too.
func (m *Model) onInvitations(msg invitationsMsg) {
	if msg.err != nil {
		return
	}
	for _, r := range msg.resp.GetRooms() {
		if r.GetMembership() != parleyv1.Membership_MEMBERSHIP_INVITED {
			continue
		}
		v := m.conversation(r.GetName())
		if v.role < parleyv1.Membership_MEMBERSHIP_MEMBER {
			v.room, v.role = r, r.GetMembership()
		}
	}
	m.sort()
}
