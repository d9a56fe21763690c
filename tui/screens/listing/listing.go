// Package listing is the screen of one list that the cluster answers with: rooms, members, sessions, what operators did. Rows are
// loaded page by page; each action of a row is one key and answers with a message for the page.
package listing

import (
	"context"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"parley/tui/common"
)

const (
	// maxRows bounds what is kept: a room has at most 10,000 members, an audit as many entries.
	maxRows = 10_000
	// maxName is how far the column of names grows.
	maxName = 34
)

// Row is one line. Its texts are clean.
type Row struct {
	ID   string // what the actions are told; not drawn
	Name string
	Note string
	Dim  bool
	Do   tea.Msg // what Enter does with this row; nil: what the action "enter" of the list does
}

// Page is one answer of the cluster.
type Page struct {
	Rows []Row
	Next string // for the next page; empty: this was the last
	Note string // said below the list: how old it is, what is left out
}

// Action is one key on the selected row. Do may return nil.
type Action struct {
	Key, Help string
	Do        func(Row) tea.Msg
}

// Options say what the list is. Load runs in a command, under the page's context.
type Options struct {
	Title   string
	Empty   string // what stands there when there is no row
	Load    func(ctx context.Context, next string) (Page, error)
	Actions []Action
	Lead    func(Row) string // drawn before the name, one column; may be nil
}

// Model is the open list.
type Model struct {
	c       *common.Common
	ctx     context.Context
	o       Options
	rows    []Row
	next    string
	note    string
	problem string
	loading bool
	loaded  bool
	asked   int // number of the last question; older answers are dropped
	at      int
	w, h    int
}

var _ common.Overlay = (*Model)(nil)

type loadedMsg struct {
	to    *Model
	asked int
	more  bool
	page  Page
	err   error
}

// New makes a list; it begins to load when it is shown.
func New(ctx context.Context, c *common.Common, o Options) *Model {
	return &Model{c: c, ctx: ctx, o: o}
}

// Init asks for the first page.
func (m *Model) Init() tea.Cmd { return m.load("") }

// SetSize sets the area to fill.
func (m *Model) SetSize(w, h int) { m.w, m.h = w, h }

// Full leaves the sidebar where it is.
func (m *Model) Full() bool { return false }

func (m *Model) load(next string) tea.Cmd {
	m.asked++
	m.loading = true
	parent, asked, load := m.ctx, m.asked, m.o.Load
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(parent, 2*common.CallTimeout)
		defer cancel()
		page, err := load(ctx, next)
		return loadedMsg{m, asked, next != "", page, err}
	}
}

// Update applies one message.
func (m *Model) Update(msg tea.Msg) (done bool, cmd tea.Cmd) {
	switch msg := msg.(type) {
	case loadedMsg:
		return false, m.onLoaded(msg)
	case common.ChangedMsg:
		return false, m.load("")
	case tea.KeyPressMsg:
		return m.onKey(msg)
	case tea.MouseClickMsg:
		return m.onClick(msg)
	case tea.MouseWheelMsg:
		if msg.Button == tea.MouseWheelUp {
			return false, m.move(-1)
		}
		return false, m.move(1)
	}
	return false, nil
}

// onClick selects the row under the mouse; a click on the selected one does what Enter does.
func (m *Model) onClick(msg tea.MouseClickMsg) (bool, tea.Cmd) {
	i := m.from() + msg.Y - headRows
	switch {
	case msg.Y < headRows || msg.Y >= headRows+m.room() || i >= len(m.rows):
		return false, nil
	case i == m.at:
		return m.onKey(tea.KeyPressMsg{Code: tea.KeyEnter})
	}
	m.at = i
	return false, nil
}

func (m *Model) onLoaded(msg loadedMsg) tea.Cmd {
	if msg.to != m || msg.asked != m.asked {
		return nil
	}
	m.loading, m.problem = false, ""
	if msg.err != nil {
		f := m.c.Backend.Explain(msg.err)
		m.problem = f.Error()
		if f.Auth {
			return common.Send(common.FailedMsg{Err: msg.err})
		}
		return nil
	}
	m.loaded = true
	if !msg.more {
		m.rows = nil
	}
	m.rows = append(m.rows, msg.page.Rows...)
	m.next, m.note = msg.page.Next, msg.page.Note
	if len(m.rows) >= maxRows {
		m.rows, m.next = m.rows[:maxRows], ""
	}
	m.at = max(0, min(m.at, len(m.rows)-1))
	return nil
}

func (m *Model) onKey(msg tea.KeyPressMsg) (bool, tea.Cmd) {
	k := m.c.Keys
	switch {
	case key.Matches(msg, k.Escape, k.Interrupt):
		return true, nil
	case key.Matches(msg, k.Accept) && m.at < len(m.rows) && m.rows[m.at].Do != nil:
		return false, common.Send(m.rows[m.at].Do)
	}
	for _, a := range m.o.Actions { // before j and k: an action may be one of them
		if msg.String() != a.Key || m.at >= len(m.rows) {
			continue
		}
		if out := a.Do(m.rows[m.at]); out != nil {
			return false, common.Send(out)
		}
		return false, nil
	}
	switch {
	case key.Matches(msg, k.Up):
		return false, m.move(-1)
	case key.Matches(msg, k.Down):
		return false, m.move(1)
	case key.Matches(msg, k.PageUp):
		return false, m.move(-max(1, m.room()-1))
	case key.Matches(msg, k.PageDown):
		return false, m.move(max(1, m.room()-1))
	case key.Matches(msg, k.First):
		return false, m.move(-len(m.rows))
	case key.Matches(msg, k.Last):
		return false, m.move(len(m.rows))
	}
	return msg.String() == "q", nil
}

// move moves the cursor and asks for the next page near the end.
func (m *Model) move(n int) tea.Cmd {
	m.at = max(0, min(m.at+n, len(m.rows)-1))
	if m.next != "" && !m.loading && m.at >= len(m.rows)-m.room() {
		return m.load(m.next)
	}
	return nil
}

// headRows stand above the list.
const headRows = 2

// room is the number of rows of the list itself, from the first of them that is drawn.
func (m *Model) room() int { return max(1, m.h-headRows-1) }
func (m *Model) from() int { return max(0, min(m.at-m.room()/2, len(m.rows)-m.room())) }

// View is the list and what can be done with its rows.
func (m *Model) View() ([]string, *tea.Cursor) {
	st, ws := m.c.Styles, m.c.Widths
	out := []string{st.Strong.Render(ws.Truncate(" "+m.o.Title, m.w)), ""}
	nameW := 0
	for _, r := range m.rows {
		nameW = max(nameW, ws.Width(r.Name))
	}
	nameW = min(nameW, maxName, max(8, m.w/2))
	from := m.from()
	for i := from; i < min(len(m.rows), from+m.room()); i++ {
		out = append(out, m.row(m.rows[i], nameW, i == m.at))
	}
	switch {
	case m.problem != "":
		out = append(out, " "+st.Error.Render(ws.Truncate("✗ "+m.problem, m.w-1)))
	case !m.loaded:
		out = append(out, st.Dim.Render(" loading…"))
	case len(m.rows) == 0:
		out = append(out, st.Dim.Render(ws.Truncate(" "+m.o.Empty, m.w)))
	}
	for len(out) < m.h-1 {
		out = append(out, "")
	}
	out = out[:max(0, min(len(out), m.h-1))]
	return append(out, st.Dim.Render(ws.Hints(m.hint(), m.w))), nil
}

func (m *Model) hint() string {
	var parts []string
	if m.note != "" {
		parts = append(parts, m.note)
	}
	for _, a := range m.o.Actions {
		if len(m.rows) == 0 {
			break
		}
		name := a.Key
		if name == "enter" {
			name = "Enter"
		}
		parts = append(parts, name+" "+a.Help)
	}
	if m.next != "" {
		parts = append(parts, "more below")
	}
	return " " + strings.Join(append(parts, "Esc back"), " · ")
}

func (m *Model) row(r Row, nameW int, current bool) string {
	st, ws := m.c.Styles, m.c.Widths
	lead, style, note := "   ", st.Text, st.Dim
	if r.Dim {
		style = st.Dim
	}
	if current {
		lead, style = st.Accent.Render(" ▸ "), st.Strong.Reverse(true)
	}
	if m.o.Lead != nil {
		lead += m.o.Lead(r) + " "
	}
	name := ws.Truncate(r.Name, nameW)
	gap := strings.Repeat(" ", max(0, nameW-ws.Width(name))+2)
	left := m.w - ws.Width(lead) - nameW - 2
	return lead + style.Render(name) + gap + note.Render(ws.Truncate(r.Note, left))
}
