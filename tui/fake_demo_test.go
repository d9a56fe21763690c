package tui

import (
	"context"
	"sync"

	"parley/tui/common"
)

// fakeDemo is a demo of five nodes that are killed and revived by changing a word.
type fakeDemo struct {
	states chan common.DemoState

	mu    sync.Mutex
	state common.DemoState
	asked []string
}

func newFakeDemo(s common.DemoState) *fakeDemo {
	d := &fakeDemo{states: make(chan common.DemoState, 16), state: s}
	for i, n := range []string{"n1", "n2", "n3", "n4", "n5"} {
		d.state.Nodes = append(d.state.Nodes, common.DemoNode{Name: n, PID: 100 + i})
	}
	d.states <- d.copied()
	return d
}

func (d *fakeDemo) copied() common.DemoState {
	s := d.state
	s.Nodes = append([]common.DemoNode(nil), s.Nodes...)
	return s
}

func (d *fakeDemo) set(what, node string, p common.DemoPhase) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, what+" "+node)
	for i := range d.state.Nodes {
		if d.state.Nodes[i].Name == node {
			d.state.Nodes[i].Phase = p
		}
	}
	d.states <- d.copied()
	return nil
}

func (d *fakeDemo) States() <-chan common.DemoState { return d.states }
func (d *fakeDemo) Kill(_ context.Context, n string) error {
	return d.set("kill", n, common.DemoDead)
}
func (d *fakeDemo) Pause(_ context.Context, n string) error {
	return d.set("pause", n, common.DemoPaused)
}
func (d *fakeDemo) Revive(_ context.Context, n string) error {
	return d.set("revive", n, common.DemoRunning)
}
