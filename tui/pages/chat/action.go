package chat

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"parley/tui/common"
)

// doneMsg is the end of a write that a command asked for.
type doneMsg struct {
	what string // "not joined": stands before the error
	err  error
	then func() tea.Cmd // runs in Update when the write took effect; may be nil
	bad  func(string)   // is told in Update why it did not
}

// do gives a write to the cluster, under one request id for all its tries, and goes on with then when it took effect. what says
// what did not happen otherwise: "not joined".
func (m *Model) do(what string, write func(ctx context.Context, be common.Backend, id string) error, then func() tea.Cmd) tea.Cmd {
	return m.doElse(what, write, then, m.fail)
}

// doElse is do for who has something else to say of a failure; bad gets its text.
func (m *Model) doElse(what string, write func(ctx context.Context, be common.Backend, id string) error, then func() tea.Cmd,
	bad func(string)) tea.Cmd {
	be, parent, id := m.c.Backend, m.ctx, m.c.NewID()
	return func() tea.Msg {
		return doneMsg{what, insist(parent, be, func(ctx context.Context) error { return write(ctx, be, id) }), then, bad}
	}
}

func (m *Model) onDone(msg doneMsg) tea.Cmd {
	if msg.err != nil {
		f := m.c.Backend.Explain(msg.err)
		switch {
		case f.Auth:
			return m.sessionOver(f)
		case f.Outcome == common.Unknown:
			msg.bad("no answer, it may have happened; look again in a moment: " + f.Text)
		default:
			msg.bad(msg.what + ": " + f.Error())
		}
		return nil
	}
	cmd := m.toOverlays(common.ChangedMsg{})
	if msg.then != nil {
		cmd = tea.Batch(cmd, msg.then())
	}
	return cmd
}

// done is the usual end of a write: it is said.
func (m *Model) done(text string) func() tea.Cmd {
	return func() tea.Cmd { m.tell(text); return nil }
}
