package node

import (
	"fmt"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"parley/raftlog"
	"parley/store"
)

// storage is raft's view of what is durable: entries and hard state from the log, the snapshot from the store, whose file
// is one at its flushed index. None of its methods reads a disk.
type storage struct {
	*raftlog.Log
	flushed func() store.Mark
}

// InitialState lifts the commit index to the store's: commit alone is never synced, so after a power cut the log may
// remember less than the store has.
func (s storage) InitialState() (*pb.HardState, *pb.ConfState, error) {
	m := s.flushed()
	cs, err := parseConfState(m.ConfState)
	if err != nil {
		return nil, nil, err
	}
	hs := proto.Clone(s.HardState()).(*pb.HardState)
	if hs.GetCommit() < m.Index {
		hs.Commit = &m.Index
	}
	return hs, cs, nil
}

// Snapshot carries metadata only; the store file travels on a stream of its own.
func (s storage) Snapshot() (*pb.Snapshot, error) {
	m := s.flushed()
	cs, err := parseConfState(m.ConfState)
	if err != nil {
		return nil, err
	}
	return &pb.Snapshot{Metadata: &pb.SnapshotMetadata{Index: &m.Index, Term: &m.Term, ConfState: cs}}, nil
}

func parseConfState(b []byte) (*pb.ConfState, error) {
	cs := new(pb.ConfState)
	if err := proto.Unmarshal(b, cs); err != nil {
		return nil, fmt.Errorf("stored configuration: %w", err)
	}
	return cs, nil
}

// reconcile makes the log meet the store after a crash in the middle of a snapshot install: the store came first, so a log
// that ends before it, or disagrees with it about the term, is of an earlier life and is reset.
func reconcile(log *raftlog.Log, m store.Mark) error {
	compacted, _ := log.Compacted()
	if compacted > m.Index {
		return fmt.Errorf("the log starts after index %d but the store ends at %d: entries are missing; "+
			"remove this member and add it anew", compacted, m.Index)
	}
	last, err := log.LastIndex()
	if err != nil {
		return err
	}
	if last >= m.Index {
		term, err := log.Term(m.Index)
		if err != nil {
			return err
		}
		if term == m.Term {
			return nil
		}
	}
	hs := proto.Clone(log.HardState()).(*pb.HardState)
	if hs.GetTerm() < m.Term {
		hs.Term, hs.Vote = &m.Term, nil
	}
	hs.Commit = &m.Index
	return log.Reset(m.Index, m.Term, hs)
}

var _ raft.Storage = storage{}
