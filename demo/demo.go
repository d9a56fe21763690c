package demo

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"parley/api/client"
	"parley/local"
	"parley/proto/parleyv1"
	"parley/tui/common"
)

// Room is where the bots chat and whose messages are counted.
const Room = "#general"

// Cluster is what the director needs of *local.Cluster.
type Cluster interface {
	Nodes() []local.Node
	Kill(name string) (time.Time, error)
	Restart(name string) error
	Pause(name string) error
	Resume(name string) error
	WaitNodeReady(ctx context.Context, name string) error
	Exits() <-chan local.Exit
}

// Bot is the session of one bot; *client.Client is one.
type Bot interface {
	SendMessage(context.Context, *parleyv1.SendMessageRequest) (*parleyv1.SendMessageResponse, error)
	ReadMessages(context.Context, *parleyv1.ReadMessagesRequest) (*parleyv1.ReadMessagesResponse, error)
	Subscribe(ctx context.Context, cursor string) *client.Subscription
	SetPresence(context.Context, *parleyv1.SetPresenceRequest) (*parleyv1.SetPresenceResponse, error)
}

// Options say what a demo consists of. All but SeenTo, Pace and NewID are required.
type Options struct {
	Cluster Cluster
	Bots    map[string]Bot // by name: those of Names
	User    string         // who sits at the screen
	SeenTo  uint64         // the newest message of Room before the demo: what is above it is counted
	Pace    time.Duration  // the pause before a line; DefaultPace when 0
	NewID   func() string  // of a request; UUIDs when nil
}

// Demo is a running demo. Its methods are safe for concurrent use.
type Demo struct {
	o      Options
	cancel context.CancelFunc
	work   sync.WaitGroup
	states chan common.DemoState
	cues   chan line

	mu     sync.Mutex // guards what follows, and the order of states
	phases map[string]common.DemoPhase
	runs   map[string]int // how often a node was started: a late "ready" of an earlier run says nothing
	ledger *ledger
	ended  bool
}

var _ common.Demo = (*Demo)(nil)

// Start lets the bots chat and watches the nodes until ctx ends or Stop is called.
func Start(ctx context.Context, o Options) *Demo {
	if o.Pace == 0 {
		o.Pace = DefaultPace
	}
	if o.NewID == nil {
		o.NewID = newID
	}
	ctx, cancel := context.WithCancel(ctx)
	d := &Demo{
		o: o, cancel: cancel, states: make(chan common.DemoState, 1), cues: make(chan line, maxCues),
		phases: map[string]common.DemoPhase{}, runs: map[string]int{}, ledger: newLedger(),
	}
	d.change(func() {})
	// Owned by the demo, end with ctx: one listens for each bot, one says lines, one counts, one hears of nodes that ended.
	for _, b := range o.Bots {
		d.work.Go(func() { attend(ctx, b) })
	}
	d.work.Go(func() { d.talk(ctx) })
	d.work.Go(func() { d.count(ctx) })
	d.work.Go(func() { d.watch(ctx) })
	return d
}

// Stop ends the chatting, waits for it and closes States. The nodes are left as they are.
func (d *Demo) Stop() {
	d.cancel()
	d.work.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.ended {
		d.ended = true
		close(d.states)
	}
}

// States delivers the newest state after every change, until Stop.
func (d *Demo) States() <-chan common.DemoState { return d.states }

// change applies f and hands on the state after it.
func (d *Demo) change(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended {
		return
	}
	f()
	s := d.ledger.state()
	for _, n := range d.o.Cluster.Nodes() {
		s.Nodes = append(s.Nodes, common.DemoNode{Name: n.Name, PID: n.PID, Phase: d.phases[n.Name]})
	}
	select {
	case <-d.states: // nobody took the last one: it is old now
	default:
	}
	d.states <- s
}

func (d *Demo) phase(name string) (common.DemoPhase, error) {
	known := slices.ContainsFunc(d.o.Cluster.Nodes(), func(n local.Node) bool { return n.Name == name })
	if !known {
		return 0, fmt.Errorf("no node is named %s", common.Line(name))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.phases[name], nil
}

// Kill ends a node with SIGKILL.
func (d *Demo) Kill(_ context.Context, name string) error {
	p, err := d.phase(name)
	if err != nil {
		return err
	}
	if p == common.DemoDead {
		return fmt.Errorf("%s is dead already", name)
	}
	if _, err := d.o.Cluster.Kill(name); err != nil {
		return err
	}
	d.change(func() { d.phases[name] = common.DemoDead })
	d.cue(killedLine(name))
	return nil
}

// Pause stops a node with SIGSTOP.
func (d *Demo) Pause(_ context.Context, name string) error {
	p, err := d.phase(name)
	if err != nil {
		return err
	}
	if p != common.DemoRunning {
		return fmt.Errorf("%s does not run", name)
	}
	if err := d.o.Cluster.Pause(name); err != nil {
		return err
	}
	d.change(func() { d.phases[name] = common.DemoPaused })
	d.cue(pausedLine(name))
	return nil
}

// Revive starts a node that ended, or lets a paused one go on. It returns when the node serves, or will not within
// reviveTimeout: without a quorum none does, and that is no error here.
func (d *Demo) Revive(ctx context.Context, name string) error {
	p, err := d.phase(name)
	if err != nil {
		return err
	}
	switch p {
	case common.DemoPaused:
		err = d.o.Cluster.Resume(name)
	case common.DemoDead:
		err = d.o.Cluster.Restart(name)
	default:
		return fmt.Errorf("%s runs", name)
	}
	if err != nil {
		return err
	}
	var run int
	d.change(func() {
		d.runs[name]++
		run = d.runs[name]
		d.phases[name] = common.DemoStarting
	})
	ctx, cancel := context.WithTimeout(ctx, reviveTimeout)
	defer cancel()
	err = d.o.Cluster.WaitNodeReady(ctx, name)
	back := false
	d.change(func() {
		if back = d.runs[name] == run && d.phases[name] == common.DemoStarting; back {
			d.phases[name] = common.DemoRunning
		}
	})
	if back && err == nil {
		d.cue(backLine(name))
	}
	return nil
}

// watch hears of nodes that were killed from outside.
func (d *Demo) watch(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case exit := <-d.o.Cluster.Exits():
			d.change(func() { d.phases[exit.Node.Name] = common.DemoDead })
			d.cue(killedLine(exit.Node.Name))
		}
	}
}

// cue lets a bot say something next; with too much to say, it is left out.
func (d *Demo) cue(l line) {
	select {
	case d.cues <- l:
	default:
	}
}
