package node

import (
	"slices"
	"testing"

	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

func snapMessage(index uint64) *pb.Message {
	return &pb.Message{Type: pb.MsgSnap.Enum(), Snapshot: &pb.Snapshot{
		Metadata: &pb.SnapshotMetadata{Index: proto.Uint64(index), Term: proto.Uint64(1)},
	}}
}

// The next file arrives while the install of the first still waits for the disk (etcd#18055).
func TestSecondFileLeavesTheFirstItsInstall(t *testing.T) {
	var in incomingSnapshots
	first, second, stale := snapMessage(100), snapMessage(120), snapMessage(90)
	in.add(100, "a")
	if spare := in.add(100, "a again"); spare != "a again" {
		t.Errorf("of two files of one index %q is not needed", spare)
	}
	if spare := in.settle([]*pb.Message{first}, []*pb.Message{first}); len(spare) != 0 {
		t.Errorf("raft wants it, and %v would be removed", spare)
	}
	in.add(120, "b")
	in.add(90, "old")
	if spare := in.settle([]*pb.Message{first, second, stale}, []*pb.Message{second}); !slices.Equal(spare, []string{"old"}) {
		t.Errorf("raft ignored the file at 90, and %v would be removed", spare)
	}
	for index, want := range map[uint64]string{100: "a", 120: "b"} {
		if got, err := in.claim(index); got != want || err != nil {
			t.Errorf("the install at %d gets %q, %v", index, got, err)
		}
	}
	if _, err := in.claim(100); err == nil {
		t.Error("a file was claimed twice")
	}
}
