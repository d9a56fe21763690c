// Package cluster is the screen of the cluster (F3): every member with its role, progress, lag and round trip, the quorum in
// words, how long commits took in the last minute, and what happened since the client started. An operator moves the leader,
// promotes and removes members from it, each after typing the member's name.
package cluster

import (
	"context"
	"slices"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"parley/proto/parleyv1"
	"parley/tui/common"
	"parley/tui/components/dialog"
)

const (
	// every is the time between two looks: the answer is small, and only who looks at the screen asks.
	every = time.Second
	// maxSamples are the round trips that the percentiles of a node are made of: the last minute.
	maxSamples = 60
	// maxNodes bounds the table; clusters have three to seven members.
	maxNodes = 32
)

// Model is the open screen.
type Model struct {
	c   *common.Common
	ctx context.Context

	status *parleyv1.StatusResponse // the newest answer; nil before the first
	at     time.Time                // when it came
	err    string                   // why the newest question has none
	trips  map[string][]time.Duration

	selected string // name of the member that the keys are about
	from     int    // how far the log is scrolled up
	ask      *dialog.Model
	w, h     int
}

// lookMsg asks for the next look.
type lookMsg struct{ to *Model }

// statusMsg is one answer, with the round trips that were measured beside it.
type statusMsg struct {
	to    *Model
	resp  *parleyv1.StatusResponse
	trips []common.RoundTrip
	err   error
}

// doneMsg is how an operator's act ended.
type doneMsg struct {
	to   *Model
	text string
	what string
	err  error
}

var _ common.Overlay = (*Model)(nil)

// New is the screen; ctx ends its questions.
func New(ctx context.Context, c *common.Common) *Model {
	return &Model{c: c, ctx: ctx, trips: map[string][]time.Duration{}, selected: c.Link.Node}
}

// Init takes the first look.
func (m *Model) Init() tea.Cmd { return m.look() }

// SetSize sets the area to fill.
func (m *Model) SetSize(w, h int) {
	m.w, m.h = w, h
	if m.ask != nil {
		m.ask.SetWidth(w)
	}
}

// Full takes the whole width: the table is wide.
func (m *Model) Full() bool { return true }

// look asks our node about the cluster, and measures the way to each node where the backend can.
func (m *Model) look() tea.Cmd {
	be, parent := m.c.Backend, m.ctx
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(parent, common.CallTimeout)
		defer cancel()
		msg := statusMsg{to: m}
		if me, ok := be.(common.Measurer); ok {
			msg.trips = me.Measure(ctx)
		}
		msg.resp, msg.err = be.Status(ctx, &parleyv1.StatusRequest{Detail: true})
		return msg
	}
}

// Update applies one message.
func (m *Model) Update(msg tea.Msg) (done bool, cmd tea.Cmd) {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		return m.onKey(msg)
	case tea.PasteMsg:
		if m.ask != nil {
			_, cmd = m.ask.Update(msg)
		}
		return false, cmd
	case lookMsg:
		if msg.to == m {
			return false, m.look()
		}
	case statusMsg:
		if msg.to == m {
			return false, m.onStatus(msg)
		}
	case doneMsg:
		if msg.to == m {
			m.ask = nil
			if msg.err != nil {
				return false, common.Send(common.FailedMsg{What: msg.what, Err: msg.err})
			}
			return false, tea.Batch(common.Send(common.TellMsg{Text: msg.text}), m.look())
		}
	}
	return false, nil
}

func (m *Model) onStatus(msg statusMsg) tea.Cmd {
	again := tea.Tick(every, func(time.Time) tea.Msg { return lookMsg{m} })
	for _, t := range msg.trips {
		ts := append(m.trips[t.Node], t.Took)
		if len(ts) > maxSamples {
			ts = slices.Delete(ts, 0, len(ts)-maxSamples)
		}
		if t.Node != "" && (len(m.trips) < maxNodes || m.trips[t.Node] != nil) {
			m.trips[t.Node] = ts
		}
	}
	if msg.err != nil {
		f := m.c.Backend.Explain(msg.err)
		m.err = f.Text
		if f.Auth {
			return common.Send(common.FailedMsg{Err: msg.err})
		}
		return again
	}
	m.status, m.at, m.err = msg.resp, m.c.Now(), ""
	if m.member(m.selected) == nil && len(m.status.GetMembers()) > 0 {
		m.selected = m.status.GetMembers()[0].GetName()
	}
	return again
}

func (m *Model) onKey(msg tea.KeyPressMsg) (done bool, cmd tea.Cmd) {
	k := m.c.Keys
	if m.ask != nil {
		if done, cmd = m.ask.Update(msg); done {
			m.ask = nil
		}
		return false, cmd
	}
	switch {
	case key.Matches(msg, k.Escape, k.Cluster, k.Interrupt) || msg.String() == "q":
		return true, nil
	case key.Matches(msg, k.Up):
		m.step(-1)
	case key.Matches(msg, k.Down):
		m.step(1)
	case key.Matches(msg, k.PageUp):
		m.from += 5
	case key.Matches(msg, k.PageDown):
		m.from = max(0, m.from-5)
	case msg.String() == "t":
		m.Ask(Transfer, m.selected)
	case msg.String() == "r":
		m.Ask(Remove, m.selected)
	case msg.String() == "p":
		m.Ask(Promote, m.selected)
	}
	return false, nil
}

func (m *Model) step(n int) {
	ms := m.status.GetMembers()
	i := slices.IndexFunc(ms, func(mb *parleyv1.Member) bool { return mb.GetName() == m.selected })
	if len(ms) > 0 {
		m.selected = ms[min(max(i+n, 0), len(ms)-1)].GetName()
	}
}

func (m *Model) member(name string) *parleyv1.Member {
	for _, mb := range m.status.GetMembers() {
		if mb.GetName() == name {
			return mb
		}
	}
	return nil
}
