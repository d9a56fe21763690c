package node

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
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

// A member without room for a file is not sent one again and again; raft's own retry comes with the next heartbeat.
func TestSendsPauseForRoom(t *testing.T) {
	var s snapshotSends
	here := fmt.Errorf("spool: %w", ErrNoRoom)
	there := status.Error(codes.ResourceExhausted, "no room")
	for i, seconds := range []int{1, 2, 4, 8, 16, 30, 30} {
		want := time.Duration(seconds) * time.Second
		err := here
		if i%2 == 1 {
			err = there
		}
		if got := s.pause(2, err); got != want {
			t.Errorf("pause %d is %v, want %v", i, got, want)
		}
	}
	if got := s.pause(3, here); got != healRetry {
		t.Errorf("another member's first pause is %v", got)
	}
	if got := s.pause(2, errors.New("the link broke")); got != 0 {
		t.Errorf("a pause of %v without need", got)
	}
	if got := s.pause(2, nil); got != 0 || s.pause(2, here) != healRetry {
		t.Error("the pauses go on after a file was sent")
	}
}

// A file that would fill the disk is refused before its first byte.
func TestNoRoomToReceive(t *testing.T) {
	c := startCluster(t, 1)
	c.leader()
	in, err := handler{c.nodes[0]}.OpenIncoming(snapMessage(100), 1<<60)
	if in != nil || status.Code(err) != codes.ResourceExhausted {
		t.Errorf("got %v, %v", in, err)
	}
	left, err := filepath.Glob(filepath.Join(c.cfgs[0].Dir, "receive-*"))
	if must(t, err); len(left) != 0 {
		t.Errorf("%v is there", left)
	}
}
