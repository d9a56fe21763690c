package chat

import (
	"fmt"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"parley/tui/common"
	"parley/tui/components/timeline"
)

// told is what the page remembers of the connection beside the link itself.
type told struct {
	barText string            // what the banner in the composer's place says; empty: the composer is there
	syncTo  uint64            // id of the newest message that SYNCING waits for
	heard   map[string]uint64 // by conversation: seq of the newest message that the subscription, or the list before it, brought
	down    downs             // who is down, as far as the timeline was told
	wasLost bool              // there was no node at all since the last READY
}

// downs are the members by name, as they were when the link was last ready.
type downs map[string]*down

// down is one of them: since when it is down, zero while it is up, and the row that told of it; nil where none did.
type down struct {
	since time.Time
	row   *timeline.Entry
}

// noteDowns tells, while the link is ready, of members that fell and came back. One that was down before it was first heard
// of is left to the status bar, and a fall shorter than collapse leaves no row.
func (m *Model) noteDowns(now common.Link) {
	if now.Phase != common.Ready {
		return
	}
	up, voters := now.Up()
	count := fmt.Sprintf("%d/%d up", up, voters)
	for _, mb := range now.Members {
		d, known := m.down[mb.Name]
		if !known {
			d = new(down)
			m.down[mb.Name] = d
			if !mb.Reachable {
				d.since = m.c.Now()
			}
			continue
		}
		switch took := m.c.Now().Sub(d.since); {
		case !mb.Reachable && d.since.IsZero():
			text := fmt.Sprintf("%s is down · %s, can lose %d", mb.Name, count, max(now.Spare(), 0))
			*d = down{m.c.Now(), m.say(text)}
			m.c.Events.Add(m.c.Now(), text)
		case mb.Reachable && !d.since.IsZero():
			text := fmt.Sprintf("%s is up again after %s · %s", mb.Name, common.Age(took), count)
			m.c.Events.Add(m.c.Now(), text)
			if took < collapse && d.row != nil {
				m.unsay(d.row)
			} else {
				m.say(text)
			}
			*d = down{}
		}
	}
	for name := range m.down {
		if !slices.ContainsFunc(now.Members, func(mb common.Member) bool { return mb.Name == name }) {
			delete(m.down, name) // it is no member any more
		}
	}
}

// unsay takes a row of our own away again, wherever it was written.
func (m *Model) unsay(row *timeline.Entry) {
	for _, v := range m.conversations {
		n := len(v.notices)
		v.notices = slices.DeleteFunc(v.notices, func(e *timeline.Entry) bool { return e == row })
		if len(v.notices) != n {
			v.rebuild()
		}
	}
}

// note keeps a change of the link for the cluster screen's log.
func (m *Model) note(old, now common.Link) {
	if old.State() == now.State() && old.Node == now.Node && old.Leader == now.Leader {
		return
	}
	text := now.State().String() + "  " + now.Brief()
	if now.Err != "" && !now.State().Sends() {
		text += " · " + now.Err
	}
	m.c.Events.Add(m.c.Now(), text)
}

// bell rings for the two changes that a person who looks elsewhere wants to know: writing stopped, and it works again after
// there was no node at all.
func (m *Model) bell(old, now common.Link) tea.Cmd {
	ring := now.Phase == common.NoQuorum && old.Phase != common.NoQuorum
	switch now.Phase {
	case common.Offline:
		m.wasLost = true
	case common.Ready:
		ring = ring || m.wasLost
		m.wasLost = false
	}
	if !ring || m.c.Settings.Notify == "off" {
		return nil
	}
	return tea.Raw("\a")
}
