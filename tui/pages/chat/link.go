package chat

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"parley/tui/common"
	"parley/tui/components/timeline"
)

// move is one loss of the link, from its begin to the last message that was on its way.
type move struct {
	from    common.Link
	at      time.Time
	caught  []*outgoing // on their way when the link broke
	noted   bool        // a row said that there is no quorum, or no node
	row     *timeline.Entry
	told    string // how it ended, without the counts
	settled bool
}

// onLink turns a change of the link into what a person sees of it.
func (m *Model) onLink(msg common.LinkMsg) tea.Cmd {
	old, now := msg.Old, msg.New
	var cmds []tea.Cmd
	switch {
	case old.Phase == common.Ready && now.Phase != common.Ready:
		m.move = &move{from: old, at: m.c.Now(), caught: m.doubt()}
	case old.Phase == common.Ready && old.Node != "" && now.Node != "" && old.Node != now.Node:
		// The library moved faster than we looked.
		m.move = &move{from: old, caught: m.doubt()}
	case old.Phase == common.Ready && old.Leader != "" && now.Leader != "" && old.Leader != now.Leader:
		m.say(fmt.Sprintf("leader %s → %s (term %d)", old.Leader, now.Leader, now.Term))
	}
	if now.Phase == common.Ready {
		if m.move != nil && m.move.row == nil {
			m.arrived(now)
		}
		cmds = append(cmds, m.pumpAll())
		if !m.listed || !m.asOf.IsZero() { // what is shown was read without a quorum, or not at all
			cmds = append(cmds, m.loadList())
			if m.cur != nil && m.listed {
				cmds = append(cmds, m.load(m.cur, newestPage, 0))
			}
		}
	} else {
		m.lost(old, now)
	}
	if now.Node != old.Node {
		m.rtt = ""
	}
	for _, v := range m.conversations {
		m.restate(v)
		v.rebuild()
	}
	return tea.Batch(cmds...)
}

// lost says, once each, that there is no quorum or no node.
func (m *Model) lost(old, now common.Link) {
	if now.Phase == old.Phase || now.Phase != common.NoQuorum && now.Phase != common.Offline {
		return
	}
	if m.asOf.IsZero() {
		m.asOf = m.c.Now()
		if m.move != nil {
			m.asOf = m.move.at
		}
	}
	if m.move != nil {
		m.move.noted = true
	}
	if now.Phase == common.NoQuorum {
		m.say(now.Node + " has no quorum: reading it alone; what you write waits here")
	} else {
		m.say("no node answers; what you write waits here")
	}
}

// arrived writes the row of a move that ended.
func (m *Model) arrived(now common.Link) {
	mv := m.move
	var s string
	switch {
	case mv.from.Node != now.Node:
		s = fmt.Sprintf("moved %s → %s", mv.from.Node, now.Node)
	case mv.from.Leader != now.Leader && mv.from.Leader != "" && now.Leader != "":
		s = fmt.Sprintf("leader %s → %s (term %d)", mv.from.Leader, now.Leader, now.Term)
	default:
		s = "back on " + now.Node
	}
	if mv.noted {
		s = "quorum is back: " + s
	}
	if !mv.at.IsZero() {
		s += " in " + common.Age(m.c.Now().Sub(mv.at))
	}
	mv.told = s
	if m.cur == nil {
		m.move = nil
		return
	}
	mv.row = m.cur.notice(m.c.Now(), m.key(), s)
	m.refreshMove()
}

// refreshMove keeps the counts of the last move's row true until each message it caught has its verdict.
func (m *Model) refreshMove() {
	mv := m.move
	if mv == nil || mv.row == nil || mv.settled {
		return
	}
	resent, lost, open := 0, 0, 0
	for _, o := range mv.caught {
		switch {
		case o.done:
			resent++
		case o.entry.State == timeline.Failed:
			lost++
		default:
			open++
		}
	}
	parts := []string{mv.told, fmt.Sprintf("%d re-sent", resent)}
	if open > 0 {
		parts = append(parts, fmt.Sprintf("%d on the way", open))
	}
	mv.row.Text = strings.Join(append(parts, fmt.Sprintf("%d lost", lost)), " · ")
	mv.settled = open == 0
}

// say writes a dim row into the open conversation.
func (m *Model) say(text string) {
	if m.cur != nil {
		m.cur.notice(m.c.Now(), m.key(), common.Line(text))
		m.cur.rebuild()
	}
}

// key names a row of our own.
func (m *Model) key() string {
	m.rows++
	return "n" + strconv.Itoa(m.rows)
}

// connectionHint is what the empty composer says about where a message will go.
func (m *Model) connectionHint() string {
	switch m.c.Link.Phase {
	case common.Ready:
		return ""
	case common.NoQuorum:
		return " · waits here until there is a quorum"
	case common.Offline:
		return " · waits here until a node answers"
	}
	return " · waits here until the cluster is ready"
}
