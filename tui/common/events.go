package common

import (
	"slices"
	"time"
)

// Event is one change of the connection or the cluster, as this client saw it.
type Event struct {
	Time time.Time
	Text string // clean
}

// Events is what happened since the client started, oldest first, at most MaxEvents. Only Update touches it.
type Events struct {
	all []Event
}

// Add notes one. The same text again is not a new one.
func (e *Events) Add(at time.Time, text string) {
	if n := len(e.all); n > 0 && e.all[n-1].Text == text {
		return
	}
	if len(e.all) == MaxEvents {
		e.all = slices.Delete(e.all, 0, MaxEvents/4) // a quarter at once: not every event shall copy all
	}
	e.all = append(e.all, Event{at, text})
}

// All must not be changed.
func (e *Events) All() []Event { return e.all }
