package plain

import (
	"fmt"
	"time"

	"parley/tui/common"
)

// trouble is one loss of the link, from its begin to its end.
type trouble struct {
	open   bool
	since  time.Time
	from   common.Link // the last link that served
	caught int         // messages that were on their way

	told    string // the last line about the link
	words   string // what would be said now
	changed time.Time
}

// onLink takes a change of the link.
func (s *session) onLink(l common.Link) {
	old := s.link
	s.link = l
	s.meet(l.ClusterID)
	now := s.o.Now()
	t := &s.trouble
	switch {
	case l.Usable():
		s.arrived(old, now)
		s.retry(now, true)
	case old.Usable():
		t.open, t.since, t.caught = true, now, s.doubt()
	}
	s.tellLink(now)
}

// arrived says where the session is after a loss.
func (s *session) arrived(old common.Link, now time.Time) {
	t := &s.trouble
	to := s.link
	if to.Node == "" {
		return // the node tells its name in a moment
	}
	from := t.from
	t.from = to
	if from.Node == "" || !t.open && from.Node == to.Node {
		t.open = false
		return
	}
	if !t.open { // the library moved faster than we looked
		t.since, t.caught = now, s.doubt()
	}
	t.open = false
	words := "back on " + to.Node
	if from.Node != to.Node {
		words = fmt.Sprintf("failover %s to %s", from.Node, to.Node)
	}
	if took := now.Sub(t.since); took >= 50*time.Millisecond {
		words += " in " + common.Age(took)
	}
	if t.caught > 0 {
		words += fmt.Sprintf(", %s in doubt tried again", several(t.caught, "message", "messages"))
	}
	s.say("link: %s", words)
}

// tellLink says how the link is when that is another way than was said last, and has been for a moment: what is over sooner is no
// line. The first that is whole is said at once.
func (s *session) tellLink(now time.Time) {
	s.retry(now, false)
	t := &s.trouble
	words := s.linkWords(s.link)
	if words != t.words {
		t.words, t.changed = words, now
	}
	up, voters := s.link.Up()
	whole := t.told == "" && s.link.Usable() && s.link.Node != "" && up == voters && up > 0
	if words == t.told || !whole && now.Sub(t.changed) < tellAfter {
		return
	}
	t.told = words
	s.say("link: %s", words)
}

// counts says how much of the cluster there is.
func (s *session) counts(l common.Link) string {
	up, voters := l.Up()
	if voters == 0 {
		return "READY"
	}
	text := fmt.Sprintf("READY, %d of %d nodes up", up, voters)
	if spare := up - (voters/2 + 1); up < voters && spare >= 0 {
		text += fmt.Sprintf(", can lose %d more", spare)
	}
	return text
}

// linkWords is a link as a sentence, without a sign that has to be seen.
func (s *session) linkWords(l common.Link) string {
	node := l.Node
	if node == "" {
		node = "a node"
	}
	switch l.State() {
	case common.StateReady, common.StateDegraded, common.StateSyncing:
		text := s.counts(l) + ", on " + node
		if l.Leader != "" {
			text += ", leader " + l.Leader
		}
		return text
	case common.StateReadOnly:
		up, voters := l.Up()
		return fmt.Sprintf("READ-ONLY, %s sees %d of %d nodes and no quorum; reading works, what you write is queued", node, up, voters)
	case common.StateOffline:
		return "OFFLINE, no node answers; what you write is queued, /reconnect tries now"
	case common.StateFailover:
		return "FAILOVER, " + node + " is lost, another node is looked for; what you write is queued"
	case common.StateElection:
		return "ELECTION, " + node + " is there and the cluster chooses a leader; what you write is queued"
	case common.StateConnecting:
		return "CONNECTING; what you write is queued"
	case common.StateDraining:
		return "DRAINING, " + l.Draining + " is taken out of service, another node takes over"
	}
	return l.Word()
}
