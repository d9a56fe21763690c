package node

import (
	"testing"

	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"parley/raftlog"
)

// filledLog is a committed log from index 2 on, of n entries that take about size bytes each.
func filledLog(t *testing.T, n, size int) *raftlog.Log {
	t.Helper()
	log, err := raftlog.OpenDisk(raftlog.NewMemDisk(raftlog.Identity{
		ID: 1, Name: "n1", ClusterID: simClusterID, Incarnation: make([]byte, incarnationSz),
	}), raftlog.Options{})
	must(t, err)
	must(t, log.Reset(1, 1, &pb.HardState{Term: proto.Uint64(1), Commit: proto.Uint64(1)}))
	data := make([]byte, size)
	var b raftlog.Batch
	for i := range n {
		b.Entries = append(b.Entries, &pb.Entry{Index: proto.Uint64(uint64(i) + 2), Term: proto.Uint64(1), Data: data})
	}
	b.HardState = &pb.HardState{Term: proto.Uint64(1), Commit: proto.Uint64(uint64(n) + 1)}
	must(t, log.Append(b))
	return log
}

const nobody = ^uint64(0) // needs the log

func TestCompactKeepsWhatLaggingMembersWant(t *testing.T) {
	log := filledLog(t, 96, 1<<20) // 96 MiB, up to index 97
	const retain = 10_000
	for _, tc := range []struct {
		what                    string
		flushed, retain, needed uint64
		want, wantAtMost        uint64
	}{
		{"the bytes bound it, not the flushed index", 97, retain, nobody, 80, 82},
		{"the entries bound it", 97, 5, nobody, 92, 92},
		{"never above the flushed index", 40, 5, nobody, 40, 40},
		{"a live follower's need comes first", 97, 5, 60, 60, 60},
		{"but only so far", 97, 5, 3, 32, 34},
		{"a store file is being installed", 98, 5, nobody, 0, 0},
	} {
		if got := compactTo(log, tc.flushed, tc.retain, tc.needed); got < tc.want || got > tc.wantAtMost {
			t.Errorf("%s: cut to %d, want %d to %d", tc.what, got, tc.want, tc.wantAtMost)
		}
	}
	log.Compact(compactTo(log, 97, 5, nobody))
	if got := compactTo(log, 97, retain, nobody); got > 92 {
		t.Errorf("a short log is cut to %d", got)
	}
}

func TestExceedsCountsWhatIsAboveTheIndex(t *testing.T) {
	log := filledLog(t, 96, 1<<20)
	for _, tc := range []struct {
		above uint64
		want  bool
	}{{1, true}, {30, true}, {40, false}, {97, false}, {200, false}} {
		if got := exceeds(log, tc.above, maxUnflushedLogBytes); got != tc.want {
			t.Errorf("the log above %d exceeds the bound: %v, want %v", tc.above, got, tc.want)
		}
	}
}
