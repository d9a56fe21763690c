package main

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"parley/e2e/cluster"
	"parley/e2e/network"
)

// linkFaults are what happens between nodes. Each has the network for itself and owns no node: nodes are killed and paused
// behind partitions, too.
func linkFaults() []kind {
	fault := func(name string, weight int, hurt func(n *nemesis, r *rand.Rand)) kind {
		return kind{name: name, weight: weight, lock: "network", do: func(n *nemesis, _ []*cluster.Node, r *rand.Rand) {
			if strings.HasPrefix(name, "partition") {
				n.count(&n.totals.Partitions)
			}
			hurt(n, r)
			during(r, minCut, maxCut)
			n.lab.net.Heal()
		}}
	}
	return []kind{
		fault("partition: halves", 7, func(n *nemesis, r *rand.Rand) {
			names := n.shuffled(r)
			minority := 1 + r.IntN((len(names)-1)/2)
			n.cut(names[:minority], names[minority:])
		}),
		fault("partition: isolate one", 6, func(n *nemesis, r *rand.Rand) { n.isolate(n.shuffled(r)[0], r.IntN(2) == 0) }),
		fault("partition: isolate leader", 6, func(n *nemesis, r *rand.Rand) {
			if l := n.leader(); l != nil {
				n.isolate(l.Name, r.IntN(2) == 0)
			}
		}),
		fault("partition: bridge", 5, func(n *nemesis, r *rand.Rand) {
			names := n.shuffled(r)
			half := (len(names) - 1) / 2
			n.cut(names[1:1+half], names[1+half:]) // the first sees both sides
		}),
		fault("partition: one way", 8, func(n *nemesis, r *rand.Rand) {
			names := n.shuffled(r)
			if l := n.leader(); l != nil && r.IntN(2) == 0 {
				names = append([]string{l.Name}, slices.DeleteFunc(names, func(s string) bool { return s == l.Name })...)
			}
			for _, other := range names[1 : 2+r.IntN(len(names)-1)] {
				if r.IntN(2) == 0 {
					n.lab.set(names[0], other, network.Link{Down: true})
				} else {
					n.lab.set(other, names[0], network.Link{Down: true})
				}
			}
		}),
		fault("partition: from clients", 3, func(n *nemesis, r *rand.Rand) {
			for _, name := range n.shuffled(r)[:1+r.IntN(2)] {
				n.lab.set("", name, network.Link{Down: true})
				n.lab.set(name, "", network.Link{Down: true})
			}
		}),
		{name: "partition: flapping", weight: 2, lock: "network", do: func(n *nemesis, _ []*cluster.Node, r *rand.Rand) {
			for range 2 + r.IntN(5) {
				n.count(&n.totals.Partitions)
				names := n.shuffled(r)
				n.cut(names[:1], names[1:])
				during(r, minCut/5, maxCut/10)
				n.lab.net.Heal()
				during(r, minCut/5, maxCut/10)
			}
		}},
		{
			name: "partition: isolate leader alone", weight: 4, lock: "network", alone: true,
			do: func(n *nemesis, _ []*cluster.Node, r *rand.Rand) {
				if l := n.leader(); l != nil {
					n.count(&n.totals.Partitions)
					n.mark("cut off of the leader")
					n.isolate(l.Name, true)
				}
				during(r, 3*time.Second, 4*time.Second)
				n.lab.net.Heal()
			},
		},
		fault("slow links", 4, func(n *nemesis, r *rand.Rand) {
			names := n.shuffled(r)
			hurt := 1 + r.IntN(len(names))
			for _, a := range names[:hurt] {
				for _, b := range names {
					if a != b && r.IntN(2) == 0 {
						n.lab.set(a, b, network.Link{Delay: time.Duration(1+r.IntN(300)) * time.Millisecond})
					}
				}
			}
		}),
		fault("thin links", 2, func(n *nemesis, r *rand.Rand) {
			names := n.shuffled(r)
			for _, b := range names[1:] {
				n.lab.set(names[0], b, network.Link{BytesPerSecond: 8<<10 + r.IntN(120<<10)})
			}
		}),
		fault("lossy links", 4, func(n *nemesis, r *rand.Rand) {
			loss := 1 + r.IntN(30)
			names := append(n.shuffled(r), "")
			for _, a := range names {
				for _, b := range names {
					if a != b {
						n.lab.set(a, b, network.Link{Loss: loss})
					}
				}
			}
		}),
	}
}

// shuffled are the nodes' names in an order drawn from r.
func (n *nemesis) shuffled(r *rand.Rand) []string {
	nodes := n.members()
	names := make([]string, 0, len(nodes))
	for _, i := range r.Perm(len(nodes)) {
		names = append(names, nodes[i].Name)
	}
	return names
}

// cut drops everything between two sets of nodes.
func (n *nemesis) cut(a, b []string) {
	for _, x := range a {
		for _, y := range b {
			n.lab.set(x, y, network.Link{Down: true})
			n.lab.set(y, x, network.Link{Down: true})
		}
	}
}

// isolate cuts one node off from all others, and from the clients if all is told.
func (n *nemesis) isolate(name string, all bool) {
	var others []string
	for _, node := range n.members() {
		if node.Name != name {
			others = append(others, node.Name)
		}
	}
	if all {
		others = append(others, "")
	}
	n.cut([]string{name}, others)
}
