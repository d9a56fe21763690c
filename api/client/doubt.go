package client

import (
	"time"

	"google.golang.org/grpc/connectivity"
)

// doubt is what makes the leader that the view names questionable: its connection broke, it left probes unanswered, or a node
// that followed it has no quorum any more. Nodes hear of a leader's death one after another, within an election; until then
// each of them still names the dead one.
type doubt struct {
	leader string
	term   uint64
	at     time.Time
}

// doubtLeader must be part of a change.
func (p *pool) doubtLeader() {
	if p.view.leader != "" {
		p.doubt = doubt{p.view.leader, p.view.term, time.Now()}
		p.stale = true
	}
}

// doubtful tells whether the view's leader is the doubted one, on no newer word than may be as old as its death: a later term,
// or an answer after as long as an election takes, ends the doubt.
func (p *pool) doubtful() bool {
	d := p.doubt
	return d.leader != "" && d.leader == p.view.leader && p.view.term <= d.term && p.view.at.Before(d.at.Add(FailingOverFor))
}

// lose notes that a node that was usable is not any more.
func (p *pool) lose(n *node) {
	n.lostAt, n.unheard = time.Now(), false
	if n == p.leaderNode() {
		p.doubtLeader()
	}
}

// stopped notes that a node serves no longer: most often its leader is dead, or hangs, and is asked whether it lives. A node
// that is being taken out of service says nothing about its leader, but does not say so beforehand.
func (p *pool) stopped(n *node) {
	p.stale = true
	p.doubtLeader()
	if l := p.leaderNode(); l != nil && l != n && l.usable() {
		l.unheard = true
	}
}

// heard ends the question whether the doubted leader lives. If it serves, what a follower said was of the follower.
func (p *pool) heard(addr string, serves bool) {
	p.change(func() {
		n := p.nodes[addr]
		if n == nil {
			return
		}
		n.unheard = false
		if serves && n == p.leaderNode() {
			p.doubt = doubt{}
		}
	})
}

// unheardOf are the nodes to ask whether they live.
func (p *pool) unheardOf() (addrs []string) {
	for _, n := range p.nodes {
		if n.unheard && n.usable() {
			addrs = append(addrs, n.addr)
		}
	}
	return addrs
}

// fresh tells whether what the members said of the node is newer than its loss, by as much as they need to notice.
func (p *pool) fresh(n *node) bool {
	return n.lostAt.IsZero() || n.conn == connectivity.Ready || !p.view.membersAt.Before(n.lostAt.Add(FailingOverFor))
}
