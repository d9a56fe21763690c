package main

import (
	"math/rand/v2"
	"time"

	"parley/e2e/cluster"
)

// processFaults are what happens to processes, on any machine.
func processFaults() []kind {
	return []kind{
		{name: "kill one", weight: 14, nodes: 1, do: kill},
		{name: "kill leader", weight: 10, nodes: 1, leader: true, do: kill},
		{name: "kill leader alone", weight: 8, nodes: 1, leader: true, alone: true, do: killMeasured},
		{name: "kill all", weight: 2, nodes: everyone, beyond: true, do: kill},
		{name: "kill majority", weight: 2, nodes: majority, beyond: true, do: kill},
		{name: "kill as it starts", weight: 2, nodes: 1, do: func(n *nemesis, nodes []*cluster.Node, r *rand.Rand) {
			for range 3 {
				kill(n, nodes, r)
			}
		}},
		{name: "pause one", weight: 9, nodes: 1, do: pause},
		{name: "pause leader", weight: 6, nodes: 1, leader: true, do: pause},
		{name: "pause leader alone", weight: 5, nodes: 1, leader: true, alone: true, do: pauseMeasured},
		{name: "pause majority", weight: 2, nodes: majority, beyond: true, do: pause},
		{name: "kill paused", weight: 2, nodes: 1, do: func(n *nemesis, nodes []*cluster.Node, r *rand.Rand) {
			n.pause(nodes[0])
			during(r, 0, 2*time.Second)
			kill(n, nodes, r)
		}},
		{name: "rolling restart", weight: 1, nodes: everyone, beyond: true, do: rollingRestart},
	}
}

// kill ends the processes, all before any, and starts them again: at once, or when the others have gone on.
func kill(n *nemesis, nodes []*cluster.Node, r *rand.Rand) {
	for _, node := range nodes {
		n.kill(node)
	}
	if r.IntN(3) > 0 {
		during(r, 0, maxDown)
	}
	for _, i := range r.Perm(len(nodes)) {
		nodes[i].Start()
	}
	if r.IntN(2) == 0 {
		during(r, 0, time.Second) // or hurt again while it starts
	}
}

func killMeasured(n *nemesis, nodes []*cluster.Node, r *rand.Rand) {
	if !n.running(nodes[0]) {
		return
	}
	n.mark("kill -9 of the leader")
	n.kill(nodes[0])
	during(r, time.Second, 2*time.Second)
	nodes[0].Start()
	n.awaitServing(nodes[0])
}

// pause stops the processes as a hung machine would.
func pause(n *nemesis, nodes []*cluster.Node, r *rand.Rand) {
	for _, node := range nodes {
		n.pause(node)
	}
	most := maxPause
	if r.IntN(2) == 0 {
		most /= 10
	}
	during(r, minPause, most)
	for _, node := range nodes {
		node.Resume()
	}
}

func pauseMeasured(n *nemesis, nodes []*cluster.Node, r *rand.Rand) {
	if !n.running(nodes[0]) {
		return
	}
	n.mark("pause of the leader")
	n.pause(nodes[0])
	during(r, 3*time.Second, 4*time.Second)
	nodes[0].Resume()
	n.awaitServing(nodes[0])
}

// rollingRestart restarts one node after the other as an upgrade does.
func rollingRestart(n *nemesis, nodes []*cluster.Node, _ *rand.Rand) {
	for _, node := range nodes {
		if !n.running(node) || !n.awaitServing(node) { // it may have been killed a moment ago, and not listen to signals yet
			continue
		}
		n.count(&n.totals.Restarts)
		if _, code := node.Terminate(); code != 0 {
			n.tb.Errorf("%s exits with %d on SIGTERM", node.Name, code)
		}
		node.Start()
		n.awaitServing(node)
	}
}
