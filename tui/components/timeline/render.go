package timeline

import (
	"fmt"
	"strings"
	"time"
)

const (
	groupWithin  = 2 * time.Minute // messages of one author closer than this share one name
	maxNick      = 12
	minNick      = 3
	noTimeWidth  = 48 // below this many columns the time column makes way for text
	minBodyWidth = 8
)

// View is exactly as many rows as there is room for: see SetSize. Fewer entries than rows sit at the bottom, next to the composer.
func (m *Model) View() []string {
	room := m.room()
	out := make([]string, 0, room)
	if len(m.entries) > 0 && room > 0 {
		i, l := m.top()
		for first := true; i < len(m.entries) && len(out) < room+l; i++ {
			pre, body := m.block(i)
			if first && l <= len(pre) && m.entries[i].Kind == Message {
				body = m.message(i, false, false) // the window's first row says who speaks
			}
			first = false
			out = append(append(out, pre...), body...)
		}
		out = out[min(l, len(out)):]
		out = out[:min(room, len(out))]
	}
	if n := room - len(out); n > 0 {
		out = append(make([]string, n), out...)
	}
	return out
}

// measure fixes the widths of the gutter's parts for these entries and this window: time (0 = none) and nick.
func (m *Model) measure() {
	m.timeW, m.nickW = 6, minNick
	if m.w < noTimeWidth {
		m.timeW = 0
	}
	limit := min(maxNick, max(minNick, m.w/5))
	for _, e := range m.entries {
		if m.nickW = max(m.nickW, min(limit, len(e.Author))); m.nickW == limit {
			break
		}
	}
}

// separators says what stands above an entry: the list's own first row, a new day, the "new" line.
func (m *Model) separators(i int) (top, day, unread bool) {
	e := m.entries[i]
	top = i == 0 && m.Top != ""
	day = i == 0 || !sameDay(m.entries[i-1].Time.In(m.c.Zone), e.Time.In(m.c.Zone))
	return top, day, m.unreadKey != "" && e.Key == m.unreadKey
}

func sameDay(a, b time.Time) bool { return a.YearDay() == b.YearDay() && a.Year() == b.Year() }

// measureBlock is the number of rows that block makes, without drawing them.
func (m *Model) measureBlock(i int) (pre, body int) {
	top, day, unread := m.separators(i)
	for _, there := range []bool{top, day, unread} {
		if there {
			pre++
		}
	}
	e := m.entries[i]
	if e.Kind == Notice {
		return pre, len(m.wrap(e.Text, m.noticeIndent()))
	}
	body = len(m.wrap(m.text(e), m.indent()))
	if m.lead(i) {
		body++
	}
	for _, below := range []string{e.Note, m.carried(e)} {
		if below != "" {
			body += len(m.wrap(below, m.indent()))
		}
	}
	return pre, body
}

// block renders one entry: the separators before it, and its own rows.
func (m *Model) block(i int) (pre, body []string) {
	e := m.entries[i]
	st, ws := m.c.Styles, m.c.Widths
	top, day, unread := m.separators(i)
	if top {
		pre = append(pre, st.Dim.Render(ws.Truncate(" "+m.Top, m.w)))
	}
	if day {
		line, day := ws.Rule(e.Time.In(m.c.Zone).Format("Mon 2 Jan 2006"), m.w), ""
		if i, k := strings.Index(line, " "), strings.LastIndex(line, " "); i >= 0 && k > i {
			day, line = st.Dim.Render(line[i:k+1])+st.Rule.Render(line[k+1:]), line[:i]
		}
		pre = append(pre, st.Rule.Render(line)+day)
	}
	if unread {
		pre = append(pre, st.Unread.Render(ws.Rule(m.newLine(), m.w)))
	}
	if e.Kind == Notice {
		return pre, m.notice(e)
	}
	grouped := len(pre) == 0 && i > 0 && m.entries[i-1].Kind == Message && m.entries[i-1].Author == e.Author &&
		e.Time.Sub(m.entries[i-1].Time) < groupWithin
	sameMinute := grouped && e.Time.Truncate(time.Minute).Equal(m.entries[i-1].Time.Truncate(time.Minute))
	return pre, m.message(i, grouped, sameMinute)
}

// indent is the column where text begins.
func (m *Model) indent() int { return 1 + m.timeW + 2 + m.nickW + 2 }

func (m *Model) noticeIndent() int { return 1 + m.timeW + 2 }

func (m *Model) notice(e *Entry) []string {
	head := " "
	if m.timeW > 0 {
		head += e.Time.In(m.c.Zone).Format("15:04") + " "
	}
	head += "─ "
	indent := strings.Repeat(" ", m.noticeIndent())
	rows := m.wrap(e.Text, len(indent))
	for j := range rows {
		lead := indent
		if j == 0 {
			lead = head
		}
		rows[j] = m.c.Styles.Dim.Render(lead + rows[j])
	}
	return rows
}

// message renders the rows of one message. A group shows its author once, and the time again when the minute changes.
func (m *Model) message(i int, grouped, sameMinute bool) []string {
	e := m.entries[i]
	st, ws := m.c.Styles, m.c.Widths
	clock := strings.Repeat(" ", m.timeW)
	nick := strings.Repeat(" ", m.nickW)
	if !sameMinute && m.timeW > 0 {
		clock = e.Time.In(m.c.Zone).Format("15:04") + " "
	}
	if !grouped {
		nick = ws.PadLeft(e.Author, m.nickW)
	}
	name := st.Author(e.Author)
	if e.Own {
		name = name.Bold(true)
	}
	selected := m.selecting && e.Key == m.cursor
	indent := m.indent()

	var rows []string
	if m.lead(i) {
		rows = append(rows, st.Dim.Render(ws.Truncate("re: "+m.named(e.ReplyTo), max(minBodyWidth, m.w-indent))))
	}
	rows = append(rows, m.body(e, selected)...)
	if e.Note != "" {
		for _, row := range m.wrap(e.Note, indent) {
			rows = append(rows, m.noteStyle(e.State, row))
		}
	}
	if c := m.carried(e); c != "" {
		for _, row := range m.wrap(c, indent) {
			rows = append(rows, st.Dim.Render(row))
		}
	}
	margin := strings.Repeat(" ", indent)
	for j := range rows {
		if j > 0 {
			rows[j] = margin + rows[j]
		}
	}
	rows[0] = m.gutter(e, selected) + st.Dim.Render(clock) + m.glyph(e.State) + " " + name.Render(nick) + "  " + rows[0]
	return rows
}

// gutter is the first column: what is selected, marked, or names the reader.
func (m *Model) gutter(e *Entry, selected bool) string {
	st := m.c.Styles
	switch {
	case selected && m.marked[e.Key]:
		return st.Accent.Render("◆")
	case selected:
		return st.Accent.Render("▸")
	case m.marked[e.Key]:
		return st.Accent.Render("•")
	case e.Mention && !e.Deleted:
		return st.Mention.Render("@")
	}
	return " "
}

func (m *Model) glyph(s State) string {
	st := m.c.Styles
	switch s {
	case Committed:
		return st.Good.Render(s.Glyph())
	case Rejected:
		return st.Error.Render(s.Glyph())
	case Unknown:
		return st.Warn.Render(s.Glyph())
	}
	return st.Dim.Render(s.Glyph())
}

func (m *Model) noteStyle(s State, row string) string {
	if s == Rejected {
		return m.c.Styles.Error.Render(row)
	}
	return m.c.Styles.Dim.Render(row)
}

// Pill says what the reader does not see: new messages below. It is empty when there is nothing to say.
func (m *Model) Pill(below int) string {
	switch {
	case m.follow:
		return ""
	case below == 1:
		return "↓ 1 new below · End"
	case below > 1:
		return fmt.Sprintf("↓ %d new below · End", below)
	}
	return "↓ End for the newest"
}
