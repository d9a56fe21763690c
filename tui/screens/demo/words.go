package demo

import (
	"fmt"

	"charm.land/lipgloss/v2"

	"parley/tui/common"
)

// word says what a node is just now, and how to draw it. The starter knows the process; who leads and which node we use is
// what the client sees, and so is only said of a node that runs.
func (m *Model) word(n common.DemoNode) (string, lipgloss.Style) {
	st := m.c.Styles
	l := m.c.Link
	mine := n.Name == l.Node && (l.Phase == common.Ready || l.Phase == common.NoQuorum || l.Phase == common.Electing)
	switch {
	case n.Phase == common.DemoDead:
		return "killed", st.Bad
	case n.Phase == common.DemoPaused:
		return "hangs", st.Warn
	case n.Phase == common.DemoStarting:
		return "starts", st.Warn
	case n.Name == l.Leader && mine:
		return "★ yours", st.Good
	case n.Name == l.Leader:
		return "★ leads", st.Good
	case mine:
		return "yours", st.Good
	}
	return "up", st.Text
}

// count is one row: how many may still die, and what became of the bots' messages.
func (m *Model) count() string {
	st, ws := m.c.Styles, m.c.Widths
	up, all := 0, len(m.state.Nodes)
	for _, n := range m.state.Nodes {
		if n.Phase == common.DemoRunning {
			up++
		}
	}
	spare := up - (all/2 + 1)
	quorum, style := fmt.Sprintf("%d of %d up, can lose %d", up, all, spare), st.Text
	switch {
	case all == 0:
		return ""
	case spare < 0:
		quorum, style = fmt.Sprintf("%d of %d up, no quorum", up, all), st.Bad
	case up < all:
		style = st.Warn
	}
	s := m.state
	tally := fmt.Sprintf("%d sent, %d found, %d lost, %d twice", s.Sent, s.Found, s.Lost, s.Twice)
	switch {
	case s.Counted.IsZero():
		tally = fmt.Sprintf("%d sent, not counted yet", s.Sent)
	case m.c.Now().Sub(s.Counted) > oldAfter:
		tally = fmt.Sprintf("%d sent, counted again when there is a quorum", s.Sent)
	}
	left := " " + ws.Pad(quorum, 26)
	if long := "messages of the bots: " + tally; ws.Width(left)+ws.Width(long) <= m.w {
		tally = long
	} else if left = " " + quorum + " · "; ws.Width(left)+6+ws.Width(tally) <= m.w {
		tally = "bots: " + tally
	}
	bad := st.Dim
	if s.Lost+s.Twice > 0 {
		bad = st.Error
	}
	return style.Render(ws.Truncate(left, m.w)) + bad.Render(ws.Truncate(tally, m.w-ws.Width(left)))
}
