package tui

import (
	"fmt"
	"slices"
	"testing"

	tea "charm.land/bubbletea/v2"

	"parley/tui/common"
)

var f6 = tea.KeyPressMsg{Code: tea.KeyF6}

// The demo's panel kills and revives by a number, gives the keys back as soon as somebody writes, and never takes the place
// of the conversation.
func TestDemoPanel(t *testing.T) {
	for _, size := range [][2]int{{100, 30}, {80, 24}, {60, 20}} {
		t.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(t *testing.T) {
			d := newFakeDemo(common.DemoState{Sent: 12, Found: 12, Counted: epoch})
			x := start(t, size[0], size[1], func(f *fake) {
				f.demo = d
				f.store("@bob", "bob", "hello there", "", epoch)
			})
			x.see("hello there", "5 of 5 up, can lose 2", "12 sent, 12 found, 0 lost, 0 twice", "★")
			x.send(f6)
			x.keys("0")
			x.see("4 of 5 up, can lose 1")
			x.keys("3")
			x.see("3 of 5 up, can lose 0", "killed")
			x.golden(fmt.Sprintf("demo-%dx%d", size[0], size[1]))
			x.keys("3")
			x.see("4 of 5 up, can lose 1")
			x.typed("on we go")
			x.see("> on we go", "F6, then a number")
			x.send(f6)
			x.send(f6)
			x.gone("4 of 5 up, can lose 1")
			x.keys("ctrl+c")
			x.typed("/pause n2")
			x.keys("enter")
			x.send(f6)
			x.see("hangs")
			d.mu.Lock()
			defer d.mu.Unlock()
			if want := []string{"kill n1", "kill n3", "revive n3", "pause n2"}; !slices.Equal(d.asked, want) {
				t.Errorf("the demo was asked to %v, want %v", d.asked, want)
			}
		})
	}
}

// Messages that are gone are said to be, loudly; without a quorum nothing is said of a count that is old.
func TestDemoPanelTellsTheTruth(t *testing.T) {
	d := newFakeDemo(common.DemoState{Sent: 12, Found: 10, Lost: 1, Twice: 1, Counted: epoch})
	x := start(t, 80, 24, func(f *fake) { f.demo = d })
	x.see("12 sent, 10 found, 1 lost, 1 twice")
	x.send(f6)
	x.keys("1", "2", "4")
	x.see("2 of 5 up, no quorum")
	x.advance(10 * 1e9)
	x.see("12 sent, counted again when there is a quorum")
}

// Outside of a demo the key says what it is for.
func TestDemoKeyWithoutADemo(t *testing.T) {
	x := start(t, 100, 30, nil)
	x.send(f6)
	x.see("no demo runs here")
}
