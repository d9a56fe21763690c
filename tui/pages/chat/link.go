package chat

import (
	"fmt"
	"slices"
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
	leader  string // the last one known before
	at      time.Time
	caught  []*outgoing // on their way when the link broke
	drained bool        // the node was taken out of service, it did not die
	noted   bool        // a row said that there is no quorum, or no node
	open    bool        // it has not ended yet
	row     *timeline.Entry
	came    time.Time // when it ended
	took    string    // how long it was, in words
	to      common.Link
	settled bool
}

// onLink turns a change of the link into what a person sees of it.
func (m *Model) onLink(msg common.LinkMsg) tea.Cmd {
	old, now := msg.Old, msg.New
	m.note(old, now)
	cmds := []tea.Cmd{m.bell(old, now)}
	before := old
	if m.node != "" { // a node that was just taken has no name for a moment
		before.Node = m.node
	}
	switch {
	case old.Phase == common.Ready && now.Phase != common.Ready:
		m.begin(before, m.c.Now())
	case old.Phase == common.Ready && before.Node != "" && now.Node != "" && before.Node != now.Node:
		// The library moved faster than we looked.
		m.begin(before, time.Time{})
	case old.Phase == common.Ready && m.leader != "" && now.Leader != "" && m.leader != now.Leader:
		m.leaderChanged(now)
	}
	if now.Leader != "" {
		m.leader = now.Leader
	}
	if now.Phase == common.Ready && now.Node != "" {
		m.node = now.Node
	}
	if mv := m.move; mv != nil && !mv.drained && mv.from.Node != "" && (now.Draining == mv.from.Node || now.Drained == mv.from.Node) {
		mv.drained = mv.open || mv.to.Node == now.Node // the reason may be known after the move
		if mv.drained && !mv.open && mv.row != nil {
			m.tellMove()
		}
	}
	cmds = append(cmds, m.meet(""))
	if now.Phase == common.Ready {
		if m.move != nil && m.move.open {
			m.arrived(now)
		}
		if old.Phase != common.Ready {
			m.forgetPresence()
		}
		m.noteDowns(now)
		cmds = append(cmds, m.pumpAll())
		if !m.listed || !m.asOf.IsZero() { // what is shown was read without a quorum, or not at all
			m.syncBegin()
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
		if now.Phase == common.Ready {
			cmds = append(cmds, m.probe(true))
		}
	}
	for _, v := range m.conversations {
		if len(v.out) > 0 || v == m.cur {
			m.restate(v)
			v.rebuild()
		}
	}
	return tea.Batch(cmds...)
}

// begin opens a move. One that begins right after another ended is the same trouble and keeps its row.
func (m *Model) begin(old common.Link, at time.Time) {
	caught := m.doubt()
	if mv := m.move; mv != nil && mv.row != nil && m.c.Now().Sub(mv.came) < sameEvent {
		mv.open, mv.settled = true, false
		if mv.at.IsZero() {
			mv.at = mv.came
		}
		for _, o := range caught {
			if !slices.Contains(mv.caught, o) {
				mv.caught = append(mv.caught, o)
			}
		}
		return
	}
	m.move = &move{from: old, leader: m.leader, at: at, caught: caught, open: true}
}

// lost says, once each, that there is no quorum or no node.
func (m *Model) lost(old, now common.Link) {
	if now.Phase == old.Phase || now.Phase != common.NoQuorum && now.Phase != common.Offline {
		return
	}
	if m.asOf.IsZero() && m.listed { // before, there is nothing on the screen that could be old
		m.asOf = m.c.Now()
		if m.move != nil {
			m.asOf = m.move.at
		}
	}
	if m.move != nil {
		m.move.noted = true
	}
	if now.Phase == common.NoQuorum {
		m.say(now.Node + " has no quorum: reading it alone; what you write is queued")
	} else {
		m.say("no node answers; what you write is queued")
	}
}

// arrived writes the row of a move that ended.
func (m *Model) arrived(now common.Link) {
	mv := m.move
	mv.open, mv.to, mv.came, mv.took = false, now, m.c.Now(), "at once"
	if !mv.at.IsZero() {
		mv.took = "in " + common.Age(mv.came.Sub(mv.at))
	}
	if m.cur == nil {
		m.move = nil
		return
	}
	if mv.row != nil && mv.noted { // its end stands below what was said meanwhile
		for _, v := range m.conversations {
			v.notices = slices.DeleteFunc(v.notices, func(e *timeline.Entry) bool { return e == mv.row })
		}
		mv.row = nil
	}
	if mv.row == nil {
		mv.row = m.cur.notice(m.c.Now(), m.key(), "")
	}
	m.tellMove()
}

// leaderChanged tells of a new leader: in the row of the move that it belongs to, when that is fresh (the library learns the
// leader's name a moment after its node serves again), else in a row of its own.
func (m *Model) leaderChanged(now common.Link) {
	if mv := m.move; mv != nil && mv.row != nil && m.c.Now().Sub(mv.came) < sameEvent && mv.to.Node == now.Node {
		mv.to = now
		m.tellMove()
		return
	}
	m.say(fmt.Sprintf("leader %s → %s (term %d)", m.leader, now.Leader, now.Term))
}

// refreshMove keeps the counts of the last move's row true until each message it caught has its verdict.
func (m *Model) refreshMove() {
	if m.move != nil && m.move.row != nil && !m.move.settled {
		m.tellMove()
	}
}

// tellMove writes what is known of the last move into its row.
func (m *Model) tellMove() {
	mv := m.move
	led := ""
	if mv.leader != mv.to.Leader && mv.leader != "" && mv.to.Leader != "" {
		led = fmt.Sprintf("leader %s → %s (term %d)", mv.leader, mv.to.Leader, mv.to.Term)
	}
	s := ""
	if mv.noted && !mv.open {
		s = "quorum is back: "
	}
	if mv.drained {
		s += mv.from.Node + " is draining: "
	}
	switch {
	case mv.from.Node != mv.to.Node:
		s += fmt.Sprintf("moved %s → %s %s", mv.from.Node, mv.to.Node, mv.took)
		if led != "" && !(mv.from.Node == mv.leader && mv.to.Node == mv.to.Leader) { // then the move says it
			s += " · " + led
		}
	case led != "":
		s += led + " " + mv.took
	default:
		s += "back on " + mv.to.Node + " " + mv.took
	}
	resent, lost, open := 0, 0, 0
	for _, o := range mv.caught {
		switch {
		case o.Done:
			resent++
		case o.Rejected:
			lost++
		default:
			open++
		}
	}
	parts := []string{s, fmt.Sprintf("%d re-sent", resent)}
	if open > 0 {
		parts = append(parts, fmt.Sprintf("%d on the way", open))
	}
	mv.row.Text = strings.Join(append(parts, fmt.Sprintf("%d lost", lost)), " · ")
	mv.settled = open == 0
}

// say writes a dim row into the open conversation and returns it; nil when none is open.
func (m *Model) say(text string) *timeline.Entry {
	if m.cur == nil {
		return nil
	}
	e := m.cur.notice(m.c.Now(), m.key(), common.Line(text))
	m.cur.rebuild()
	return e
}

// key names a row of our own.
func (m *Model) key() string {
	m.rows++
	return "n" + strconv.Itoa(m.rows)
}

func (m *Model) reconnect() tea.Cmd {
	m.tell("trying all nodes now")
	be, ctx := m.c.Backend, m.ctx
	return tea.Batch(func() tea.Msg { be.Reconnect(ctx); return nil }, m.pumpAll())
}
