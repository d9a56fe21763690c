// Command etcd loads a cluster of three etcd processes on loopback and prints one JSON object for each measurement.
//
//	go run ./etcd -ops put,get -callers 1,256        in e2e/peers; or `task bench:peers` for the table
//
// The servers are this program again, with etcd's own defaults: every put is on the disk of a majority before it is answered
// (fsync of the write-ahead log), heartbeats of 100 ms, elections of 1 s, a snapshot each 10,000 entries. Only the log level
// differs (warn, to a file). Clients are clientv3 with its defaults; a reconnect is tried more often than by default, so that a
// fail-over measures the servers. Every put has a key of its own, as every message is a new one. Gets are linearizable.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"parley/e2e/peers/measure"
)

const (
	// readKeys is how many keys gets go round.
	readKeys = 1000
	// readyWait bounds the wait for a cluster that serves.
	readyWait = 30 * time.Second
	pollPause = 50 * time.Millisecond
)

func main() {
	measure.Program{
		System: "etcd", Ops: []string{"put", "get", "watch", "failover"}, Serve: serve, Load: load,
	}.Main()
}

func serve(n measure.Serving) error {
	local := func(port int) []url.URL {
		return []url.URL{{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", port)}}
	}
	cfg := embed.NewConfig()
	cfg.Name, cfg.Dir, cfg.InitialCluster = n.Name, n.Dir, n.Peers
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = local(n.Port), local(n.Port)
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = local(n.Peer), local(n.Peer)
	cfg.LogLevel = "warn"
	e, err := embed.StartEtcd(cfg)
	if err != nil {
		return err
	}
	defer e.Close()
	return <-e.Err()
}

// lab is the cluster and the clients of all measurements.
type lab struct {
	*measure.Cluster
	f       measure.Flags
	value   string
	clients []*clientv3.Client
}

func load(ctx context.Context, f measure.Flags) error {
	c, err := measure.NewCluster(f.Dir, "etcd-")
	if err != nil {
		return err
	}
	defer c.Stop()
	if err := c.Start(func(n *measure.Node) string { return fmt.Sprintf("%s=http://127.0.0.1:%d", n.Name, n.Peer) }); err != nil {
		return err
	}
	l := &lab{Cluster: c, f: f, value: strings.Repeat("v", f.Plan.Size)}
	if _, err := l.leader(ctx); err != nil {
		return err
	}
	for i := range f.Conns {
		cl, err := dial(endpoint(c.Nodes[i%len(c.Nodes)]))
		if err != nil {
			return err
		}
		defer cl.Close()
		l.clients = append(l.clients, cl)
	}
	return f.Each(func(op string, callers int) (measure.Result, error) { return l.measure(ctx, op, callers) })
}

func (l *lab) measure(ctx context.Context, op string, callers int) (measure.Result, error) {
	r := measure.Result{
		System: "etcd", Version: measure.ModuleVersion("go.etcd.io/etcd/server/v3"), Op: op, Callers: callers,
		Conns: min(len(l.clients), callers),
	}
	label := fmt.Sprintf("%s-%d/%d/", op, callers, time.Now().UnixNano())
	switch op {
	case "put":
		return l.Closed(ctx, r, l.f.Plan, l.put(label, l.clients)), nil
	case "get":
		return l.get(ctx, r)
	case "watch":
		return l.watch(ctx, r, label)
	default:
		return l.failover(ctx, r, label)
	}
}

func endpoint(n *measure.Node) string { return fmt.Sprintf("127.0.0.1:%d", n.Port) }

func dial(endpoints ...string) (*clientv3.Client, error) {
	return clientv3.New(clientv3.Config{
		Endpoints: endpoints, DialTimeout: 5 * time.Second, Logger: zap.NewNop(),
		DialOptions: []grpc.DialOption{grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1.2, MaxDelay: 100 * time.Millisecond},
			MinConnectTimeout: time.Second,
		})},
	})
}

// leader waits until every node answers, all name the same leader, and all have applied about as much as it.
func (l *lab) leader(ctx context.Context) (*measure.Node, error) {
	ctx, cancel := context.WithTimeout(ctx, readyWait)
	defer cancel()
	var clients []*clientv3.Client
	for _, n := range l.Nodes {
		cl, err := dial(endpoint(n))
		if err != nil {
			return nil, err
		}
		defer cl.Close()
		clients = append(clients, cl)
	}
	for ctx.Err() == nil {
		if n := l.agreed(ctx, clients); n != nil {
			return n, nil
		}
		time.Sleep(pollPause)
	}
	return nil, errors.New("the nodes do not agree on a leader; their logs were beside their data")
}

// caughtUp is how far a follower's applied index may lie behind: status calls are not taken at one moment.
const caughtUp = 100

func (l *lab) agreed(ctx context.Context, clients []*clientv3.Client) *measure.Node {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	var leader *measure.Node
	var named, least, most uint64
	for i, cl := range clients {
		st, err := cl.Status(ctx, endpoint(l.Nodes[i]))
		if err != nil || st.Leader == 0 || (named != 0 && st.Leader != named) {
			return nil
		}
		named = st.Leader
		if st.Header.MemberId == st.Leader {
			leader = l.Nodes[i]
		}
		if i == 0 || st.RaftAppliedIndex < least {
			least = st.RaftAppliedIndex
		}
		most = max(most, st.RaftAppliedIndex)
	}
	if most-least > caughtUp {
		return nil
	}
	return leader
}
