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

// View is exactly h rows. Fewer entries than rows sit at the bottom, next to the composer.
func (m *Model) View() []string {
	out := make([]string, 0, m.h)
	if len(m.entries) > 0 && m.h > 0 {
		i, l := m.top()
		for ; i < len(m.entries) && len(out) < m.h+l; i++ {
			pre, body := m.block(i)
			out = append(append(out, pre...), body...)
		}
		out = out[min(l, len(out)):]
		out = out[:min(m.h, len(out))]
	}
	if n := m.h - len(out); n > 0 {
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

// block renders one entry: the separators before it, and its own rows.
func (m *Model) block(i int) (pre, body []string) {
	e := m.entries[i]
	st, ws := m.c.Styles, m.c.Widths
	if i == 0 && m.Top != "" {
		pre = append(pre, st.Dim.Render(ws.Truncate(" "+m.Top, m.w)))
	}
	day := e.Time.In(m.c.Zone).Format("Mon 2 Jan 2006")
	newDay := i == 0 || m.entries[i-1].Time.In(m.c.Zone).Format("Mon 2 Jan 2006") != day
	if newDay {
		pre = append(pre, st.Rule.Render(ws.Rule(day, m.w)))
	}
	if m.unreadKey != "" && e.Key == m.unreadKey {
		pre = append(pre, st.Unread.Render(ws.Rule("new", m.w)))
	}
	if e.Kind == Notice {
		return pre, m.notice(e)
	}
	grouped := len(pre) == 0 && i > 0 && m.entries[i-1].Kind == Message && m.entries[i-1].Author == e.Author &&
		e.Time.Sub(m.entries[i-1].Time) < groupWithin
	return pre, m.message(e, grouped)
}

func (m *Model) notice(e *Entry) []string {
	head := " "
	if m.timeW > 0 {
		head += e.Time.In(m.c.Zone).Format("15:04") + " "
	}
	head += "─ "
	indent := strings.Repeat(" ", m.c.Widths.Width(head))
	rows := m.c.Widths.Wrap(e.Text, max(minBodyWidth, m.w-len(indent)))
	for j := range rows {
		lead := indent
		if j == 0 {
			lead = head
		}
		rows[j] = m.c.Styles.Dim.Render(lead + rows[j])
	}
	return rows
}

func (m *Model) message(e *Entry, grouped bool) []string {
	st, ws := m.c.Styles, m.c.Widths
	timeW, nickW := m.timeW, m.nickW
	indent := 1 + timeW + 2 + nickW + 2

	clock := strings.Repeat(" ", timeW)
	nick := strings.Repeat(" ", nickW)
	if !grouped {
		if timeW > 0 {
			clock = e.Time.In(m.c.Zone).Format("15:04") + " "
		}
		nick = ws.PadLeft(e.Author, nickW)
	}
	name := st.Author(e.Author)
	if e.Own {
		name = name.Bold(true)
	}
	gutter := " "
	selected := m.selecting && e.Key == m.cursor
	switch {
	case selected && m.marked[e.Key]:
		gutter = "◆"
	case selected:
		gutter = "▸"
	case m.marked[e.Key]:
		gutter = "•"
	}
	text, textStyle := e.Text, st.Text
	if e.Deleted {
		text, textStyle = "message deleted", st.Dim.Italic(true)
	}
	if selected {
		textStyle = textStyle.Reverse(true)
	}
	rows := ws.Wrap(text, max(minBodyWidth, m.w-indent))
	for j := range rows {
		body := rows[j]
		if body != "" {
			body = textStyle.Render(body)
		}
		if j > 0 {
			rows[j] = strings.Repeat(" ", indent) + body
			continue
		}
		rows[j] = st.Accent.Render(gutter) + st.Dim.Render(clock) + m.glyph(e.State) + " " + name.Render(nick) + "  " + body
	}
	if e.Note != "" {
		for _, row := range ws.Wrap(e.Note, max(minBodyWidth, m.w-indent)) {
			rows = append(rows, strings.Repeat(" ", indent)+m.noteStyle(e.State, row))
		}
	}
	return rows
}

func (m *Model) glyph(s State) string {
	st := m.c.Styles
	switch s {
	case Sent:
		return st.Good.Render(s.Glyph())
	case Failed:
		return st.Error.Render(s.Glyph())
	case Unknown:
		return st.Warn.Render(s.Glyph())
	}
	return st.Dim.Render(s.Glyph())
}

func (m *Model) noteStyle(s State, row string) string {
	if s == Failed {
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
