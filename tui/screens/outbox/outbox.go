// Package outbox is the screen of what waits: every own message without a place in history, why it waits, and what can be done
// with it. It shows what the page tells and asks the page for everything else.
package outbox

import (
	"fmt"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"parley/tui/common"
	"parley/tui/components/timeline"
)

// Item is one message of the outbox. Its strings are clean.
type Item struct {
	ID           string
	Conversation string
	Text         string
	State        timeline.State
	Why          string // in words, with its age
}

// Action is what a person wants done with a message.
type Action int

// The actions, by their keys.
const (
	Resend Action = iota
	Edit
	Discard
	Flush // all of them
)

// ActMsg asks the page for an action; ID is empty for Flush.
type ActMsg struct {
	ID     string
	Action Action
}

// Model is the screen.
type Model struct {
	c     *common.Common
	items func() []Item // the present outbox, in the order of writing within each conversation
	at    int
	w, h  int
}

// New shows what items returns at each drawing.
func New(c *common.Common, items func() []Item) *Model { return &Model{c: c, items: items} }

// Init implements common.Overlay.
func (m *Model) Init() tea.Cmd { return nil }

// Full implements common.Overlay.
func (m *Model) Full() bool { return false }

// SetSize implements common.Overlay.
func (m *Model) SetSize(w, h int) { m.w, m.h = w, h }

// Update implements common.Overlay.
func (m *Model) Update(msg tea.Msg) (bool, tea.Cmd) {
	k, ok := msg.(tea.KeyPressMsg)
	if !ok {
		return false, nil
	}
	keys, items := m.c.Keys, m.items()
	m.at = max(0, min(m.at, len(items)-1))
	act := func(a Action) (bool, tea.Cmd) {
		if len(items) == 0 {
			return false, nil
		}
		return a == Edit, common.Send(ActMsg{items[m.at].ID, a})
	}
	switch {
	case key.Matches(k, keys.Escape, keys.Outbox, keys.Interrupt):
		return true, nil
	case key.Matches(k, keys.Up):
		m.at--
	case key.Matches(k, keys.Down):
		m.at++
	case key.Matches(k, keys.First):
		m.at = 0
	case key.Matches(k, keys.Last):
		m.at = len(items) - 1
	case key.Matches(k, keys.Retry, keys.Accept), k.String() == "r":
		return act(Resend)
	case key.Matches(k, keys.Edit):
		return act(Edit)
	case key.Matches(k, keys.Discard, keys.Delete):
		return act(Discard)
	case k.String() == "f":
		return false, common.Send(ActMsg{Action: Flush})
	}
	m.at = max(0, min(m.at, len(items)-1))
	return false, nil
}

// View implements common.Overlay: a title, the messages around the chosen one, the keys.
func (m *Model) View() ([]string, *tea.Cursor) {
	st, ws, items := m.c.Styles, m.c.Widths, m.items()
	m.at = max(0, min(m.at, len(items)-1))
	title := "Outbox"
	if n := len(items); n > 0 {
		title = fmt.Sprintf("Outbox · %d", n)
	}
	out := []string{" " + st.Strong.Render(ws.Truncate(title, m.w-2))}
	if len(items) == 0 {
		out = append(out, "")
		for _, r := range ws.Wrap("Nothing waits: each message has its place in history.", m.w-2) {
			out = append(out, " "+r)
		}
		out = append(out, "", m.keyRow("Esc back"))
		return out[:min(len(out), m.h)], nil
	}
	// Two rows a message: what it says, and why it waits.
	room := max(1, (m.h-3)/2)
	from := max(0, min(m.at-room/2, len(items)-room))
	for i := from; i < min(from+room, len(items)); i++ {
		it := items[i]
		mark, style := "  ", st.Strong
		if i == m.at {
			mark, style = "▸"+" ", st.Accent
		}
		name := ws.Pad(it.Conversation, min(16, m.w/4))
		out = append(out, mark+it.State.Glyph()+" "+style.Render(name)+" "+ws.Truncate(it.Text, m.w-ws.Width(name)-6))
		out = append(out, "    "+st.Dim.Render(ws.Truncate(it.Why, m.w-5)))
	}
	for len(out) < m.h-1 {
		out = append(out, "")
	}
	out = append(out[:min(len(out), m.h-1)], m.keyRow("Enter send now · e edit · x discard · f send all · Esc back"))
	return out, nil
}

func (m *Model) keyRow(s string) string {
	return " " + m.c.Styles.Dim.Render(m.c.Widths.Hints(s, m.w-2))
}
