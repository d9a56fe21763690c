package chat

import (
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"

	"parley/proto/parleyv1"
	"parley/tui/common"
	"parley/tui/screens/listing"
	"parley/tui/screens/switcher"
)

// openSwitcher goes somewhere: a conversation, a room, a person, a command.
func (m *Model) openSwitcher(query string) tea.Cmd {
	o := switcher.Options{User: m.user, Query: query}
	for _, v := range m.order {
		it := switcher.Item{
			Name: common.Line(v.name), Note: m.switcherNote(v), Unread: v.count(), Mentions: v.mentions,
			Dim: v.gone || v.mute == parleyv1.Mute_MUTE_ALL, Do: common.OpenMsg{Conversation: v.name},
		}
		o.Conversations = append(o.Conversations, it)
	}
	for _, c := range commands {
		it := switcher.Item{Name: strings.TrimSpace("/" + c.name + " " + c.args), Note: c.help}
		it.Do = common.RunMsg{Line: "/" + c.name}
		if c.args != "" && !strings.HasPrefix(c.args, "[") { // it needs more words
			it.Do = common.DraftMsg{Text: "/" + c.name + " "}
		}
		o.Commands = append(o.Commands, it)
	}
	return m.push(switcher.New(m.ctx, m.c, o))
}

// switcherNote says what is known of a conversation in a few words.
func (m *Model) switcherNote(v *conversation) string {
	switch {
	case v.gone:
		return "not a member any more"
	case v.invited():
		return "you are invited"
	case v.topic() != "":
		return v.topic()
	case isRoom(v.name):
		return "room"
	case v.name == "@"+m.user:
		return "you: notes to yourself"
	}
	return "conversation"
}

// openMembers lists who is in a room: its members, or the invited or banned ones.
func (m *Model) openMembers(v *conversation, which parleyv1.Membership) tea.Cmd {
	be, link, name := m.c.Backend, m.c.Link, v.name
	title := "Members of " + common.Line(name)
	if which != parleyv1.Membership_MEMBERSHIP_UNSPECIFIED {
		title = common.Line(name) + ": " + ranks[which]
	}
	run := func(line string) func(listing.Row) tea.Msg {
		return func(r listing.Row) tea.Msg { return common.RunMsg{Line: line + " @" + r.ID} }
	}
	o := listing.Options{
		Title: title, Empty: "nobody",
		Load: func(ctx context.Context, next string) (listing.Page, error) {
			resp, local, err := common.Either(ctx, link, func(ctx context.Context, c parleyv1.Consistency) (*parleyv1.ListRoomMembersResponse, error) {
				return be.ListRoomMembers(ctx, &parleyv1.ListRoomMembersRequest{
					Room: name, PageSize: maxPage, PageToken: next, Consistency: c, Membership: which})
			}, be.Explain)
			page := listing.Page{Next: resp.GetNextPageToken(), Note: oneNode(local)}
			for _, p := range resp.GetMembers() {
				page.Rows = append(page.Rows, m.memberRow(p))
			}
			return page, err
		},
		Lead: func(r listing.Row) string { return m.personDot(r.ID) },
		Actions: []listing.Action{
			{Key: "enter", Help: "write to", Do: func(r listing.Row) tea.Msg { return common.OpenMsg{Conversation: "@" + r.ID} }},
			{Key: "w", Help: "who is it", Do: run("/whois")},
		},
	}
	if v.role >= parleyv1.Membership_MEMBERSHIP_MODERATOR {
		switch which {
		case parleyv1.Membership_MEMBERSHIP_BANNED:
			o.Actions = append(o.Actions, listing.Action{Key: "u", Help: "lift", Do: run("/unban")})
		case parleyv1.Membership_MEMBERSHIP_INVITED:
			o.Actions = append(o.Actions, listing.Action{Key: "x", Help: "take back", Do: run("/kick")})
		default:
			o.Actions = append(o.Actions, listing.Action{Key: "x", Help: "put out", Do: run("/kick")}, listing.Action{Key: "b", Help: "ban", Do: run("/ban")})
		}
	}
	return m.push(listing.New(m.ctx, m.c, o))
}

// memberRow is one member; it runs in a command and reads nothing of the page.
func (*Model) memberRow(p *parleyv1.RoomMember) listing.Row {
	u := p.GetUser()
	r := listing.Row{ID: u.GetUsername(), Name: "@" + common.Line(u.GetUsername()), Note: ranks[p.GetMembership()]}
	for _, more := range []string{common.Line(u.GetDisplayName()), common.Line(u.GetStatus())} {
		if more != "" && more != u.GetUsername() {
			r.Note += " · " + more
		}
	}
	if u.GetBot() {
		r.Note += " · bot"
	}
	return r
}

// personDot is the presence of a person in one column.
func (m *Model) personDot(name string) string {
	p := m.soft.presence[name]
	if name == m.user {
		p = parleyv1.Presence_PRESENCE_ACTIVE
	}
	switch d := dot(p); p {
	case parleyv1.Presence_PRESENCE_ACTIVE:
		return m.c.Styles.Good.Render(d)
	case parleyv1.Presence_PRESENCE_AWAY:
		return m.c.Styles.Dim.Render(d)
	}
	return " "
}
