package client

import (
	"google.golang.org/grpc/attributes"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
	_ "google.golang.org/grpc/health" // registers gRPC's client-side health check
	"google.golang.org/grpc/resolver"
)

// balancerName names the policy in the default service config.
const balancerName = "parley_sticky"

// serviceConfig selects the balancer and the health service that says "quorum, and caught up". It has no retryPolicy:
// the call loop is the one place that retries.
const serviceConfig = `{
	"loadBalancingConfig": [{"` + balancerName + `": {}}],
	"healthCheckConfig": {"serviceName": "` + chatService + `"}
}`

func init() { balancer.Register(builder{}) }

type poolKey struct{}

// resolverState carries the addresses and, as an attribute, the pool that the balancer reports to.
func resolverState(addrs []string, p *pool) resolver.State {
	s := resolver.State{Attributes: attributes.New(poolKey{}, p)}
	for _, a := range addrs {
		s.Addresses = append(s.Addresses, resolver.Address{Addr: a, ServerName: a})
	}
	return s
}

type builder struct{}

func (builder) Name() string { return balancerName }

func (builder) Build(cc balancer.ClientConn, _ balancer.BuildOptions) balancer.Balancer {
	return &sticky{cc: cc, subs: make(map[string]balancer.SubConn)}
}

// sticky keeps one connection to every address, whatever its health, and reports to the pool. gRPC calls its methods and
// listeners on one goroutine.
type sticky struct {
	cc   balancer.ClientConn
	pool *pool
	subs map[string]balancer.SubConn
}

// UpdateClientConnState implements balancer.Balancer: new addresses are connected, missing ones drained.
func (b *sticky) UpdateClientConnState(s balancer.ClientConnState) error {
	p, ok := s.ResolverState.Attributes.Value(poolKey{}).(*pool)
	if !ok {
		return balancer.ErrBadResolverState
	}
	b.pool = p
	keep := make(map[string]bool, len(s.ResolverState.Addresses))
	for _, a := range s.ResolverState.Addresses {
		keep[a.Addr] = true
		if b.subs[a.Addr] != nil {
			continue
		}
		var sc balancer.SubConn
		// HealthCheckEnabled stays off: it would take a node without a quorum out of READY. See connect.
		sc, err := b.cc.NewSubConn([]resolver.Address{a}, balancer.NewSubConnOptions{
			StateListener: func(st balancer.SubConnState) { b.changed(a.Addr, sc, st) },
		})
		if err != nil {
			return err
		}
		b.subs[a.Addr] = sc
		p.setSubConn(a.Addr, sc)
		sc.Connect()
	}
	for addr, sc := range b.subs {
		if !keep[addr] {
			delete(b.subs, addr)
			sc.Shutdown()
		}
	}
	b.publish()
	return nil
}

func (b *sticky) changed(addr string, sc balancer.SubConn, st balancer.SubConnState) {
	if b.subs[addr] != sc {
		return // drained; the pool has forgotten the address
	}
	switch st.ConnectivityState {
	case connectivity.Idle:
		sc.Connect()
	case connectivity.Ready:
		sc.RegisterHealthListener(func(h balancer.SubConnState) {
			b.pool.setHealth(addr, h.ConnectivityState)
			b.publish()
		})
	case connectivity.Shutdown:
		return
	}
	b.pool.setConn(addr, st.ConnectivityState, st.ConnectionError)
	b.publish()
}

// publish hands gRPC a picker, which wakes the calls that wait for a connection.
func (b *sticky) publish() {
	st := connectivity.TransientFailure
	for _, c := range b.pool.snap.Load().choices {
		if c.ready {
			st = connectivity.Ready
			break
		}
		if c.pending {
			st = connectivity.Connecting
		}
	}
	b.cc.UpdateState(balancer.State{ConnectivityState: st, Picker: picker{b.pool}})
}

// ResolverError implements balancer.Balancer; the manual resolver has none.
func (b *sticky) ResolverError(error) {}

// UpdateSubConnState implements balancer.Balancer; the listeners are used instead.
func (b *sticky) UpdateSubConnState(balancer.SubConn, balancer.SubConnState) {}

// Close implements balancer.Balancer.
func (b *sticky) Close() {
	for _, sc := range b.subs {
		sc.Shutdown()
	}
}

// ExitIdle implements balancer.Balancer; connections never rest.
func (b *sticky) ExitIdle() {}
