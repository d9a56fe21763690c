package outbox

import (
	"strings"
	"testing"
	"time"

	"parley/tui/common"
	"parley/tui/components/timeline"
)

var t0 = time.Date(2026, 11, 24, 14, 3, 12, 0, time.UTC)

func written(ids ...string) (list []*Message) {
	for i, id := range ids {
		list = append(list, &Message{Outgoing: common.Outgoing{ID: id, Written: t0, Order: uint64(i), Cluster: "c1"}, Saved: true})
	}
	return list
}

func next(list []*Message, now time.Time, ready bool) string {
	n, ask := Next(list, now, ready)
	switch {
	case n != nil:
		return n.ID
	case ask != nil:
		return "ask " + ask.ID
	}
	return ""
}

// Invariant 3: what holds back the later messages of a conversation, and what does not.
func TestOrder(t *testing.T) {
	fail := func(o common.Outcome) func(*Message) {
		return func(m *Message) { m.Begin(); m.Failed(common.Failure{Outcome: o, Text: "no"}) }
	}
	for name, c := range map[string]struct {
		first func(*Message)
		want  string
		state timeline.State
	}{
		"fresh":             {func(*Message) {}, "a", timeline.Queued},
		"not on disk":       {func(m *Message) { m.Saved = false }, "", timeline.Queued},
		"on its way":        {func(m *Message) { m.Begin() }, "", timeline.Sending},
		"committed":         {func(m *Message) { m.Done = true }, "b", timeline.Committed},
		"rejected":          {fail(common.Refused), "b", timeline.Rejected},
		"not applied":       {fail(common.NotApplied), "a", timeline.Queued},
		"unknown":           {fail(common.Unknown), "a", timeline.Unknown},
		"link broke":        {func(m *Message) { m.Begin(); m.Doubt() }, "", timeline.Unknown},
		"unknown, refused":  {func(m *Message) { fail(common.Unknown)(m); fail(common.Refused)(m) }, "", timeline.Unknown},
		"unknown, then not": {func(m *Message) { fail(common.Unknown)(m); fail(common.NotApplied)(m) }, "a", timeline.Unknown},
		"another cluster's": {func(m *Message) { m.Judge("c2") }, "b", timeline.Queued},
		"old":               {func(m *Message) { m.Written = t0.Add(-StaleAfter) }, "ask a", timeline.Queued},
		"old and approved":  {func(m *Message) { m.Written, m.Approved = t0.Add(-StaleAfter), true }, "a", timeline.Queued},
	} {
		list := written("a", "b")
		c.first(list[0])
		if got := next(list, t0.Add(time.Second), true); got != c.want {
			t.Errorf("%s: next is %q, want %q", name, got, c.want)
		}
		if got := list[0].State(); got != c.state {
			t.Errorf("%s: shown as %s, want %s", name, got.Word(), c.state.Word())
		}
		if got := next(list, t0.Add(time.Second), false); got != "" {
			t.Errorf("%s: without a cluster next is %q", name, got)
		}
	}
}

// Invariants 1 and 2: what a crash interrupted comes back in doubt, under its id; what was never tried comes back queued.
func TestRestored(t *testing.T) {
	for name, c := range map[string]struct {
		o    common.Outgoing
		want timeline.State
	}{
		"queued":   {common.Outgoing{ID: "a"}, timeline.Queued},
		"tried":    {common.Outgoing{ID: "a", Tried: true}, timeline.Unknown},
		"rejected": {common.Outgoing{ID: "a", Tried: true, Rejected: true, Why: "too long"}, timeline.Rejected},
	} {
		m := Restored(c.o, "c1")
		if m.State() != c.want || m.ID != "a" || !m.Saved {
			t.Errorf("%s came back as %s", name, m.State().Word())
		}
	}
	if !Restored(common.Outgoing{Cluster: "c0"}, "c1").Foreign {
		t.Error("a message of another cluster was taken for one of this")
	}
	if Restored(common.Outgoing{Cluster: "c0"}, "").Foreign || Restored(common.Outgoing{}, "c1").Foreign {
		t.Error("a message was called another cluster's without knowing both")
	}
}

// A message in doubt that was let go once is not asked about while it is being retried.
func TestRetryIsNotAsked(t *testing.T) {
	list := written("a")
	for range 2 {
		list[0].Begin()
		list[0].Failed(common.Failure{Outcome: common.Unknown})
	}
	if got := next(list, t0.Add(time.Hour), true); got != "a" {
		t.Errorf("next is %q, want a", got)
	}
}

func TestReason(t *testing.T) {
	m := written("a")[0]
	for _, c := range []struct {
		after    time.Duration
		position int
		want     string
	}{
		{9 * time.Second, 1, "queued"},
		{42 * time.Second, 1, "queued · 42 s"},
		{42 * time.Second, 3, "queued, position 3 · 42 s"},
		{11 * time.Minute, 1, "waits for your word: it is old · 11 min"},
	} {
		if got := m.Reason(t0.Add(c.after), c.position, true); got != c.want {
			t.Errorf("after %v: %q, want %q", c.after, got, c.want)
		}
	}
	m.Begin()
	m.Failed(common.Failure{Outcome: common.Refused, Text: "too long", Hint: "make it shorter"})
	if got := m.Reason(t0, 1, true); !strings.Contains(got, "rejected: too long (make it shorter)") {
		t.Errorf("a rejection says %q", got)
	}
}
