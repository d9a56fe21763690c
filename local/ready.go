package local

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// chatService is the health service name that means "has a quorum and is caught up".
const chatService = "parley.v1.ChatService"

// WaitReady returns when every node serves. A node that ends meanwhile is an Exit error at once: the cluster was asked for
// whole.
func (c *Cluster) WaitReady(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, n := range c.Nodes() {
		g.Go(func() error { return c.WaitNodeReady(ctx, n.Name) })
	}
	return g.Wait()
}

// WaitNodeReady returns when the node serves, with an Exit when it ended, or with ctx's error.
func (c *Cluster) WaitNodeReady(ctx context.Context, name string) error {
	i, err := c.index(name)
	if err != nil {
		return err
	}
	c.mu.Lock()
	p, node := c.procs[i], c.node(i)
	c.mu.Unlock()

	conn, err := grpc.NewClient(node.Address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: readyPoll, Multiplier: 1, MaxDelay: readyPoll},
			MinConnectTimeout: readyCallTimeout,
		}))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	health := healthpb.NewHealthClient(conn)
	tick := time.NewTicker(readyPoll)
	defer tick.Stop()
	for {
		callCtx, cancel := context.WithTimeout(ctx, readyCallTimeout)
		answer, err := health.Check(callCtx, &healthpb.HealthCheckRequest{Service: chatService})
		cancel()
		if err == nil && answer.GetStatus() == healthpb.HealthCheckResponse_SERVING {
			return nil
		}
		select {
		case <-p.ended:
			return Exit{Node: node, Err: p.err, LastLine: lastLine(node.Log)}
		case <-ctx.Done():
			return fmt.Errorf("node %s does not serve yet (its log: %s): %w", name, node.Log, ctx.Err())
		case <-tick.C:
		}
	}
}
