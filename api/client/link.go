package client

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/resolver/manual"

	"parley/proto/parleyv1"
)

// chatService is the health service that means "has a quorum and is caught up".
const chatService = "parley.v1.ChatService"

// link is what Clients share: the connections, what is known of the nodes, and the looking after them. It knows no session
// but for the keeper's questions, which any session's token may carry.
type link struct {
	opts     Options
	pool     *pool
	resolver *manual.Resolver
	conn     *grpc.ClientConn
	chat     parleyv1.ChatServiceClient
	cluster  parleyv1.ClusterServiceClient
	health   grpc_health_v1.HealthClient
	kick     chan struct{}

	life // of the keeper and the probes

	slots   chan struct{} // one for each unary try under way
	streams atomic.Int64  // of sends, at most MaxSendStreams

	triesMu sync.Mutex
	tries   map[*try]struct{}
	probing map[string]bool

	clientsMu sync.Mutex
	// clients are all that are not closed, the one that Dial made first; as many as the program made.
	clients []*Client
}

// newLink makes the connections, which do not connect yet.
func newLink(o Options) (*link, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	p := newPool(o.Servers, o.Logger)
	r := manual.NewBuilderWithScheme("parley")
	r.InitialState(resolverState(o.Servers, p))
	creds := insecure.NewCredentials()
	if o.TLS != nil {
		creds = credentials.NewTLS(o.TLS)
	}
	conn, err := grpc.NewClient("parley:///cluster", append([]grpc.DialOption{
		grpc.WithResolvers(r),
		grpc.WithTransportCredentials(creds),
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithDisableServiceConfig(),
		grpc.WithDisableRetry(),
		grpc.WithNoProxy(), // a proxy hides a refused connection, which is how a dead node is known at once
		grpc.WithIdleTimeout(0),
		grpc.WithUserAgent(o.UserAgent),
		grpc.WithInitialWindowSize(streamWindowBytes),
		grpc.WithInitialConnWindowSize(connWindowBytes),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxReceiveBytes)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: KeepaliveTime, Timeout: KeepaliveTimeout, PermitWithoutStream: true,
		}),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: ConnectBackoff, Multiplier: connectBackoffGrowth, Jitter: 0.2, MaxDelay: ConnectBackoffMax},
			MinConnectTimeout: ConnectTimeout,
		}),
	}, o.DialOptions...)...)
	if err != nil {
		return nil, fmt.Errorf("client options: %w", err)
	}
	l := &link{
		opts: o, pool: p, resolver: r, conn: conn,
		chat: parleyv1.NewChatServiceClient(conn), cluster: parleyv1.NewClusterServiceClient(conn),
		health: grpc_health_v1.NewHealthClient(conn),
		slots:  make(chan struct{}, MaxTries),
		kick:   make(chan struct{}, 1), tries: make(map[*try]struct{}), probing: make(map[string]bool),
	}
	l.begins(context.Background())
	return l, nil
}

// newClient adds a session; a closed one when the link is closed.
func (l *link) newClient(token []byte, owner bool) *Client {
	c := &Client{link: l, owner: owner}
	c.begins(l.ctx)
	c.sends.init()
	c.storeToken(token)
	l.clientsMu.Lock()
	defer l.clientsMu.Unlock()
	if l.ctx.Err() != nil {
		c.stop()
		return c
	}
	l.clients = append(l.clients, c)
	if len(token) > 0 && !owner {
		l.wake()
	}
	return c
}

func (l *link) forget(c *Client) {
	l.clientsMu.Lock()
	defer l.clientsMu.Unlock()
	if i := slices.Index(l.clients, c); i >= 0 {
		l.clients = slices.Delete(l.clients, i, i+1)
	}
}

// close ends all Clients and then what served them.
func (l *link) close() error {
	l.clientsMu.Lock()
	if len(l.clients) == 0 { // the one that Dial made is there until this was called
		l.clientsMu.Unlock()
		return nil
	}
	l.stop() // a Client that is made after this is closed
	clients := l.clients
	l.clients = nil
	l.clientsMu.Unlock()
	err := l.conn.Close()
	for _, c := range clients {
		c.end()
	}
	l.end()
	l.pool.close()
	return err
}

// wake makes the keeper look again.
func (l *link) wake() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}
