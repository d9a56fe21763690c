package node

import (
	"testing"
	"time"
)

// Each second keeps its slowest commit, and what is older than a minute is gone.
func TestCommitTimes(t *testing.T) {
	var c commitTimes
	at := time.Unix(1_800_000_000, 0)
	c.note(at, 3*time.Millisecond)
	c.note(at, 9*time.Millisecond)
	c.note(at, time.Millisecond)
	c.note(at.Add(2*time.Second), 0) // faster than can be told is still one
	got := c.recent(at.Add(2 * time.Second))
	if n := len(got); n != commitSeconds || got[n-3] != 9000 || got[n-2] != 0 || got[n-1] != 1 {
		t.Errorf("the last three seconds are %v, want [9000 0 1]", got[len(got)-3:])
	}
	later := at.Add(commitSeconds * time.Second)
	c.note(later, 5*time.Millisecond)
	if got := c.recent(later); got[commitSeconds-1] != 5000 || got[0] != 0 {
		t.Errorf("a minute later: %v", got)
	}
	for _, us := range c.recent(at.Add(time.Hour)) {
		if us != 0 {
			t.Fatal("an hour later something is left")
		}
	}
}
