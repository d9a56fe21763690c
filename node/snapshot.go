package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"parley/node/peer"
	"parley/proto/internalv1"
	"parley/store"
)

// snapshotSends counts the store files on their way out.
type snapshotSends struct {
	mu sync.Mutex
	to map[uint64]bool
	n  uint64 // names the spool files
}

// startSnapshotSend answers a MsgSnap, which carries metadata only, with a store file on a stream of its own. Raft is told
// about every end: a peer whose fate is not reported would be left alone for ever.
func (n *Node) startSnapshotSend(m *pb.Message) {
	s := &n.sends
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.to == nil {
		s.to = map[uint64]bool{}
	}
	to := m.GetTo()
	if s.to[to] || len(s.to) >= MaxSnapshotSends {
		n.inbox.call(func(c *core) { c.snapshotSent(to, false) })
		return
	}
	s.to[to] = true
	s.n++
	spool := filepath.Join(n.cfg.Dir, fmt.Sprintf("send-%d.tmp", s.n))
	n.helpers.Go(func() {
		err := n.sendSnapshot(m, spool)
		s.mu.Lock()
		delete(s.to, to)
		s.mu.Unlock()
		if err != nil {
			n.logger.Warn("a snapshot was not sent", "to", to, "err", err)
		}
		n.inbox.call(func(c *core) { c.snapshotSent(to, err == nil) })
	})
}

// sendSnapshot copies the store to a spool file at disk speed, so that no read transaction lives as long as the transfer
// (bbolt pins every page that such a reader might see), and streams the copy with the metadata of what it holds.
func (n *Node) sendSnapshot(m *pb.Message, spool string) error {
	ctx, cancel := context.WithTimeout(n.ctx, snapshotSendTimeout)
	defer cancel()
	defer os.Remove(spool)
	mark, size, err := n.store.Spool(spool)
	if err != nil {
		return err
	}
	cs, err := parseConfState(mark.ConfState)
	if err != nil {
		return err
	}
	m = proto.Clone(m).(*pb.Message)
	m.Snapshot = &pb.Snapshot{Metadata: &pb.SnapshotMetadata{Index: &mark.Index, Term: &mark.Term, ConfState: cs}}
	f, err := os.Open(spool)
	if err != nil {
		return err
	}
	defer f.Close()
	n.logger.Info("sending a snapshot", "to", m.GetTo(), "index", mark.Index, "bytes", size)
	n.metrics.snapshotsSent.Inc()
	data, err := proto.Marshal(m)
	if err != nil {
		return err
	}
	h := &internalv1.SnapshotHeader{Message: data, SizeBytes: uint64(size)}
	return n.transport.SendSnapshot(ctx, m.GetTo(), h, f)
}

// incomingSnapshot is the received store file that waits to be installed. There is at most one: a newer one replaces it.
type incomingSnapshot struct {
	mu    sync.Mutex
	path  string
	index uint64
	n     uint64
}

// receiving is a store file on its way in.
type receiving struct {
	n    *Node
	m    *pb.Message
	f    *os.File
	path string
}

// OpenIncoming begins to receive a store file.
func (h handler) OpenIncoming(m *pb.Message, _ uint64) (peer.Incoming, error) {
	in := &h.n.incoming
	in.mu.Lock()
	in.n++
	path := filepath.Join(h.n.cfg.Dir, fmt.Sprintf("receive-%d.tmp", in.n))
	in.mu.Unlock()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return &receiving{n: h.n, m: m, f: f, path: path}, nil
}

func (r *receiving) Write(b []byte) (int, error) { return r.f.Write(b) }

// Abort removes the file.
func (r *receiving) Abort() {
	r.f.Close()
	os.Remove(r.path)
}

// Commit makes the file durable, checks that it is what the message says, and only then tells raft.
func (r *receiving) Commit() error {
	if err := r.f.Sync(); err != nil {
		r.Abort()
		return err
	}
	if err := r.f.Close(); err != nil {
		os.Remove(r.path)
		return err
	}
	mark, cluster, err := store.Inspect(r.path)
	meta := r.m.GetSnapshot().GetMetadata()
	switch {
	case err != nil:
	case string(cluster) != string(r.n.store.ClusterID()):
		err = fmt.Errorf("the file is of cluster %x", cluster)
	case mark.Index != meta.GetIndex() || mark.Term != meta.GetTerm():
		err = fmt.Errorf("the file holds index %d term %d, the message says %d term %d", mark.Index, mark.Term,
			meta.GetIndex(), meta.GetTerm())
	}
	if err != nil {
		os.Remove(r.path)
		return fmt.Errorf("received store file: %w", err)
	}
	in := &r.n.incoming
	in.mu.Lock()
	if in.path != "" {
		os.Remove(in.path) // raft did not want it
	}
	in.path, in.index = r.path, mark.Index
	in.mu.Unlock()
	r.n.inbox.message(r.m)
	return nil
}

// claim takes the file for an install; a file is owned by exactly one.
func (in *incomingSnapshot) claim(index uint64) (string, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.path == "" || in.index != index {
		return "", fmt.Errorf("no received file holds index %d", index)
	}
	path := in.path
	in.path = ""
	return path, nil
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
	hs := n.log.HardState()
	if m.Term != nil {
		hs = &pb.HardState{Term: m.Term, Vote: m.Vote, Commit: m.Commit}
	}
	if raft.IsEmptyHardState(hs) {
		return fmt.Errorf("a snapshot at index %d came without a term", meta.GetIndex())
	}
	return n.log.Reset(meta.GetIndex(), meta.GetTerm(), hs)
}
