package tui

import (
	"fmt"
	"testing"
	"time"

	"parley/tui/common"
)

// deploys is the conversation of the golden screens.
func deploys(f *fake) {
	at := epoch.Add(-26 * time.Hour)
	say := func(conv, sender, text string, after time.Duration) {
		at = at.Add(after)
		req := ""
		if sender == "alice" {
			req = fmt.Sprintf("old-%d", len(f.msgs))
		}
		f.store(conv, sender, text, req, at)
	}
	say("@carol", "carol", "lunch?", 0)
	say("@bob", "bob", "the deploy is stuck at 80 %", 10*time.Minute)
	say("@bob", "alice", "which node?", 30*time.Second)
	say("@bob", "bob", "n2, its disk is at 97 %", time.Minute)
	say("@bob", "bob", "I have ordered a new one but it will not be here before Thursday, so we should move the "+
		"logs elsewhere until then", 20*time.Second)
	for _, m := range f.msgs {
		m.Unread = false
	}
	say("@dave", "dave", "ping", 24*time.Hour)
	say("@dave", "dave", "are you there?", 5*time.Second)
	say("@bob", "alice", "logs are on n3 now", 30*time.Minute)
	say("@bob", "bob", "deploy is green 🎉", time.Minute)
}

var sizes = [][2]int{{100, 24}, {60, 16}, {40, 10}}

// Each state of the link at each size that has its own layout, with a fixed clock.
func TestGoldenScreens(t *testing.T) {
	for _, size := range sizes {
		for _, state := range []string{"ready", "failover", "readonly"} {
			name := fmt.Sprintf("%s_%dx%d", state, size[0], size[1])
			t.Run(name, func(t *testing.T) {
				x := start(t, size[0], size[1], deploys)
				x.see("green")
				x.keys("ctrl+k")
				x.typed("bob")
				x.keys("enter")
				x.gone("Go to a room")
				x.see("Message @bob", "2 unread")
				if size[0] >= 80 {
					x.see("0 ms") // the round trip comes at its own time
				}
				switch state {
				case "failover":
					x.fake.setLink(common.Link{Phase: common.FailingOver, Node: "n1", Members: members("n2", "n3")})
					x.see("FAILOVER")
				case "readonly":
					x.fake.setLink(common.Link{Phase: common.NoQuorum, Node: "n3", Members: members("n3")})
					x.see("READ-ONLY", "no quorum")
					x.advance(4 * time.Second)
				}
				x.golden(name)
			})
		}
	}
}
