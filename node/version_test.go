package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"parley/node/peer"
	"parley/proto/internalv1"
	"parley/raftlog"
)

func changeCommand() *internalv1.Command {
	return &internalv1.Command{RequestId: newRequest(), Body: &internalv1.Command_ChangeMembers{
		ChangeMembers: &internalv1.ChangeMembers{FromAdminSocket: true, Remove: []string{"nobody"}}}}
}

func (c *testCluster) atVersion(version uint32) bool {
	for _, n := range c.nodes {
		if n.store.ClusterVersion() != version {
			return false
		}
	}
	return true
}

// While one member runs an old program no command that it does not know reaches raft, whichever node is asked, and the caller
// is told. When it was upgraded the cluster version rises by itself. Afterwards an old program is refused, and its directory
// is not marked: the right program goes on with it.
func TestClusterVersionWaitsForEveryMember(t *testing.T) {
	c := startClusterOf(t, 3, func(i int, cfg *Config) {
		if i == 2 {
			cfg.announceVersion = 1
		}
	})
	c.leader()
	c.await("every member to be recorded", func() bool {
		n := 0
		records, err := c.nodes[0].store.Members()
		must(t, err)
		for _, r := range records {
			if len(r.GetIncarnation()) > 0 {
				n++
			}
		}
		return n == 3
	})
	tooLow := func(err error) bool {
		e, ok := errors.AsType[*Error](err)
		return ok && e.Cause == CauseVersionTooLow && e.Outcome == NotApplied
	}
	for i, n := range c.nodes {
		if _, err := tryPropose(t.Context(), n, changeCommand()); !tooLow(err) {
			t.Errorf("node %d: a command of version 2 at version 1: %v", i+1, err)
		}
		if _, err := n.Propose(t.Context(), protowire.AppendBytes(protowire.AppendTag(nil, 1000, protowire.BytesType), nil)); !tooLow(err) {
			t.Errorf("node %d: a command that nobody knows: %v", i+1, err)
		}
	}
	// A follower that does not ask itself cannot get it past the leader either.
	cmd, err := proto.Marshal(changeCommand())
	must(t, err)
	answers := make(chan peer.Answer, 1)
	handler{c.nodes[c.leader()]}.HandOn(t.Context(), []peer.Command{{ID: 1, Bytes: cmd}},
		func(_ uint64, a peer.Answer) { answers <- a })
	if a := <-answers; a.Outcome != peer.NotApplied {
		t.Errorf("handed on: %v, want not applied", a.Outcome)
	}
	if !c.atVersion(1) {
		t.Fatal("the cluster version rose above what a member announced")
	}

	c.stop(2)
	c.cfgs[2].announceVersion = 0
	c.restart(2)
	c.await("the cluster version to rise", func() bool { return c.atVersion(MaxClusterVersion) })
	for i, n := range c.nodes {
		if res, err := tryPropose(t.Context(), n, changeCommand()); err != nil || res.GetRefusal() == nil {
			t.Errorf("node %d: %v, %v; want Apply's answer, that nobody is called nobody", i+1, res, err)
		}
	}

	c.stop(2)
	c.cfgs[2].announceVersion = 1
	c.restart(2)
	for _, n := range c.nodes[:2] {
		err := handler{n}.CheckIdentity(c.nodes[2].self)
		r, ok := errors.AsType[*peer.Refusal](err)
		if !ok || r.Reason != peer.ReasonTooOld || r.Fatal() || !strings.Contains(r.Text, "n3") {
			t.Errorf("an old program says hello: %v", err)
		}
	}
	if !c.atVersion(MaxClusterVersion) {
		t.Error("the cluster version fell")
	}
	c.stop(2)
	if _, err := os.Stat(filepath.Join(c.cfgs[2].Dir, refusedFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory is marked as refused: %v", err)
	}
	c.cfgs[2].announceVersion = 0
	c.restart(2)
	c.await("the right program to take part", func() bool { return c.nodes[2].Status().CaughtUp })
}

// An entry of a later program in the log, committed: the node stops before it at every start, says which and what to do, and
// changes neither what is applied nor the log.
func TestAnEntryOfALaterProgramStopsTheNode(t *testing.T) {
	unknown := protowire.AppendBytes(protowire.AppendTag(nil, 1000, protowire.BytesType), []byte("x"))
	later := appendCommand(appendEnvelopeHeader(nil, 1), nil)
	later[0] = envelopeFormat + 1
	kind := pb.EntryType(7)
	for name, tc := range map[string]struct {
		entry *pb.Entry
		want  []string
	}{
		"a command":   {&pb.Entry{Data: appendCommand(appendEnvelopeHeader(nil, 1), unknown)}, []string{"field 1000", "nothing is lost"}},
		"an envelope": {&pb.Entry{Data: later}, []string{"format 2"}},
		"a type":      {&pb.Entry{Type: &kind}, []string{"entry type 7"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := startCluster(t, 1)
			c.leader()
			c.account(0, "alice")
			c.await("the cluster version to rise", func() bool { return c.atVersion(MaxClusterVersion) })
			c.stop(0)
			path := filepath.Join(c.cfgs[0].Dir, logFile)
			log, err := raftlog.Open(path, raftlog.Options{})
			must(t, err)
			last, err := log.LastIndex()
			must(t, err)
			hs, index := log.HardState(), last+1
			e := proto.CloneOf(tc.entry)
			e.Index, e.Term = &index, hs.Term
			hs.Commit = &index
			must(t, errors.Join(log.Append(raftlog.Batch{Entries: []*pb.Entry{e}, HardState: hs}), log.Close()))

			for range 2 {
				c.restart(0)
				n := c.nodes[0]
				<-n.Done()
				for _, want := range append(tc.want, "upgrade this node", fmt.Sprint("index ", index)) {
					if err := n.Err(); err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("want %q in why the node stopped: %v", want, err)
					}
				}
				c.nodes[0] = nil
				log, err := raftlog.Open(path, raftlog.Options{})
				must(t, err)
				es, err := log.Entries(index, index+1, 1<<20)
				must(t, err)
				if len(es) != 1 || !proto.Equal(es[0], e) {
					t.Errorf("the log changed: %v", es)
				}
				must(t, log.Close())
			}
		})
	}
}
