package chat

import (
	"context"
	"encoding/base64"
	"strings"

	tea "charm.land/bubbletea/v2"
	"google.golang.org/protobuf/proto"

	"parley/proto/parleyv1"
	"parley/tui/common"
	"parley/tui/components/dialog"
	"parley/tui/screens/listing"
)

// accountCommands are those about people, and about the reader's own account.
func accountCommands() []command {
	return []command{
		{"whois", "@user", "who somebody is, and whether they are there", (*Model).cmdWhois},
		{"nick", "name", "the name that others see beside yours", func(m *Model, args string) tea.Cmd {
			return m.profile("name not changed", "others see "+common.Line(args)+" now", &parleyv1.UpdateProfileRequest{DisplayName: proto.String(args)})
		}},
		{"about", "[text]", "what you say of yourself; nothing takes it away", func(m *Model, args string) tea.Cmd {
			return m.profile("not changed", "changed", &parleyv1.UpdateProfileRequest{Status: proto.String(args)})
		}},
		{"away", "", "say that you are away, until you say /away again", (*Model).cmdAway},
		{"block", "@user", "no direct messages and no invitations between you", func(m *Model, args string) tea.Cmd { return m.block(args, true) }},
		{"unblock", "@user", "end a block", func(m *Model, args string) tea.Cmd { return m.block(args, false) }},
		{"blocks", "", "whom you block", (*Model).cmdBlocks},
		{"password", "", "change your password; all other sessions end", (*Model).cmdPassword},
		{"sessions", "", "your log-ins; x ends one", (*Model).cmdSessions},
		{"revoke-session", "id", "end one of your sessions", (*Model).cmdRevokeSession},
		{"bot", "create|delete name", "make a bot that can send to the open conversation, or delete it", (*Model).cmdBot},
	}
}

// cmdWhois shows what the cluster tells of one account.
func (m *Model) cmdWhois(args string) tea.Cmd {
	name, ok := userName(args)
	if !ok {
		m.fail("/whois @user")
		return nil
	}
	be, link := m.c.Backend, m.c.Link
	return m.push(listing.New(m.ctx, m.c, listing.Options{
		Title: "@" + name, Empty: "nobody has this name",
		Load: func(ctx context.Context, _ string) (listing.Page, error) {
			resp, local, err := common.Either(ctx, link, func(ctx context.Context, c parleyv1.Consistency) (*parleyv1.ListUsersResponse, error) {
				return be.ListUsers(ctx, &parleyv1.ListUsersRequest{Pattern: name, PageSize: 1, Consistency: c})
			}, be.Explain)
			page := listing.Page{Note: oneNode(local)}
			if err != nil || len(resp.GetUsers()) == 0 {
				return page, err
			}
			page.Rows = whois(resp.GetUsers()[0])
			if p, err := be.ListPresence(ctx, &parleyv1.ListPresenceRequest{Usernames: []string{name}}); err == nil && len(p.GetPeople()) > 0 {
				page.Rows = append(page.Rows, listing.Row{Name: "presence", Note: presenceWord(p.GetPeople()[0].GetPresence())})
			}
			return page, nil
		},
		Actions: []listing.Action{
			{Key: "enter", Help: "write to", Do: func(listing.Row) tea.Msg { return common.OpenMsg{Conversation: "@" + name} }},
			{Key: "B", Help: "block", Do: func(listing.Row) tea.Msg { return common.RunMsg{Line: "/block @" + name} }},
		},
	}))
}

func whois(u *parleyv1.User) (rows []listing.Row) {
	add := func(name, note string) {
		if note != "" {
			rows = append(rows, listing.Row{Name: name, Note: common.Line(note)})
		}
	}
	yes := map[bool]string{true: "yes"}
	add("user name", "@"+u.GetUsername())
	add("shown as", u.GetDisplayName())
	add("says", u.GetStatus())
	add("operator", yes[u.GetOperator()])
	add("bot", yes[u.GetBot()])
	add("suspended", yes[u.GetSuspended()])
	add("deleted", yes[u.GetDeleted()])
	return rows
}

func presenceWord(p parleyv1.Presence) string {
	switch p {
	case parleyv1.Presence_PRESENCE_ACTIVE:
		return "here"
	case parleyv1.Presence_PRESENCE_AWAY:
		return "away"
	}
	return "not here"
}

func (m *Model) profile(what, said string, req *parleyv1.UpdateProfileRequest) tea.Cmd {
	return m.do(what, func(ctx context.Context, be common.Backend, id string) error {
		req.RequestId = id
		_, err := be.UpdateProfile(ctx, req)
		return err
	}, m.done(said))
}

func (m *Model) cmdAway(string) tea.Cmd {
	m.soft.away = !m.soft.away
	if !m.soft.away {
		m.tell("you are here again")
		return m.sayPresence(parleyv1.Presence_PRESENCE_ACTIVE)
	}
	m.tell("you are away; /away again ends it")
	return m.sayPresence(parleyv1.Presence_PRESENCE_AWAY)
}

func (m *Model) block(args string, blocked bool) tea.Cmd {
	name, ok := userName(args)
	if !ok {
		m.fail("whom? @user")
		return nil
	}
	said := map[bool]string{true: "@" + name + " is blocked", false: "@" + name + " is not blocked any more"}[blocked]
	return m.do("not changed", func(ctx context.Context, be common.Backend, id string) error {
		_, err := be.SetBlock(ctx, &parleyv1.SetBlockRequest{RequestId: id, Username: name, Blocked: blocked})
		return err
	}, m.done(said))
}

func (m *Model) cmdBlocks(string) tea.Cmd {
	be, link := m.c.Backend, m.c.Link
	return m.push(listing.New(m.ctx, m.c, listing.Options{
		Title: "Blocked by you", Empty: "you block nobody",
		Load: func(ctx context.Context, _ string) (listing.Page, error) {
			resp, local, err := common.Either(ctx, link, func(ctx context.Context, c parleyv1.Consistency) (*parleyv1.ListBlocksResponse, error) {
				return be.ListBlocks(ctx, &parleyv1.ListBlocksRequest{Consistency: c})
			}, be.Explain)
			page := listing.Page{Note: oneNode(local)}
			for _, u := range resp.GetUsers() {
				page.Rows = append(page.Rows, listing.Row{ID: u.GetUsername(), Name: "@" + common.Line(u.GetUsername()), Note: common.Line(u.GetDisplayName())})
			}
			return page, err
		},
		Actions: []listing.Action{{Key: "x", Help: "unblock", Do: func(r listing.Row) tea.Msg { return common.RunMsg{Line: "/unblock @" + r.ID} }}},
	}))
}

func (m *Model) cmdPassword(string) tea.Cmd {
	d := dialog.New(m.c, "Change your password", "All your other sessions end.", "changes it",
		dialog.Field{Label: "now", Secret: true, Limit: 1024}, dialog.Field{Label: "new", Secret: true, Limit: 1024},
		dialog.Field{Label: "new, again", Secret: true, Limit: 1024})
	d.Confirm = func(v []string) (string, tea.Cmd) {
		switch {
		case len(v[1]) < 8:
			return "a password has at least 8 characters", nil
		case v[1] != v[2]:
			return "the two new ones differ", nil
		}
		m.dialog = nil
		m.tell("changing…")
		return "", m.do("password not changed", func(ctx context.Context, be common.Backend, id string) error {
			_, err := be.ChangePassword(ctx, &parleyv1.ChangePasswordRequest{RequestId: id, OldPassword: v[0], NewPassword: v[1]})
			return err
		}, m.done("the password is changed"))
	}
	m.dialog = d
	m.resize()
	return nil
}

func (m *Model) cmdSessions(string) tea.Cmd {
	be, link, zone := m.c.Backend, m.c.Link, m.c.Zone
	return m.push(listing.New(m.ctx, m.c, listing.Options{
		Title: "Your sessions", Empty: "none",
		Load: func(ctx context.Context, _ string) (listing.Page, error) {
			resp, local, err := common.Either(ctx, link, func(ctx context.Context, c parleyv1.Consistency) (*parleyv1.ListSessionsResponse, error) {
				return be.ListSessions(ctx, &parleyv1.ListSessionsRequest{Consistency: c})
			}, be.Explain)
			page := listing.Page{Note: oneNode(local)}
			for _, s := range resp.GetSessions() {
				r := listing.Row{ID: s.GetId(), Name: common.Line(s.GetClient()), Note: "since " + s.GetCreated().AsTime().In(zone).Format("2 Jan 2006 15:04")}
				if s.GetCurrent() {
					r.ID, r.Note = "", "this one · "+r.Note // to end it is to log out
				}
				page.Rows = append(page.Rows, r)
			}
			return page, err
		},
		Actions: []listing.Action{{Key: "x", Help: "end", Do: func(r listing.Row) tea.Msg {
			if r.ID == "" {
				return common.TellMsg{Text: "/logout ends the session that you are in", Bad: true}
			}
			return common.RunMsg{Line: "/revoke-session " + r.ID}
		}}},
	}))
}

func (m *Model) cmdRevokeSession(args string) tea.Cmd {
	if args == "" {
		m.fail("/revoke-session id: /sessions tells them")
		return nil
	}
	return m.do("not ended", func(ctx context.Context, be common.Backend, id string) error {
		_, err := be.RevokeSession(ctx, &parleyv1.RevokeSessionRequest{RequestId: id, SessionId: args})
		return err
	}, m.done("the session is ended"))
}

// cmdBot makes a bot for the open conversation: a room, or the notes to oneself. Its token is shown this once.
func (m *Model) cmdBot(args string) tea.Cmd {
	verb, rest, _ := strings.Cut(args, " ")
	name, ok := userName(rest)
	switch {
	case !ok || verb != "create" && verb != "delete":
		m.fail("/bot create name, or /bot delete name")
		return nil
	case verb == "delete":
		d := dialog.New(m.c, "Delete the bot @"+name+"?", "Its tokens end, what it sent is erased, and its name stays taken.", "delete")
		d.Danger = true
		d.Confirm = func([]string) (string, tea.Cmd) {
			return "", m.do("not deleted", func(ctx context.Context, be common.Backend, id string) error {
				_, err := be.DeleteBot(ctx, &parleyv1.DeleteBotRequest{RequestId: id, Username: name})
				return err
			}, m.done("@"+name+" is deleted"))
		}
		m.dialog = d
		m.resize()
		return nil
	case m.cur == nil || !isRoom(m.cur.name) && m.cur.name != "@"+m.user || m.c.NewToken == nil:
		m.fail("open the room that it shall send to, or your own notes")
		return nil
	}
	to, token := m.cur.name, m.c.NewToken()
	return m.do("bot not made", func(ctx context.Context, be common.Backend, id string) error {
		_, err := be.CreateBot(ctx, &parleyv1.CreateBotRequest{RequestId: id, Username: name, Conversation: to, Token: token})
		return err
	}, func() tea.Cmd {
		return m.showSecret("The token of @"+name+", shown this once", base64.RawURLEncoding.EncodeToString(token))
	})
}

// showSecret shows what can not be had again; y copies it.
func (m *Model) showSecret(title, secret string) tea.Cmd {
	return m.push(listing.New(m.ctx, m.c, listing.Options{
		Title: title,
		Load: func(context.Context, string) (listing.Page, error) {
			return listing.Page{Rows: []listing.Row{{ID: secret, Note: secret}}}, nil
		},
		Actions: []listing.Action{{Key: "y", Help: "copies it", Do: func(r listing.Row) tea.Msg { return tea.SetClipboard(r.ID)() }}},
	}))
}
