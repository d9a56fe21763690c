package chat

import (
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"parley/tui/common"
)

// sessionOver is told of a refused token. The page stays, so that what was read can be read on and what waits is not lost
// from sight; the composer is off, and a banner in its place says what to do.
func (m *Model) sessionOver(f common.Failure) tea.Cmd {
	if m.over {
		return nil
	}
	m.over = true
	why := strings.TrimSuffix(strings.TrimSuffix(f.Text, "."), "; log in again")
	m.bar(common.BadToken, "Your session is over: "+why+". Log in again.")
	user, forget := m.user, m.c.ForgetSession
	return func() tea.Msg {
		if forget != nil {
			_ = forget(user) // the token is dead; a stale file only costs one more log-in
		}
		return nil
	}
}

// noSuchCall is told that a node does not know a call that the page cannot do without. The page keeps asking: an upgrade of
// the nodes ends it.
func (m *Model) noSuchCall(f common.Failure) {
	if m.c.Link.Barred == common.Open {
		m.bar(common.BadVersion, "The nodes do not speak the protocol of this client ("+strings.TrimSuffix(f.Text, ".")+
			"). Upgrade the older of the two.")
	}
}

func (m *Model) bar(why common.Bar, text string) {
	m.c.Link.Barred, m.barText = why, common.Line(text)
	m.c.Events.Add(m.c.Now(), m.c.Link.Word()+": "+m.barText)
	m.dialog = nil
	m.resize()
}

// unbar ends the wait for an upgrade.
func (m *Model) unbar() tea.Cmd {
	if m.c.Link.Barred != common.BadVersion {
		return nil
	}
	m.c.Link.Barred, m.barText = common.Open, ""
	m.c.Events.Add(m.c.Now(), "the nodes speak this client's protocol again")
	m.resize()
	if m.cur == nil || m.cur.loaded {
		return nil
	}
	return m.load(m.cur, newestPage, 0)
}

// onBarredKey is the composer's part of the keyboard while it is off: Enter does what the banner says.
func (m *Model) onBarredKey(msg tea.KeyPressMsg) (cmd tea.Cmd, ok bool) {
	k := m.c.Keys
	switch {
	case m.barText == "":
		return nil, false
	case key.Matches(msg, k.Send):
	case msg.Text != "" || msg.Code == tea.KeyBackspace || msg.Code == tea.KeyDelete:
		m.tell("nothing can be written now; Enter does what the banner says")
		return nil, true
	default:
		return nil, false
	}
	if m.c.Link.Barred == common.BadVersion {
		return m.reconnect(), true
	}
	return common.Send(common.LoggedOutMsg{User: m.user, Reason: m.barText}), true
}

// barRows stand in for the composer.
func (m *Model) barRows() []string {
	st, ws := m.c.Styles, m.c.Widths
	var rows []string
	for _, r := range ws.Wrap(m.barText, m.w-2) {
		rows = append(rows, " "+st.Error.Render(r))
	}
	what := "logs in again"
	if m.c.Link.Barred == common.BadVersion {
		what = "tries now"
	}
	return append(rows[:min(len(rows), maxBanner)], " "+st.Strong.Render("Enter")+" "+
		st.Dim.Render(ws.Truncate(what+" · what is shown was read before · ^Q quits", m.w-8)))
}
