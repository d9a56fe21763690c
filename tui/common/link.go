package common

import (
	"fmt"
	"time"
)

// Word is the state in one word, the same in the status bar and in the documentation.
func (l Link) Word() string {
	switch l.Phase {
	case Ready:
		return "READY"
	case Electing:
		return "ELECTION"
	case FailingOver:
		return "FAILOVER"
	case NoQuorum:
		return "READ-ONLY"
	case Offline:
		return "OFFLINE"
	}
	return "CONNECTING"
}

// Usable reports whether a write is expected to succeed.
func (l Link) Usable() bool { return l.Phase == Ready }

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

// Detail is what stands behind the word: who we talk to and what it means for the person.
func (l Link) Detail(now time.Time) string {
	up, voters := l.Up()
	switch l.Word() {
	case "READY":
		s := orUnknown(l.Node)
		switch l.Leader {
		case "":
		case l.Node:
			s += "★"
		default:
			s += " · leader " + l.Leader + "★"
		}
		if voters > 0 {
			s += fmt.Sprintf(" · %d/%d up", up, voters)
			if spare := up - (voters/2 + 1); up < voters && spare >= 0 {
				s += fmt.Sprintf(", can lose %d", spare)
			}
		}
		return s
	case "ELECTION":
		return fmt.Sprintf("%s · choosing a leader · %s", orUnknown(l.Node), Age(now.Sub(l.Since)))
	case "FAILOVER":
		return fmt.Sprintf("%s → next node · %s", orUnknown(l.Node), Age(now.Sub(l.Since)))
	case "READ-ONLY":
		if voters > 0 {
			return fmt.Sprintf("%s: %d of %d, no quorum · read from it alone", orUnknown(l.Node), up, voters)
		}
		return fmt.Sprintf("%s: no quorum · read from it alone", orUnknown(l.Node))
	case "OFFLINE":
		return fmt.Sprintf("no node answers · %s · ^R tries now", Age(now.Sub(l.Since))) + l.why()
	}
	if l.Address != "" {
		return fmt.Sprintf("%s · %s", l.Address, Age(now.Sub(l.Since))) + l.why()
	}
	return Age(now.Sub(l.Since)) + l.why()
}

func (l Link) why() string {
	if l.Err == "" {
		return ""
	}
	return " · " + l.Err
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
