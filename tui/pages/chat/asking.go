package chat

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"parley/tui/common"
	"parley/tui/components/dialog"
)

// askStale asks about messages that waited too long to be sent without a word: once for each conversation, and never under
// the hands of somebody who types.
func (m *Model) askStale() tea.Cmd {
	if m.dialog != nil || m.over || !m.ready() || !m.composer.Empty() || m.c.Now().Sub(m.lastKey) < idleFor {
		return nil
	}
	for _, v := range m.order {
		if v.ask {
			v.ask = false
			m.openStale(v)
			return nil
		}
	}
	return nil
}

// overdue are the messages of a conversation that a person has to decide on.
func (m *Model) overdue(v *conversation) (out []*outgoing) {
	for _, o := range v.out {
		if o.Waiting() && !o.Foreign && !o.InFlight && !o.Stuck && o.Stale(m.c.Now()) {
			out = append(out, o)
		}
	}
	return out
}

func (m *Model) openStale(v *conversation) {
	old := m.overdue(v)
	if len(old) == 0 {
		return
	}
	doubted := 0
	for _, o := range old {
		if o.Unknown {
			doubted++
		}
	}
	text := fmt.Sprintf("“%s”", m.c.Widths.Truncate(common.Line(old[0].Text), 60))
	if n := len(old) - 1; n > 0 {
		text += " and " + fmt.Sprintf("%d more", n)
	}
	text += " · written " + common.Age(m.c.Now().Sub(old[0].Written)) + " ago."
	if doubted > 0 {
		text += " " + count(doubted, "may have been sent already", "may have been sent already") + "; sending again does not double it."
	}
	d := dialog.New(m.c, "Still send this to "+v.title()+"?", text, "")
	d.Choices = []dialog.Choice{
		{Key: "s", Word: "send", Do: func() tea.Cmd {
			for _, o := range m.overdue(v) {
				o.Approved = true
			}
			return m.pump(v)
		}},
		{Key: "k", Word: "keep in the outbox", Do: func() tea.Cmd {
			for _, o := range m.overdue(v) {
				o.Kept = true
			}
			m.tell("kept; F4 sends or discards")
			return nil
		}},
		{Key: "D", Word: "discard", Do: func() tea.Cmd {
			m.tell("discarded")
			return m.giveUp(v, m.overdue(v)...)
		}},
	}
	m.dialog = d
}

// askDiscard says what discarding a message in doubt means.
func (m *Model) askDiscard(v *conversation, o *outgoing) {
	d := dialog.New(m.c, "Discard?", "Its outcome is unknown: it may have been sent already. Discarding only ends the asking.", "discard")
	d.Danger = true
	d.Confirm = func([]string) (string, tea.Cmd) { return "", m.giveUp(v, o) }
	m.dialog = d
}

// quit asks first when messages wait: with a disk they can be kept for the next start.
func (m *Model) quit() tea.Cmd {
	n, doubted := 0, 0
	var ids []string
	for _, v := range m.conversations {
		for _, o := range v.out {
			if !o.Waiting() {
				continue
			}
			n++
			ids = append(ids, o.ID)
			if o.Unknown || o.InFlight {
				doubted++
			}
		}
	}
	if n == 0 && len(m.actions) == 0 {
		return tea.Quit
	}
	if m.store == nil || n == 0 { // edits, reactions and their like are on no disk
		m.dialog = dialog.New(m.c, "Quit?", m.unfinished(), "quit")
		m.dialog.Danger = true
		m.dialog.Confirm = func([]string) (string, tea.Cmd) { return "", tea.Quit }
		return nil
	}
	text := count(n, "message waits", "messages wait") + " in the outbox. Kept, it goes on at the next start, or by `parley outbox flush`."
	if doubted > 0 {
		text += " " + count(doubted, "of them may have been sent already.", "of them may have been sent already.")
	}
	if acts := m.pendingActions(); len(acts) > 0 {
		text += " Given up without a verdict: " + strings.Join(acts, ", ") + "."
	}
	store := m.store
	m.dialog = dialog.New(m.c, "Quit?", text, "")
	m.dialog.Choices = []dialog.Choice{
		{Key: "k", Word: "keep and quit", Do: func() tea.Cmd { return tea.Quit }},
		{Key: "D", Word: "discard and quit", Do: func() tea.Cmd {
			return m.ordered(func() tea.Msg {
				if err := store.Drop(ids...); err != nil {
					return common.TellMsg{Text: "not discarded: " + err.Error(), Bad: true}
				}
				return tea.Quit()
			})
		}},
	}
	return nil
}

// unfinished says what of one's own would be lost with this program and its files, as a sentence; empty when nothing would.
func (m *Model) unfinished() string {
	var parts []string
	waiting, rejected := m.waiting(), 0
	for _, v := range m.conversations {
		rejected += len(v.out) - v.waiting()
	}
	if waiting > 0 {
		parts = append(parts, count(waiting, "message", "messages")+" without a verdict")
	}
	if rejected > 0 {
		parts = append(parts, count(rejected, "rejected message", "rejected messages"))
	}
	parts = append(parts, m.pendingActions()...)
	if len(parts) == 0 {
		return ""
	}
	return "This would be given up: " + strings.Join(parts, ", ") + "."
}

// pendingActions is what is done to messages and has no outcome yet: "edit", "reaction 👍 (2)".
func (m *Model) pendingActions() (parts []string) {
	numbers := map[string]int{}
	for _, a := range m.actions {
		numbers[a.what]++
	}
	for _, what := range slices.Sorted(maps.Keys(numbers)) {
		if n := numbers[what]; n > 1 {
			what += fmt.Sprintf(" (%d)", n)
		}
		parts = append(parts, what)
	}
	return parts
}
