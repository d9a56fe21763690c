package chat

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"parley/proto/parleyv1"
	"parley/tui/common"
	"parley/tui/components/picker"
)

// askMsg comes a moment after the last key in the switcher.
type askMsg struct{ number int }

// peopleMsg is the cluster's answer to the switcher.
type peopleMsg struct {
	number int
	resp   *parleyv1.ListUsersResponse
	local  bool
	err    error
}

func (m *Model) openPicker(pattern string) tea.Cmd {
	mine := make([]picker.Item, 0, len(m.order))
	for _, v := range m.order {
		mine = append(mine, picker.Item{Name: v.name, Unread: v.count(), Note: "conversation"})
	}
	m.picker = picker.New(m.c, pattern, mine)
	m.resize()
	m.asked++
	return m.ask(m.asked)
}

func (m *Model) onPickerKey(msg tea.KeyPressMsg) tea.Cmd {
	closed, picked, changed := m.picker.Update(msg)
	if closed {
		m.picker = nil
		m.asked++
	}
	if picked != "" {
		return m.show(picked)
	}
	if changed {
		return m.askSoon()
	}
	return nil
}

func (m *Model) askSoon() tea.Cmd {
	m.asked++
	n := m.asked
	return tea.Tick(askAfter, func(time.Time) tea.Msg { return askMsg{n} })
}

func (m *Model) onAsk(msg askMsg) tea.Cmd {
	if msg.number != m.asked || m.picker == nil {
		return nil
	}
	return m.ask(msg.number)
}

func (m *Model) ask(number int) tea.Cmd {
	be, ctx, link, pattern := m.c.Backend, m.ctx, m.c.Link, m.picker.Pattern()
	return func() tea.Msg {
		resp, local, err := either(ctx, link, func(ctx context.Context, c parleyv1.Consistency) (*parleyv1.ListUsersResponse, error) {
			return be.ListUsers(ctx, &parleyv1.ListUsersRequest{Pattern: pattern, PageSize: maxPeople, Consistency: c})
		}, be.Explain)
		return peopleMsg{number, resp, local, err}
	}
}

func (m *Model) onPeople(msg peopleMsg) tea.Cmd {
	if msg.number != m.asked || m.picker == nil {
		return nil
	}
	if msg.err != nil {
		f := m.c.Backend.Explain(msg.err)
		if f.Auth {
			return m.sessionOver(f)
		}
		m.picker.SetStatus("✗ " + f.Error())
		return nil
	}
	items := make([]picker.Item, 0, len(msg.resp.GetUsers()))
	for _, u := range msg.resp.GetUsers() {
		it := picker.Item{Name: "@" + common.Line(u.GetUsername()), Gone: u.GetDeleted()}
		if d := common.Line(u.GetDisplayName()); d != u.GetUsername() {
			it.Note = d
		}
		if u.GetUsername() == m.user {
			it.Note = "you: notes to yourself"
		}
		items = append(items, it)
	}
	m.picker.SetPeople(items, msg.resp.GetNextPageToken() != "")
	return nil
}
