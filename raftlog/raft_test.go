package raftlog

import (
	"fmt"
	"io"
	"log"
	"testing"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// storage is the log as raft wants it; node composes it like this, with the store's ConfState.
type storage struct {
	*Log
}

func (s storage) InitialState() (*raftpb.HardState, *raftpb.ConfState, error) {
	return s.HardState(), &raftpb.ConfState{Voters: []uint64{1}}, nil
}

func (s storage) Snapshot() (*raftpb.Snapshot, error) {
	return nil, raft.ErrSnapshotTemporarilyUnavailable
}

// TestUnderRaft runs a member of one over the log, with asynchronous storage writes, and crashes it again and again.
func TestUnderRaft(t *testing.T) {
	d := NewMemDisk(testIdentity())
	l := mustOpenDisk(t, d)
	must(t, l.Reset(1, 1, nil))
	for life := range 5 {
		d = d.Clone()
		l = mustOpenDisk(t, d)
		compacted, _ := l.Compacted()
		applied := compacted
		rn, err := raft.NewRawNode(&raft.Config{ID: 1, ElectionTick: 10, HeartbeatTick: 1, Storage: storage{l},
			MaxSizePerMsg: 1 << 10, MaxInflightMsgs: 16, AsyncStorageWrites: true, Applied: applied,
			Logger: &raft.DefaultLogger{Logger: log.New(io.Discard, "", 0)}})
		must(t, err)
		must(t, rn.Campaign())
		for proposed := 0; proposed < 50 || rn.HasReady(); {
			if !rn.HasReady() {
				must(t, rn.Propose(fmt.Appendf(nil, "proposal %d", proposed)))
				proposed++
			}
			for _, m := range rn.Ready().Messages {
				switch m.GetTo() {
				case raft.LocalAppendThread:
					b := Batch{Entries: m.GetEntries()}
					if m.Term != nil || m.Vote != nil || m.Commit != nil {
						b.HardState = &raftpb.HardState{Term: m.Term, Vote: m.Vote, Commit: m.Commit}
					}
					must(t, l.Append(b))
				case raft.LocalApplyThread:
					for _, e := range m.GetEntries() {
						if e.GetIndex() != applied+1 {
							t.Fatalf("applied %d after %d", e.GetIndex(), applied)
						}
						applied = e.GetIndex()
					}
					if rn.Status().GetCommit() < applied {
						t.Fatal("applied beyond the commit")
					}
				default:
					t.Fatalf("message to %d in a cluster of one", m.GetTo())
				}
				for _, resp := range m.GetResponses() {
					must(t, rn.Step(resp))
				}
			}
		}
		last, _ := l.LastIndex()
		if applied != last {
			t.Fatalf("life %d: applied %d of %d", life, applied, last)
		}
		if life%2 == 1 {
			l.Compact(applied - 20)
		}
		must(t, l.check())
	}
}
