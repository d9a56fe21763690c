package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
)

// hint rides in the context of a try. It tells the picker what the try needs, and brings back what the picker did.
type hint struct {
	// exact is the one address to use; the try fails if it is not connected.
	exact string
	// prefer is the address to use among equals: the leader's, as far as it is known.
	prefer string
	// local: any live node will do.
	local bool
	// failed counts this call's failed tries by address. The call's goroutine owns it; Pick runs on that goroutine.
	failed map[string]int

	// node is the address that was taken, nil before; a timer reads it.
	node atomic.Pointer[string]
	// sent: the request was handed to a connection, so that the node may have seen it.
	sent atomic.Bool
}

func (h *hint) addr() string {
	if a := h.node.Load(); a != nil {
		return *a
	}
	return ""
}

type hintKey struct{}

func withHint(ctx context.Context, h *hint) context.Context {
	return context.WithValue(ctx, hintKey{}, h)
}

// choice is a node as pickers see it.
type choice struct {
	addr    string
	name    string
	sc      balancer.SubConn
	ready   bool
	pending bool
	suspect bool
	serves  serving
	err     error
}

// snapshot is an immutable copy of the table of nodes, in the order of configuration.
type snapshot struct {
	current string
	// leader is the address of the node that leads; "" while that is not known, or may have changed. A mutation goes there
	// first, which spares it a hop, and stays exactly as good at any other node.
	leader  string
	choices []choice
}

func (p *pool) snapshot() *snapshot {
	nodes := make([]*node, 0, len(p.nodes))
	for _, n := range p.nodes {
		nodes = append(nodes, n)
	}
	slices.SortFunc(nodes, func(a, b *node) int { return a.order - b.order })
	s := &snapshot{current: p.current, choices: make([]choice, 0, len(nodes))}
	if n := p.leaderNode(); n != nil && !p.stale {
		s.leader = n.addr
	}
	for _, n := range nodes {
		s.choices = append(s.choices, choice{
			addr: n.addr, name: n.name, sc: n.sc, ready: n.conn == connectivity.Ready && n.sc != nil,
			pending: n.pending(), suspect: n.suspect, serves: n.serves(), err: n.err,
		})
	}
	return s
}

func (s *snapshot) find(addr string) *choice {
	for i := range s.choices {
		if s.choices[i].addr == addr {
			return &s.choices[i]
		}
	}
	return nil
}

// picker chooses the node of a try. gRPC calls it on the caller's goroutine, possibly again when the chosen connection
// broke in between.
type picker struct{ pool *pool }

// Pick implements balancer.Picker.
func (p picker) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	h, _ := info.Ctx.Value(hintKey{}).(*hint)
	if h == nil {
		h = &hint{}
	}
	c, err := p.pool.snap.Load().choose(h)
	if err != nil {
		return balancer.PickResult{}, err
	}
	h.node.Store(&c.addr)
	return balancer.PickResult{SubConn: c.sc, Done: func(d balancer.DoneInfo) {
		if d.BytesSent {
			h.sent.Store(true)
		}
	}}, nil
}

var errNoNode = errors.New("no node is reachable")

func (s *snapshot) choose(h *hint) (*choice, error) {
	if h.exact != "" {
		if c := s.find(h.exact); c != nil && c.ready {
			return c, nil
		}
		return nil, fmt.Errorf("%s is not connected", h.exact)
	}
	var best *choice
	var lastErr error
	pending := false
	for i := range s.choices {
		c := &s.choices[i]
		pending = pending || c.pending
		if c.err != nil {
			lastErr = c.err
		}
		if c.ready && (best == nil || s.cost(h, c) < s.cost(h, best)) {
			best = c
		}
	}
	if best != nil && !(best.suspect && pending) {
		return best, nil
	}
	if pending {
		// A connection is being made; gRPC asks again when it stands or failed.
		return nil, balancer.ErrNoSubConnAvailable
	}
	if lastErr != nil {
		return nil, fmt.Errorf("%w: %w", errNoNode, lastErr)
	}
	return nil, errNoNode
}

// cost orders connected nodes for a try. A failed try in this call weighs as much as one step of serving, so that a node
// that claims to serve and does not is left after two tries. Ties go to the configured order.
func (s *snapshot) cost(h *hint, c *choice) int {
	cost := 4 * h.failed[c.addr]
	if !h.local {
		cost += 4 * int(c.serves)
	}
	if c.suspect {
		cost += 1 << 20
	}
	if c.addr != h.prefer {
		cost += 2
	}
	if c.addr != s.current {
		cost++
	}
	return cost
}
