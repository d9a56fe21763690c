package cluster

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"parley/proto/parleyv1"
	"parley/tui/common"
)

// View draws the screen from the top: what the cluster is, the members, the selected one in full, commits, events, keys.
func (m *Model) View() ([]string, *tea.Cursor) {
	st, ws := m.c.Styles, m.c.Widths
	rows := m.head()
	rows = append(rows, m.table()...)
	rows = append(rows, m.commits()...)
	var bottom []string
	var cursor *tea.Cursor
	if m.ask != nil {
		bottom, cursor = m.ask.View()
	} else {
		keys := "j k select · t transfer leadership · p promote · r remove (operators) · PgUp PgDn events · Esc"
		if m.w < 100 {
			keys = "j k select · t transfer p promote r remove · Esc"
		}
		bottom = []string{" " + st.Dim.Render(ws.Hints(keys, m.w-2))}
	}
	room := m.h - len(bottom)
	if len(rows) > room {
		rows = rows[:max(room, 0)]
	}
	rows = append(rows, m.events(room-len(rows))...)
	for len(rows) < room {
		rows = append(rows, "")
	}
	if cursor != nil {
		cursor.Y += len(rows)
	}
	return append(rows, bottom...), cursor
}

// head is the link in words and the quorum.
func (m *Model) head() []string {
	st, ws, l := m.c.Styles, m.c.Widths, m.c.Link
	title := "Cluster"
	if id := m.status.GetClusterId(); len(id) >= 8 {
		title += " " + id[:8]
	}
	about := " · " + l.State().Meaning()
	out := []string{" " + st.Strong.Render(title) + st.Dim.Render(ws.Truncate(about, m.w-2-ws.Width(title)))}

	up, voters := l.Up()
	var quorum string
	style := st.Good
	switch spare := l.Spare(); {
	case voters == 0:
		quorum, style = "The members are not known yet.", st.Dim
	case l.Phase == common.NoQuorum || l.Phase == common.Offline || spare < 0:
		quorum, style = fmt.Sprintf("%d of %d up: no quorum, nothing can be written", up, voters), st.Bad
	case spare == 0:
		quorum, style = fmt.Sprintf("%d of %d up: can lose 0 more", up, voters), st.Warn
	default:
		quorum = fmt.Sprintf("%d of %d up: can lose %d more", up, voters, spare)
	}
	leader := "no leader known"
	if l.Leader != "" {
		leader = "leader " + l.Leader + "★"
	}
	tail := fmt.Sprintf(" · %s · term %d", leader, l.Term)
	if v := m.status.GetClusterVersion(); v > 0 {
		tail += fmt.Sprintf(" · cluster version %d", v)
	}
	bar := ""
	if voters > 0 && voters <= maxNodes {
		bar = strings.Repeat("█", up) + strings.Repeat("░", voters-up) + " "
	}
	out = append(out, " "+style.Render(bar+ws.Truncate(quorum, m.w-2-voters))+
		st.Dim.Render(ws.Truncate(tail, m.w-2-ws.Width(bar+quorum))))
	switch {
	case m.err != "":
		out = append(out, " "+st.Warn.Render(ws.Truncate("no answer: "+m.err+m.age(), m.w-2)))
	case m.status != nil && !m.status.GetQuorum():
		age := common.Age(time.Duration(m.status.GetAgeMs()) * time.Millisecond)
		out = append(out, " "+st.Warn.Render(ws.Truncate("as "+m.status.GetNode()+" saw it "+age+" ago", m.w-2)))
	default:
		out = append(out, "")
	}
	return out
}

func (m *Model) age() string {
	if m.status == nil {
		return ""
	}
	return " · the table is of " + m.at.In(m.c.Zone).Format("15:04:05")
}

// column is one column of the table; it is drawn on screens of at least from columns.
type column struct {
	title string
	w     int
	from  int
	right bool
	text  func(m *Model, mb *parleyv1.Member) string
}

var columns = []column{
	{"NODE", 11, 0, false, (*Model).name},
	{"ADDRESS", 22, 90, false, func(_ *Model, mb *parleyv1.Member) string { return common.Line(mb.GetAddress()) }},
	{"ROLE", 8, 0, false, func(_ *Model, mb *parleyv1.Member) string { return role(mb) }},
	{"APPLIED", 9, 0, true, func(_ *Model, mb *parleyv1.Member) string { return number(mb.GetApplied()) }},
	{"LAG", 7, 0, true, (*Model).lag},
	{"RTT p50/p99", 15, 56, true, (*Model).roundTrip},
	{"UP", 8, 64, true, func(_ *Model, mb *parleyv1.Member) string { return uptime(mb) }},
	{"VERSION", 10, 100, false, func(_ *Model, mb *parleyv1.Member) string { return common.Line(mb.GetVersion()) }},
}

// table is the members, and the selected one in full below: what a narrow screen has no column for is there.
func (m *Model) table() []string {
	st, ws := m.c.Styles, m.c.Widths
	if m.status == nil {
		return []string{" " + st.Dim.Render("asking "+m.c.Link.Node+" about the members…")}
	}
	head := " "
	for _, col := range columns {
		if m.w >= col.from {
			head += m.cell(col, col.title) + " "
		}
	}
	out := []string{st.Dim.Render(ws.Truncate(head, m.w))}
	for _, mb := range m.status.GetMembers()[:min(len(m.status.GetMembers()), maxNodes)] {
		row := " "
		for _, col := range columns {
			if m.w >= col.from {
				row += m.cell(col, col.text(m, mb)) + " "
			}
		}
		row = ws.Pad(row, m.w)
		switch {
		case mb.GetName() == m.selected:
			row = st.Selected.Render(row)
		case !mb.GetReachable():
			row = st.Bad.Render(row)
		}
		out = append(out, row)
	}
	return append(append(out, m.details()...), "")
}

func (m *Model) cell(col column, text string) string {
	if col.right {
		return m.c.Widths.PadLeft(text, col.w)
	}
	return m.c.Widths.Pad(text, col.w)
}

func (m *Model) name(mb *parleyv1.Member) string {
	we, star, down := " ", " ", ""
	if mb.GetName() == m.c.Link.Node {
		we = "▸"
	}
	if mb.GetName() == m.c.Link.Leader {
		star = "★"
	}
	if !mb.GetReachable() {
		down = " down"
	}
	return we + star + common.Line(mb.GetName()) + down
}

// details is the selected member in words.
func (m *Model) details() []string {
	mb := m.member(m.selected)
	if mb == nil {
		return nil
	}
	parts := []string{common.Line(mb.GetName()), "id " + number(mb.GetId()), common.Line(mb.GetAddress()), "peers " + common.Line(mb.GetPeerAddress())}
	if mb.GetMatch() > 0 {
		parts = append(parts, "match "+number(mb.GetMatch()))
	}
	if v := mb.GetVersion(); v != "" && m.w < 100 {
		parts = append(parts, common.Line(v))
	}
	if mb.GetSnapshot() {
		parts = append(parts, "receives a copy of the whole state")
	}
	if p := mb.GetPending(); p != "" {
		parts = append(parts, common.Line(p))
	}
	if e := mb.GetLastError(); e != "" {
		parts = append(parts, "last error: "+common.Line(e))
	}
	var out []string
	rows := m.c.Widths.Wrap(strings.Join(parts, " · "), max(20, m.w-5))
	for _, r := range rows[:min(len(rows), 3)] {
		out = append(out, "   "+m.c.Styles.Dim.Render(r))
	}
	return out
}

// lag is how many entries a member is behind the newest one that any member has applied.
func (m *Model) lag(mb *parleyv1.Member) string {
	var newest uint64
	for _, o := range m.status.GetMembers() {
		newest = max(newest, o.GetApplied())
	}
	if !mb.GetReachable() || mb.GetApplied() == 0 {
		return "-"
	}
	return "+" + strconv.FormatUint(newest-mb.GetApplied(), 10)
}

func (m *Model) roundTrip(mb *parleyv1.Member) string {
	ts := slices.Sorted(slices.Values(m.trips[mb.GetName()]))
	if len(ts) == 0 || !mb.GetReachable() {
		return "-"
	}
	return millis(ts[len(ts)/2]) + "/" + millis(ts[(len(ts)*99)/100]) + " ms"
}

// millis is a duration in milliseconds, with a digit after the point where it says something.
func millis(d time.Duration) string {
	if d < 10*time.Millisecond {
		return fmt.Sprintf("%.1f", float64(d)/float64(time.Millisecond))
	}
	return strconv.FormatInt(d.Milliseconds(), 10)
}

func role(mb *parleyv1.Member) string {
	if mb.GetRole() == parleyv1.MemberRole_MEMBER_ROLE_LEARNER {
		return "learner"
	}
	return "voter"
}

func uptime(mb *parleyv1.Member) string {
	if !mb.GetReachable() || mb.GetUptimeMs() == 0 {
		return "-"
	}
	return common.Age(time.Duration(mb.GetUptimeMs()) * time.Millisecond)
}

func number(n uint64) string {
	if n == 0 {
		return "-"
	}
	return strconv.FormatUint(n, 10)
}
