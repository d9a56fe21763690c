package chat

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"parley/tui/components/sidebar"
)

const (
	// wheelRows is how far one click of the wheel scrolls: what terminals do.
	wheelRows = 3
	// doubleClick is how fast the second click must follow.
	doubleClick = 400 * time.Millisecond
)

// click is the last click on a message.
type click struct {
	key string
	at  time.Time
}

// onWheel scrolls what is in front. In the select mode, too: the selection stays where it is.
func (m *Model) onWheel(msg tea.MouseWheelMsg) tea.Cmd {
	up := msg.Button == tea.MouseWheelUp
	switch {
	case msg.Button != tea.MouseWheelUp && msg.Button != tea.MouseWheelDown || m.dialog != nil:
		return nil
	case m.top() != nil:
		return m.toOverlay(m.top(), msg)
	case m.help != nil:
		arrow := tea.KeyPressMsg{Code: tea.KeyDown}
		if up {
			arrow.Code = tea.KeyUp
		}
		for range wheelRows {
			m.help.Update(arrow)
		}
		return nil
	case m.cur == nil:
		return nil
	case up:
		m.cur.tl.ScrollBy(-wheelRows)
		return m.loadOlder()
	}
	m.scrollDown(wheelRows)
	return nil
}

// onClick opens the conversation or selects the message under the mouse; the second click on a message shows its details. A
// click below them leaves the selection.
func (m *Model) onClick(msg tea.MouseClickMsg) tea.Cmd {
	switch {
	case msg.Button != tea.MouseLeft || m.dialog != nil:
		return nil
	case m.top() != nil:
		if msg.X < m.paneX || msg.Y >= m.areaH {
			return nil
		}
		msg.X -= m.paneX // an overlay counts from its own corner
		return m.toOverlay(m.top(), msg)
	case m.overlay():
		return nil
	case msg.Y >= m.areaH:
		if m.cur != nil {
			m.cur.tl.StopSelect()
		}
		return nil
	case msg.X >= m.paneX:
		return m.clickMessage(msg.Y - 1) // the header is the first row
	case msg.X >= sidebar.Width:
		return nil
	}
	if i, ok := sidebar.At(m.c, m.sidebarRows(), m.areaH, m.w >= clusterWidth, msg.Y); ok {
		return m.show(m.order[i].name)
	}
	return nil
}

func (m *Model) clickMessage(row int) tea.Cmd {
	if m.cur == nil {
		return nil
	}
	key := m.cur.tl.SelectAt(row)
	if key == "" {
		return nil
	}
	last, now := m.clicked, m.c.Now()
	m.clicked = click{key, now}
	if last.key != key || now.Sub(last.at) > doubleClick {
		return nil
	}
	m.clicked = click{}
	return m.onSelectKey(tea.KeyPressMsg{Code: tea.KeyEnter})
}
