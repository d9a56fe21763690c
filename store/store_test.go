package store

import (
	"slices"
	"testing"
)

func TestSendAndRead(t *testing.T) {
	s, path := fileStore(t, Options{})
	r := newRig(t, s)
	r.people("alice", "bob")
	r.send("alice", "@bob", "hi")
	res := r.send("bob", "@Alice", "hello\nthere")
	if res.GetSeq() != 2 || res.GetId() != 2 || res.GetConversation() != "@alice" {
		t.Fatalf("second send: %v", res)
	}
	want := []string{"@bob 1 alice: hi", "@bob 2 bob: hello\nthere new"}
	if got := r.read("alice", MessageQuery{}); !slices.Equal(got, want) {
		t.Fatalf("alice reads %q, want %q", got, want)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r.s = s
	if got := r.read("alice", MessageQuery{}); !slices.Equal(got, want) {
		t.Fatalf("after a restart alice reads %q, want %q", got, want)
	}
}
