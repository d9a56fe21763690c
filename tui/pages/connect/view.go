package connect

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"parley/tui/common"
	"parley/tui/components/statusbar"
)

// View is the whole screen and where the cursor is.
func (m *Model) View() (string, *tea.Cursor) {
	if m.w < MinWidth || m.h < MinHeight {
		return common.TooSmall(m.w, m.h, MinWidth, MinHeight), nil
	}
	form, cursor := m.form()
	nodes := m.nodes()
	top := 0
	if room := m.h - 1 - len(form) - len(nodes) - 1; room >= 0 {
		form = append(form, "")
		form = append(form, nodes...)
		top = min(room/3, 4)
	}
	rows := make([]string, top, m.h)
	rows = append(rows, form...)
	for len(rows) < m.h-1 {
		rows = append(rows, "")
	}
	rows = append(rows[:m.h-1], statusbar.View(m.c, statusbar.Info{Hint: "^Q quit"}, m.w))
	if cursor != nil {
		cursor.Y += top
		if cursor.Y >= m.h-1 {
			cursor = nil
		}
	}
	return strings.Join(rows, "\n"), cursor
}

// form is the fields and what is to be said about them.
func (m *Model) form() ([]string, *tea.Cursor) {
	st, ws := m.c.Styles, m.c.Widths
	w := m.w - 2
	out := []string{"  " + st.Accent.Bold(true).Render("Parley") + st.Dim.Render(ws.Truncate(" "+m.c.Version, w-8))}
	roomy := m.h >= 14
	gap := func() {
		if roomy {
			out = append(out, "")
		}
	}
	gap()
	if m.notice != "" {
		for _, row := range ws.Wrap(m.notice, w-2) {
			out = append(out, "  "+st.Warn.Render(row))
		}
		gap()
	}
	login, create := " Log in ", " Create an account "
	if m.create {
		out = append(out, "  "+st.Dim.Render(login)+" "+st.Current.Render(create)+st.Dim.Render("  ^T"))
	} else {
		out = append(out, "  "+st.Current.Render(login)+" "+st.Dim.Render(create)+st.Dim.Render("  ^T"))
	}
	gap()
	var cursor *tea.Cursor
	for i := range m.fields {
		f := &m.fields[i]
		if !f.on(m.create) {
			continue
		}
		label := st.Dim.Render(ws.Pad(f.label, 11))
		if i == m.at {
			label = st.Accent.Bold(true).Render(ws.Pad(f.label, 11))
			if cur := f.in.Cursor(); cur != nil && !m.busy {
				cur.X, cur.Y = cur.X+2+11+1, len(out)
				cursor = cur
			}
		}
		hint := ""
		if f.in.Value() == "" && i != m.at {
			hint = f.hint
		}
		if hint != "" {
			out = append(out, "  "+label+" "+st.Dim.Render(ws.Truncate(hint, w-14)))
		} else {
			out = append(out, "  "+label+" "+f.in.View())
		}
	}
	gap()
	switch {
	case m.busy:
		out = append(out, "  "+st.Dim.Render("… asking the cluster"))
	case m.err != "":
		for _, row := range ws.Wrap("✗ "+m.err, w-2) {
			out = append(out, "  "+st.Error.Render(row))
		}
	default:
		out = append(out, "  "+st.Dim.Render(ws.Truncate("Enter goes on · Tab next field · ^T switches", w-2)))
	}
	return out, cursor
}

// nodes is the list of the cluster's nodes as the client library sees them.
func (m *Model) nodes() []string {
	st, ws, link := m.c.Styles, m.c.Widths, m.c.Link
	out := []string{"  " + st.Dim.Render("Nodes")}
	if len(link.Members) == 0 {
		for _, a := range m.c.Servers {
			out = append(out, "  "+st.Dim.Render(ws.Truncate("· "+common.Line(a)+"  not asked yet", m.w-2)))
		}
		return out
	}
	nameW, told := 0, false
	for _, n := range link.Members {
		if n.Name != n.Address { // names are told after the log-in
			nameW = max(nameW, ws.Width(common.Line(n.Name))+2)
		}
		told = told || n.Trouble != ""
	}
	for _, n := range link.Members {
		text := common.Line(n.Address)
		if nameW > 0 {
			name := common.Line(n.Name)
			if n.Name == n.Address {
				name = ""
			}
			text = ws.Pad(name, nameW) + text
		}
		sign, how := m.probed(n)
		out = append(out, "  "+ws.Truncate(sign+" "+text+"  "+how, m.w-2))
	}
	if link.Phase != common.Ready && link.Err != "" && !told {
		out = append(out, "  "+st.Dim.Render(ws.Truncate(link.Err, m.w-2)))
	}
	return out
}

// probed is a sign and words for what is known of the way to a node.
func (m *Model) probed(n common.Member) (sign, how string) {
	st, link := m.c.Styles, m.c.Link
	switch {
	case n.Reachable:
		how = "up"
		if n.Address == link.Address {
			how = "connected"
		}
		if t, ok := m.took[n.Address]; ok {
			how += " · " + common.Age(t)
		}
		return st.Good.Render("●"), st.Dim.Render(how)
	case n.Trouble != "":
		why := strings.TrimPrefix(n.Trouble, "dial tcp "+n.Address+": ") // the address stands before it
		return st.Bad.Render("○"), st.Bad.Render(strings.TrimPrefix(why, "connect: "))
	case link.Phase == common.Connecting:
		return st.Dim.Render("·"), st.Dim.Render("asking…")
	}
	return st.Bad.Render("○"), st.Bad.Render("no answer")
}
