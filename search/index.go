package search

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"parley/store"
)

// Options of an index. All but Registerer must be set.
type Options struct {
	// Dir is the index's own directory. What is in it may be removed at any time when no index has it open.
	Dir        string
	Store      *store.Store
	Logger     *slog.Logger
	Registerer prometheus.Registerer // nil for no metrics
	// MemoryDocs is memoryDocs when 0; tests take less, to have many segments.
	MemoryDocs int
}

// Index is the index of one node. Its methods are safe for concurrent use.
type Index struct {
	o       Options
	cluster [16]byte
	tap     *store.Tap
	metrics *metrics

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	kick   chan struct{} // to the indexer: somebody waits
	grown  chan struct{} // to the merger: there is a new segment
	broken chan error    // to the indexer: a segment cannot be read

	// mu guards what follows. It is never held over a read or a write of a file.
	mu   sync.Mutex
	segs []*segment // the oldest first
	mem  *memory
	// complete is the raft index up to which everything is indexed, near up to which messages are, edits perhaps not.
	complete, near uint64
	changed        chan struct{} // closed when complete moves
	number         uint64        // of the last file

	indexer // the indexer's own
}

// Open begins to keep an index of a store. It returns at once: reading what is there, or making it anew, goes on behind, and
// until then the index says how far it is. The error is store.ErrTapped.
func Open(o Options) (*Index, error) {
	tap, err := o.Store.Tap()
	if err != nil {
		return nil, err
	}
	if o.MemoryDocs == 0 {
		o.MemoryDocs = memoryDocs
	}
	x := &Index{
		o: o, tap: tap, mem: newMemory(), changed: make(chan struct{}),
		kick: make(chan struct{}, 1), grown: make(chan struct{}, 1), broken: make(chan error, 1),
	}
	copy(x.cluster[:], o.Store.ClusterID())
	x.ctx, x.cancel = context.WithCancel(context.Background())
	x.metrics = newMetrics(x)
	x.wg.Go(x.runIndexer)
	x.wg.Go(x.runMerger)
	return x, nil
}

// Close ends the index; what is in memory is written, so that the next start finds it. It must come before the store's.
func (x *Index) Close() {
	x.cancel()
	x.wg.Wait()
	x.tap.Close()
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, s := range x.segs {
		s.release()
	}
	x.segs = nil
	x.metrics.unregister(x.o.Registerer)
}

// Wait waits until the index is complete up to a raft index, at most waitIndexed. It returns what CompleteTo does;
// the context's end is a no.
func (x *Index) Wait(ctx context.Context, index uint64) (indexed uint64, complete bool) {
	ctx, cancel := context.WithTimeout(ctx, waitIndexed)
	defer cancel()
	for {
		x.mu.Lock()
		changed := x.changed
		indexed, complete = max(x.complete, x.near), x.complete >= index
		x.mu.Unlock()
		if complete || ctx.Err() != nil {
			return indexed, complete
		}
		signal(x.kick)
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// CompleteTo says whether the index is complete up to a raft index, and up to which it is; while it is being made, up to which
// it nearly is.
func (x *Index) CompleteTo(index uint64) (indexed uint64, complete bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return max(x.complete, x.near), x.complete >= index
}

func (x *Index) reach(complete, near uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.complete, x.near = max(x.complete, complete), max(x.near, near)
	close(x.changed)
	x.changed = make(chan struct{})
}

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// snapshot is the index at one instant. It is closed after use.
type snapshot struct {
	mem  *memory
	segs []*segment
}

func (x *Index) snapshot() *snapshot {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := &snapshot{mem: x.mem, segs: append([]*segment(nil), x.segs...)}
	for _, seg := range s.segs {
		seg.acquire()
	}
	return s
}

func (s *snapshot) close() {
	for _, seg := range s.segs {
		seg.release()
	}
}

// unreadable tells the indexer that a segment cannot be read: it makes the index anew.
func (x *Index) unreadable(err error) {
	select {
	case x.broken <- err:
	default:
	}
	signal(x.kick)
}

// ours says whether an error is about the index's own files and not about the state.
func ours(err error) bool {
	var path *os.PathError
	return errors.Is(err, errDamaged) || errors.As(err, &path)
}
