package api

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"parley/api/soft"
	"parley/node"
	"parley/proto/parleyv1"
	"parley/store"
)

// Replica is the node as this package needs it; *node.Node is one. Its methods are called from many goroutines.
type Replica interface {
	// Propose replicates one marshalled internalv1.Command and returns the marshalled internalv1.Result of Apply. The
	// error is a *node.Error.
	Propose(ctx context.Context, cmd []byte) ([]byte, error)
	// ProposeAsync is Propose without waiting: done is called exactly once, from any goroutine, possibly at once, and must
	// return soon and wait for nothing.
	ProposeAsync(cmd []byte, done func(result []byte, err error))
	// ReadBarrier returns when the store holds everything that was committed before the call.
	ReadBarrier(ctx context.Context) error
	// Status is local and cheap.
	Status() node.Status
	// ClusterStatus asks the peers; those that do not answer are not reachable.
	ClusterStatus(ctx context.Context) node.Status
	StateHashes(ctx context.Context) (hashes []node.MemberHash, voters int, err error)
	TransferLeadership(ctx context.Context, to string) (leader string, err error)
	// Backup copies the store, with everything inside that was acknowledged before the call. The caller closes it.
	Backup(ctx context.Context) (*node.Backup, error)
	// MembersSettled waits, for a bounded time, until a change of members is carried out.
	MembersSettled(ctx context.Context) node.Status
	// SendSoft gives a frame of soft state to the other members and waits for nothing; it may be lost. OnSoft says who takes
	// theirs.
	SendSoft(frame []byte)
	OnSoft(node.SoftHandler)
	// Changed is closed at the next change of what Status says of leader, quorum and readiness.
	Changed() <-chan struct{}
}

// Options are what a Server takes besides the node. The zero value serves.
type Options struct {
	Logger *slog.Logger
	// Registry gets this package's metrics and those of the Go runtime and the process, and is what /metrics shows: give
	// the node the same one. New when nil.
	Registry *prometheus.Registry
	// Version of the software, for build_info.
	Version string
	// Profile serves /debug/pprof on the admin address. Off by default: a profile shows what people do.
	Profile bool
	// SendsPerSecond limits each account on this node; 0 for no limit. Off by default: every send is durable on a majority
	// before the next of the same caller, and the cluster's own queue bound refuses what is too much for everybody, so a
	// limit would first of all hit a load generator and bots that act for many people.
	SendsPerSecond float64
	// Search is the node's search index; nil when it keeps none.
	Search Searcher
	// CertNotAfter is the end of the certificate in use, for a metric; nil without TLS.
	CertNotAfter func() time.Time

	// now is the clock of soft state and of the limits on it; a test sets it.
	now func() time.Time
}

// Server is the services of one node. It may be registered on several gRPC servers: the client port's and the admin
// socket's. Safe for concurrent use.
type Server struct {
	replica Replica
	store   *store.Store
	opts    Options
	log     *slog.Logger
	name    string

	guard *guard
	sends *buckets
	soft  *soft.State
	// presences and typings limit how often an account says something of itself.
	presences, typings *buckets
	health             *health.Server
	metrics            *metrics

	// drained is cancelled by Drain; every stream ends with it, the health watcher, and the teller of soft state.
	drained context.Context
	drain   context.CancelFunc
	watcher sync.WaitGroup

	subscriptions *counts
	sendStreams   *counts
	publicStreams *counts
	connections   *counts
	calls         atomic.Int64 // unary calls and the sends of streams
	// hashing lets one StateHash run at a time: each makes every member hash its state.
	hashing chan struct{}
	// searching lets maxSearches SearchMessages run at a time.
	searching chan struct{}
	// importing lets maxImports ImportAccounts run at a time.
	importing chan struct{}

	// logs bounds the lines about failed calls.
	logs *rate.Limiter

	// heartbeatAfter is a field so that a test can show that delivery does not wait for it.
	heartbeatAfter time.Duration
}

// New makes the services of a node. It starts two goroutines, which end with Drain.
func New(r Replica, st *store.Store, o Options) *Server {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	if o.now == nil {
		o.now = time.Now
	}
	s := &Server{
		replica: r, store: st, opts: o, name: r.Status().Name,
		guard:          newGuard(time.Now),
		soft:           soft.New(o.now),
		presences:      newBuckets(presencesPerSecond, presenceBurst, maxBuckets, o.now),
		typings:        newBuckets(typingsPerSecond, typingBurst, maxBuckets, o.now),
		health:         health.NewServer(),
		subscriptions:  newCounts(maxSubscribers, maxStreamsPerAccount),
		sendStreams:    newCounts(maxSendStreams, maxSendStreamsPerAccount),
		publicStreams:  newCounts(maxPublicStreams, maxPublicStreamsPerAddress),
		connections:    newCounts(maxConnections, maxConnectionsPerAddress),
		hashing:        make(chan struct{}, 1),
		searching:      make(chan struct{}, maxSearches),
		importing:      make(chan struct{}, maxImports),
		logs:           rate.NewLimiter(failureLogsPerSecond, failureLogsBurst),
		heartbeatAfter: heartbeatAfter,
	}
	s.log = o.Logger.With("node", s.name)
	s.drained, s.drain = context.WithCancel(context.Background())
	if o.SendsPerSecond > 0 {
		s.sends = newBuckets(o.SendsPerSecond, max(1, o.SendsPerSecond), maxBuckets, time.Now)
	}
	s.metrics = newMetrics(s)
	s.setHealth(r.Status())
	s.watcher.Go(s.watchHealth)
	r.OnSoft(s.soft)
	s.watcher.Go(s.runSoft)
	return s
}

// Register adds all services to a gRPC server that was made with ServerOptions.
func (s *Server) Register(g *grpc.Server) {
	parleyv1.RegisterChatServiceServer(g, &chat{Server: s})
	parleyv1.RegisterClusterServiceServer(g, &cluster{Server: s})
	healthpb.RegisterHealthServer(g, s.health)
	reflection.Register(g)
}

// ServerOptions are the interceptors and limits. With admin they are for the 0600 socket in the data directory, where
// operator methods need no token; the client port must be made without.
func (s *Server) ServerOptions(admin bool) []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(s.unary(admin)),
		grpc.ChainStreamInterceptor(s.stream(admin)),
		grpc.ForceServerCodecV2(newCodec()),
		grpc.MaxRecvMsgSize(maxRequestBytes),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.InitialWindowSize(streamWindowBytes),
		grpc.InitialConnWindowSize(connWindowBytes),
		grpc.MaxConcurrentStreams(maxConcurrentStreams),
		grpc.ConnectionTimeout(connectionTimeout),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: keepaliveMinTime, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: keepaliveTime, Timeout: keepaliveTimeout}),
	}
}

// Drain takes the node out of service: not ready, health NOT_SERVING, every stream ended with a hint to move. Unary
// calls go on until the gRPC server is stopped. It may be called more than once.
func (s *Server) Drain() {
	s.health.Shutdown() // first: whoever watches should hear it before its stream ends
	s.drain()
	s.watcher.Wait()
}

func (s *Server) draining() bool { return s.drained.Err() != nil }

// counts are bounded counters by key: streams by account, connections by address. Safe for concurrent use.
type counts struct {
	maxTotal, maxEach int

	mu    sync.Mutex
	total int
	byKey map[string]int
}

func newCounts(maxTotal, maxEach int) *counts {
	return &counts{maxTotal: maxTotal, maxEach: maxEach, byKey: map[string]int{}}
}

// enter takes a place, or says which bound is met. The empty key is bounded by the total alone.
func (c *counts) enter(key string) (full, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.total >= c.maxTotal {
		return true, false
	}
	if key != "" {
		if c.byKey[key] >= c.maxEach {
			return false, false
		}
		c.byKey[key]++
	}
	c.total++
	return false, true
}

func (c *counts) leave(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total--
	if key == "" {
		return
	}
	if c.byKey[key]--; c.byKey[key] == 0 {
		delete(c.byKey, key)
	}
}

func (c *counts) now() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.total
}
