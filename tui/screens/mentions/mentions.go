// Package mentions is the screen of the messages of all rooms that mention the reader, the newest first. Enter opens a message
// at its place.
package mentions

import (
	"context"
	"fmt"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"parley/proto/parleyv1"
	"parley/tui/common"
)

// pageSize is how many mentions one question brings: more than a screen has rows.
const pageSize = 50

// maxRows bounds the list; who goes further back searches.
const maxRows = 1000

// Read asks the cluster for messages, each way that it can be had.
type Read func(context.Context, *parleyv1.ReadMessagesRequest) (*parleyv1.ReadMessagesResponse, error)

// Model is the open screen.
type Model struct {
	c    *common.Common
	ctx  context.Context
	read Read

	rows    []row // the newest first
	only    bool  // only unread ones
	more    bool
	loading bool
	number  int // of the last question; older answers are dropped
	at      int
	w, h    int
	err     string
}

// row is one mention; its strings are clean.
type row struct {
	id                   uint64
	room, clock, by, say string
	unread               bool
}

// pageMsg is one answer.
type pageMsg struct {
	to     *Model
	number int
	resp   *parleyv1.ReadMessagesResponse
	err    error
}

var _ common.Overlay = (*Model)(nil)

// New is the screen; ctx ends its questions.
func New(ctx context.Context, c *common.Common, read Read) *Model {
	return &Model{c: c, ctx: ctx, read: read}
}

// Init asks for the newest ones.
func (m *Model) Init() tea.Cmd { return m.load(0) }

// SetSize sets the area to fill.
func (m *Model) SetSize(w, h int) { m.w, m.h = w, h }

// Full leaves the sidebar in place.
func (m *Model) Full() bool { return false }

// load asks for the mentions before a message, the newest ones with 0.
func (m *Model) load(before uint64) tea.Cmd {
	m.loading = true
	m.number++
	number, ctx, read := m.number, m.ctx, m.read
	req := &parleyv1.ReadMessagesRequest{OnlyMentions: true, OnlyUnread: m.only, Limit: pageSize, BeforeId: before}
	return func() tea.Msg {
		resp, err := read(ctx, req)
		return pageMsg{m, number, resp, err}
	}
}

// Update applies one message.
func (m *Model) Update(msg tea.Msg) (done bool, cmd tea.Cmd) {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		return m.onKey(msg)
	case pageMsg:
		if msg.to == m && msg.number == m.number {
			return false, m.onPage(msg)
		}
	}
	return false, nil
}

func (m *Model) onPage(msg pageMsg) tea.Cmd {
	m.loading = false
	if msg.err != nil {
		f := m.c.Backend.Explain(msg.err)
		if m.err = f.Error(); f.Auth {
			return common.Send(common.FailedMsg{Err: msg.err})
		}
		return nil
	}
	m.err = ""
	ms := msg.resp.GetMessages()
	for i := len(ms) - 1; i >= 0; i-- {
		p := ms[i]
		m.rows = append(m.rows, row{
			id: p.GetId(), room: p.GetConversation(), clock: p.GetTime().AsTime().In(m.c.Zone).Format("2 Jan 15:04"),
			by: common.Line(p.GetSender()), say: common.Line(p.GetText()), unread: p.GetUnread(),
		})
	}
	m.more = msg.resp.GetMore() && len(m.rows) < maxRows && len(ms) > 0
	return nil
}

func (m *Model) onKey(msg tea.KeyPressMsg) (done bool, cmd tea.Cmd) {
	k := m.c.Keys
	switch {
	case key.Matches(msg, k.Escape, k.Interrupt), msg.String() == "q":
		return true, nil
	case key.Matches(msg, k.Up, k.PrevConversation):
		m.at--
	case key.Matches(msg, k.Down, k.NextConversation):
		m.at++
	case key.Matches(msg, k.PageUp):
		m.at -= m.room()
	case key.Matches(msg, k.PageDown):
		m.at += m.room()
	case key.Matches(msg, k.First):
		m.at = 0
	case key.Matches(msg, k.Last):
		m.at = len(m.rows) - 1
	case key.Matches(msg, k.Unread):
		m.only, m.rows, m.at = !m.only, nil, 0
		return false, m.load(0)
	case key.Matches(msg, k.Accept) && m.at < len(m.rows):
		r := m.rows[m.at]
		return false, common.Send(common.OpenMsg{Conversation: r.room, MessageID: r.id})
	}
	m.at = max(0, min(m.at, len(m.rows)-1))
	if m.more && !m.loading && m.at >= len(m.rows)-m.room() {
		return false, m.load(m.rows[len(m.rows)-1].id)
	}
	return false, nil
}

// room is how many mentions the screen shows.
func (m *Model) room() int { return max(1, m.h-3) }

// View is the rows; there is no cursor.
func (m *Model) View() ([]string, *tea.Cursor) {
	st, ws := m.c.Styles, m.c.Widths
	title := "Mentions of you"
	if m.only {
		title = "Unread mentions of you"
	}
	out := []string{" " + st.Strong.Render(title), ""}
	first := max(0, min(m.at-m.room()/2, len(m.rows)-m.room()))
	for i := first; i < len(m.rows) && i < first+m.room(); i++ {
		out = append(out, m.row(i))
	}
	switch {
	case m.err != "":
		out = append(out, " "+st.Error.Render(ws.Truncate("✗ "+m.err, m.w-2)))
	case m.loading && len(m.rows) == 0:
		out = append(out, st.Dim.Render(" asking…"))
	case len(m.rows) == 0:
		out = append(out, st.Dim.Render(" Nobody mentioned you. In a room, @"+"name and @room do."))
	}
	for len(out) < m.h-1 {
		out = append(out, "")
	}
	keys := " Enter opens it at its place · u unread ones only · Esc"
	if m.only {
		keys = " Enter opens it at its place · u all · Esc"
	}
	if len(m.rows) > m.room() {
		keys = fmt.Sprintf(" %d of %d%s ·", m.at+1, len(m.rows), map[bool]string{true: "+", false: ""}[m.more]) + keys
	}
	return append(out[:max(0, m.h-1)], st.Dim.Render(ws.Truncate(keys, m.w))), nil
}

func (m *Model) row(i int) string {
	st, ws, r := m.c.Styles, m.c.Widths, m.rows[i]
	mark := "  "
	if r.unread {
		mark = "• "
	}
	head := mark + r.clock + " " + r.room + " " + r.by
	head = ws.Truncate(head, max(4, m.w/2))
	say := ws.Truncate(r.say, max(0, m.w-ws.Width(head)-4))
	switch {
	case i == m.at:
		return st.Accent.Render("▸") + st.Strong.Reverse(true).Render(head) + "  " + say
	case r.unread:
		return " " + st.Unread.Render(head) + "  " + say
	}
	return " " + st.Dim.Render(head) + "  " + say
}
