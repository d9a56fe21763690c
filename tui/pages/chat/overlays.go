package chat

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"parley/tui/common"
)

// push puts an overlay in front and starts it.
func (m *Model) push(o common.Overlay) tea.Cmd {
	if len(m.overlays) == maxOverlays {
		m.overlays = slices.Delete(m.overlays, 0, 1)
	}
	m.overlays = append(m.overlays, o)
	m.resize()
	return o.Init()
}

// top is the overlay in front, or nil.
func (m *Model) top() common.Overlay {
	if len(m.overlays) == 0 {
		return nil
	}
	return m.overlays[len(m.overlays)-1]
}

// toOverlay gives a message to one overlay and takes it off the stack when it is done.
func (m *Model) toOverlay(o common.Overlay, msg tea.Msg) tea.Cmd {
	done, cmd := o.Update(msg)
	if done {
		m.overlays = slices.DeleteFunc(m.overlays, func(p common.Overlay) bool { return p == o })
		m.resize()
	}
	return cmd
}

// toOverlays gives a message to all of them: the answer to a command of one that is covered by another.
func (m *Model) toOverlays(msg tea.Msg) tea.Cmd {
	var cmds []tea.Cmd
	for _, o := range slices.Clone(m.overlays) {
		cmds = append(cmds, m.toOverlay(o, msg))
	}
	return tea.Batch(cmds...)
}

// onOverlayMsg does what an overlay asked for. ok is false for any other message.
func (m *Model) onOverlayMsg(msg tea.Msg) (cmd tea.Cmd, ok bool) {
	switch msg := msg.(type) {
	case common.ShowMsg:
		return m.push(msg.Overlay), true
	case common.OpenMsg:
		return m.openAt(msg.Conversation, msg.MessageID), true
	case common.TellMsg:
		m.setFlash(msg.Text, msg.Bad)
	case common.RunMsg:
		return m.runFor(msg.Line), true
	case common.DraftMsg:
		m.overlays, m.help = nil, nil
		m.composer.SetValue(msg.Text)
	case common.FailedMsg:
		f := m.c.Backend.Explain(msg.Err)
		if f.Auth {
			return m.sessionOver(f), true
		}
		text := f.Error()
		if msg.What != "" {
			text = msg.What + ": " + text
		}
		m.fail(text)
	default:
		return nil, false
	}
	return nil, true
}

// runFor runs a line for an overlay. The draft, which is none of its business, stays.
func (m *Model) runFor(line string) tea.Cmd {
	draft := m.composer.Value()
	cmd := m.run(line)
	if v := m.composer.Value(); v == "" || v == line {
		m.composer.SetValue(draft)
	}
	return cmd
}

// goTo opens a conversation and closes what stands in front of it.
func (m *Model) goTo(name string) tea.Cmd {
	m.overlays, m.help = nil, nil
	return m.show(name)
}
