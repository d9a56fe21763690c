package chat

import (
	"context"
	"fmt"

	tea "charm.land/bubbletea/v2"

	"parley/proto/parleyv1"
	"parley/tui/common"
	"parley/tui/components/dialog"
	"parley/tui/components/timeline"
)

// accountDeletedMsg is the end of a DeleteUser.
type accountDeletedMsg struct{ err error }

// loggedOutMsg is the end of a Logout.
type loggedOutMsg struct{ err error }

// askDelete confirms and deletes: an own message for everyone, another's for us alone.
func (m *Model) askDelete(es []*timeline.Entry) tea.Cmd {
	var ids []uint64
	own, others := 0, 0
	for _, e := range es {
		switch {
		case e.ID == 0:
			m.fail("a message without a verdict cannot be deleted yet; x discards a failed one")
			return nil
		case e.Own && e.Deleted:
			continue
		case e.Own:
			own++
		default:
			others++
		}
		ids = append(ids, e.ID)
	}
	switch {
	case len(ids) == 0:
		m.tell("already deleted")
		return nil
	case len(ids) > maxDelete:
		m.fail(fmt.Sprintf("at most %d messages at once", maxDelete))
		return nil
	}
	text := ""
	if own > 0 {
		text = count(own, "message of yours", "messages of yours") + " will vanish for everyone."
	}
	if others > 0 {
		if text != "" {
			text += " "
		}
		text += count(others, "message of others", "messages of others") + " will vanish for you alone."
	}
	d := dialog.New(m.c, "Delete?", text, "delete")
	d.Danger = true
	name := m.cur.name
	d.Confirm = func([]string) (string, tea.Cmd) {
		m.cur.tl.StopSelect()
		return "", m.deleteMessages(name, ids)
	}
	m.dialog = d
	return nil
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// deleteMessages asks the cluster to delete; the messages stay as they are until it did.
func (m *Model) deleteMessages(name string, ids []uint64) tea.Cmd {
	be, v := m.c.Backend, m.conversation(name)
	return m.act(&action{
		name: name, target: ids[0], also: ids[1:], what: "deletion",
		write: func(ctx context.Context, req string) error {
			_, err := be.DeleteMessages(ctx, &parleyv1.DeleteMessagesRequest{RequestId: req, Ids: ids})
			return err
		},
		done: func() {
			for _, id := range ids {
				if e := v.byID(id); e != nil {
					v.erase(id, !e.Own)
				}
			}
			m.recount = true
			m.tell("deleted")
		},
	})
}

// insist repeats a write with the same request id while its outcome is unknown, at most writeTries times. Deletions are such
// that a person may look at the answer and ask again.
func insist(parent context.Context, be common.Backend, write func(context.Context) error) (err error) {
	const writeTries = 3
	for range writeTries {
		ctx, cancel := context.WithTimeout(parent, common.WriteTimeout)
		err = write(ctx)
		cancel()
		if err == nil || be.Explain(err).Outcome != common.Unknown {
			return err
		}
	}
	return err
}

func (m *Model) cmdDeleteAccount(string) tea.Cmd {
	text := "What you sent is erased for everyone, your sessions end, and the name stays taken for ever."
	if lost := m.unfinished(); lost != "" {
		text += " " + lost
	}
	d := dialog.New(m.c, "Delete the account "+m.user+"?", text, "deletes the account",
		dialog.Field{Label: "type " + m.user, Limit: common.MaxNameRunes},
		dialog.Field{Label: "password", Secret: true, Limit: 1024})
	d.Danger = true
	d.Confirm = func(values []string) (string, tea.Cmd) {
		switch {
		case values[0] != m.user:
			return "type your user name, " + m.user + ", to confirm", nil
		case values[1] == "":
			return "type your password", nil
		}
		d.Busy = true
		be, parent, id, password := m.c.Backend, m.ctx, m.c.NewID(), values[1]
		return "", func() tea.Msg {
			return accountDeletedMsg{insist(parent, be, func(ctx context.Context) error {
				_, err := be.DeleteUser(ctx, &parleyv1.DeleteUserRequest{RequestId: id, Password: password})
				return err
			})}
		}
	}
	m.dialog = d
	m.resize()
	return nil
}

func (m *Model) onAccountDeleted(msg accountDeletedMsg) tea.Cmd {
	if msg.err == nil {
		m.dialog = nil
		return m.sessionEnd("The account " + m.user + " was deleted.")
	}
	f := m.c.Backend.Explain(msg.err)
	if m.dialog == nil {
		m.fail("account not deleted: " + f.Error())
		return nil
	}
	m.dialog.Busy, m.dialog.Error = false, f.Error()
	return nil
}

// cmdLogout asks first when the outbox would be lost: what is kept on this machine goes with the session.
func (m *Model) cmdLogout(string) tea.Cmd {
	if m.storing {
		m.fail("wait: what is kept on disk is being read")
		return nil
	}
	lost := m.unfinished()
	if lost == "" {
		return m.logout()
	}
	m.dialog = dialog.New(m.c, "Log out?", "Logging out erases what is kept on this machine. "+lost, "log out")
	m.dialog.Danger = true
	m.dialog.Confirm = func([]string) (string, tea.Cmd) { return "", m.logout() }
	return nil
}

func (m *Model) logout() tea.Cmd {
	m.tell("logging out…")
	be, parent, id := m.c.Backend, m.ctx, m.c.NewID()
	return func() tea.Msg {
		return loggedOutMsg{insist(parent, be, func(ctx context.Context) error {
			return be.LogoutWith(ctx, &parleyv1.LogoutRequest{RequestId: id})
		})}
	}
}

func (m *Model) onLoggedOut(msg loggedOutMsg) tea.Cmd {
	if msg.err != nil {
		if f := m.c.Backend.Explain(msg.err); !f.Auth { // a session that is over already is what was wanted
			m.fail("not logged out: " + f.Error())
			return nil
		}
	}
	return m.sessionEnd("You are logged out.")
}
