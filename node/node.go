package node

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/grpc"

	"parley/node/peer"
	"parley/proto/internalv1"
	"parley/raftlog"
	"parley/store"
)

// Node is one member of the cluster. Its methods are safe for concurrent use.
type Node struct {
	cfg     Config
	id      uint64
	log     *raftlog.Log
	store   *store.Store
	core    *core // the loop's own
	logger  *slog.Logger
	started time.Time
	commits commitTimes
	metrics *metrics
	disk    diskWatch

	self       *internalv1.Identity
	peerServer *grpc.Server
	transport  *peer.Transport
	identities identities
	serving    atomic.Pointer[store.Store] // set once the store is open: hellos are judged by its member records
	reign      atomic.Pointer[reign]
	soft       atomic.Pointer[SoftHandler]

	inbox       *inbox
	appendQueue *mailbox[*pb.Message] // bounded by raft's own limits on what is in flight
	applyQueue  *mailbox[applyJob]    // bounded by maxApplyingBytes

	status  atomic.Pointer[Status]
	members atomic.Pointer[membership] // for the loop, which must not read the store
	changed changeSignal
	// sickness is the first of what is wrong with this node's files; it then stops.
	sickness chan error
	// doubts has a read's reason to verify the files.
	doubts chan error
	// told are the peers' addresses that a joining node was given.
	told map[uint64]string
	// noted is the change of the member records that the housekeeper was woken for last.
	noted      atomic.Uint64
	settlement settlement
	caughtUp   atomic.Bool // what was committed when this node started is applied

	sends    snapshotSends
	backups  backups
	incoming incomingSnapshots

	workers  sync.WaitGroup // loop, append and apply worker
	helpers  sync.WaitGroup // housekeeper, snapshot senders, probes
	ctx      context.Context
	cancel   context.CancelFunc
	quit     chan struct{} // closed to end the loop
	loopDone chan struct{}
	done     chan struct{} // closed when the node stopped, by itself or by Stop
	stopOnce sync.Once
	err      atomic.Pointer[error]
}

// Start opens or makes the data directory, joins the peers and begins to serve. At the first start it waits until every
// first member was heard. It returns when the node takes part; it may have no leader yet.
func Start(ctx context.Context, cfg Config) (*Node, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	n := &Node{
		cfg: cfg, logger: cfg.Logger.With("node", cfg.Name), started: time.Now(),
		inbox: newInbox(), appendQueue: newMailbox[*pb.Message](), applyQueue: newMailbox[applyJob](),
		sickness: make(chan error, 1), doubts: make(chan error, 1),
		quit: make(chan struct{}), loopDone: make(chan struct{}), done: make(chan struct{}),
	}
	n.ctx, n.cancel = context.WithCancel(context.WithoutCancel(ctx))
	n.changed.init()
	n.metrics = newMetrics()
	if err := n.open(ctx); err != nil {
		n.cancel()
		return nil, errors.Join(err, n.closeFiles())
	}
	c, err := newCore(coreConfig{
		id:      n.id,
		boot:    n.self.GetBoot(),
		storage: storage{Log: n.log, flushed: n.store.Flushed},
		applied: n.store.Flushed().Index,
		logger:  raftLogger{n.logger},
		version: n.store.ClusterVersion,
	})
	if err != nil {
		n.stopTransport()
		n.cancel()
		return nil, errors.Join(err, n.closeFiles())
	}
	n.core = c
	n.store.OnFlush(n.flushed)
	n.store.OnDamage(n.readFailed)
	n.flushed(n.store.Flushed()) // a crash may have kept what was cut in memory only
	n.noteMembers()
	n.publishStatus()
	n.metrics.register(cfg.Registerer, n)
	n.helpers.Go(n.watchHealth)
	n.helpers.Go(n.scrub)
	n.helpers.Go(n.housekeep) // before the loop, whose end shutdown waits for before it waits for the helpers
	n.workers.Add(3)
	go func() { defer close(n.loopDone); n.loop() }()
	go n.appendWorker()
	go n.applyWorker()
	n.serveRaft()
	n.helpers.Go(n.meetSeeds)
	n.logger.Info("node started", "id", n.id, "boot", n.self.GetBoot(), "applied", n.store.Applied())
	return n, nil
}

// Store is the state machine, for reads and subscriptions.
func (n *Node) Store() *store.Store { return n.store }

// Done is closed when the node has stopped, by Stop or because it could not go on; Err then says why.
func (n *Node) Done() <-chan struct{} { return n.done }

// Err is why the node stopped by itself; nil after Stop, and while it runs.
func (n *Node) Err() error {
	if p := n.err.Load(); p != nil {
		return *p
	}
	return nil
}

// fatal stops the node by itself. It does not wait, so that a worker may call it about its own end.
func (n *Node) fatal(err error) {
	if n.err.CompareAndSwap(nil, &err) {
		n.logger.Error("the node stops", "err", err)
		if storeDamage(err) {
			n.noteDamage(err)
		}
		go n.shutdown()
	}
}

// Propose replicates one command and returns its result, a marshalled Result. On a follower it hands the command to the
// leader; when that one answers that it took nothing because leadership is moving, it is handed to the successor, at most
// maxHandOns times in all. The error is always an *Error; a context that ends leaves the outcome unknown.
func (n *Node) Propose(ctx context.Context, cmd []byte) ([]byte, error) {
	if err := n.checkVersion(ctx, store.CommandVersion(cmd)); err != nil {
		n.metrics.proposalsFailed.Inc()
		return nil, n.withHint(err)
	}
	if ctx.Err() != nil {
		n.metrics.proposalsFailed.Inc()
		return nil, n.withHint(&Error{Outcome: NotApplied, Cause: CauseDeadline})
	}
	type answer struct {
		result []byte
		err    error
	}
	answered := make(chan answer, 1)
	n.proposeAsync(cmd, func(result []byte, err error) { answered <- answer{result, err} })
	select {
	case a := <-answered:
		return a.result, a.err
	case <-ctx.Done():
		return nil, n.withHint(&Error{Outcome: Unknown, Cause: CauseDeadline})
	}
}

// ReadBarrier returns once the store holds everything that was committed when it was called: a read of the store is then
// linearizable. It works on any member. The error is an *Error.
func (n *Node) ReadBarrier(ctx context.Context) error {
	batch := n.inbox.read()
	if batch == nil {
		return &Error{Outcome: NotApplied, Cause: CauseStopped}
	}
	select {
	case <-batch.ended:
		if batch.wait.err != nil {
			err := *batch.wait.err // the others have it too
			return n.withHint(&err)
		}
		return nil
	case <-ctx.Done():
		return n.withHint(&Error{Outcome: NotApplied, Cause: CauseDeadline})
	case <-n.done:
		return &Error{Outcome: NotApplied, Cause: CauseStopped}
	}
}

// withHint adds where to go next.
func (n *Node) withHint(err *Error) *Error {
	if st := n.status.Load(); st != nil && st.Leader != n.id {
		err.Leader = st.LeaderAddress
	}
	return err
}

// HandOver gives leadership away if this node has it, and waits until somebody else leads. Commands under way are finished
// first; new ones wait for the successor.
func (n *Node) HandOver(ctx context.Context) error {
	st := n.Status()
	if st.Leader != n.id || len(st.Members) < 2 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, gracefulTransferTimeout)
	defer cancel()
	_, err := n.TransferLeadership(ctx, "")
	return err
}

// Stop hands leadership over, finishes what is under way, flushes and closes. The context bounds the hand-over only.
func (n *Node) Stop(ctx context.Context) error {
	if err := n.HandOver(ctx); err != nil {
		n.logger.Warn("stopping without a hand-over", "err", err)
	}
	n.shutdown()
	<-n.done
	return n.Err()
}

// shutdown ends every goroutine in the order in which they feed each other, then closes the files.
func (n *Node) shutdown() {
	n.stopOnce.Do(func() {
		n.cancel()
		close(n.quit)
		<-n.loopDone
		n.appendQueue.close()
		n.applyQueue.close()
		n.stopTransport()
		n.workers.Wait()
		n.helpers.Wait()
		if err := n.closeFiles(); err != nil {
			n.err.CompareAndSwap(nil, &err)
		}
		close(n.done)
	})
}

func (n *Node) closeFiles() error {
	var errs []error
	if n.store != nil {
		errs = append(errs, n.store.Close())
	}
	if n.log != nil {
		errs = append(errs, n.log.Close())
	}
	return errors.Join(errs...)
}

// changeSignal is a channel that is closed at a change and then replaced.
type changeSignal struct {
	mu sync.Mutex
	ch chan struct{}
}

func (s *changeSignal) init() { s.ch = make(chan struct{}) }

func (s *changeSignal) wait() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ch
}

func (s *changeSignal) fire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.ch)
	s.ch = make(chan struct{})
}
