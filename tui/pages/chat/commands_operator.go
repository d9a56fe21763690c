package chat

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"
	"google.golang.org/protobuf/proto"

	"parley/proto/parleyv1"
	"parley/tui/common"
	"parley/tui/components/dialog"
	"parley/tui/screens/listing"
)

// operatorCommands are those of who looks after the accounts. The cluster refuses them to everybody else.
func operatorCommands() []command {
	return []command{
		{"suspend", "@user", "operators: end somebody's sessions and let none begin", func(m *Model, args string) tea.Cmd { return m.suspend(args, true) }},
		{"unsuspend", "@user", "operators: end that", func(m *Model, args string) tea.Cmd { return m.suspend(args, false) }},
		{"operator", "@user [off]", "operators: make somebody one, or not", (*Model).cmdOperator},
		{"reset-password", "@user", "operators: a new password for who lost it", (*Model).cmdResetPassword},
		{"remove-user", "@user", "operators: delete an account and what it sent", (*Model).cmdRemoveUser},
		{"invite-code", "[uses [days]] | list | revoke id", "operators: codes that admit new accounts", (*Model).cmdInviteCode},
		{"audit", "", "operators: log-ins and what operators did", (*Model).cmdAudit},
		{"cluster-settings", "[registration open|invite|closed] | [retain-days N]", "operators: the cluster's settings", (*Model).cmdSetting},
	}
}

func (m *Model) suspend(args string, on bool) tea.Cmd {
	return m.toUser(args, "not changed", map[bool]string{true: "is suspended", false: "may log in again"}[on],
		func(ctx context.Context, be common.Backend, id, name string) error {
			_, err := be.SuspendUser(ctx, &parleyv1.SuspendUserRequest{RequestId: id, Username: name, Suspended: on})
			return err
		})
}

func (m *Model) cmdOperator(args string) tea.Cmd {
	who, off := strings.CutSuffix(args, " off")
	return m.toUser(who, "not changed", map[bool]string{false: "is an operator now", true: "is no operator any more"}[off],
		func(ctx context.Context, be common.Backend, id, name string) error {
			_, err := be.SetOperator(ctx, &parleyv1.SetOperatorRequest{RequestId: id, Username: name, Operator: !off})
			return err
		})
}

// toUser does something to one account.
func (m *Model) toUser(args, what, said string, write func(ctx context.Context, be common.Backend, id, name string) error) tea.Cmd {
	name, ok := userName(args)
	if !ok {
		m.fail("whom? @user")
		return nil
	}
	return m.do("@"+name+": "+what, func(ctx context.Context, be common.Backend, id string) error { return write(ctx, be, id, name) },
		m.done("@"+name+" "+said))
}

func (m *Model) cmdResetPassword(args string) tea.Cmd {
	name, ok := userName(args)
	if !ok {
		m.fail("whose? @user")
		return nil
	}
	d := dialog.New(m.c, "A new password for @"+name, "Its sessions end.", "sets it", dialog.Field{Label: "new", Secret: true, Limit: 1024})
	d.Confirm = func(v []string) (string, tea.Cmd) {
		if len(v[0]) < 8 {
			return "a password has at least 8 characters", nil
		}
		m.dialog = nil
		return "", m.toUser(name, "not reset", "has the new password", func(ctx context.Context, be common.Backend, id, name string) error {
			_, err := be.ResetPassword(ctx, &parleyv1.ResetPasswordRequest{RequestId: id, Username: name, NewPassword: v[0]})
			return err
		})
	}
	m.dialog = d
	m.resize()
	return nil
}

func (m *Model) cmdRemoveUser(args string) tea.Cmd {
	name, ok := userName(args)
	if !ok {
		m.fail("whom? @user")
		return nil
	}
	d := dialog.New(m.c, "Delete the account @"+name+"?", "What it sent is erased for everyone, and its name stays taken for ever.", "deletes it",
		dialog.Field{Label: "type " + name, Limit: common.MaxNameRunes})
	d.Danger = true
	d.Confirm = func(v []string) (string, tea.Cmd) {
		if v[0] != name {
			return "type " + name + " to confirm", nil
		}
		m.dialog = nil
		return "", m.toUser(name, "not deleted", "is deleted", func(ctx context.Context, be common.Backend, id, name string) error {
			_, err := be.RemoveUser(ctx, &parleyv1.RemoveUserRequest{RequestId: id, Username: name})
			return err
		})
	}
	m.dialog = d
	m.resize()
	return nil
}

func (m *Model) cmdInviteCode(args string) tea.Cmd {
	words := strings.Fields(args)
	switch {
	case len(words) == 1 && words[0] == "list":
		return m.listInviteCodes()
	case len(words) == 2 && words[0] == "revoke":
		return m.do("not revoked", func(ctx context.Context, be common.Backend, id string) error {
			_, err := be.RevokeInvite(ctx, &parleyv1.RevokeInviteRequest{RequestId: id, Id: words[1]})
			return err
		}, m.done("the code admits nobody any more"))
	case len(words) > 2 || m.c.NewCode == nil:
		m.fail("/invite-code [uses [days]], /invite-code list, /invite-code revoke id")
		return nil
	}
	var numbers [2]uint32 // uses, days; 0 is the cluster's usual
	for i, w := range words {
		n, err := strconv.ParseUint(w, 10, 16)
		if err != nil {
			m.fail("/invite-code [uses [days]]: numbers")
			return nil
		}
		numbers[i] = uint32(n)
	}
	code := m.c.NewCode()
	return m.do("code not made", func(ctx context.Context, be common.Backend, id string) error {
		_, err := be.CreateInvite(ctx, &parleyv1.CreateInviteRequest{RequestId: id, Code: code, Uses: numbers[0], Days: numbers[1]})
		return err
	}, func() tea.Cmd { return m.showSecret("The code, shown this once", code) })
}

func (m *Model) listInviteCodes() tea.Cmd {
	be, zone := m.c.Backend, m.c.Zone
	return m.push(listing.New(m.ctx, m.c, listing.Options{
		Title: "Codes that admit new accounts", Empty: "none is in force",
		Load: func(ctx context.Context, _ string) (listing.Page, error) {
			resp, err := be.ListInvites(ctx, &parleyv1.ListInvitesRequest{})
			var page listing.Page
			for _, i := range resp.GetInvites() {
				page.Rows = append(page.Rows, listing.Row{ID: i.GetId(), Name: common.Line(i.GetId()), Note: fmt.Sprintf("%s · by %s · until %s",
					count(int(i.GetUsesLeft()), "use left", "uses left"), common.Line(i.GetCreatedBy()), i.GetExpires().AsTime().In(zone).Format("2 Jan 2006 15:04"))})
			}
			return page, err
		},
		Actions: []listing.Action{{Key: "x", Help: "revoke", Do: func(r listing.Row) tea.Msg { return common.RunMsg{Line: "/invite-code revoke " + r.ID} }}},
	}))
}

func (m *Model) cmdAudit(string) tea.Cmd {
	be, zone := m.c.Backend, m.c.Zone
	return m.push(listing.New(m.ctx, m.c, listing.Options{
		Title: "Audit, the newest first", Empty: "nothing yet",
		Load: func(ctx context.Context, next string) (listing.Page, error) {
			resp, err := be.ListAudit(ctx, &parleyv1.ListAuditRequest{PageToken: next})
			page := listing.Page{Next: resp.GetNextPageToken()}
			for _, e := range resp.GetEntries() {
				actor := common.Line(e.GetActor())
				if actor == "" {
					actor = "a node's admin socket"
				}
				page.Rows = append(page.Rows, listing.Row{Name: e.GetTime().AsTime().In(zone).Format("2 Jan 15:04:05") + "  " + common.Line(e.GetAct()),
					Note: strings.TrimSpace(actor + " " + common.Line(e.GetTarget()) + " " + common.Line(e.GetDetail()))})
			}
			return page, err
		},
	}))
}

var registrations = map[parleyv1.Registration]string{
	parleyv1.Registration_REGISTRATION_OPEN: "open", parleyv1.Registration_REGISTRATION_INVITE: "invite",
	parleyv1.Registration_REGISTRATION_CLOSED: "closed",
}

func (m *Model) cmdSetting(args string) tea.Cmd {
	name, value, _ := strings.Cut(args, " ")
	req := &parleyv1.UpdateSettingsRequest{}
	switch name {
	case "":
		return m.showSettings()
	case "registration":
		for r, word := range registrations {
			if word == value {
				req.Registration = r
			}
		}
	case "retain-days":
		if n, err := strconv.ParseUint(value, 10, 16); err == nil && n <= 3650 {
			req.RetainDays = proto.Uint32(uint32(n))
		}
	}
	if req.Registration == 0 && req.RetainDays == nil {
		m.fail("/cluster-settings registration open|invite|closed, or /cluster-settings retain-days 0 to 3650")
		return nil
	}
	return m.do("not changed", func(ctx context.Context, be common.Backend, id string) error {
		req.RequestId = id
		_, err := be.UpdateSettings(ctx, req)
		return err
	}, m.done("changed"))
}

func (m *Model) showSettings() tea.Cmd {
	be := m.c.Backend
	return m.push(listing.New(m.ctx, m.c, listing.Options{
		Title: "The cluster's settings",
		Load: func(ctx context.Context, _ string) (listing.Page, error) {
			resp, err := be.GetSettings(ctx, &parleyv1.GetSettingsRequest{})
			keep := "for ever"
			if d := resp.GetSettings().GetRetainDays(); d > 0 {
				keep = count(int(d), "day", "days")
			}
			return listing.Page{Rows: []listing.Row{
				{Name: "registration", Note: registrations[resp.GetSettings().GetRegistration()]}, {Name: "messages are kept", Note: keep},
			}}, err
		},
	}))
}
