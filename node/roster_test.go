package node

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"parley/node/peer"
	"parley/proto/internalv1"
	"parley/store"
)

// While the member records cannot be read nobody is called removed, and what was known of the members stays.
func TestMemberRecordsThatCannotBeRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), storeFile)
	must(t, store.Create(path, make([]byte, clusterIDSz), store.Mark{}))
	st, err := store.Open(path, store.Options{})
	must(t, err)
	must(t, st.Close())
	n := &Node{id: 1, store: st, logger: slog.New(slog.DiscardHandler)}
	n.serving.Store(st)
	before := &membership{last: 3, records: []*internalv1.AnnounceMember{{Id: 3}}}
	n.members.Store(before)
	if n.noteMembers() || n.members.Load() != before {
		t.Errorf("noted %v", n.members.Load())
	}
	err = handler{n}.CheckIdentity(&internalv1.Identity{Id: 2, MaxClusterVersion: MaxClusterVersion})
	if r, ok := errors.AsType[*peer.Refusal](err); !ok || r.Reason != peer.ReasonNotYet {
		t.Errorf("a hello is answered %v", err)
	}
}

// A removed member is listened to until a majority of the voters have the configuration without it on their disks.
func TestRemovedMemberStaysUntilTheConfigurationIsSettled(t *testing.T) {
	m := &membership{last: 4, records: []*internalv1.AnnounceMember{{Id: 1, Name: "n1"}, {Id: 2, Name: "n2", Role: roleRemoved}}}
	cs, err := proto.Marshal(&pb.ConfState{Voters: []uint64{1}})
	must(t, err)
	path := filepath.Join(t.TempDir(), storeFile)
	must(t, store.Create(path, make([]byte, clusterIDSz), store.Mark{Index: 1, Term: 1, ConfState: cs}))
	st, err := store.Open(path, store.Options{})
	must(t, err)
	defer st.Close()
	n := &Node{id: 1, store: st, ctx: t.Context()}
	n.serving.Store(st)
	n.members.Store(m)
	n.status.Store(&Status{Members: []Member{{ID: 1}}})
	if n.gone(m, 2) || n.gone(m, 3) {
		t.Error("gone before anybody was asked")
	}
	n.settle()
	if !n.gone(m, 2) || !n.gone(m, 3) || n.gone(m, 1) {
		t.Error("not gone when all voters have the configuration")
	}
	other := "another configuration"
	n.settlement.done.Store(&other)
	if n.gone(m, 2) {
		t.Error("gone at once after a change")
	}
}

// Learners have no say in whether the leader's clock is right.
func TestMedianOffset(t *testing.T) {
	offsets := map[uint64]time.Duration{2: time.Minute, 3: time.Millisecond, 4: time.Hour, 5: time.Hour}
	st := &Status{}
	for id := range uint64(5) {
		st.Members = append(st.Members, Member{ID: id + 1, Learner: id >= 3, Reachable: true})
	}
	of := func(id uint64) (time.Duration, bool) { off, ok := offsets[id]; return off, ok }
	if median, clocks := medianOffset(st, 1, of); median != time.Millisecond || clocks != 3 {
		t.Errorf("median %v of %d clocks, want 1ms of 3", median, clocks)
	}
}

// A first member whose start was interrupted is told from a machine with an empty directory by the cluster id, which is the
// hash of all first members' incarnations, also on a node that restarted since and has heard nobody.
func TestFirstMemberWithoutARecord(t *testing.T) {
	inc := func(i int) []byte { return fmt.Appendf(nil, "incarnation-%04d", i+1) }
	identity := func(i int, incarnation []byte) *internalv1.Identity {
		return &internalv1.Identity{
			Id: uint64(i + 1), Name: fmt.Sprintf("n%d", i+1), Incarnation: incarnation, Boot: 1, FirstMembers: "n1=a:1,n2=b:1,n3=c:1",
		}
	}
	restarted := func() *Node {
		n := &Node{id: 1, self: identity(0, inc(0))}
		n.self.ClusterId = clusterID([]string{"n1", "n2", "n3"}, inc)
		return n
	}
	reason := func(err error) peer.Reason {
		if r, ok := errors.AsType[*peer.Refusal](err); ok {
			return r.Reason
		}
		return ""
	}
	recorded := &membership{records: []*internalv1.AnnounceMember{{Id: 2, Name: "n2", Incarnation: inc(1)}}}

	n := restarted()
	if err := n.firstMember(recorded, identity(2, inc(2))); err != nil {
		t.Errorf("n3, whose start was interrupted, beside a record of n2: %v", err)
	}
	if err := n.firstMember(recorded, identity(2, inc(8))); reason(err) != peer.ReasonOtherIncarnation {
		t.Errorf("n3 with an empty directory: %v", err)
	}
	n = restarted()
	if err := n.firstMember(&membership{}, identity(1, inc(1))); reason(err) != peer.ReasonNotYet {
		t.Errorf("n2 while n3 was not heard: %v", err)
	}
	if err := n.firstMember(&membership{}, identity(2, inc(2))); err != nil {
		t.Errorf("n3 once n2 was heard: %v", err)
	}
	if err := n.firstMember(&membership{}, identity(1, inc(1))); err != nil {
		t.Errorf("n2 once n3 was heard: %v", err)
	}
	n = restarted()
	_ = n.firstMember(&membership{}, identity(1, inc(8))) // an empty directory calls first
	if err := n.firstMember(&membership{}, identity(2, inc(2))); reason(err) != peer.ReasonNotYet {
		t.Errorf("n3 must not be refused for good because of n2's claim: %v", err)
	}
}
