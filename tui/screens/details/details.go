// Package details is the screen of all that is known of one message: its ids, its times, how it was delivered over which nodes,
// its earlier texts, who reacted. What nobody recorded is said to be not recorded.
package details

import (
	"context"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"parley/proto/parleyv1"
	"parley/tui/common"
	"parley/tui/components/timeline"
)

// Info is what the page knows of the message, and how more is learned.
type Info struct {
	Conversation string
	Entry        *timeline.Entry // shared: it changes while the screen is open
	RequestID    string          // of a message that waits; that of a committed one comes with Load
	// Story is how an own message was delivered in this run; nil for another's. No attempts: it was sent by an earlier run.
	Story func() (attempts []common.Attempt, dropped int, answered time.Time, term uint64)
	// Load asks the cluster; local says that one node alone answered. It runs in a command.
	Load func(ctx context.Context, id uint64) (resp *parleyv1.GetMessageResponse, local bool, err error)
}

// Model is the open screen.
type Model struct {
	c    *common.Common
	ctx  context.Context
	in   Info
	more *parleyv1.GetMessageResponse
	from string // who answered, in words
	err  string
	off  int // rows scrolled
	w, h int
}

// loadedMsg is the cluster's answer.
type loadedMsg struct {
	to    *Model
	resp  *parleyv1.GetMessageResponse
	local bool
	err   error
}

var _ common.Overlay = (*Model)(nil)

// New is the screen; ctx ends its question.
func New(ctx context.Context, c *common.Common, in Info) *Model {
	return &Model{c: c, ctx: ctx, in: in}
}

// Init asks the cluster for what the timeline does not hold.
func (m *Model) Init() tea.Cmd {
	id, ctx, load := m.in.Entry.ID, m.ctx, m.in.Load
	if id == 0 {
		return nil
	}
	return func() tea.Msg {
		resp, local, err := load(ctx, id)
		return loadedMsg{m, resp, local, err}
	}
}

// SetSize sets the area to fill.
func (m *Model) SetSize(w, h int) { m.w, m.h = w, h }

// Full leaves the sidebar in place.
func (m *Model) Full() bool { return false }

// Update applies one message.
func (m *Model) Update(msg tea.Msg) (done bool, cmd tea.Cmd) {
	switch msg := msg.(type) {
	case loadedMsg:
		if msg.to == m {
			return false, m.onLoaded(msg)
		}
	case tea.KeyPressMsg:
		return m.onKey(msg)
	}
	return false, nil
}

func (m *Model) onLoaded(msg loadedMsg) tea.Cmd {
	if msg.err != nil {
		f := m.c.Backend.Explain(msg.err)
		if m.err = f.Error(); f.Auth {
			return common.Send(common.FailedMsg{Err: msg.err})
		}
		return nil
	}
	m.more = msg.resp
	if node := common.Line(msg.resp.GetReadInfo().GetNode()); node != "" {
		m.from = "as " + node + " tells"
		if msg.local {
			m.from = "as " + node + " alone tells, without a quorum"
		}
	}
	return nil
}

func (m *Model) onKey(msg tea.KeyPressMsg) (done bool, cmd tea.Cmd) {
	k := m.c.Keys
	page := max(1, m.h-3)
	switch {
	case key.Matches(msg, k.Escape, k.Interrupt, k.Details), msg.String() == "q":
		return true, nil
	case key.Matches(msg, k.Up):
		m.off--
	case key.Matches(msg, k.Down):
		m.off++
	case key.Matches(msg, k.PageUp):
		m.off -= page
	case key.Matches(msg, k.PageDown):
		m.off += page
	case key.Matches(msg, k.First):
		m.off = 0
	case key.Matches(msg, k.Last):
		m.off = len(m.rows())
	case key.Matches(msg, k.Copy):
		return false, tea.Batch(tea.SetClipboard(m.in.Entry.Text), common.Send(common.TellMsg{Text: "copied"}))
	}
	m.off = max(0, min(m.off, len(m.rows())-(m.h-2)))
	return false, nil
}

// View is the rows; there is no cursor.
func (m *Model) View() ([]string, *tea.Cursor) {
	st, ws := m.c.Styles, m.c.Widths
	room := max(1, m.h-2)
	rows := m.rows()
	off := max(0, min(m.off, len(rows)-room))
	out := []string{" " + st.Strong.Render(ws.Truncate("Message in "+common.Line(m.in.Conversation), m.w-2))}
	out = append(out, rows[off:min(len(rows), off+room)]...)
	for len(out) < m.h-1 {
		out = append(out, "")
	}
	hint := " y copy"
	if len(rows) > room {
		hint = " j k scroll ·" + hint
	}
	if m.from != "" {
		hint += " · " + m.from
	}
	hint += " · Esc back"
	return append(out[:max(0, m.h-1)], st.Dim.Render(ws.Hints(hint, m.w))), nil
}
