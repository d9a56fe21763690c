package outbox

import (
	"fmt"
	"time"

	"parley/tui/common"
	"parley/tui/components/timeline"
)

// Message is one own message until it is committed or given up.
type Message struct {
	common.Outgoing
	// Saved says that it is on disk, or that there is no disk to wait for.
	Saved    bool
	InFlight bool
	// Unknown says that a try ended without a verdict, or that the link broke under one.
	Unknown bool
	// Stuck says that a retry was refused while an earlier try is in doubt: it waits for a person or for the stream.
	Stuck bool
	// Foreign says that it was written for another cluster.
	Foreign bool
	// Approved says that a person wants it sent although it is old.
	Approved bool
	// Kept says that a person was asked about it and wants neither yet.
	Kept  bool
	Done  bool // committed
	Tries int  // by this process
}

// Restored makes a message of what was on disk. cluster is the one spoken to, empty while unknown.
func Restored(o common.Outgoing, cluster string) *Message {
	m := &Message{Outgoing: o, Saved: true, Unknown: o.Tried && !o.Rejected}
	m.Judge(cluster)
	return m
}

// Judge finds out whether the message belongs to another cluster than the one spoken to.
func (m *Message) Judge(cluster string) {
	m.Foreign = cluster != "" && m.Cluster != "" && m.Cluster != cluster
}

// Waiting reports whether the message has no verdict.
func (m *Message) Waiting() bool { return !m.Rejected && !m.Done }

// Stale reports whether a person has to be asked before the message is sent.
func (m *Message) Stale(now time.Time) bool {
	return !m.Approved && now.Sub(m.Written) >= StaleAfter
}

// Next is the message to be given to the cluster now, nil when there is none. ask is the one that a person has to decide on
// first. ready says that the link takes writes.
func Next(list []*Message, now time.Time, ready bool) (next, ask *Message) {
	for _, m := range list {
		switch {
		case !m.Waiting() || m.Foreign:
			continue
		case m.InFlight || m.Stuck || !m.Saved || !ready:
			return nil, nil
		case m.Stale(now):
			return nil, m
		}
		return m, nil
	}
	return nil, nil
}

// Begin is called when the message is given to the cluster.
func (m *Message) Begin() {
	m.InFlight, m.Tried = true, true
	m.Tries++
	if m.Unknown {
		m.Approved = true // once let go, it is not asked about again
	}
}

// Doubt is called when the link breaks under a try. It reports whether one was under way.
func (m *Message) Doubt() bool {
	if m.InFlight {
		m.Unknown = true
	}
	return m.InFlight
}

// Failed takes the failure of a try. again says that it is to be tried once more after RetryAfter; otherwise it is rejected or
// stuck.
func (m *Message) Failed(f common.Failure) (again bool) {
	m.InFlight = false
	m.Why = f.Text
	switch {
	case f.Outcome == common.Unknown || m.Unknown && f.Outcome == common.NotApplied:
		m.Unknown = true
		return true
	case f.Outcome == common.NotApplied:
		return true
	case m.Unknown:
		m.Stuck = true
	default:
		m.Rejected = true
		m.Why = f.Error()
	}
	return false
}

// Again lets a rejected, stuck, old or foreign message go once more, under its id: a refusal was never recorded, so the id is
// still good. cluster is the one it is to be sent to.
func (m *Message) Again(cluster string) {
	m.Stuck, m.Rejected, m.Foreign, m.Kept, m.Why = false, false, false, false, ""
	m.Cluster, m.Approved = cluster, true
}

// State is what a person is told in a sign and a word.
func (m *Message) State() timeline.State {
	switch {
	case m.Done:
		return timeline.Committed
	case m.Rejected:
		return timeline.Rejected
	case m.Unknown || m.Stuck:
		return timeline.Unknown
	case m.InFlight:
		return timeline.Sending
	}
	return timeline.Queued
}

// Age is " · 42 s" for a message that waits longer than AgeAfter, else nothing.
func (m *Message) Age(now time.Time) string {
	d := now.Sub(m.Written)
	if d < AgeAfter {
		return ""
	}
	return " · " + common.Age(d)
}

// Reason says in words why the message is where it is. position counts the waiting messages of its conversation from 1.
func (m *Message) Reason(now time.Time, position int, ready bool) string {
	age := m.Age(now)
	switch {
	case m.Rejected:
		return "rejected: " + m.Why
	case m.Foreign:
		return "written for another cluster; not sent by itself" + age
	case m.Stuck:
		return "outcome unknown: an earlier try may have worked, the last was refused: " + m.Why
	case m.InFlight && m.Unknown:
		return "outcome unknown, trying again with the same id" + age
	case m.InFlight:
		return "sending" + age
	case ready && m.Stale(now):
		return "waits for your word: it is old" + age
	case m.Unknown:
		return "outcome unknown, will be tried again with the same id" + age
	case position > 1:
		return fmt.Sprintf("queued, position %d", position) + age
	}
	return "queued" + age
}
