// Package demo is the panel of `parley demo`: the nodes of the throwaway cluster, a key to kill or revive each, who leads, and
// what became of the bots' messages. It stands under the timeline and not over it, because what it does is to be seen there.
package demo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"parley/tui/common"
)

const (
	// fullRows is the height with everything, fullFrom the height of the terminal that leaves the timeline enough beside it;
	// below, the rule and the count are left out.
	fullRows, smallRows = 5, 3
	fullFrom            = 20
	// smallFrom is the height below which nothing of it is drawn.
	smallFrom = 12
	// cellMax keeps the nodes together on a wide terminal.
	cellMax = 16
	// cellFull is the narrowest cell in which the word stands under the name.
	cellFull = 12
	// oldAfter is when a count says how old it is: several counts were missed.
	oldAfter = 4 * time.Second
)

// Model is the panel.
type Model struct {
	c       *common.Common
	ctx     context.Context
	state   common.DemoState
	focused bool
	w, h    int
}

// StateMsg is a new state of the demo.
type StateMsg struct {
	state common.DemoState
	ok    bool
}

// DoneMsg says how something that was asked of the demo ended. What worked shows in the nodes; the status bar is left to the
// state of the connection, which is what there is to see just then.
type DoneMsg struct{ err error }

// New makes the panel; Init starts it.
func New(ctx context.Context, c *common.Common) *Model { return &Model{c: c, ctx: ctx} }

// Init follows the demo's states.
func (m *Model) Init() tea.Cmd {
	states, ctx := m.c.Demo.States(), m.ctx
	return func() tea.Msg {
		select {
		case s, ok := <-states:
			return StateMsg{s, ok}
		case <-ctx.Done():
			return nil
		}
	}
}

// SetSize says how large the terminal is.
func (m *Model) SetSize(w, h int) { m.w, m.h = w, h }

// Rows is how many rows View has.
func (m *Model) Rows() int {
	switch {
	case m.h >= fullFrom:
		return fullRows
	case m.h >= smallFrom:
		return smallRows
	}
	return 0
}

// Focus says whether the panel gets the keys.
func (m *Model) Focus(on bool) { m.focused = on }

// Focused reports whether the panel gets the keys.
func (m *Model) Focused() bool { return m.focused }

// Update applies a message of the demo; ok is false for any other.
func (m *Model) Update(msg tea.Msg) (cmd tea.Cmd, ok bool) {
	switch msg := msg.(type) {
	case StateMsg:
		if !msg.ok {
			return nil, true
		}
		m.state = msg.state
		return m.Init(), true
	case DoneMsg:
		if msg.err == nil {
			return nil, true
		}
		return common.Send(common.TellMsg{Text: common.Line(msg.err.Error()), Bad: true}), true
	}
	return nil, false
}

// Key handles a key while the panel has them. handled is false for a key that is somebody else's: a letter begins a message.
func (m *Model) Key(msg tea.KeyPressMsg) (handled bool, cmd tea.Cmd) {
	switch {
	case key.Matches(msg, m.c.Keys.Escape, m.c.Keys.Complete):
		m.focused = false
		return true, nil
	case len(msg.Text) == 1 && msg.Text >= "0" && msg.Text <= "9":
		i := int(msg.Text[0] - '1')
		if msg.Text == "0" {
			i = slices.IndexFunc(m.state.Nodes, func(n common.DemoNode) bool { return n.Name == m.c.Link.Leader })
			if i < 0 {
				return true, common.Send(common.TellMsg{Text: "nobody leads just now", Bad: true})
			}
		}
		if i >= len(m.state.Nodes) {
			return true, nil
		}
		return true, m.toggle(m.state.Nodes[i])
	}
	return false, nil
}

// toggle kills a node that runs and revives one that does not.
func (m *Model) toggle(n common.DemoNode) tea.Cmd {
	if n.Phase == common.DemoDead || n.Phase == common.DemoPaused {
		return m.Do("revive", n.Name)
	}
	return m.Do("kill", n.Name)
}

// Do kills, pauses or revives a node: a name, "leader", "mine", or "all" of those that are down.
func (m *Model) Do(what, node string) tea.Cmd {
	switch node {
	case "leader":
		node = m.c.Link.Leader
	case "mine":
		node = m.c.Link.Node
	case "all":
		var cmds []tea.Cmd
		for _, n := range m.state.Nodes {
			if (n.Phase == common.DemoDead || n.Phase == common.DemoPaused) == (what == "revive") {
				cmds = append(cmds, m.Do(what, n.Name))
			}
		}
		return tea.Batch(cmds...)
	}
	d, ctx := m.c.Demo, m.ctx
	return func() tea.Msg {
		switch what {
		case "kill":
			return DoneMsg{d.Kill(ctx, node)}
		case "pause":
			return DoneMsg{d.Pause(ctx, node)}
		}
		return DoneMsg{d.Revive(ctx, node)}
	}
}

// View is Rows rows of the terminal's width.
func (m *Model) View() []string {
	if m.Rows() == 0 {
		return nil
	}
	st, ws := m.c.Styles, m.c.Widths
	names, words := m.nodes()
	hint := " F6, then a number: kill (-9) or revive that node. Write on meanwhile."
	style := st.Dim
	if m.focused {
		style = st.Accent
		hint = fmt.Sprintf(" 1-%d kill or revive · 0 kill the leader · Tab write on · F6 close", len(m.state.Nodes))
		if ws.Width(hint) > m.w {
			hint = fmt.Sprintf(" 1-%d kill/revive · 0 leader · Tab write · F6 close", len(m.state.Nodes))
		}
	} else if ws.Width(hint) > m.w {
		hint = " F6, then a number: kill or revive a node. Write on."
	}
	hint = style.Render(ws.Truncate(hint, m.w))
	if m.Rows() == smallRows {
		return []string{names, words, hint}
	}
	title := fmt.Sprintf("demo: %d real nodes on this machine", len(m.state.Nodes))
	return []string{m.rule(title), names, words, m.count(), hint}
}

func (m *Model) rule(title string) string {
	if m.focused {
		return m.c.Styles.Accent.Render(m.c.Widths.Rule(title, m.w))
	}
	return m.c.Styles.Rule.Render(m.c.Widths.Rule(title, m.w))
}

// nodes are two rows: the names with their keys, and a word for each.
func (m *Model) nodes() (names, words string) {
	st, ws := m.c.Styles, m.c.Widths
	if len(m.state.Nodes) == 0 {
		return st.Dim.Render(" looking at the nodes…"), ""
	}
	cell, lead := min(cellMax, m.w/len(m.state.Nodes)), "    "
	if cell < cellFull {
		lead = " "
	}
	var a, b strings.Builder
	for i, n := range m.state.Nodes {
		key, name := fmt.Sprintf(" %d ", i+1), n.Name
		word, style := m.word(n)
		if m.focused {
			a.WriteString(st.Selected.Render(key))
		} else {
			a.WriteString(key)
		}
		a.WriteString(style.Render(ws.Pad(" "+name, cell-len(key))))
		b.WriteString(style.Render(ws.Pad(lead+word, cell)))
	}
	return a.String(), b.String()
}
