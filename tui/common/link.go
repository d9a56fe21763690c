package common

import (
	"fmt"
	"strings"
	"time"
)

// Word is the state in one word, the same in the status bar, in `parley status` and in the documentation.
func (l Link) Word() string { return l.State().Word() }

// Usable reports whether a write is expected to succeed.
func (l Link) Usable() bool { return l.State().Sends() }

// Up counts the voters that answer, of all voters.
func (l Link) Up() (up, voters int) {
	for _, m := range l.Members {
		if !m.Voter {
			continue
		}
		voters++
		if m.Reachable {
			up++
		}
	}
	return up, voters
}

// Part is one piece of what stands behind the word. A bar that is too narrow leaves out those of the greatest Rank first;
// rank 0 is cut rather than left out.
type Part struct {
	Text  string
	Short string // in place of Text where there is little room; may be empty
	Rank  int
	Warn  bool // drawn as a warning
	Join  bool // belongs to the part before it: a space divides them
}

// Detail is what stands behind the word, in one string.
func (l Link) Detail(now time.Time) string {
	var texts []string
	for _, p := range l.Parts(now) {
		texts = append(texts, p.Text)
	}
	return strings.Join(texts, " · ")
}

// Parts is what stands behind the word: who we talk to and what it means for the person.
func (l Link) Parts(now time.Time) []Part {
	since := ""
	if !l.Since.IsZero() {
		since = Age(now.Sub(l.Since))
	}
	switch l.State() {
	case StateSyncing:
		if l.Sync.Total == 0 {
			return []Part{{Text: "from " + orUnknown(l.Node)}}
		}
		return []Part{{Text: fmt.Sprintf("%d/%d", l.Sync.Done, l.Sync.Total)}, {Text: "from " + orUnknown(l.Node), Rank: 2}}
	case StateReady, StateDegraded:
		return l.readyParts()
	case StateElection:
		if l.Term > 0 {
			since = strings.TrimSuffix(fmt.Sprintf("term %d · %s", l.Term, since), " · ")
		}
		return []Part{{Text: since}, {Text: "at " + orUnknown(l.Node), Rank: 2}}
	case StateFailover:
		s := fmt.Sprintf("%s → %s", orUnknown(l.Node), l.target("next node"))
		if l.Attempts > 0 {
			s += fmt.Sprintf(" (%d/%d)", l.Attempt, l.Attempts)
		}
		if wait := l.NextTry.Sub(now); !l.NextTry.IsZero() && wait > 0 {
			return []Part{{Text: s}, {Text: "retry " + Age(wait), Rank: 2}}
		}
		return []Part{{Text: s}, {Text: since, Rank: 2}}
	case StateReadOnly:
		if up, voters := l.Up(); voters > 0 {
			return []Part{{Text: fmt.Sprintf("%s: %d of %d, no quorum", orUnknown(l.Node), up, voters),
				Short: fmt.Sprintf("%s %d/%d", orUnknown(l.Node), up, voters)}}
		}
		return []Part{{Text: orUnknown(l.Node) + ": no quorum"}}
	case StateOffline:
		s := "^R tries now"
		if wait := l.NextTry.Sub(now); !l.NextTry.IsZero() {
			next := Age(wait)
			if wait < time.Second { // several nodes are tried in turn: the milliseconds to the next say nothing and never stand still
				next = "within 1 s"
			}
			s = "next try " + next + " (^R now)"
		}
		silence := "no node answers"
		if now.Sub(l.Since) >= time.Second && since != "" {
			silence += " for " + since
		}
		return []Part{{Text: s}, {Text: silence, Rank: 2}, {Text: l.Err, Rank: 3}}
	case StateDraining:
		to := l.target("next node")
		if l.Node != l.Draining && l.Node != "" {
			to = l.Node
		}
		return []Part{{Text: l.Draining + " → " + to}}
	case StateAuth:
		return []Part{{Text: "the session is over · Enter logs in again"}}
	case StateVersion:
		return []Part{{Text: "the nodes do not speak this client's protocol"}}
	}
	s := l.target(l.Address)
	if l.Attempts > 0 {
		s = strings.TrimSpace(s + fmt.Sprintf(" (%d/%d)", l.Attempt, l.Attempts))
	}
	return []Part{{Text: strings.TrimSpace(s + " " + since)}, {Text: l.Err, Rank: 3}}
}

// Brief is what a log says of the link: nothing that changes with the clock.
func (l Link) Brief() string {
	switch l.State() {
	case StateReady, StateDegraded, StateSyncing:
		l.RTT = 0
		var texts []string
		for _, p := range l.readyParts() {
			texts = append(texts, p.Text)
		}
		return strings.Join(texts, " · ")
	case StateElection:
		return fmt.Sprintf("at %s, term %d", orUnknown(l.Node), l.Term)
	case StateFailover:
		return orUnknown(l.Node) + " is lost"
	case StateOffline, StateConnecting:
		return "no node answers"
	}
	return l.Detail(l.Since)
}

// readyParts are the node, the term and how many are up.
func (l Link) readyParts() []Part {
	s := l.Node
	if s == "" { // names are told after the log-in
		s = orUnknown(l.Address)
	}
	switch l.Leader {
	case "":
	case l.Node:
		s += "★"
	default:
		s += " · leader " + l.Leader + "★"
	}
	if l.RTT > 0 {
		s += " " + Age(l.RTT)
	}
	ps := []Part{{Text: s}}
	if l.Term > 0 {
		ps = append(ps, Part{Text: fmt.Sprintf("term %d", l.Term), Rank: 5})
	}
	up, voters := l.Up()
	switch spare := l.Spare(); {
	case voters == 0:
	case up < voters:
		ps = append(ps, Part{Text: fmt.Sprintf("%d/%d up · can lose %d", up, voters, max(spare, 0)), Warn: true})
	default:
		ps = append(ps, Part{Text: fmt.Sprintf("%d/%d up", up, voters), Rank: 3})
	}
	if names := l.Lagging(); len(names) > 0 {
		ps = append(ps, Part{Text: strings.Join(names, ", ") + " behind", Rank: 1, Warn: true})
	}
	return ps
}

// target is the node that is being tried.
func (l Link) target(otherwise string) string {
	if l.Trying != "" {
		return l.Trying
	}
	return otherwise
}

func orUnknown(node string) string {
	if node == "" {
		return "?"
	}
	return node
}

// Age writes a duration as people say it: "80 ms", "3.2 s", "4 min".
func Age(d time.Duration) string {
	switch {
	case d < 0:
		return "0 ms"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d h", int(d.Hours()))
}
