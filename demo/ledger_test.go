package demo

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/proto/parleyv1"
	"parley/tui/common"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// TestLedger plays what can become of a message. An entry is "ack carol 3" (an answer), "read carol 3" (a read that begins and
// ends here), "begin" and "end" (a read whose answer is late; what is read between them is its answer).
func TestLedger(t *testing.T) {
	bot := func(name string) bool { return name != "alice" }
	for name, c := range map[string]struct {
		play string
		want common.DemoState
	}{
		"acknowledged, then read":           {"ack carol 1, begin, read carol 1, end", common.DemoState{Sent: 1, Found: 1}},
		"read, then acknowledged":           {"begin, read carol 1, end, ack carol 1", common.DemoState{Sent: 1, Found: 1}},
		"not counted yet":                   {"ack carol 1", common.DemoState{Sent: 1}},
		"lost":                              {"ack carol 1, ack bob 2, begin, read bob 2, end", common.DemoState{Sent: 2, Found: 1, Lost: 1}},
		"acknowledged while it was read":    {"begin, ack carol 1, end", common.DemoState{Sent: 1}},
		"lost is counted once":              {"ack carol 1, begin, end, begin, end", common.DemoState{Sent: 1, Lost: 1}},
		"found after all":                   {"ack carol 1, begin, end, begin, read carol 1, end", common.DemoState{Sent: 1, Found: 1}},
		"stored twice":                      {"begin, read carol 1, read carol 2, end, ack carol 2", common.DemoState{Sent: 1, Found: 1, Twice: 1}},
		"twice is counted once":             {"begin, read carol 1, read carol 2, end, ack carol 2, ack carol 3", common.DemoState{Sent: 2, Found: 1, Twice: 1}},
		"the copy is read after the answer": {"ack carol 2, begin, read carol 1, read carol 2, end", common.DemoState{Sent: 1, Found: 1, Twice: 1}},
		"another bot's is under way":        {"begin, read bob 1, end, ack carol 2", common.DemoState{Sent: 1}},
		"what the person says is no bot's":  {"begin, read alice 1, end, ack carol 2", common.DemoState{Sent: 1}},
	} {
		l := newLedger()
		var due []uint64
		counted := false
		for entry := range strings.SplitSeq(c.play, ", ") {
			f := strings.Fields(entry)
			switch f[0] {
			case "begin":
				due = l.due()
			case "end":
				l.settle(due, noon)
				counted = true
			case "ack":
				l.sent(line{f[1], Room, "x"}, number(t, f[2]))
			case "read":
				l.read([]*parleyv1.Message{{Sender: f[1], Id: number(t, f[2])}}, bot)
			}
		}
		if counted {
			c.want.Counted = noon
		}
		if got := l.state(); got.Sent != c.want.Sent || got.Found != c.want.Found || got.Lost != c.want.Lost || got.Twice != c.want.Twice ||
			!got.Counted.Equal(c.want.Counted) {
			t.Errorf("%s (%s): %+v, want %+v", name, c.play, got, c.want)
		}
	}
}

// What not everybody can read is not counted: the reader would miss it.
func TestLedgerCountsTheRoomOnly(t *testing.T) {
	l := newLedger()
	l.sent(line{"carol", "@alice", "x"}, 1)
	l.settle(l.due(), noon)
	if got := l.state(); got.Sent != 0 || got.Lost != 0 {
		t.Errorf("a direct message is counted: %+v", got)
	}
}

func number(t *testing.T, s string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
