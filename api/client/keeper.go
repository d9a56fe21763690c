package client

import (
	"context"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"parley/proto/parleyv1"
)

// keep is the keeper: it asks the current node for leader and members, asks new nodes for their name, looks after nodes
// in doubt, and lets time-bound phases pass. It is the only goroutine that changes the resolver's addresses.
func (l *link) keep() {
	timer := time.NewTimer(UnsettledInterval)
	defer timer.Stop()
	var k keeper
	for {
		news := l.pool.newsChan()
		wait := k.round(l)
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-l.kick:
		case <-news:
			k.asked = time.Time{} // who leads now is the first question to a node that serves again
		case <-l.ctx.Done():
			return
		}
		l.sleep(l.ctx, KeeperGap, nil)
	}
}

// keeper is what the keeper remembers between rounds.
type keeper struct {
	asked   time.Time // when the current node was last asked
	current string
	refused map[string]bool // tokens of sessions that Status refused
}

func (k *keeper) round(l *link) time.Duration {
	l.pool.change(func() {}) // time has passed: settle
	d := l.pool.duties()
	for _, addr := range d.suspect {
		l.once(addr, func() {
			if _, answered := l.check(addr, "", RecoverTimeout); answered {
				l.pool.setSuspect(addr, false)
			}
		})
	}
	for _, addr := range d.doubted {
		l.once(addr, func() {
			if serves, _ := l.check(addr, chatService, StatusTimeout); serves {
				l.pool.recovered(addr)
			}
		})
	}
	for _, addr := range d.unheard {
		l.once(addr, func() {
			for range ProbeTries {
				if serves, answered := l.check(addr, chatService, ProbeTimeout); answered {
					l.pool.heard(addr, serves)
					return
				}
			}
			l.hung(addr)
		})
	}
	k.ask(l, d)
	if d.unsettled || d.stale {
		return UnsettledInterval
	}
	if l.opts.StatusInterval < 0 {
		return StatusInterval
	}
	return max(UnsettledInterval, l.opts.StatusInterval)
}

// ask refreshes the view of the cluster. Without a session nobody answers; the admin socket needs none.
func (k *keeper) ask(l *link, d duties) {
	if l.opts.StatusInterval < 0 || d.current == "" {
		return
	}
	token := k.token(l)
	if len(token) == 0 && !strings.HasPrefix(d.current, "unix:") {
		return
	}
	interval := l.opts.StatusInterval
	if d.unsettled || d.stale {
		interval = min(interval, UnsettledInterval)
	}
	due := d.current != k.current || time.Since(k.asked) >= interval
	targets := d.nameless
	if due {
		targets = append([]string{d.current}, slices.DeleteFunc(targets, func(a string) bool { return a == d.current })...)
	}
	for _, addr := range targets {
		ctx, cancel := context.WithTimeout(withHint(authorize(l.ctx, token), &hint{exact: addr}), StatusTimeout)
		resp, err := l.cluster.Status(ctx, &parleyv1.StatusRequest{})
		cancel()
		switch status.Code(err) {
		case codes.OK:
			if l.pool.learn(addr, resp, !l.opts.OnlyServers) {
				l.resolver.UpdateState(resolverState(l.pool.addresses(), l.pool))
			}
		case codes.Unauthenticated, codes.PermissionDenied:
			if len(token) > 0 {
				k.refused[string(token)] = true
				l.wake() // another session's may do
			}
			return
		case codes.DeadlineExceeded:
			l.probe(addr)
		}
	}
	if due {
		k.asked, k.current = time.Now(), d.current
	}
}

// token is that of the oldest session of which Status has refused none; nil when there is none.
func (k *keeper) token(l *link) (token []byte) {
	l.clientsMu.Lock()
	defer l.clientsMu.Unlock()
	refused := make(map[string]bool)
	for _, c := range l.clients {
		switch t := *c.token.Load(); {
		case k.refused[string(t)]:
			refused[string(t)] = true // what no session has any more is forgotten
		case token == nil && len(t) > 0:
			token = t
		}
	}
	k.refused = refused
	return token
}

// duties are what the keeper has to do, in one look.
type duties struct {
	current   string
	nameless  []string // connected, name unknown
	suspect   []string
	doubted   []string // said "no quorum" to a call; the health stream may have nothing more to say
	unheard   []string // perhaps dead leaders
	unsettled bool
	stale     bool
}

func (p *pool) duties() duties {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := duties{unsettled: p.state.Phase != Ready, stale: p.stale, unheard: p.unheardOf()}
	if n := p.nodes[p.current]; n != nil && n.usable() {
		d.current = p.current
	}
	for _, n := range p.nodes {
		switch {
		case n.suspect:
			d.suspect = append(d.suspect, n.addr)
		case !n.usable():
		case n.answeredNo:
			d.doubted = append(d.doubted, n.addr)
		}
		if n.usable() && n.name == "" {
			d.nameless = append(d.nameless, n.addr)
		}
	}
	d.unsettled = d.unsettled || len(d.suspect)+len(d.doubted)+len(d.unheard) > 0
	return d
}

func (p *pool) recovered(addr string) {
	p.change(func() {
		if n := p.nodes[addr]; n != nil {
			n.answeredNo = false
		}
	})
}

// learn takes over a node's answer to Status. It returns true if the addresses to connect to changed.
//
// Members without a quorum behind them may be old: they are taken only while nothing better is known.
func (p *pool) learn(addr string, r *parleyv1.StatusResponse, extend bool) (changed bool) {
	p.change(func() {
		if n := p.nodes[addr]; n != nil {
			n.name = r.GetNode()
		}
		if r.GetClusterId() == p.view.clusterID && r.GetTerm() < p.view.term {
			return // from a node that is behind
		}
		if r.GetQuorum() || len(p.view.members) == 0 {
			p.view.members, p.view.membersAt = r.GetMembers(), time.Now()
		} else {
			extend = false
		}
		if r.GetLeader() != "" || addr == p.current {
			p.view.leader, p.view.term, p.view.clusterID, p.view.at = r.GetLeader(), r.GetTerm(), r.GetClusterId(), time.Now()
			p.stale = !r.GetQuorum() || r.GetLeader() == "" || p.lost() || p.doubtful()
		}
		if extend {
			changed = p.extend()
		}
	})
	return changed
}

// lost tells whether this client has no connection to the leader that it knows: the view may be older than the leader's death.
func (p *pool) lost() bool {
	n := p.leaderNode()
	return n != nil && !n.usable()
}

// leaderNode is the node that leads by the view; nil when there is none among the nodes that this client knows.
func (p *pool) leaderNode() *node {
	if p.view.leader == "" {
		return nil
	}
	for _, n := range p.nodes {
		if n.name == p.view.leader {
			return n
		}
	}
	for _, m := range p.view.members {
		if m.GetName() == p.view.leader {
			return p.nodes[m.GetAddress()]
		}
	}
	return nil
}

// extend makes the table the configured servers plus the members' addresses. A member that is already reached through a
// configured address under another spelling gets no second connection.
func (p *pool) extend() (changed bool) {
	want := make(map[string]bool, len(p.view.members))
	for _, m := range p.view.members {
		a := m.GetAddress()
		if checkAddress(a) != nil {
			continue
		}
		want[a] = true
		for _, n := range p.nodes {
			if n.configured && n.addr != a && n.name != "" && n.name == m.GetName() && n.usable() {
				delete(want, a)
			}
		}
		if want[a] && p.nodes[a] == nil && len(p.nodes) < MaxServers {
			p.add(a, false)
			changed = true
		}
	}
	for a, n := range p.nodes {
		if !n.configured && !want[a] {
			delete(p.nodes, a)
			changed = true
		}
	}
	return changed
}

func (p *pool) addresses() []string {
	var out []string
	for _, c := range p.snap.Load().choices {
		out = append(out, c.addr)
	}
	return out
}

func isLearner(m *parleyv1.Member) bool {
	return m.GetRole() == parleyv1.MemberRole_MEMBER_ROLE_LEARNER
}
