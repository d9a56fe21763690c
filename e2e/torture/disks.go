package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"parley/e2e/cluster"
)

// diskFaults fill the disks that can be filled.
func diskFaults() []kind {
	return []kind{
		{name: "disk: low", weight: 4, nodes: 1, small: true, do: func(n *nemesis, nodes []*cluster.Node, r *rand.Rand) {
			n.fill(nodes[0], 8<<20+r.Int64N(48<<20), r)
		}},
		{name: "disk: full", weight: 4, nodes: 1, small: true, do: func(n *nemesis, nodes []*cluster.Node, r *rand.Rand) {
			n.fill(nodes[0], r.Int64N(64<<10), r)
		}},
	}
}

// fill leaves a node so many bytes for a while. It may end by itself for want of space, and for nothing else.
func (n *nemesis) fill(node *cluster.Node, leave int64, r *rand.Rand) {
	free, err := fill(n.lab.disks[node.Name], leave)
	if err != nil {
		n.tb.Errorf("fill the disk of %s: %v", node.Name, err)
		return
	}
	during(r, 2*time.Second, 6*time.Second)
	if err := free(); err != nil {
		n.tb.Errorf("free the disk of %s: %v", node.Name, err)
	}
	n.restart(node, "no space left on device")
}

// traceFaults make fsync slow, or fail, with strace.
func traceFaults() []kind {
	slow := func(n *nemesis, nodes []*cluster.Node, r *rand.Rand) {
		delay := []time.Duration{20 * time.Millisecond, 200 * time.Millisecond, time.Second}[r.IntN(3)]
		detach, err := n.inject(nodes[0], fmt.Sprintf("fdatasync:delay_exit=%d", delay.Microseconds()))
		if err != nil {
			n.tb.Errorf("%v", err)
			return
		}
		during(r, time.Second, 6*time.Second)
		detach()
	}
	return []kind{
		{name: "fsync: slow", weight: 3, nodes: 1, do: slow},
		{name: "fsync: slow on leader", weight: 3, nodes: 1, leader: true, do: slow},
		{name: "fsync: fails", weight: 4, nodes: 1, do: func(n *nemesis, nodes []*cluster.Node, r *rand.Rand) {
			detach, err := n.inject(nodes[0], fmt.Sprintf("fdatasync:error=EIO:when=%d+", 1+r.IntN(20)))
			if err != nil {
				n.tb.Errorf("%v", err)
				return
			}
			during(r, 2*time.Second, 5*time.Second)
			detach()
			n.restart(nodes[0], "input/output error")
		}},
	}
}

// inject has strace change the result of system calls of a node, until the returned function detaches it.
func (n *nemesis) inject(node *cluster.Node, what string) (detach func(), err error) {
	if !n.running(node) {
		return func() {}, nil
	}
	pid, ok := node.Running()
	if !ok {
		return func() {}, nil
	}
	var out bytes.Buffer
	cmd := exec.Command(n.lab.strace, "-f", "-q", "-o", "/dev/null", "-p", fmt.Sprint(pid),
		"-e", "trace=fdatasync", "-e", "inject="+what)
	cmd.Stderr = &out
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("strace %s: %w", node.Name, err)
	}
	return func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it ends with the node, if that ended
		_ = cmd.Wait()                          // killed by the signal
		if strings.Contains(out.String(), "not permitted") {
			n.tb.Errorf("strace %s: %s", node.Name, out.String())
		}
	}, nil
}

// restart starts a node again that has ended for a reason it was given; one that ended for another is a finding.
func (n *nemesis) restart(node *cluster.Node, reason string) {
	// What failed just before the fault was healed still ends the node.
	wait(lastError)
	if node.Logged("the node stops") == nil {
		node.AwaitExit(healPatience)
	}
	if _, ok := node.Running(); ok {
		return
	}
	if strings.Contains(node.LastStart(), reason) {
		n.mu.Lock()
		n.counts["ended as told: "+reason]++
		n.mu.Unlock()
		node.Start()
		return
	}
	n.running(node)
}
