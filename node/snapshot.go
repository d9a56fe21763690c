package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
	"parley/raftlog"
	"parley/store"
)

// snapshotSends counts the store files on their way out.
type snapshotSends struct {
	mu sync.Mutex
	to map[uint64]bool
	n  uint64 // names the spool files
	// pauses are how long the last sends waited for room, by member.
	pauses map[uint64]time.Duration
}

var errSending = errors.New("as many store files as are allowed are on their way, or one to this member")

// begin takes a place among the sends, until end, and names its spool file.
func (s *snapshotSends) begin(dir string, to uint64) (spool string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.to == nil {
		s.to = map[uint64]bool{}
	}
	if s.to[to] || len(s.to) >= MaxSnapshotSends {
		return "", errSending
	}
	s.to[to] = true
	s.n++
	return filepath.Join(dir, fmt.Sprintf("send-%d.tmp", s.n)), nil
}

func (s *snapshotSends) end(to uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.to, to)
}

// pause is how long to wait after a send that ended like this: longer each time that there was no room for the file.
func (s *snapshotSends) pause(to uint64, err error) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !errors.Is(err, ErrNoRoom) && status.Code(err) != codes.ResourceExhausted {
		delete(s.pauses, to)
		return 0
	}
	if s.pauses == nil {
		s.pauses = map[uint64]time.Duration{}
	}
	s.pauses[to] = nextPause(s.pauses[to])
	return s.pauses[to]
}

// nextPause doubles a pause, from healRetry to maxFileRetry.
func nextPause(last time.Duration) time.Duration { return min(max(2*last, healRetry), maxFileRetry) }

// startSnapshotSend answers a MsgSnap, which carries metadata only, with a store file on a stream of its own. Raft is told
// about every end: a peer whose fate is not reported would be left alone for ever.
func (n *Node) startSnapshotSend(m *pb.Message) {
	to := m.GetTo()
	spool, err := n.sends.begin(n.cfg.Dir, to)
	if err != nil {
		n.inbox.call(func(c *core) { c.snapshotSent(to, false) })
		return
	}
	n.helpers.Go(func() {
		err := n.sendSnapshot(m, spool)
		n.sends.end(to)
		if err != nil {
			n.logger.Warn("a snapshot was not sent", "to", to, "err", err)
		}
		// Raft asks again as soon as it is told, and neither disk has more room by then.
		if wait := n.sends.pause(to, err); wait > 0 {
			select {
			case <-n.ctx.Done():
			case <-time.After(wait):
			}
		}
		n.inbox.call(func(c *core) { c.snapshotSent(to, err == nil) })
	})
}

// copyStore copies the flushed state to a spool file at the disk's speed, so that no read transaction lives as long as a
// transfer (bbolt pins every page that such a reader might see), and opens the copy. The caller removes the file.
func (n *Node) copyStore(ctx context.Context, st *store.Store, spool string) (f *os.File, m store.Mark, size int64, err error) {
	if err := n.roomForCopy(); err != nil {
		return nil, m, 0, err
	}
	if m, size, err = st.SpoolContext(ctx, spool); err != nil {
		n.ailIfDamaged(err)
		return nil, m, 0, err
	}
	f, err = os.Open(spool)
	return f, m, size, err
}

// sendSnapshot streams a copy of the store with the metadata of what it holds.
func (n *Node) sendSnapshot(m *pb.Message, spool string) error {
	ctx, cancel := context.WithTimeout(n.ctx, snapshotSendTimeout)
	defer cancel()
	defer os.Remove(spool)
	f, mark, size, err := n.copyStore(ctx, n.store, spool)
	if err != nil {
		return err
	}
	defer f.Close()
	if m, err = snapshotMessage(m, mark); err != nil {
		return err
	}
	n.logger.Info("sending a snapshot", "to", m.GetTo(), "index", mark.Index, "bytes", size)
	n.metrics.snapshotsSent.Inc()
	data, err := proto.Marshal(m)
	if err != nil {
		return err
	}
	h := &internalv1.SnapshotHeader{Message: data, SizeBytes: uint64(size)}
	return n.transport.SendSnapshot(ctx, m.GetTo(), h, f)
}

// snapshotMessage is a MsgSnap for the store file that holds mark: the file may be newer than what raft asked for.
func snapshotMessage(m *pb.Message, mark store.Mark) (*pb.Message, error) {
	cs, err := parseConfState(mark.ConfState)
	if err != nil {
		return nil, err
	}
	m = proto.Clone(m).(*pb.Message)
	m.Snapshot = &pb.Snapshot{Metadata: &pb.SnapshotMetadata{Index: &mark.Index, Term: &mark.Term, ConfState: cs}}
	return m, nil
}

// install carries out a MsgStorageAppend with a snapshot: everything older is applied first, then the store is swapped,
// and the log is reset last, so that a crash in between is repaired by reconcile at the next start.
func (n *Node) install(m *pb.Message) error {
	meta := m.GetSnapshot().GetMetadata()
	path, err := n.incoming.claim(meta.GetIndex())
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	n.applyQueue.put(applyJob{alone: func() {
		_, err := n.store.Install(path)
		done <- err
	}})
	select {
	case err = <-done:
	case <-n.loopDone: // the apply worker may have ended with it
		return errStopping
	}
	if err != nil {
		return err
	}
	n.metrics.snapshotsInstalled.Inc()
	n.logger.Info("installed a snapshot", "index", meta.GetIndex(), "term", meta.GetTerm())
	n.inbox.call(func(c *core) { c.appliedTo(meta.GetIndex()) })
	return resetLog(n.log, m)
}

// resetLog begins the log anew after the snapshot of a MsgStorageAppend.
func resetLog(log *raftlog.Log, m *pb.Message) error {
	meta := m.GetSnapshot().GetMetadata()
	hs := log.HardState()
	if m.Term != nil {
		hs = &pb.HardState{Term: m.Term, Vote: m.Vote, Commit: m.Commit}
	}
	if raft.IsEmptyHardState(hs) {
		return fmt.Errorf("a snapshot at index %d came without a term", meta.GetIndex())
	}
	return log.Reset(meta.GetIndex(), meta.GetTerm(), hs)
}
