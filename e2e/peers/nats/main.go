// Command nats loads a cluster of three NATS JetStream processes on loopback and prints one JSON object for each measurement.
//
//	go run ./nats -ops publish -callers 1,256        in e2e/peers; or `task bench:peers` for the table
//
// The servers are this program again, with the defaults of nats-server but one: sync_always, so that a message is on the disk
// before it is acknowledged. The stream is one file stream with three replicas. Callers of `publish` each wait for the
// acknowledgement of a message before they send the next; `publish-async` keeps as many messages unacknowledged as there are
// callers, on one connection, which is how a NATS user gets the most out of it. Clients are nats.go with its defaults; a
// reconnect is tried more often than by default, so that a fail-over measures the servers.
package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"parley/e2e/peers/measure"
)

const (
	stream    = "MESSAGES"
	subjects  = "messages."
	readyWait = 60 * time.Second
	pollPause = 100 * time.Millisecond
)

func main() {
	measure.Program{
		System: "nats", Ops: []string{"publish", "publish-async", "consume", "failover"}, Serve: serve, Load: load,
	}.Main()
}

func serve(n measure.Serving) error {
	s, err := server.NewServer(&server.Options{
		ServerName: n.Name, Host: "127.0.0.1", Port: n.Port, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: n.Dir, SyncAlways: true,
		Cluster: server.ClusterOpts{Name: "peers", Host: "127.0.0.1", Port: n.Peer},
		Routes:  server.RoutesFromStr(n.Peers),
	})
	if err != nil {
		return err
	}
	s.Start()
	s.WaitForShutdown()
	return nil
}

// lab is the cluster and the clients of all measurements.
type lab struct {
	*measure.Cluster
	f       measure.Flags
	value   []byte
	clients []jetstream.JetStream
}

func load(ctx context.Context, f measure.Flags) error {
	c, err := measure.NewCluster(f.Dir, "nats-")
	if err != nil {
		return err
	}
	defer c.Stop()
	if err := c.Start(func(n *measure.Node) string { return fmt.Sprintf("nats://127.0.0.1:%d", n.Peer) }); err != nil {
		return err
	}
	l := &lab{Cluster: c, f: f, value: []byte(strings.Repeat("v", f.Plan.Size))}
	for i := range f.Conns {
		js, end, err := dial(c.Nodes[i%len(c.Nodes)])
		if err != nil {
			return err
		}
		defer end()
		l.clients = append(l.clients, js)
	}
	if err := l.createStream(ctx); err != nil {
		return err
	}
	return f.Each(func(op string, callers int) (measure.Result, error) { return l.measure(ctx, op, callers) })
}

func (l *lab) measure(ctx context.Context, op string, callers int) (measure.Result, error) {
	r := measure.Result{
		System: "nats", Version: measure.ModuleVersion("github.com/nats-io/nats-server/v2"), Op: op, Callers: callers,
		Conns: min(len(l.clients), callers),
	}
	switch op {
	case "publish":
		return l.Closed(ctx, r, l.f.Plan, l.publish(l.clients)), nil
	case "publish-async":
		return l.async(ctx, r)
	case "consume":
		return l.consume(ctx, r)
	default:
		return l.failover(ctx, r)
	}
}

func dial(nodes ...*measure.Node) (jetstream.JetStream, func(), error) {
	var urls []string
	for _, n := range nodes {
		urls = append(urls, fmt.Sprintf("nats://127.0.0.1:%d", n.Port))
	}
	nc, err := nats.Connect(strings.Join(urls, ","), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond),
		nats.ReconnectJitter(5*time.Millisecond, 5*time.Millisecond), nats.RetryOnFailedConnect(true))
	if err != nil {
		return nil, nil, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		nc.Close()
		return nil, nil, err
	}
	return js, nc.Close, nil
}

// createStream tries until the servers have found each other.
func (l *lab) createStream(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWait)
	defer cancel()
	var err error
	for ctx.Err() == nil {
		try, done := context.WithTimeout(ctx, 2*time.Second)
		_, err = l.clients[0].CreateStream(try, jetstream.StreamConfig{
			Name: stream, Subjects: []string{subjects + ">"}, Storage: jetstream.FileStorage, Replicas: len(l.Nodes),
		})
		done()
		if err == nil {
			_, err = l.leader(ctx)
			return err
		}
		time.Sleep(pollPause)
	}
	return fmt.Errorf("make the stream: %w", err)
}

// leader waits until the stream's replicas are all up to date, and returns the one that leads.
func (l *lab) leader(ctx context.Context) (*measure.Node, error) {
	ctx, cancel := context.WithTimeout(ctx, readyWait)
	defer cancel()
	js, end, err := dial(l.Nodes...)
	if err != nil {
		return nil, err
	}
	defer end()
	for ctx.Err() == nil {
		if n := l.current(ctx, js); n != nil {
			return n, nil
		}
		time.Sleep(pollPause)
	}
	return nil, errors.New("the replicas of the stream did not become current")
}

func (l *lab) current(ctx context.Context, js jetstream.JetStream) *measure.Node {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	s, err := js.Stream(ctx, stream)
	if err != nil || s.CachedInfo().Cluster == nil {
		return nil
	}
	info := s.CachedInfo().Cluster
	current := 0
	for _, p := range info.Replicas {
		if p.Current && !p.Offline {
			current++
		}
	}
	if current != len(l.Nodes)-1 {
		return nil
	}
	for _, n := range l.Nodes {
		if n.Name == info.Leader {
			return n
		}
	}
	return nil
}
