package client

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
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

// Client is a connection to a cluster. All methods are safe for concurrent use.
type Client struct {
	opts     Options
	pool     *pool
	resolver *manual.Resolver
	conn     *grpc.ClientConn
	chat     parleyv1.ChatServiceClient
	cluster  parleyv1.ClusterServiceClient
	health   grpc_health_v1.HealthClient
	kick     chan struct{}

	ctx    context.Context // ends when the Client is closed
	cancel context.CancelFunc

	mu     sync.Mutex
	closed bool
	wg     sync.WaitGroup // everything started by spawn

	// token is replaced, never changed: streams compare the pointer.
	token atomic.Pointer[[]byte]
	sends sendStreams

	slots   chan struct{} // one for each unary try under way
	triesMu sync.Mutex
	tries   map[*try]struct{}
	probing map[string]bool
}

// Dial makes a Client and begins to connect. It does not wait: the first call does. The error is about the options.
func Dial(o Options) (*Client, error) {
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
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxReceiveBytes)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: KeepaliveTime, Timeout: KeepaliveTimeout, PermitWithoutStream: true,
		}),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: ConnectBackoff, Multiplier: 1.6, Jitter: 0.2, MaxDelay: ConnectBackoffMax},
			MinConnectTimeout: ConnectTimeout,
		}),
	}, o.DialOptions...)...)
	if err != nil {
		return nil, fmt.Errorf("client options: %w", err)
	}
	c := &Client{
		opts: o, pool: p, resolver: r, conn: conn,
		chat: parleyv1.NewChatServiceClient(conn), cluster: parleyv1.NewClusterServiceClient(conn),
		health: grpc_health_v1.NewHealthClient(conn),
		slots:  make(chan struct{}, MaxTries),
		kick:   make(chan struct{}, 1), tries: make(map[*try]struct{}), probing: make(map[string]bool),
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.sends.init()
	c.storeToken(o.Token)
	conn.Connect()
	c.spawn(c.keep)
	return c, nil
}

// spawn runs f on a goroutine that Close waits for. f must end when c.ctx does. False: the Client is closed.
func (c *Client) spawn(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.wg.Add(1)
	go func() {
		defer c.wg.Done()
		f()
	}()
	return true
}

// Close ends all calls and subscriptions, closes the channels of States, and returns when every goroutine has ended.
func (c *Client) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	err := c.conn.Close()
	c.wg.Wait()
	c.pool.close()
	return err
}

// State returns what is known now. Cheap.
func (c *Client) State() State { return c.pool.getState() }

// States returns a channel that always holds the latest state not yet taken; states in between are skipped. Call it once
// for each reader: at most MaxStateWatchers are kept. It is closed by Close.
func (c *Client) States() <-chan State { return c.pool.watch() }

// Token returns a copy of the session token; nil without a session.
func (c *Client) Token() []byte { return slices.Clone(*c.token.Load()) }

func (c *Client) storeToken(token []byte) {
	t := slices.Clone(token)
	c.token.Store(&t)
}

// SetToken replaces the session token for calls and subscriptions that begin from now on; nil ends its use.
func (c *Client) SetToken(token []byte) {
	c.storeToken(token)
	c.sends.retire(&c.token)
	c.wake()
}

// dropToken forgets the token if it is still this one: its session has ended.
func (c *Client) dropToken(token []byte) {
	if now := c.token.Load(); slices.Equal(*now, token) && c.token.CompareAndSwap(now, new([]byte)) {
		c.sends.retire(&c.token)
	}
}

// NewRequestID returns a UUIDv7. Give a request one before the first call to be able to repeat it after a crash of the
// caller; otherwise the Client makes it.
func NewRequestID() string { return uuid.Must(uuid.NewV7()).String() }

// NewToken returns a fresh session token, as Login makes one.
func NewToken() []byte {
	t := make([]byte, TokenBytes)
	_, _ = rand.Read(t) // never fails: crypto/rand ends the process instead
	return t
}

// wake makes the keeper look again.
func (c *Client) wake() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// sleep waits for d, for news, or for the end of either context.
func (c *Client) sleep(ctx context.Context, d time.Duration, news <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-news:
	case <-ctx.Done():
	case <-c.ctx.Done():
	}
}
