package chat

import (
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"parley/tui/common"
	outboxscreen "parley/tui/screens/outbox"
)

// waitingRow is one message of the outbox and where it stands.
type waitingRow struct {
	v        *conversation
	o        *outgoing
	position int // among those of its conversation that wait
}

// outboxRows is the whole outbox, in the sidebar's order and then in that of writing; /outbox and its screen share it.
func (m *Model) outboxRows() (rows []waitingRow) {
	for _, v := range m.order {
		position := 0
		for _, o := range v.out {
			if o.Waiting() && !o.Foreign {
				position++
			}
			rows = append(rows, waitingRow{v, o, position})
		}
	}
	return rows
}

func (m *Model) openOutbox() tea.Cmd {
	return m.push(outboxscreen.New(m.c, func() []outboxscreen.Item {
		now, ready := m.c.Now(), m.ready()
		var items []outboxscreen.Item
		for _, r := range m.outboxRows() {
			items = append(items, outboxscreen.Item{
				ID: r.o.ID, Conversation: common.Line(r.v.name), Text: common.Line(r.o.Text), State: r.o.State(),
				Why: common.Line(r.o.Reason(now, r.position, ready)),
			})
		}
		return items
	}))
}

// onOutbox does what the screen asked for.
func (m *Model) onOutbox(msg outboxscreen.ActMsg) tea.Cmd {
	if msg.Action == outboxscreen.Flush {
		return m.flushOutbox()
	}
	for _, r := range m.outboxRows() {
		if r.o.ID != msg.ID {
			continue
		}
		switch msg.Action {
		case outboxscreen.Resend:
			return m.release(r)
		case outboxscreen.Edit:
			return m.rework(r.v, r.o)
		case outboxscreen.Discard:
			return m.dropOne(r)
		}
	}
	return nil // it got its outcome meanwhile
}

// release lets one message go: what held it back was a verdict, its age, or another cluster.
func (m *Model) release(r waitingRow) tea.Cmd {
	switch {
	case r.o.Foreign && m.c.Link.ClusterID == "":
		m.fail("it was written for another cluster; wait until a node has told which one this is")
		return nil
	case r.o.InFlight:
		m.tell("it is on its way")
		return nil
	case !m.c.Link.Usable():
		m.tell("it goes out when the cluster is ready; ^R tries now")
	}
	return m.again(r.v, r.o)
}

// flushOutbox lets everything go but what the cluster rejected: that needs a look.
func (m *Model) flushOutbox() tea.Cmd {
	var cmds []tea.Cmd
	n := 0
	for _, r := range m.outboxRows() {
		if !r.o.Waiting() || r.o.InFlight || r.o.Foreign && m.c.Link.ClusterID == "" {
			continue
		}
		n++
		cmds = append(cmds, m.again(r.v, r.o))
	}
	switch {
	case n == 0:
		m.tell("nothing waits that could be sent")
	case m.ready():
		m.tell("sending " + count(n, "message", "messages"))
	default:
		m.tell(count(n, "message goes", "messages go") + " out when the cluster is ready; ^R tries now")
	}
	return tea.Batch(cmds...)
}

// rework takes a message back into the composer. What was given to the cluster and has no verdict can not be taken back.
func (m *Model) rework(v *conversation, o *outgoing) tea.Cmd {
	if o.InFlight || o.Unknown {
		m.fail("it may have been sent already: it can be discarded, not edited")
		return nil
	}
	text := o.Text
	m.overlays = nil
	cmd := m.show(v.name)
	if !m.composer.Empty() {
		m.fail("there is a draft in " + v.name + ": send or clear it first")
		return cmd
	}
	m.composer.SetValue(text)
	if o.ReplyTo != 0 { // it goes on being a reply
		v.answer = &answering{to: o.ReplyTo, root: o.Thread, lead: o.Lead}
	}
	return tea.Batch(cmd, m.giveUp(v, o))
}

func (m *Model) dropOne(r waitingRow) tea.Cmd {
	switch {
	case r.o.InFlight:
		m.fail("it is on its way; discard it when its outcome is known")
		return nil
	case r.o.Unknown && !r.o.Stuck:
		m.askDiscard(r.v, r.o)
		return nil
	}
	m.tell("discarded")
	return m.giveUp(r.v, r.o)
}

// cmdOutbox is /outbox [flush|drop N].
func (m *Model) cmdOutbox(args string) tea.Cmd {
	verb, number, _ := strings.Cut(args, " ")
	switch verb {
	case "":
		return m.openOutbox()
	case "flush":
		return m.flushOutbox()
	case "drop":
		rows := m.outboxRows()
		n, err := strconv.Atoi(strings.TrimSpace(number))
		if err != nil || n < 1 || n > len(rows) {
			m.fail("/outbox drop N: a number from 1 to " + strconv.Itoa(len(rows)) + ", as the outbox (F4) lists them")
			return nil
		}
		return m.dropOne(rows[n-1])
	}
	m.fail("/outbox [flush|drop N]")
	return nil
}

// cmdResend sends the newest message of the open conversation that was rejected or held back once more.
func (m *Model) cmdResend(string) tea.Cmd {
	if m.cur != nil {
		for i := len(m.cur.out) - 1; i >= 0; i-- {
			if o := m.cur.out[i]; o.Rejected || o.Stuck || o.Foreign || o.Kept {
				return m.again(m.cur, o)
			}
		}
	}
	m.fail("nothing was rejected here")
	return nil
}
