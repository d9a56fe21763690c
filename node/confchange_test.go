package node

import (
	"math/rand/v2"
	"testing"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// TestConfAfterIsRafts gives random changes, joint ones among them, to raft and to confAfter: both must come to the same.
func TestConfAfterIsRafts(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		before := &pb.ConfState{Voters: []uint64{1, 2, 3}}
		storage := raft.NewMemoryStorage()
		must(t, storage.ApplySnapshot(&pb.Snapshot{Metadata: &pb.SnapshotMetadata{
			Index: proto.Uint64(1), Term: proto.Uint64(1), ConfState: before,
		}}))
		rn, err := raft.NewRawNode(&raft.Config{
			ID: 1, ElectionTick: 10, HeartbeatTick: 1, Storage: storage, MaxInflightMsgs: 1, Logger: silent{},
		})
		must(t, err)
		for range 20 {
			cc := randomChange(rng, before)
			got, err := confAfter(before, cc)
			must(t, err)
			want := rn.ApplyConfChange(cc)
			if err := want.Equivalent(got); err != nil {
				t.Fatalf("%v on %v: %v", cc, before, err)
			}
			before = got
		}
	}
}

// randomChange leaves a joint configuration, or adds and removes members; member 1 always stays.
func randomChange(rng *rand.Rand, before *pb.ConfState) *pb.ConfChangeV2 {
	if len(before.GetVotersOutgoing()) > 0 {
		return new(pb.ConfChangeV2)
	}
	kinds := []pb.ConfChangeType{pb.ConfChangeAddNode, pb.ConfChangeAddLearnerNode, pb.ConfChangeRemoveNode}
	var b changeBuilder
	for range 1 + rng.IntN(3) {
		b.add(kinds[rng.IntN(len(kinds))], 2+rng.Uint64N(6))
	}
	return b.plan().change
}
