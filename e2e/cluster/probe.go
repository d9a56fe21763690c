package cluster

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	"parley/proto/parleyv1"
)

// probeUser is the account as which the harness asks for status and hashes; its conversations stay empty.
const (
	probeUser     = "e2e-probe"
	probePassword = "e2e-probe-password"
)

// Direct is a connection to one node that never goes to another: what it answers, that node answers.
type Direct struct {
	Chat    parleyv1.ChatServiceClient
	Cluster parleyv1.ClusterServiceClient

	conn  *grpc.ClientConn
	token string
}

// Direct connects to the node alone, as the session of token (nil: as nobody). The caller closes it.
func (n *Node) Direct(token []byte) (*Direct, error) {
	conn, err := grpc.NewClient("passthrough:///"+n.Address,
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableServiceConfig())
	if err != nil {
		return nil, err
	}
	d := &Direct{conn: conn}
	if token != nil {
		d.token = "Bearer " + base64.RawURLEncoding.EncodeToString(token)
	}
	d.Chat, d.Cluster = parleyv1.NewChatServiceClient(conn), parleyv1.NewClusterServiceClient(conn)
	return d, nil
}

// Context returns ctx with the session of d.
func (d *Direct) Context(ctx context.Context) context.Context {
	if d.token == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", d.token)
}

// Close ends the connection.
func (d *Direct) Close() { d.conn.Close() }

// Serving asks the node's health service whether it has a quorum and is caught up.
func (n *Node) Serving() error {
	d, err := n.Direct(nil)
	if err != nil {
		return err
	}
	defer d.Close()
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	resp, err := grpc_health_v1.NewHealthClient(d.conn).Check(ctx,
		&grpc_health_v1.HealthCheckRequest{Service: parleyv1.ChatService_ServiceDesc.ServiceName})
	if err != nil {
		return fmt.Errorf("%s: %w", n.Name, err)
	}
	if resp.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		return fmt.Errorf("%s: health is %s", n.Name, resp.GetStatus())
	}
	return nil
}

// AwaitServing waits until each of the nodes has a quorum and is caught up.
func (c *Cluster) AwaitServing(nodes ...*Node) {
	c.tb.Helper()
	for _, n := range nodes {
		Await(c.tb, Patience, n.Name+" to serve", func() error {
			if _, ok := n.Running(); !ok {
				return fmt.Errorf("%s does not run", n.Name)
			}
			return n.Serving()
		})
	}
}

// Status is what the node knows.
func (c *Cluster) Status(n *Node) (*parleyv1.StatusResponse, error) {
	token, err := c.probeToken()
	if err != nil {
		return nil, err
	}
	d, err := n.Direct(token)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	ctx, cancel := context.WithTimeout(d.Context(context.Background()), probeTimeout)
	defer cancel()
	st, err := d.Cluster.Status(ctx, &parleyv1.StatusRequest{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", n.Name, err)
	}
	return st, nil
}

// Leader waits until all running nodes name the same running leader, and returns it.
func (c *Cluster) Leader() *Node { return c.LeaderAmong(c.Running()...) }

// LeaderAmong waits until all of these nodes name the same one of them as leader, and returns it.
func (c *Cluster) LeaderAmong(nodes ...*Node) *Node {
	c.tb.Helper()
	var leader *Node
	Await(c.tb, Patience, "the nodes to agree on a leader", func() error {
		name := ""
		for _, n := range nodes {
			st, err := c.Status(n)
			if err != nil {
				return err
			}
			if !st.GetQuorum() || st.GetLeader() == "" {
				return fmt.Errorf("%s: leader %q, quorum %t", n.Name, st.GetLeader(), st.GetQuorum())
			}
			if name != "" && st.GetLeader() != name {
				return fmt.Errorf("%s says that %s leads, another says %s", n.Name, st.GetLeader(), name)
			}
			name = st.GetLeader()
		}
		for _, n := range nodes {
			if n.Name == name {
				leader = n
				return nil
			}
		}
		return fmt.Errorf("the leader is said to be %s", name)
	})
	return leader
}

// Hashes asks one node for the state hash of every member at one applied index, and returns them by name. Members that did
// not answer are not in it.
func (c *Cluster) Hashes(through *Node) (map[string]string, error) {
	token, err := c.probeToken()
	if err != nil {
		return nil, err
	}
	d, err := through.Direct(token)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	ctx, cancel := context.WithTimeout(d.Context(context.Background()), 5*probeTimeout)
	defer cancel()
	resp, err := d.Cluster.StateHash(ctx, &parleyv1.StateHashRequest{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", through.Name, err)
	}
	hs, index := map[string]string{}, uint64(0)
	for _, m := range resp.GetMembers() {
		if m.GetHash() == "" {
			continue
		}
		if index != 0 && m.GetApplied() != index {
			return nil, fmt.Errorf("hash of %s is at %d, another at %d", m.GetName(), m.GetApplied(), index)
		}
		index = m.GetApplied()
		hs[m.GetName()] = m.GetHash()
	}
	return hs, nil
}

// probeToken opens the session of the probe account once, through any node that can, and keeps it.
func (c *Cluster) probeToken() ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token != nil {
		return c.token, nil
	}
	token := make([]byte, 32)
	if _, err := rand.Read(token); err != nil {
		return nil, err
	}
	err := errors.New("no node runs")
	for _, n := range c.Running() {
		if err = openSession(n, token); err == nil {
			c.token = token
			return token, nil
		}
	}
	return nil, fmt.Errorf("log the probe in: %w", err)
}

// openSession creates the probe account if need be and logs it in. The account's request id is fixed, so that a second
// harness on the same data gets the first one's answer.
func openSession(n *Node, token []byte) error {
	d, err := n.Direct(nil)
	if err != nil {
		return err
	}
	defer d.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := d.Chat.CreateUser(ctx, &parleyv1.CreateUserRequest{
		RequestId: uuid.NewSHA1(uuid.NameSpaceURL, []byte(probeUser)).String(),
		Username:  probeUser, Password: probePassword,
	}); err != nil {
		return fmt.Errorf("%s: create: %w", n.Name, err)
	}
	if _, err := d.Chat.Login(ctx, &parleyv1.LoginRequest{
		RequestId: uuid.NewString(), Username: probeUser, Password: probePassword, Token: token, Client: "e2e",
	}); err != nil {
		return fmt.Errorf("%s: login: %w", n.Name, err)
	}
	return nil
}
