package node

import (
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"

	"parley/raftlog"
)

// mergeAppends turns consecutive MsgStorageAppend without snapshots into one batch, and so into one transaction (group
// commit). A later entry replaces an earlier one of its index and all that follow it; the last hard state wins.
func mergeAppends(ms []*pb.Message) raftlog.Batch {
	var b raftlog.Batch
	for _, m := range ms {
		if es := m.GetEntries(); len(es) > 0 {
			if len(b.Entries) > 0 {
				first, next := b.Entries[0].GetIndex(), es[0].GetIndex()
				if next <= first {
					b.Entries = b.Entries[:0]
				} else if keep := next - first; keep < uint64(len(b.Entries)) {
					b.Entries = b.Entries[:keep]
				}
			}
			b.Entries = append(b.Entries, es...)
		}
		if m.Term != nil {
			b.HardState = &pb.HardState{Term: m.Term, Vote: m.Vote, Commit: m.Commit}
		}
	}
	return b
}

// splitAtSnapshot cuts a queue of appends before the first one that carries a snapshot, or after it when it is the first:
// an install stands alone.
func splitAtSnapshot(ms []*pb.Message) (batch, rest []*pb.Message) {
	for i, m := range ms {
		if raft.IsEmptySnap(m.GetSnapshot()) {
			continue
		}
		if i == 0 {
			return ms[:1], ms[1:]
		}
		return ms[:i], ms[i:]
	}
	return ms, nil
}

// responses lists what may be said now that the appends are durable, in order.
func responses(ms []*pb.Message) []*pb.Message {
	var out []*pb.Message
	for _, m := range ms {
		out = append(out, m.GetResponses()...)
	}
	return out
}
