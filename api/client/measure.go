package client

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"context"
)

// RoundTrip is how long a node took to answer a question that needs neither disk nor quorum.
type RoundTrip struct {
	Address string
	Node    string // empty until the node told its name
	Took    time.Duration
}

// RoundTrips asks the health service of every connected node at once. A node that does not answer before ctx ends, or within
// RecoverTimeout, is left out.
func (c *Client) RoundTrips(ctx context.Context) []RoundTrip {
	s := c.pool.snap.Load()
	var mu sync.Mutex
	var wg sync.WaitGroup
	var out []RoundTrip
	for _, ch := range s.choices {
		if !ch.ready {
			continue
		}
		wg.Go(func() {
			began := time.Now()
			if _, answered := c.checkWithin(ctx, ch.addr, "", RecoverTimeout); answered {
				mu.Lock()
				defer mu.Unlock()
				out = append(out, RoundTrip{Address: ch.addr, Node: ch.name, Took: time.Since(began)})
			}
		})
	}
	wg.Wait()
	slices.SortFunc(out, func(a, b RoundTrip) int { return strings.Compare(a.Address, b.Address) })
	return out
}

// Reconnect tries every node that is not connected at once, however long its pause still is, and looks at the cluster anew.
func (c *Client) Reconnect() {
	c.conn.ResetConnectBackoff()
	c.wake()
}

// AddServers makes addresses configured ones, as if they had been in Options.Servers. It does not wait for them. A client that
// keeps to its servers takes them too.
func (c *Client) AddServers(addrs ...string) error {
	for i, a := range addrs {
		addrs[i] = strings.TrimSpace(a)
		if err := checkAddress(addrs[i]); err != nil {
			return err
		}
	}
	full := false
	c.pool.change(func() {
		for _, a := range addrs {
			switch n := c.pool.nodes[a]; {
			case n != nil:
				n.configured = true
			case len(c.pool.nodes) >= MaxServers:
				full = true
			default:
				c.pool.add(a, true)
			}
		}
	})
	if full {
		return fmt.Errorf("the client knows %d addresses, which is the most it takes", MaxServers)
	}
	c.resolver.UpdateState(resolverState(c.pool.addresses(), c.pool))
	c.wake()
	return nil
}
