package tui

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/tui/common"
)

// Which node we use, who leads, how many may still die, what each node lags and costs, and what happened: on one screen, in
// words, at every size.
func TestFeatureNodeLeaderQuorumView(t *testing.T) {
	for _, size := range [][2]int{{100, 30}, {80, 24}, {60, 20}, {40, 10}} {
		t.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(t *testing.T) {
			x := start(t, size[0], size[1], deploys)
			x.see("Message @bob", "2 unread") // what was on screen is read
			x.fake.setLink(common.Link{Phase: common.FailingOver, Node: "n1", Members: members("n2", "n3")})
			x.see("FAILOVER")
			x.advance(1800 * time.Millisecond)
			l := ready("n2", "n2", 8)
			l.Members = members("n2", "n3")
			x.fake.setLink(l)
			x.see("READY  n2★")
			x.keys("f3")
			x.see("▸★n2", "2 of 3 up: can lose 0 more")
			if size[0] >= 60 {
				x.see("leader n2★ · term 8", "n1 down", "voter", "+2", "0.8/0.8 ms", "FAILOVER  n1 is lost", "at most 212 ms")
			}
			x.golden(fmt.Sprintf("cluster_%dx%d", size[0], size[1]))
			x.keys("esc")
			x.see("Message @")
		})
	}
}

// An operator types the member's name before anything is done to it.
func TestClusterActsAreTyped(t *testing.T) {
	x := start(t, 100, 30, deploys)
	x.see("Message @")
	x.keys("f3")
	x.see("n3", "127.0.0.1:60051")
	x.keys("j", "t")
	x.see("Make n2 the leader?", "Type n2")
	x.typed("n3")
	x.keys("enter")
	x.see("that is not n2; nothing was done")
	if n := len(x.fake.did()); n != 0 {
		t.Fatalf("a wrong name did something: %v", x.fake.did())
	}
	x.keys("backspace")
	x.typed("2")
	x.keys("enter")
	x.see("n2 leads")
	x.keys("j", "r")
	x.see("Remove n3 from the cluster?", "3 of 3 voters are up now; 2 voters then, of which 0 may be down")
	x.typed("n3")
	x.keys("enter")
	x.see("n3 is removed")
	x.keys("esc")
	x.typed("/member promote n3")
	x.keys("enter")
	x.see("Make n3 a voter?")
	x.keys("esc", "esc")
	x.typed("/transfer-leader n9")
	x.keys("enter")
	x.see("no member is called n9")
	if got := x.fake.did(); !slices.Equal(got, []string{"transfer n2", "remove n3"}) {
		t.Errorf("done: %v", got)
	}
	x.fake.mu.Lock()
	x.fake.fail = common.Failure{Text: "this needs an operator"}
	x.fake.mu.Unlock()
	x.keys("ctrl+c")
	x.keys("f3", "t")
	x.typed("n1")
	x.keys("enter")
	x.see("no answer: this needs an operator")
}

func (f *fake) did() []string { f.mu.Lock(); defer f.mu.Unlock(); return slices.Clone(f.acts) }

// /status says the connection in words, also when the bar has no room for it.
func TestStatusCommand(t *testing.T) {
	x := start(t, 100, 24, deploys)
	x.see("Message @")
	x.typed("/status")
	x.keys("enter")
	x.see("READY: a node with a quorum serves us")
	if !strings.Contains(x.screen(), "3/3 up") {
		t.Error("/status does not say how many are up")
	}
}
