package node

import (
	"errors"
	"testing"

	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"parley/store"
)

// TestLoopSleepsOnHeldCommands holds more commands than one entry takes while there is no leader: with nothing new the loop
// must not be woken, or it would spin until there is one.
func TestLoopSleepsOnHeldCommands(t *testing.T) {
	b := newInbox()
	b.gather(false, 2*maxEntryCommands)
	select {
	case <-b.wake:
		t.Fatal("woken for nothing")
	default:
	}
	b.propose(&proposal{cmd: []byte("new")})
	select {
	case <-b.wake:
	default:
		t.Fatal("not woken for a new command")
	}
}

// TestErrorAnswersThoseBehindIt stops an apply in its first entry: who waits for a later one of the same batch is told.
func TestErrorAnswersThoseBehindIt(t *testing.T) {
	conf, err := proto.Marshal(&pb.ConfState{Voters: []uint64{1}})
	must(t, err)
	st, err := store.OpenDisk(store.NewMemDisk(simClusterID, store.Mark{Index: 1, Term: 1, ConfState: conf}), store.Options{Manual: true})
	must(t, err)
	defer func() { must(t, st.Close()) }()
	a := &applier{sm: st, confChange: func(uint64, *pb.ConfState, pb.ConfChangeI) (*pb.ConfState, error) {
		return nil, errStopping
	}}
	entry := func(index uint64, kind pb.EntryType) *pb.Message {
		return &pb.Message{Entries: []*pb.Entry{{Index: &index, Term: proto.Uint64(1), Type: kind.Enum()}}}
	}
	var got *Error
	waiter := inflightEntry{index: 3, term: 1, proposals: []*proposal{{done: func(o outcome) { got = o.err }}}}
	err = a.apply([]applyWork{
		{m: entry(2, pb.EntryConfChangeV2)},
		{m: entry(3, pb.EntryNormal), waiters: []inflightEntry{waiter}},
	})
	if !errors.Is(err, errStopping) || got == nil || got.Outcome != Unknown {
		t.Fatalf("ended with %v, and the waiter with %v", err, got)
	}
}
