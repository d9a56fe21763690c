package timeline

import (
	"fmt"
	"strings"
	"unicode"

	"charm.land/lipgloss/v2"

	"parley/tui/emoji"
)

// maxWraps bounds the remembered texts: a few hundred screens of them.
const maxWraps = 2048

// wraps remembers how texts break at one width: each is asked for several times a frame, by what counts rows and by what
// draws them.
type wraps struct {
	w        int
	grapheme bool
	rows     map[string][]string
}

// wrap breaks a text into the rows right of a margin. The result is shared and must not be changed.
func (m *Model) wrap(s string, indent int) []string {
	w, c := max(minBodyWidth, m.w-indent), &m.broken
	if c.w != w || c.grapheme != m.c.Widths.Grapheme || len(c.rows) >= maxWraps {
		if indent != m.indent() { // notices are few, and would drive the bodies out
			return m.c.Widths.Wrap(s, w)
		}
		*c = wraps{w: w, grapheme: m.c.Widths.Grapheme, rows: map[string][]string{}}
	}
	rows, ok := c.rows[s]
	if !ok {
		rows = m.c.Widths.Wrap(s, w)
		c.rows[s] = rows
	}
	return rows
}

// text is what an entry shows, with the words that stand behind it.
func (m *Model) text(e *Entry) string {
	text, tail := m.parts(e)
	return text + tail
}

// parts are a message's own text and what the client adds to its end.
func (m *Model) parts(e *Entry) (text, tail string) {
	if e.Deleted {
		return "message deleted", ""
	}
	switch {
	case e.Edited > 0 && e.Pinned:
		tail = " (edited, pinned)"
	case e.Edited > 0:
		tail = " (edited)"
	case e.Pinned:
		tail = " (pinned)"
	}
	return m.named(e.Text), tail
}

// named puts the names of emoji for them, where the terminal draws them badly or the settings ask for it.
func (m *Model) named(s string) string {
	if !m.c.TextEmoji() {
		return s
	}
	return emoji.Text(s)
}

// lead reports whether a row above a reply says what it replies to. The second reply in a row does not say it again.
func (m *Model) lead(i int) bool {
	e := m.entries[i]
	if e.ReplyTo == "" || e.Kind != Message {
		return false
	}
	if i > 0 && m.entries[i-1].ID == e.ThreadID { // it stands right above
		return false
	}
	if i > 0 && m.entries[i-1].Kind == Message && m.entries[i-1].ReplyTo != "" && m.entries[i-1].ThreadID == e.ThreadID {
		return false
	}
	return true
}

// carried is the row below a message: its replies and its reactions, the reader's own ones in brackets.
func (m *Model) carried(e *Entry) string {
	if e.Replies == 0 && len(e.Reactions) == 0 {
		return ""
	}
	var parts []string
	switch {
	case e.Replies == 1:
		parts = append(parts, "↳ 1 reply")
	case e.Replies > 1:
		parts = append(parts, fmt.Sprintf("↳ %d replies", e.Replies))
	}
	if !e.Deleted {
		for _, r := range e.Reactions {
			s := fmt.Sprintf("%s %d", m.named(r.Text), r.Count)
			if r.Mine {
				s = "[" + s + "]"
			}
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, " · ")
}

// newLine is what the line above the first unread message says.
func (m *Model) newLine() string {
	if m.unreadN == 0 {
		return "new"
	}
	return fmt.Sprintf("%d new", m.unreadN)
}

// body draws the rows of a message's text.
func (m *Model) body(e *Entry, selected bool) []string {
	st := m.c.Styles
	base := st.Text
	if e.Deleted {
		base = st.Dim.Italic(true)
	}
	if selected {
		base = base.Reverse(true)
	}
	text, tail := m.parts(e)
	broken := m.wrap(text+tail, m.indent())
	rows := make([]string, len(broken))
	spans := m.spans(e, text, tail)
	if len(spans) == 0 {
		for j, row := range broken {
			rows[j] = render(base, row)
		}
		return rows
	}
	all, at := text+tail, 0
	for j, row := range broken {
		from, ok := seek(all, row, at)
		if !ok { // the wrapping changed more than spaces: plain is right, too
			rows[j] = render(base, row)
			continue
		}
		at = from + len(row)
		rows[j] = m.styled(e, base, selected, all, from, at, spans)
	}
	return rows
}

// seek finds where a row of wrapped text begins: breaks only leave out white space.
func seek(all, row string, at int) (from int, ok bool) {
	for _, r := range all[at:] {
		if strings.HasPrefix(all[at:], row) && (row != "" || r == '\n') {
			return at, true
		}
		if !unicode.IsSpace(r) {
			return 0, false
		}
		at += len(string(r))
	}
	return at, row == ""
}

// styled draws all[from:to], a row, with the spans that reach into it.
func (m *Model) styled(e *Entry, base lipgloss.Style, selected bool, all string, from, to int, spans []span) string {
	var b strings.Builder
	for _, s := range spans {
		if s.to <= from {
			continue
		}
		if s.from >= to {
			break
		}
		if s.from > from {
			b.WriteString(render(base, all[from:s.from]))
			from = s.from
		}
		end := min(s.to, to)
		piece := render(m.spanStyle(s.kind, base, selected), all[from:end])
		if s.kind == spanLink && !m.c.NoLinks {
			piece = hyperlink(s.url, e.Key, piece)
		}
		b.WriteString(piece)
		from = end
	}
	if from < to {
		b.WriteString(render(base, all[from:to]))
	}
	return b.String()
}

func (m *Model) spanStyle(k spanKind, base lipgloss.Style, selected bool) lipgloss.Style {
	st := m.c.Styles
	var s lipgloss.Style
	switch k {
	case spanBold:
		return base.Bold(true)
	case spanItalic:
		return base.Italic(true)
	case spanLink:
		return base.Underline(true)
	case spanCode:
		s = st.Code
	case spanMention:
		s = st.Mention
	case spanTail:
		s = st.Dim
	}
	return s.Reverse(selected)
}

// render is Render without a sequence around nothing.
func render(st lipgloss.Style, s string) string {
	if s == "" {
		return ""
	}
	return st.Render(s)
}
