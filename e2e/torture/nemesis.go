package main

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync"
	"time"

	"parley/e2e/cluster"
)

// nemesis hurts the cluster. One goroutine draws the faults, so that a seed fixes their order; each fault runs on its own and
// heals what it did before it ends.
type nemesis struct {
	tb    *cluster.Program
	c     *cluster.Cluster
	party *party
	lab   *lab
	// operator changes the members; size is how many there are at least.
	operator *operator
	size     int
	r        *rand.Rand
	kinds    []kind

	mu sync.Mutex
	// busy are the nodes that a fault owns; locks are things of which there is one, such as the network.
	busy    map[*cluster.Node]bool
	locks   map[string]bool
	counts  map[string]int
	totals  totals
	marks   []mark
	crashed int
	wg      sync.WaitGroup

	// terms is how often leadership was sought, calmTerms when nothing was hurt.
	terms, calmTerms uint64
	term             uint64
}

// totals count what was done to processes and links, over all kinds of faults.
type totals struct {
	Kills      int `json:"kills"`
	Pauses     int `json:"pauses"`
	Restarts   int `json:"graceful_restarts"`
	Partitions int `json:"partitions"`
	Members    int `json:"membership_changes"`
}

// noFaults has nothing hurt.
const noFaults = "none"

// mark is the moment of a fault whose fail-over is measured.
type mark struct {
	kind string
	at   time.Duration
}

func newNemesis(t *cluster.Program, c *cluster.Cluster, p *party, l *lab, o options) (*nemesis, error) {
	only, err := regexp.Compile(o.faults)
	if err != nil {
		return nil, fmt.Errorf("--faults: %w", err)
	}
	n := &nemesis{
		tb: t, c: c, party: p, lab: l, size: o.nodes, operator: newOperator(t, c), r: rand.New(rand.NewPCG(o.seed, 0)), busy: map[*cluster.Node]bool{}, locks: map[string]bool{},
		counts: map[string]int{},
	}
	for _, k := range n.all() {
		if only.MatchString(k.name) {
			n.kinds = append(n.kinds, k)
		}
	}
	if len(n.kinds) == 0 && o.faults != noFaults {
		return nil, fmt.Errorf("--faults %q matches none", o.faults)
	}
	return n, nil
}

// all are the faults that this machine can do.
func (n *nemesis) all() []kind {
	kinds := append(processFaults(), memberFaults()...)
	if n.lab.net != nil {
		kinds = append(kinds, linkFaults()...)
	}
	if len(n.lab.disks) > 0 {
		kinds = append(kinds, diskFaults()...)
	}
	if n.lab.strace != "" {
		kinds = append(kinds, traceFaults()...)
	}
	return kinds
}

// members are the nodes that there are.
func (n *nemesis) members() []*cluster.Node { return n.c.All() }

// hurt draws faults for that long and waits until all of them have healed.
func (n *nemesis) hurt(d time.Duration) {
	end := time.Now().Add(d)
	n.term = n.highestTerm()
	if len(n.kinds) == 0 {
		wait(d)
		n.calmTerms += n.highestTerm() - n.term
		return
	}
	wait(min(calm, d/4))
	now := n.highestTerm()
	n.calmTerms += now - n.term
	for time.Now().Before(end) {
		k := n.draw()
		r := rand.New(rand.NewPCG(n.r.Uint64(), 0))
		if k.alone || k.nodes == everyone {
			n.wg.Wait()
		}
		if k.alone && !n.whole(r) {
			continue
		}
		nodes := n.acquire(k, r)
		if nodes == nil {
			wait(pollFree)
			continue
		}
		n.wg.Add(1)
		// Owned by the nemesis, which waits for it: ends when the fault has healed, and touches the nodes it acquired.
		go func() {
			defer n.wg.Done()
			defer n.release(k, nodes)
			k.do(n, nodes, r)
		}()
		if k.alone {
			n.wg.Wait()
			continue
		}
		wait(minGap + time.Duration(n.r.Int64N(int64(maxGap-minGap))))
	}
	n.wg.Wait()
}

// heal waits until every node serves as a voter; false when it does not come to that, which fails the run.
func (n *nemesis) heal() bool {
	for _, node := range n.members() {
		n.running(node)
	}
	for _, node := range n.members() {
		if !n.awaitServing(node) {
			return false
		}
	}
	if err := n.operator.settled(n.members()); err != nil {
		n.tb.Errorf("%s after everything was healed: %v", healPatience, err)
		return false
	}
	n.terms += n.highestTerm() - n.term
	return true
}

// awaitServing fails the run when a node does not come back.
func (n *nemesis) awaitServing(node *cluster.Node) bool {
	err := cluster.Poll(healPatience, func() error {
		if _, ok := node.Running(); !ok {
			return fmt.Errorf("%s does not run", node.Name)
		}
		return node.Serving()
	})
	if err != nil {
		n.tb.Errorf("%s after it was healed: %v", healPatience, err)
	}
	return err == nil
}

// leader asks the nodes that nothing hurts who leads, and believes the newest term; nil when nobody knows.
func (n *nemesis) leader() *cluster.Node {
	var leader *cluster.Node
	newest := uint64(0)
	for _, node := range n.free() {
		st, err := n.c.Status(node)
		if err != nil || st.GetLeader() == "" || st.GetTerm() < newest {
			continue
		}
		for _, l := range n.members() {
			if l.Name == st.GetLeader() {
				leader, newest = l, st.GetTerm()
			}
		}
	}
	return leader
}

func (n *nemesis) highestTerm() uint64 {
	highest := uint64(0)
	for _, node := range n.free() {
		if st, err := n.c.Status(node); err == nil {
			highest = max(highest, st.GetTerm())
		}
	}
	return highest
}

func (n *nemesis) free() []*cluster.Node {
	n.mu.Lock()
	defer n.mu.Unlock()
	var free []*cluster.Node
	for _, node := range n.members() {
		if !n.busy[node] {
			free = append(free, node)
		}
	}
	return free
}

// mark has the fail-over from this moment measured at the end of the round.
func (n *nemesis) mark(kind string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.marks = append(n.marks, mark{kind, n.party.clock.now()})
}

// measure adds the round's fail-overs. The writers are quiet, and their operations are still there.
func (n *nemesis) measure(r *report) {
	for _, m := range n.marks {
		r.add(m.kind, n.party.stalls(m.at))
	}
	n.marks = nil
}

// kill ends a node's process with SIGKILL.
func (n *nemesis) kill(node *cluster.Node) {
	if n.running(node) {
		n.count(&n.totals.Kills)
		node.Kill()
	}
}

// pause stops a node's process as a hung machine would.
func (n *nemesis) pause(node *cluster.Node) {
	if n.running(node) {
		n.count(&n.totals.Pauses)
		node.Pause()
	}
}

func (n *nemesis) count(what *int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	*what++
}

// running tells whether the node's process runs; one that ended by itself is a finding, and is started again.
func (n *nemesis) running(node *cluster.Node) bool {
	if _, ok := node.Running(); ok {
		return true
	}
	n.mu.Lock()
	n.crashed++
	n.mu.Unlock()
	n.tb.Errorf("%s ended by itself; the end of its log:\n%s", node.Name, tail(node.LastStart()))
	node.Start()
	return false
}

// installed counts the snapshots that the nodes say they installed.
func (n *nemesis) installed() int {
	sum := 0
	for _, node := range n.members() {
		sum += strings.Count(node.Log(), "installed a snapshot")
	}
	return sum
}

func tail(s string) string { return s[max(0, len(s)-logTailBytes):] }

// during waits a time drawn between two bounds.
func during(r *rand.Rand, least, most time.Duration) {
	wait(least + time.Duration(r.Int64N(int64(most-least))))
}

// wait lets a fault last. Nothing is expected to have happened after it: what is expected is awaited.
func wait(d time.Duration) { <-time.After(d) }
