package peer

import (
	"testing"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"parley/proto/internalv1"
)

// Soft state reaches every peer, alone or beside messages, in order, and an oversized frame is not sent.
func TestSoftStateArrives(t *testing.T) {
	one, two := newNode(), newNode()
	pair(t, one, two)
	one.t.SendSoft([]byte("a"))
	two.await(t, "a frame alone", func(e []any) bool { return len(e) == 1 })
	one.t.SendSoft(make([]byte, MaxSoftFrameBytes+1))
	// Filled by hand, so that the writer sees all of it at once.
	l := one.t.link(2)
	l.lanes.pushSoft([]byte("b"))
	l.lanes.push(message(1, 2, 7))
	l.lanes.pushSoft([]byte("c"))
	l.lanes.signal()
	got := two.await(t, "the others", func(e []any) bool { return len(e) == 4 })
	want := []any{softFrame{1, "a"}, uint64(7), softFrame{1, "b"}, softFrame{1, "c"}}
	for i, e := range got {
		if m, ok := e.(*raftpb.Message); ok {
			e = m.GetIndex()
		}
		if e != want[i] {
			t.Errorf("%d came as %v, expected %v", i+1, e, want[i])
		}
	}
	two.t.SendSoft([]byte("back"))
	one.await(t, "a frame the other way", func(e []any) bool { return len(e) == 1 && e[0] == softFrame{2, "back"} })
	if s := one.t.Stats()[2]; s.SoftSent != 3 || s.SoftDropped != 0 {
		t.Errorf("counted %+v, expected 3 frames sent and none dropped", s)
	}
}

// A node of an earlier release says nothing of soft state, and gets none; messages go on.
func TestAnOldPeerIsSentNoSoftState(t *testing.T) {
	old, one := newNode(), newNode()
	lis := listen(t, "127.0.0.1:0")
	old.start(t, identity(2), lis, nil)
	self := proto.CloneOf(old.t.self.Load())
	self.TakesSoft = false
	old.t.self.Store(self) // before anybody asks
	one.start(t, identity(1), nil, map[uint64]string{2: lis.Addr().String()})
	wait(t, "a link", one.ups)
	one.t.SendSoft([]byte("a"))
	one.t.Send(message(1, 2, 1))
	got := old.await(t, "the message", func(e []any) bool { return len(e) > 0 })
	if m, ok := got[0].(*raftpb.Message); !ok || m.GetIndex() != 1 {
		t.Errorf("an old node was given %v", got[0])
	}
	if s := one.t.Stats()[2]; s.SoftSent != 0 || s.SoftDropped != 0 {
		t.Errorf("counted %+v, expected no soft state", s)
	}
}

// Were an old node sent soft state all the same, it would read the messages beside it as ever.
func TestAnOldPeerSkipsSoftState(t *testing.T) {
	file := protodesc.ToFileDescriptorProto(internalv1.File_parley_internal_v1_peer_proto)
	for _, m := range file.MessageType {
		if m.GetName() == "RaftRequest" {
			m.Field = deleteField(m.Field, "soft")
		}
	}
	fd, err := protodesc.NewFile(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := proto.Marshal(&internalv1.RaftRequest{Messages: [][]byte{[]byte("m1"), []byte("m2")}, Soft: []byte("soft")})
	if err != nil {
		t.Fatal(err)
	}
	old := dynamicpb.NewMessage(fd.Messages().ByName("RaftRequest"))
	if err := proto.Unmarshal(b, old); err != nil {
		t.Fatal(err)
	}
	messages := old.Get(old.Descriptor().Fields().ByName("messages")).List()
	if messages.Len() != 2 || string(messages.Get(1).Bytes()) != "m2" || old.Descriptor().Fields().ByName("soft") != nil {
		t.Errorf("an old node reads %v", old)
	}
}

func deleteField(fields []*descriptorpb.FieldDescriptorProto, name string) (kept []*descriptorpb.FieldDescriptorProto) {
	for _, f := range fields {
		if f.GetName() != name {
			kept = append(kept, f)
		}
	}
	return kept
}

// Frames for a peer that takes nothing are bounded, and lost when its link breaks: nothing stale arrives after it.
func TestSoftStateIsBounded(t *testing.T) {
	l := newLanes()
	if l.pushSoft([]byte("x")) {
		t.Error("a link that is down took a frame")
	}
	l.setOpen(true)
	for i := range maxSoftFrames {
		if !l.pushSoft([]byte{byte(i)}) {
			t.Fatalf("frame %d had no room", i+1)
		}
	}
	if l.pushSoft([]byte("x")) {
		t.Errorf("more than %d frames wait", maxSoftFrames)
	}
	if n := l.setOpen(false); n != 0 {
		t.Errorf("%d messages were counted as lost: soft state is none", n)
	}
	l.setOpen(true)
	if f := l.popSoft(); f != nil {
		t.Errorf("%q outlived its link", f)
	}
}
