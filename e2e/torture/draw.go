package main

import (
	"math/rand/v2"
	"time"

	"parley/e2e/cluster"
)

// kind is a fault that may be drawn.
type kind struct {
	name   string
	weight int
	// nodes is how many nodes it owns until it has healed, or one of majority and everyone; beyond tells that it may own more
	// than may fail.
	nodes  int
	beyond bool
	// lock names what it has for itself besides nodes.
	lock string
	// small has its nodes be some whose disk can be filled.
	small bool
	// leaves has its nodes be some that may leave the cluster for good.
	leaves bool
	// leader has the first of its nodes be the leader.
	leader bool
	// alone has it run by itself on a whole cluster, so that its fail-over can be measured.
	alone bool
	// when, if there is one, tells whether it makes sense now.
	when func(n *nemesis) bool
	// do hurts, waits and heals. It owns the nodes, and draws from r.
	do func(n *nemesis, nodes []*cluster.Node, r *rand.Rand)
}

const (
	majority = -1
	everyone = -2
)

// of is how many nodes a fault owns in a cluster of so many.
func (k kind) of(members int) int {
	switch k.nodes {
	case majority:
		return members/2 + 1
	case everyone:
		return members
	default:
		return k.nodes
	}
}

// draw takes a kind by its weight.
func (n *nemesis) draw() kind {
	sum := 0
	for _, k := range n.kinds {
		sum += k.weight
	}
	at := n.r.IntN(sum)
	for _, k := range n.kinds {
		if at -= k.weight; at < 0 {
			return k
		}
	}
	panic("unreachable: the weights add up")
}

// whole waits until the cluster serves on every node and for a moment that the seed chooses.
func (n *nemesis) whole(r *rand.Rand) bool {
	for _, node := range n.members() {
		if cluster.Poll(wholePatience, node.Serving) != nil {
			return false
		}
	}
	wait(time.Duration(r.Int64N(int64(maxGap))))
	return true
}

// acquire takes free nodes for a fault; nil when there are not enough, or when too many would be hurt.
func (n *nemesis) acquire(k kind, r *rand.Rand) []*cluster.Node {
	var leader *cluster.Node
	if k.leader {
		if leader = n.leader(); leader == nil {
			return nil
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if k.lock != "" && n.locks[k.lock] || k.when != nil && !k.when(n) {
		return nil
	}
	members := n.members()
	may, want := (len(members)-1)/2, k.of(len(members))
	if !k.beyond && len(n.busy)+want > may {
		return nil
	}
	nodes := []*cluster.Node{}
	if leader != nil {
		if n.busy[leader] || !n.fits(k, leader) {
			return nil
		}
		nodes = append(nodes, leader)
	}
	for _, i := range r.Perm(len(members)) {
		if node := members[i]; len(nodes) < want && node != leader && !n.busy[node] && n.fits(k, node) {
			nodes = append(nodes, node)
		}
	}
	if len(nodes) < want {
		return nil
	}
	for _, node := range nodes {
		n.busy[node] = true
	}
	if k.lock != "" {
		n.locks[k.lock] = true
	}
	n.counts[k.name]++
	return nodes
}

// fits tells whether a node has what the fault needs.
func (n *nemesis) fits(k kind, node *cluster.Node) bool {
	return (!k.small || n.lab.disks[node.Name] != "") && (!k.leaves || n.mayLeave(node))
}

func (n *nemesis) release(k kind, nodes []*cluster.Node) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, node := range nodes {
		delete(n.busy, node)
	}
	delete(n.locks, k.lock)
}
