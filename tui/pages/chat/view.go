package chat

import (
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"parley/proto/parleyv1"
	"parley/tui/common"
	"parley/tui/components/sidebar"
	"parley/tui/components/statusbar"
)

// SetSize sets the terminal's size.
func (m *Model) SetSize(w, h int) {
	m.w, m.h = w, h
	m.resize()
}

// resize gives every part its place: the area of sidebar and timeline, then the status bar, then the composer or what stands
// in for it.
func (m *Model) resize() {
	if m.w < MinWidth || m.h < MinHeight {
		return
	}
	m.composer.SetWidth(m.w)
	hint := "^K finds people · /msg @name writes to one · F1 help"
	if m.cur != nil {
		hint = m.writingHint()
		if note := m.c.Link.State().Composer(); note != "" {
			hint += " · " + note
		}
	}
	m.composer.SetPlaceholder(hint)
	if m.dialog != nil {
		m.dialog.SetWidth(m.w)
	}
	if m.reactbar != nil {
		m.reactbar.SetWidth(m.w)
	}
	m.paneX = 0
	if m.w >= sidebarWidth && m.c.Settings.Sidebar {
		m.paneX = sidebar.Width + 1
	}
	m.areaH = max(1, m.h-1-m.demoRows()-min(m.bottomRows(), m.h-4))
	m.timelineH = m.areaH - 1 - len(m.suggestions())
	if m.cur != nil { // the others get their size when they are opened
		m.cur.tl.SetSize(m.w-m.paneX, max(1, m.timelineH))
	}
	if o := m.top(); o != nil && o.Full() {
		m.paneX = 0
	}
	for _, o := range m.overlays {
		o.SetSize(m.w-m.paneX, m.areaH)
	}
	if m.help != nil {
		m.help.SetSize(m.w-m.paneX, m.areaH)
	}
}

func (m *Model) bottomRows() int {
	switch {
	case m.dialog != nil:
		rows, _ := m.dialog.View()
		return len(rows)
	case m.reactbar != nil:
		rows, _ := m.reactbar.View()
		return len(rows)
	case m.pasted != "":
		return len(m.pasteBar())
	case m.cur != nil && m.cur.tl.Selecting():
		return 1
	case m.barText != "":
		return len(m.barRows())
	}
	return m.composer.Rows() + len(m.banner())
}

// View is the whole screen and where the cursor is.
func (m *Model) View() (string, *tea.Cursor) {
	if m.w < MinWidth || m.h < MinHeight {
		return common.TooSmall(m.w, m.h, MinWidth, MinHeight), nil
	}
	pane, cursor := m.pane()
	var rows []string
	if m.paneX > 0 {
		left := sidebar.View(m.c, m.user, m.sidebarRows(), m.areaH, m.w >= clusterWidth, m.rtt)
		border := m.c.Styles.Rule.Render("│")
		for i := range pane {
			pane[i] = left[i] + border + pane[i]
		}
		if cursor != nil {
			cursor.X += m.paneX
		}
	}
	rows = append(rows, pane...)
	rows = append(rows, m.demoView()...)
	rows = append(rows, m.statusBar())
	bottom, at := m.bottom()
	if at != nil && cursor == nil {
		cursor = at
		cursor.Y += len(rows)
	}
	if m.demoFocused() {
		cursor = nil
	}
	rows = append(rows, bottom...)
	if len(rows) > m.h {
		rows = rows[:m.h]
	}
	return strings.Join(rows, "\n"), cursor
}

// pane is the right-hand side, areaH rows.
func (m *Model) pane() (rows []string, cursor *tea.Cursor) {
	switch {
	case m.top() != nil:
		rows, cursor = m.top().View()
		for len(rows) < m.areaH {
			rows = append(rows, "")
		}
		return rows[:m.areaH], cursor
	case m.help != nil:
		return m.help.View(), nil
	}
	rows = append(rows, m.header())
	if m.cur == nil {
		rows = append(rows, m.welcome()...)
	} else {
		rows = append(rows, m.cur.tl.View()...)
		if text, ok := m.pill(m.cur); ok {
			if m.cur.tl.Following() && len(rows) > 1 { // at the end of a window: the timeline left no row for it
				rows = slices.Delete(rows, 1, 2)
			}
			pill := m.c.Widths.Rule(text, m.w-m.paneX)
			if m.cur.below > 0 {
				rows = append(rows, m.c.Styles.Unread.Render(pill))
			} else {
				rows = append(rows, m.c.Styles.Rule.Render(pill))
			}
		}
		if len(m.cur.tl.Entries()) == 0 {
			rows[len(rows)-1] = m.c.Styles.Dim.Render(m.emptyText())
		}
	}
	rows = append(rows, m.suggestions()...)
	for len(rows) < m.areaH {
		rows = append(rows, "")
	}
	return rows[:m.areaH], nil
}

// unreadAbove counts unread messages over the window: a jump to the end leaves them behind.
func (m *Model) unreadAbove() (n int) {
	if m.cur.unread == 0 { // the usual case, and cheaper than looking at each
		return 0
	}
	shown := m.cur.tl.Shown()
	if len(shown) == 0 {
		return 0
	}
	for _, e := range m.cur.tl.Entries() {
		if e == shown[0] {
			return n
		}
		if e.Unread {
			n++
		}
	}
	return n
}

func (m *Model) emptyText() string {
	switch {
	case m.over && !m.cur.loaded:
		return " Not read before the session was over."
	case !m.cur.loaded && m.c.Link.Phase == common.Offline:
		return " Not kept here; the nodes have it."
	case m.cur.loading || !m.cur.loaded:
		return " loading…"
	case m.cur.name == "@"+m.user:
		return " Nothing here yet. Only you can read what you write here."
	}
	return " Nothing here yet. Say hello to " + m.cur.title() + "."
}

func (m *Model) welcome() []string {
	st := m.c.Styles
	if !m.listed {
		return []string{"", st.Dim.Render(" loading your conversations…")}
	}
	none := ". You have no conversations yet."
	if len(m.order) > 0 { // what is there was not opened by itself: see joined
		none = ". You are invited: alt+1 answers."
	}
	return []string{
		"", " Welcome, " + st.Strong.Render(m.user) + none, "",
		"   " + st.Strong.Render("^K") + "               find a room, a person, a command",
		"   " + st.Strong.Render("/rooms") + "           the rooms that you can join",
		"   " + st.Strong.Render("/create #name") + "    make a room of your own",
		"   " + st.Strong.Render("/msg @name text") + "  write to somebody",
		"   " + st.Strong.Render("F1") + "               keys and commands",
	}
}

func (m *Model) sidebarRows() []sidebar.Row {
	rows := make([]sidebar.Row, 0, len(m.order))
	for _, v := range m.order {
		rows = append(rows, sidebar.Row{
			Name: v.title(), Unread: v.count(), Current: v == m.cur, Waiting: v.waiting(), Draft: v != m.cur && v.draft != "",
			Mentions: int(min(uint64(v.mentions), v.count())), Muted: v.mute == parleyv1.Mute_MUTE_ALL, Invited: v.invited(), Gone: v.gone,
			Dot: m.peerDot(v),
		})
	}
	return rows
}

func (m *Model) statusBar() string {
	in := statusbar.Info{Unread: m.unread(), Waiting: m.waiting(), Flash: m.flash, Bad: m.flashBad, Hint: "F1 help"}
	if m.cur != nil {
		in.Conversation = m.cur.title()
	}
	if mode := m.composer.Mode(); mode != "" {
		in.Hint = mode + " · " + in.Hint
	}
	if !m.asOf.IsZero() && !m.c.Link.State().Sends() {
		in.Stale = "as of " + m.asOf.In(m.c.Zone).Format("15:04:05")
	}
	return statusbar.View(m.c, in, m.w)
}

// bottom is the composer, or the question or the selection that stands in for it.
func (m *Model) bottom() ([]string, *tea.Cursor) {
	switch {
	case m.dialog != nil:
		return m.dialog.View()
	case m.reactbar != nil:
		return m.reactbar.View()
	case m.pasted != "":
		return m.pasteBar(), nil
	case m.cur != nil && m.cur.tl.Selecting() && m.overlay(): // the keys are the overlay's, which says what they do
		return []string{""}, nil
	case m.cur != nil && m.cur.tl.Selecting():
		return []string{m.selection()}, nil
	case m.barText != "":
		return m.barRows(), nil
	}
	rows, cursor := m.composer.View()
	if over := m.banner(); len(over) > 0 {
		rows = append(over, rows...)
		if cursor != nil {
			cursor.Y += len(over)
		}
	}
	return rows, cursor
}

// selection says what the selected message is, and what can be done with it.
func (m *Model) selection() string {
	st, ws := m.c.Styles, m.c.Widths
	e := m.cur.tl.Selected()
	if e == nil {
		return ""
	}
	what := e.Author
	if word := e.State.Word(); word != "" {
		what = word
	}
	detail := fmt.Sprintf(" %s %s", e.Time.In(m.c.Zone).Format("15:04:05"), what)
	if e.ID > 0 {
		detail += fmt.Sprintf(" · id %d · seq %d", e.ID, e.Seq)
	}
	keys := m.messageHints(e)
	if ws.Width(detail)+ws.Width(keys) > m.w { // what can be done comes first
		return st.Dim.Render(ws.Hints(" "+strings.TrimSpace(keys), m.w))
	}
	return st.Accent.Render(detail) + st.Dim.Render(ws.Truncate(keys, m.w-ws.Width(detail)))
}
