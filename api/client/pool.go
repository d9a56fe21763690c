package client

import (
	"cmp"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
)

// serving is how fit a node is for calls that need a quorum; lower is better.
type serving int

const (
	servingYes serving = iota
	servingUnsaid
	servingNo
)

// node is one address and all evidence about it. The pool's mutex guards it.
type node struct {
	addr       string
	order      int
	configured bool
	// name is what the node called itself; "" until it did.
	name string

	sc   balancer.SubConn
	conn connectivity.State
	// down: the last connection attempt failed and none has succeeded since.
	down bool
	err  error
	// health is what the health stream said last; answeredNo is set by an answer "no quorum" that is newer.
	health     serving
	answeredNo bool
	suspect    bool
	// lostAt is when the node was last lost after it had been usable; unheard: a node that followed it has no quorum any more,
	// and whether it lives is being asked.
	lostAt  time.Time
	unheard bool
	// draining: it said that it is being taken out of service; a new connection is to a new process, or shows again.
	draining bool
	// fails counts connection attempts that failed in a row, and retry is when the next one is due, about.
	fails int
	retry time.Time
	// notSince is when the node stopped serving while connected; zero while it serves.
	notSince time.Time
}

func (n *node) usable() bool { return n.conn == connectivity.Ready && !n.suspect }

// pending tells whether the node may become usable soon.
func (n *node) pending() bool { return n.conn != connectivity.Ready && !n.down }

func (n *node) serves() serving {
	if n.answeredNo {
		return servingNo
	}
	return n.health
}

// merit grows when there is a new reason to try the node.
func (n *node) merit() int {
	if !n.usable() {
		return 0
	}
	return 1 + int(servingNo-n.serves())
}

// pool is the table of nodes, the choice of the current one, and the state shown to others.
//
// It is written by gRPC's balancer goroutine (connections, health), by calls (what nodes answered) and by the keeper
// (members). Every write goes through change, which settles the consequences before it unlocks. No method calls into
// gRPC: gRPC's own locks are held while it calls the balancer.
type pool struct {
	log *slog.Logger
	// snap is what pickers read; it is replaced, never changed.
	snap atomic.Pointer[snapshot]

	mu        sync.Mutex
	nodes     map[string]*node
	nextOrder int
	current   string
	left      string // the current node before this one
	everReady bool
	failovers int
	// dark is since when no usable node serves; zero while one does.
	dark  time.Time
	view  view
	doubt doubt
	// stale: something happened that may have moved the leader; the view is asked for again until it names one.
	stale   bool
	lastErr error
	state   State
	// news is closed and replaced when some node becomes worth a try.
	news     chan struct{}
	watchers watchers
}

func newPool(servers []string, log *slog.Logger) *pool {
	p := &pool{log: log, nodes: make(map[string]*node), news: make(chan struct{}), state: State{Since: time.Now()}}
	for _, a := range servers {
		p.add(a, true)
	}
	p.change(func() {})
	return p
}

// add must be followed by a change, or be part of one.
func (p *pool) add(addr string, configured bool) *node {
	n := &node{addr: addr, order: p.nextOrder, configured: configured, health: servingUnsaid}
	p.nextOrder++
	p.nodes[addr] = n
	return n
}

// change applies f and then settles: current node, state, snapshot, news. All of it under the mutex, so that no reader
// sees one without the other.
func (p *pool) change(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := make(map[string]int, len(p.nodes))
	for a, n := range p.nodes {
		before[a] = n.merit()
	}
	f()
	now := time.Now()
	better := false
	for a, n := range p.nodes {
		better = better || n.merit() > before[a]
		switch {
		case !n.usable() || n.serves() != servingNo:
			n.notSince = time.Time{}
		case n.notSince.IsZero():
			n.notSince = now
		}
	}
	p.elect(now)
	p.settleState(now)
	p.snap.Store(p.snapshot())
	if better {
		close(p.news)
		p.news = make(chan struct{})
	}
}

// elect moves the current node when it is lost. A node that merely stopped serving gets FailingOverFor: after a leader's
// death all nodes do for some ms, and moving then helps nobody.
func (p *pool) elect(now time.Time) {
	cur := p.nodes[p.current]
	if cur != nil && cur.usable() && !cur.draining && (cur.notSince.IsZero() || now.Sub(cur.notSince) < FailingOverFor) {
		return
	}
	best := p.best()
	if best == nil || best == cur || (cur != nil && cur.usable() && best.serves() >= cur.serves()) {
		return
	}
	p.moveTo(best)
}

// best is the usable node that serves best, the first configured among equals.
func (p *pool) best() *node {
	var best *node
	for _, n := range p.nodes {
		if n.usable() && (best == nil || cmp.Or(cmp.Compare(n.serves(), best.serves()), n.order-best.order) < 0) {
			best = n
		}
	}
	return best
}

func (p *pool) moveTo(n *node) {
	if p.current != "" && p.everReady {
		p.failovers++
		p.log.Info("moved to another node", "from", p.current, "to", n.addr, "failovers", p.failovers)
	}
	p.left, p.current, p.stale = p.current, n.addr, true
}

// settleState computes the phase and publishes the state if it differs.
func (p *pool) settleState(now time.Time) {
	usable, serve, pending := false, false, false
	for _, n := range p.nodes {
		usable = usable || n.usable()
		serve = serve || (n.usable() && n.serves() != servingNo)
		pending = pending || n.pending()
	}
	if serve {
		p.dark = time.Time{}
	} else if p.dark.IsZero() {
		p.dark = now
	}
	cur := p.nodes[p.current]
	phase := Ready
	switch {
	case !usable && !pending:
		phase = Offline
	case !usable && p.everReady:
		phase = FailingOver
	case !usable:
		phase = Connecting
	case cur != nil && cur.usable() && cur.serves() != servingNo:
		p.everReady = true
	case serve, p.everReady && now.Sub(p.dark) < FailingOverFor:
		phase = FailingOver
	case pending && !p.everReady:
		phase = Connecting
	default:
		phase = NoQuorum
	}
	if phase == Ready {
		p.lastErr = nil
	}
	s := p.describe()
	if !usable {
		p.describeTries(&s)
	}
	s.Phase, s.Since = phase, p.state.Since
	if phase != p.state.Phase {
		s.Since = now
		p.log.Debug("phase changed", "from", p.state.Phase.String(), "to", phase.String())
	}
	if !s.equal(p.state) {
		p.state = s
		p.watchers.publish(s.clone())
	}
}

// describe fills everything of State but the phase.
func (p *pool) describe() State {
	s := State{
		Address: p.current, Leader: p.view.leader, Term: p.view.term, ClusterID: p.view.clusterID,
		Failovers: p.failovers, Err: p.lastErr,
	}
	if p.doubtful() {
		s.Leader, s.Term = "", 0
	}
	if n := p.nodes[p.current]; n != nil {
		s.Node = n.name
	}
	if n := p.nodes[p.left]; n != nil && n.draining {
		s.Drained = cmp.Or(n.name, n.addr)
	}
	for _, a := range []string{p.current, p.left} {
		if n := p.nodes[a]; n != nil && n.draining && n.conn == connectivity.Ready && s.Draining == "" {
			s.Draining = cmp.Or(n.name, n.addr)
		}
	}
	shown := make(map[*node]bool, len(p.nodes))
	for _, vm := range p.view.members {
		m := Member{
			ID: vm.GetId(), Name: vm.GetName(), Address: vm.GetAddress(), Learner: isLearner(vm),
			Reachable: vm.GetReachable(), Applied: vm.GetApplied(), Version: vm.GetVersion(),
			Leader: vm.GetName() != "" && vm.GetName() == s.Leader,
		}
		if m.Leader {
			s.LeaderAddress = m.Address
		}
		for _, n := range p.nodes {
			if n.addr == m.Address || (n.name != "" && n.name == m.Name) {
				p.describeNode(&m, n)
				m.Reachable = m.Reachable && p.fresh(n)
				shown[n] = true
			}
		}
		s.Members = append(s.Members, m)
	}
	rest := make([]*node, 0, len(p.nodes))
	for _, n := range p.nodes {
		if !shown[n] {
			rest = append(rest, n)
		}
	}
	slices.SortFunc(rest, func(a, b *node) int { return a.order - b.order })
	for _, n := range rest {
		m := Member{Name: n.name, Address: n.addr}
		p.describeNode(&m, n)
		s.Members = append(s.Members, m)
	}
	return s
}

// describeTries fills what is being done while no node is usable.
func (p *pool) describeTries(s *State) {
	var first *node
	for _, n := range p.nodes {
		switch {
		case n.pending():
			if first == nil || n.order < first.order {
				first = n
			}
		case n.down:
			s.Attempt++
			if s.NextTry.IsZero() || n.retry.Before(s.NextTry) {
				s.NextTry = n.retry
			}
		}
	}
	s.Attempts = len(p.nodes)
	if first == nil {
		return
	}
	s.Attempt, s.NextTry = s.Attempt+1, time.Time{}
	if s.Trying = first.name; s.Trying == "" {
		s.Trying = first.addr
	}
}

func (p *pool) describeNode(m *Member, n *node) {
	m.Current = m.Current || n.addr == p.current
	m.Connected = m.Connected || n.usable()
	m.Unheard = m.Unheard || n.unheard
	m.Serving = m.Serving || (n.usable() && n.serves() == servingYes)
	m.Suspect = m.Suspect || n.suspect
	m.Draining = m.Draining || n.draining
	if n.down {
		m.Trouble = errText(n.err)
	}
}

func (s State) clone() State {
	s.Members = slices.Clone(s.Members)
	return s
}

// --- what gRPC's balancer reports

func (p *pool) setSubConn(addr string, sc balancer.SubConn) {
	p.change(func() {
		if n := p.nodes[addr]; n != nil {
			n.sc = sc
		}
	})
}

func (p *pool) setConn(addr string, s connectivity.State, err error) {
	p.change(func() {
		n := p.nodes[addr]
		if n == nil {
			return
		}
		p.stale = p.stale || n.conn == connectivity.Ready
		if n.usable() && s != connectivity.Ready {
			p.lose(n)
		}
		n.conn = s
		switch s {
		case connectivity.Ready:
			// A new connection has exchanged HTTP/2 settings: the process runs.
			n.down, n.err, n.suspect, n.answeredNo, n.health = false, nil, false, false, servingUnsaid
			n.draining, n.unheard, n.fails = false, false, 0
		case connectivity.TransientFailure:
			n.down, n.err = true, err
			n.retry = time.Now().Add(connectPause(n.fails))
			n.fails++
			p.lastErr = err
		}
	})
}

// connectPause is about how long gRPC waits after as many failures in a row; it spreads that by a fifth both ways.
func connectPause(fails int) time.Duration {
	d := float64(ConnectBackoff)
	for range min(fails, 16) {
		d = min(d*connectBackoffGrowth, float64(ConnectBackoffMax))
	}
	return time.Duration(d)
}

func (p *pool) setHealth(addr string, s connectivity.State) {
	p.change(func() {
		n := p.nodes[addr]
		if n == nil {
			return
		}
		if n.health == servingYes && s != connectivity.Ready {
			p.stopped(n)
		}
		switch s {
		case connectivity.Ready:
			n.health, n.answeredNo = servingYes, false
		case connectivity.TransientFailure:
			n.health = servingNo
		default:
			n.health = servingUnsaid
		}
	})
}

// --- what calls learn

// succeeded is on the path of every call: it takes the mutex only if there is something to change.
func (p *pool) succeeded(addr string, needsQuorum bool) {
	s := p.snap.Load()
	if c := s.find(addr); c != nil && !c.suspect {
		cur := s.find(s.current)
		if !needsQuorum || c.serves != servingNo && cur != nil && cur.ready && cur.serves != servingNo {
			return
		}
	}
	p.change(func() {
		n := p.nodes[addr]
		if n == nil {
			return
		}
		n.suspect, n.unheard = false, false
		if !needsQuorum {
			return
		}
		n.answeredNo = false
		cur := p.nodes[p.current]
		if n != cur && (cur == nil || !cur.usable() || cur.serves() == servingNo) {
			p.moveTo(n)
		}
	})
}

func (p *pool) noQuorum(addr string, err error, draining bool) {
	p.change(func() {
		if n := p.nodes[addr]; n != nil {
			n.draining = n.draining || draining
			if n.serves() != servingNo && !draining {
				p.stopped(n)
			}
			n.answeredNo, p.stale = true, true
			p.lastErr = err
		}
	})
}

func (p *pool) setSuspect(addr string, suspect bool) {
	p.change(func() {
		if n := p.nodes[addr]; n != nil {
			if suspect && !n.suspect {
				p.lose(n)
			}
			n.suspect = suspect
			if suspect {
				p.lastErr = errHung
			}
		}
	})
}

var errHung = errors.New("the node accepts connections but does not answer")

// --- what is asked of the pool

// hopeless tells whether no node can serve now: all are unreachable, hung, or without a quorum.
func (p *pool) hopeless() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.nodes {
		if n.pending() || (n.usable() && n.serves() != servingNo) {
			return false
		}
	}
	return true
}

// betterThan tells whether another usable node serves while this one does not.
func (p *pool) betterThan(addr string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.nodes {
		if n.addr != addr && n.usable() && n.serves() == servingYes {
			return true
		}
	}
	return false
}

func (p *pool) newsChan() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.news
}

func (p *pool) getState() State {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state.clone()
}

func (p *pool) watch() <-chan State {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.watchers.add(p.state.clone())
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watchers.close()
}
