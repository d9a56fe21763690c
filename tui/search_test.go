package tui

import (
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"parley/tui/common"
)

// ^F finds by the cluster's search and goes to the place, which may be far from what is loaded; new messages are counted below it
// meanwhile, going down loads what is between, and End returns to the newest.
func TestFeatureSearch(t *testing.T) {
	x := start(t, 100, 24, func(f *fake) {
		long(400)(f)
		f.msgs[99].Text = "the needle of message 100"
	})
	x.see("message 400")
	x.keys("ctrl+f")
	x.see("Search messages", "from:bob")
	x.typed("needle")
	x.see("▸ @bob ·", "the needle of message 100", "1 found")
	x.golden("search_100x24")
	x.keys("enter")
	x.see("▸", "needle of message 100", "message 095", "newer below")
	x.gone("Search messages")
	x.keys("esc")
	x.fake.add("@bob", "bob", "message 401", epoch)
	x.see("301 newer below")
	if strings.Contains(x.screen(), "message 401") {
		t.Error("a live message stands in a window of the past, as if nothing were between")
	}
	seen := 100
	x.await("the newest, without a gap", func() bool {
		for _, r := range messageRows(x.screen()) {
			if n := number(r); n > seen+25 {
				t.Fatalf("from message %d to %d: what is between was never shown\n%s", seen, n, x.screen())
			} else if n > seen {
				seen = n
			}
		}
		if seen < 401 {
			x.keys("pgdown")
			x.msgs <- tea.FocusMsg{} // look again also when nothing came of it
		}
		return seen >= 401
	})
	x.gone("newer below")

	x.line("/goto 50")
	x.see("message 050")
	x.keys("esc", "end")
	x.see("message 401")
	x.line("/goto id:30")
	x.see("message 030")
	x.keys("esc", "esc", "end")
	x.see("message 401")

	x.fake.mu.Lock()
	x.fake.fail = common.Failure{Outcome: common.NotApplied, Text: "no node answers"}
	x.fake.mu.Unlock()
	x.line("/search 399")
	x.see("message 399", "only what is loaded here was searched")
}

// number is the last three digits of a row's text.
func number(row string) (n int) {
	f := strings.Fields(row)
	if len(f) == 0 {
		return 0
	}
	for _, r := range f[len(f)-1] {
		if r < '0' || r > '9' {
			return 0
		}
		n = 10*n + int(r-'0')
	}
	return n
}
