package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"parley/proto/internalv1"
)

// Mark is a place in the log and the membership that was in force there.
type Mark struct {
	Index, Term uint64
	ConfState   []byte
}

// Entry is one log entry. Commands are marshalled internalv1.Command; there may be none. StampMS is the leader's clock
// in unix milliseconds, 0 where an entry has none.
type Entry struct {
	Index, Term uint64
	StampMS     int64
	Commands    [][]byte
}

// Options of a store. The zero value is right for production.
type Options struct {
	// OverlayBytes is OverlayBytes when 0.
	OverlayBytes int
	// FlushInterval is FlushInterval when 0.
	FlushInterval time.Duration
	// CheckBytes is CheckBytes when 0; negative opens without any check, for tests of what the checks keep away.
	CheckBytes int64
	// Manual means that there is no flusher: Flush, and Apply when an overlay is full, flush before they return. For
	// the simulator and for tests, in which nothing may happen by itself.
	Manual bool
}

// Store is the chat state of one node. Apply, SetConfState and Install are for one goroutine; everything else may be
// called from any.
type Store struct {
	o         Options
	path      string
	clusterID []byte

	// applyMu guards the machine, the active overlay and the mark: whoever freezes the overlay needs it as well.
	applyMu sync.Mutex
	machine *machine
	mark    Mark // applied
	armed   bool // the flusher knows that there is something to flush
	applyTx Tx   // the machine's read of the disk during one call

	// flushMu is held from the reading of the frozen overlay to its commit: an Install waits for it.
	flushMu sync.Mutex

	// pubMu guards what follows, and every change of cur. It is never held over a read or a write of the disk.
	pubMu     sync.Mutex
	frozen    *overlay
	flushed   Mark
	disk      *handle
	hashMarks []hashMark
	forced    bool
	onFlush   []func(Mark)
	flushDone chan struct{} // closed at the end of each flush, and at a failure
	cur       atomic.Pointer[published]

	full   atomic.Bool
	failed atomic.Pointer[error]
	closed atomic.Bool
	hub    hub
	tap    atomic.Pointer[Tap]
	hashAt hashWaiters

	wake     chan struct{} // to the flusher
	stop     chan struct{}
	stopped  chan struct{}
	onDamage atomic.Pointer[func(error)]
	spoolMu  sync.Mutex // a Spool and an Install never run together
}

// published is what a view reads: an instant of the state. It is immutable.
type published struct {
	index   uint64
	clockMS int64
	active  overlayAt
	frozen  *overlay
	disk    *handle
	// What the disk's own flush record must say: the index, or already that of the frozen overlay, which then changes
	// nothing.
	flushed uint64
	version uint32
	members uint64 // greatest node id given out
	// Index of the last change of a member record.
	membersAt uint64
	work      Work
}

// Create makes a store file with the empty state at a mark; os.ErrExist when there is one.
func Create(path string, clusterID []byte, m Mark) error {
	if len(clusterID) != clusterIDBytes {
		return fmt.Errorf("store: create: a cluster id has %d bytes, not %d", clusterIDBytes, len(clusterID))
	}
	return createBolt(path, initialMeta(clusterID, m))
}

// Open opens a store file that exists. A file of up to CheckBytes is verified as a whole. Of a larger one the pages that
// lead to the others, the flush record and the counters are; RecomputeHash does the rest while the store serves.
func Open(path string, o Options) (*Store, error) {
	if o.CheckBytes == 0 {
		o.CheckBytes = CheckBytes
	}
	if o.CheckBytes > 0 {
		if err := checkFile(context.Background(), path, o.CheckBytes); err != nil {
			return nil, err
		}
	}
	d, err := openBolt(path, false)
	if err != nil {
		return nil, err
	}
	s, err := openDisk(d, path, o)
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return s, nil
}

// OpenDisk opens a store on a disk of the caller's.
func OpenDisk(d Disk, o Options) (*Store, error) { return openDisk(d, "", o) }

func openDisk(d Disk, path string, o Options) (*Store, error) {
	if o.OverlayBytes == 0 {
		o.OverlayBytes = OverlayBytes
	}
	if o.FlushInterval == 0 {
		o.FlushInterval = FlushInterval
	}
	s := &Store{
		o: o, path: path, flushDone: make(chan struct{}),
		wake: make(chan struct{}, 1), stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	s.machine = &machine{hash: s.currentHash, mark: s.recordHashMark}
	s.machine.path = path
	s.machine.base = s.applyBase
	s.hub.init()
	s.hashAt.init()
	if err := s.takeOver(newHandle(d)); err != nil {
		return nil, err
	}
	if o.Manual {
		close(s.stopped)
	} else {
		go s.runFlusher()
	}
	return s, nil
}

// takeOver makes a disk's content the state, at Open and at Install. The caller holds applyMu or is alone.
func (s *Store) takeOver(h *handle) (err error) {
	defer guardDamage(s.path, &err)()
	tx, err := h.disk.Begin()
	if err != nil {
		return fmt.Errorf("store: open: %w", err)
	}
	closed := closeOnce(tx)
	defer func() { err = errors.Join(err, closed()) }()
	meta, err := decodeMeta(tx.Meta())
	if err = errors.Join(err, closed()); err != nil {
		return s.machine.locate(err)
	}
	if s.clusterID != nil && !bytes.Equal(s.clusterID, meta.GetClusterId()) {
		return ErrWrongCluster
	}
	if s.clusterID == nil { // never again: views read it
		s.clusterID = meta.GetClusterId()
		s.machine.clusterID = s.clusterID
	}
	s.mark = Mark{Index: meta.GetIndex(), Term: meta.GetTerm(), ConfState: meta.GetConfState()}
	s.machine.active = newOverlay()
	s.machine.over = [2]overlayAt{s.machine.active.all()}
	s.armed = false

	s.pubMu.Lock()
	s.disk, s.frozen, s.flushed = h, nil, s.mark
	s.hashMarks = nil
	for _, hm := range meta.GetHashMarks() {
		s.hashMarks = append(s.hashMarks, hashMark{index: hm.GetIndex(), hash: hm.GetHash()})
	}
	s.pubMu.Unlock()

	defer func() { err = errors.Join(err, s.endBase()) }()
	if err := s.machine.load(); err != nil {
		return err
	}
	if err := s.endBase(); err != nil {
		return err
	}
	s.show()
	if err := s.replaceWatched(); err != nil {
		return err
	}
	s.tellTap(nil, true)
	s.hashAt.wake()
	return nil
}

// fail makes the first failure the store's last word.
func (s *Store) fail(err error) error {
	s.failed.CompareAndSwap(nil, &err)
	s.pubMu.Lock()
	close(s.flushDone)
	s.flushDone = make(chan struct{})
	s.pubMu.Unlock()
	return *s.failed.Load()
}

// OnDamage sets a function that is called when a read meets damage, a *DamageError: its caller got an error and nothing else,
// but this store has no business to go on. A *ContradictionError is told too; it may be damage. It is called on the reader's goroutine, once for each such read, and must not wait.
func (s *Store) OnDamage(f func(error)) { s.onDamage.Store(&f) }

func (s *Store) damaged(err error) {
	if f := s.onDamage.Load(); f != nil {
		(*f)(err)
	}
}

func (s *Store) usable() error {
	if p := s.failed.Load(); p != nil {
		return *p
	}
	if s.closed.Load() {
		return ErrClosed
	}
	return nil
}

// Err returns why the store failed, nil while it did not.
func (s *Store) Err() error {
	if p := s.failed.Load(); p != nil {
		return *p
	}
	return nil
}

// Applied returns the index of the last entry that views can see.
func (s *Store) Applied() uint64 { return s.cur.Load().index }

// Flushed returns what is durable.
func (s *Store) Flushed() Mark {
	s.pubMu.Lock()
	defer s.pubMu.Unlock()
	return s.flushed
}

// Full says that both overlays are full: Apply would wait. The leader then takes no more proposals.
func (s *Store) Full() bool { return s.full.Load() }

// ClusterID returns the 16 bytes that the store was created with.
func (s *Store) ClusterID() []byte { return bytes.Clone(s.clusterID) }

// ClusterVersion returns the replicated cluster version.
func (s *Store) ClusterVersion() uint32 { return s.cur.Load().version }

// LastMember returns the greatest node id that was given out; 0 while the members are the first ones. An id up to it
// without a record was removed.
func (s *Store) LastMember() uint64 { return s.cur.Load().members }

// MembersAt returns the index of the last change of a member record since the store was opened; 0 for none.
func (s *Store) MembersAt() uint64 { return s.cur.Load().membersAt }

// Work says which slices would find something to do.
type Work struct{ Erase, Expire, Retain bool }

// Work says whether an EraseSlice, an ExpireSlice or a RetainSlice would find something to do.
func (s *Store) Work() Work { return s.cur.Load().work }

// Members returns the replicated member records, by id. After an error nothing is known of anybody: a caller must not take
// that for no records, for then everybody would look removed.
func (s *Store) Members() ([]*internalv1.AnnounceMember, error) {
	v, err := s.View()
	if err != nil {
		return nil, err
	}
	defer v.Close()
	return v.members()
}

// Close flushes what was applied, ends the watchers and releases the file once the open views are done.
func (s *Store) Close() error {
	if !s.closed.CompareAndSwap(false, true) {
		return nil
	}
	var err error
	if s.Err() == nil {
		err = s.flush()
	}
	close(s.stop)
	<-s.stopped
	s.hub.close()
	s.hashAt.wake()
	s.pubMu.Lock()
	h := s.disk
	s.pubMu.Unlock()
	return errors.Join(err, h.retire(), h.wait())
}
