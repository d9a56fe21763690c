// Package search is the screen that finds messages: the cluster's search over all that the reader may see, and while no node
// answers, the words in what is loaded here, which is said.
package search

import (
	"context"
	"fmt"
	"strings"
	"time"

	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"parley/proto/parleyv1"
	"parley/tui/common"
	"parley/tui/components/dialog"
)

const (
	// maxQuery is the contract's limit of a query.
	maxQuery = 1024
	// pageSize is one page; the next is asked for near its end.
	pageSize = 50
	// maxFound bounds what is kept; who looks further narrows the query.
	maxFound = 1000
	// askAfter lets a person type before the cluster is asked: a search costs more than a name.
	askAfter = 250 * time.Millisecond
)

// Found is one message. Its texts are clean.
type Found struct {
	Conversation, Author, Text string
	ID                         uint64
	Time                       time.Time
}

// Model is the open screen.
type Model struct {
	c       *common.Common
	ctx     context.Context
	in      textinput.Model
	local   func(query string) []Found // what is loaded here
	found   []Found
	next    string
	status  string
	bad     bool
	asked   int // number of the last question; older answers are dropped
	loading bool
	at      int
	w, h    int
}

var _ common.Overlay = (*Model)(nil)

type askMsg struct {
	to     *Model
	number int
}

type foundMsg struct {
	to     *Model
	number int
	more   bool
	resp   *parleyv1.SearchMessagesResponse
	alone  bool
	err    error
}

// New opens with a query. local finds words in what is loaded; it is called in Update.
func New(ctx context.Context, c *common.Common, query string, local func(string) []Found) *Model {
	m := &Model{c: c, ctx: ctx, in: dialog.Input(c, false, maxQuery), local: local}
	m.in.Placeholder = "words, \"a phrase\", from:bob in:#ops after:2026-11-01"
	m.in.SetValue(query)
	m.in.CursorEnd()
	m.in.Focus()
	return m
}

// Init searches for what it was opened with.
func (m *Model) Init() tea.Cmd { return m.ask("") }

// Full leaves the sidebar where it is.
func (m *Model) Full() bool { return false }

// SetSize sets the area to fill.
func (m *Model) SetSize(w, h int) {
	m.w, m.h = w, h
	m.in.SetWidth(max(4, w-6))
}

func (m *Model) query() string { return strings.TrimSpace(m.in.Value()) }

// ask searches; next is the page.
func (m *Model) ask(next string) tea.Cmd {
	m.asked++
	if m.query() == "" {
		m.found, m.next, m.status, m.bad, m.loading = nil, "", "", false, false
		return nil
	}
	m.loading = true
	be, ctx, link, number, query := m.c.Backend, m.ctx, m.c.Link, m.asked, m.query()
	return func() tea.Msg {
		resp, alone, err := common.Either(ctx, link, func(ctx context.Context, c parleyv1.Consistency) (*parleyv1.SearchMessagesResponse, error) {
			return be.SearchMessages(ctx, &parleyv1.SearchMessagesRequest{Query: query, PageSize: pageSize, PageToken: next, Consistency: c})
		}, be.Explain)
		return foundMsg{m, number, next != "", resp, alone, err}
	}
}

// Update applies one message.
func (m *Model) Update(msg tea.Msg) (done bool, cmd tea.Cmd) {
	switch msg := msg.(type) {
	case askMsg:
		if msg.to == m && msg.number == m.asked {
			return false, m.ask("")
		}
	case foundMsg:
		return false, m.onFound(msg)
	case common.LinkMsg:
		if m.bad && msg.New.Phase == common.Ready {
			return false, m.ask("")
		}
	case tea.KeyPressMsg:
		return m.onKey(msg)
	case tea.PasteMsg:
		return false, m.edit(msg)
	case tea.MouseWheelMsg:
		if msg.Button == tea.MouseWheelUp {
			return false, m.move(-1)
		}
		return false, m.move(1)
	case tea.MouseClickMsg:
		return m.onClick(msg)
	}
	return false, nil
}

// onClick selects the message under the mouse; a click on the selected one goes there.
func (m *Model) onClick(msg tea.MouseClickMsg) (bool, tea.Cmd) {
	i := m.from() + (msg.Y-headRows)/rowsEach
	switch {
	case msg.Y < headRows || msg.Y >= headRows+m.room()*rowsEach || i >= len(m.found):
		return false, nil
	case i == m.at:
		return m.onKey(tea.KeyPressMsg{Code: tea.KeyEnter})
	}
	m.at = i
	return false, nil
}

func (m *Model) onFound(msg foundMsg) tea.Cmd {
	if msg.to != m || msg.number != m.asked {
		return nil
	}
	m.loading, m.bad = false, false
	if msg.err != nil {
		f := m.c.Backend.Explain(msg.err)
		if f.Auth {
			return common.Send(common.FailedMsg{Err: msg.err})
		}
		m.bad = true
		if f.Outcome == common.Refused { // the query is no good
			m.found, m.next, m.status = nil, "", "✗ "+f.Error()
			return nil
		}
		if !msg.more {
			m.found, m.next, m.at = m.local(m.query()), "", 0
		}
		m.status = "no node answers: only what is loaded here was searched"
		return nil
	}
	if !msg.more {
		m.found, m.at = nil, 0
	}
	for _, pm := range msg.resp.GetMessages() {
		m.found = append(m.found, Found{
			Conversation: pm.GetConversation(), Author: common.Line(pm.GetSender()), Text: common.Line(pm.GetText()),
			ID: pm.GetId(), Time: pm.GetTime().AsTime(),
		})
	}
	m.next = msg.resp.GetNextPageToken()
	if len(m.found) >= maxFound {
		m.found, m.next = m.found[:maxFound], ""
	}
	m.status = fmt.Sprintf("%d found", len(m.found))
	if m.next != "" {
		m.status += ", more below"
	}
	if msg.resp.GetBehind() {
		m.status += " · the node's index is behind: the newest may be missing"
	}
	if msg.alone {
		m.status += " · read from one node alone"
	}
	if len(m.found) == 0 && m.next != "" { // a page may be empty without being the last
		return m.ask(m.next)
	}
	return nil
}

func (m *Model) onKey(msg tea.KeyPressMsg) (bool, tea.Cmd) {
	k := m.c.Keys
	switch {
	case key.Matches(msg, k.Escape, k.Search, k.Interrupt):
		return true, nil
	case key.Matches(msg, k.Accept):
		if m.at >= len(m.found) {
			return false, m.ask("")
		}
		f := m.found[m.at]
		return false, common.Send(common.OpenMsg{Conversation: f.Conversation, MessageID: f.ID})
	case msg.String() == "up" || key.Matches(msg, k.PrevConversation):
		return false, m.move(-1)
	case msg.String() == "down" || key.Matches(msg, k.NextConversation, k.NextField):
		return false, m.move(1)
	case key.Matches(msg, k.PageUp):
		return false, m.move(-max(1, m.room()-1))
	case key.Matches(msg, k.PageDown):
		return false, m.move(max(1, m.room()-1))
	}
	return false, m.edit(msg)
}

// move moves the cursor and asks for the next page near the end.
func (m *Model) move(n int) tea.Cmd {
	m.at = max(0, min(m.at+n, len(m.found)-1))
	if m.next != "" && !m.loading && m.at >= len(m.found)-m.room() {
		return m.ask(m.next)
	}
	return nil
}

func (m *Model) edit(msg tea.Msg) tea.Cmd {
	before := m.in.Value()
	m.in, _ = m.in.Update(msg)
	if m.in.Value() == before {
		return nil
	}
	m.asked++
	n := m.asked
	return tea.Tick(askAfter, func(time.Time) tea.Msg { return askMsg{m, n} })
}

// headRows stand above what was found; each message of it has rowsEach.
const (
	headRows = 3
	rowsEach = 2
)

// room is the number of results that fit, from the first of them that is drawn.
func (m *Model) room() int { return max(1, (m.h-headRows-1)/rowsEach) }
func (m *Model) from() int { return max(0, m.at-m.room()+1) }

// View is the field and what was found, the newest first.
func (m *Model) View() ([]string, *tea.Cursor) {
	st, ws := m.c.Styles, m.c.Widths
	out := []string{st.Strong.Render(ws.Truncate(" Search messages", m.w)), " " + st.Accent.Render("?") + " " + m.in.View(), ""}
	cursor := m.in.Cursor()
	if cursor != nil {
		cursor.X, cursor.Y = cursor.X+3, 1
	}
	from := m.from()
	for i := from; i < min(len(m.found), from+m.room()); i++ {
		f := m.found[i]
		lead, style := "   ", st.Text
		if i == m.at {
			lead, style = st.Accent.Render(" ▸ "), st.Strong.Reverse(true)
		}
		head := common.Line(f.Conversation) + " · " + f.Time.In(m.c.Zone).Format("Mon 2 Jan 2006 15:04") + " · " + f.Author
		out = append(out, lead+style.Render(ws.Truncate(head, m.w-4)), "     "+ws.Truncate(m.excerpt(f.Text), m.w-6))
	}
	switch {
	case m.loading && len(m.found) == 0:
		out = append(out, st.Dim.Render(" searching…"))
	case len(m.found) == 0 && m.query() == "":
		out = append(out, m.help()...)
	case len(m.found) == 0 && !strings.HasPrefix(m.status, "✗"):
		out = append(out, st.Dim.Render(" nothing found"))
	}
	for len(out) < m.h-1 {
		out = append(out, "")
	}
	out = out[:max(0, m.h-1)]
	hint := "↑↓ choose · Enter goes there · Esc back"
	if m.status != "" {
		hint = m.status + " · " + hint
	}
	style := st.Dim
	if m.bad {
		style = st.Warn
	}
	return append(out, style.Render(ws.Hints(" "+hint, m.w))), cursor
}

func (m *Model) help() (out []string) {
	st, ws := m.c.Styles, m.c.Widths
	for _, l := range [][2]string{
		{"disk full", "both words, in any case and order"}, {"disk*", "all words that begin so"}, {"\"out of disk\"", "words that follow each other"},
		{"from:bob", "by somebody"}, {"in:#ops in:@bob", "in one of these conversations"}, {"after:2026-11-01", "since a day; before: until one"},
		{"-word", "without it"},
	} {
		out = append(out, "   "+st.Strong.Render(ws.Pad(l[0], 18))+" "+st.Dim.Render(ws.Truncate(l[1], m.w-23)))
	}
	return out
}

// excerpt begins a little before the first word of the query that the text has.
func (m *Model) excerpt(text string) string {
	lower := strings.ToLower(text)
	for _, w := range strings.Fields(strings.ToLower(m.query())) {
		w = strings.Trim(w, `"*`)
		if i := strings.Index(lower, w); w != "" && !strings.Contains(w, ":") && i > m.w/2 && i < len(text) {
			for i -= min(i, m.w/4); i > 0 && text[i] != ' '; i-- { // from the beginning of a word
			}
			return "…" + text[i:]
		}
	}
	return text
}
