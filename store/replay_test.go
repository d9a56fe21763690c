package store

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
)

// reference applies a log one entry at a time, never flushed, and returns its answers and its final hash.
func reference(t *testing.T, es []Entry) (results [][][]byte, hash []byte) {
	t.Helper()
	s, _ := memStore(t, Options{})
	for i := range es {
		res, err := s.Apply(es[i : i+1])
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, res[0])
	}
	return results, finalHash(t, s)
}

// finalHash flushes and returns the state hash, which must be what a recomputation finds.
func finalHash(t *testing.T, s *Store) []byte {
	t.Helper()
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	m, recorded, computed, err := s.RecomputeHash()
	if err != nil {
		t.Fatal(err)
	}
	if m.Index != s.Applied() {
		t.Fatalf("flushed to %d, applied %d", m.Index, s.Applied())
	}
	if !bytes.Equal(recorded, computed) {
		t.Fatalf("at index %d the kept hash is %x, the recomputed one %x", m.Index, recorded, computed)
	}
	return recorded
}

// P6: the state and every answer are a function of the log, whatever is done to the node between the entries.
func TestReplayEquality(t *testing.T) {
	seeds := uint64(12)
	if testing.Short() {
		seeds = 3
	}
	for seed := range seeds {
		es := newChatGen(seed).entries(400)
		want, hash := reference(t, es)
		t.Run(fmt.Sprintf("mem/seed=%d", seed), func(t *testing.T) {
			d := NewMemDisk(testCluster, Mark{Index: 1, Term: 1})
			replay(t, seed, es, want, hash, func(o Options) (*Store, error) { return OpenDisk(d, o) },
				func() { d = d.Clone() })
		})
		t.Run(fmt.Sprintf("bbolt/seed=%d", seed), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "store.db")
			if err := Create(path, testCluster, Mark{Index: 1, Term: 1}); err != nil {
				t.Fatal(err)
			}
			replay(t, seed, es, want, hash, func(o Options) (*Store, error) { return Open(path, o) }, func() {})
		})
	}
}

// replay cuts a log into calls at random, with flushes, crashes (what was not flushed is applied again, and must be
// answered alike) and clean restarts between them.
func replay(t *testing.T, seed uint64, es []Entry, want [][][]byte, hash []byte, open func(Options) (*Store, error),
	crash func()) {
	rnd := rand.New(rand.NewPCG(seed, 99))
	o := Options{Manual: true, OverlayBytes: 1 << (10 + rnd.IntN(8))}
	s, err := open(o)
	if err != nil {
		t.Fatal(err)
	}
	for {
		at := int(s.Applied()) - 1
		if at == len(es) {
			break
		}
		n := min(1+rnd.IntN(30), len(es)-at)
		got, err := s.Apply(es[at : at+n])
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			for j := range got[i] {
				if !bytes.Equal(got[i][j], want[at+i][j]) {
					t.Fatalf("seed %d, entry %d, command %d: answered %s, want %s", seed, at+i, j, show(got[i][j]),
						show(want[at+i][j]))
				}
			}
		}
		switch rnd.IntN(6) {
		case 0:
			if err := s.Flush(); err != nil {
				t.Fatal(err)
			}
		case 1: // crash: the memory is lost
			s.failed.CompareAndSwap(nil, ptr(errors.New("crashed")))
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			crash()
			if s, err = open(o); err != nil {
				t.Fatal(err)
			}
		case 2:
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if s, err = open(o); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := finalHash(t, s); !bytes.Equal(got, hash) {
		t.Fatalf("seed %d: state hash %x, want %x", seed, got, hash)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func ptr[T any](v T) *T { return &v }

func show(b []byte) string {
	r := new(internalv1.Result)
	if err := proto.Unmarshal(b, r); err != nil {
		return err.Error()
	}
	return r.String()
}

// A log must exercise what it is meant to: every kind of answer and nearly every reason to refuse.
func TestGeneratedLogsCoverTheCommands(t *testing.T) {
	seen := make(map[string]int)
	for seed := range uint64(12) {
		es := newChatGen(seed).entries(400)
		results, _ := reference(t, es)
		for i, e := range es {
			for j, b := range e.Commands {
				c, r := new(internalv1.Command), new(internalv1.Result)
				if err := errors.Join(proto.Unmarshal(b, c), proto.Unmarshal(results[i][j], r)); err != nil {
					t.Fatal(err)
				}
				what := "done"
				if f := r.GetRefusal(); f != nil {
					what = f.GetReason().String()
				}
				seen[fmt.Sprintf("%T %s", c.GetBody(), what)]++
				seen[what]++
			}
		}
	}
	for _, kind := range []string{"CreateUser", "Login", "Logout", "ChangePassword", "RevokeSession", "SendMessage",
		"MarkRead", "DeleteMessages", "DeleteUser", "SetOperator", "ResetPassword", "AnnounceMember",
		"RaiseClusterVersion", "ChangeMembers", "HashMark", "EraseSlice", "ExpireSlice", "RetainSlice", "PostMessage",
		"EditMessage", "Annotate", "SetReadMark", "SetMute", "CreateRoom", "UpdateRoom", "SetMembership", "UpdateProfile",
		"SetBlock", "SuspendUser", "RemoveUser", "UpdateSettings", "CreateInvite", "RevokeInvite", "RegisterUser", "CreateBot",
		"DeleteBot"} {
		if seen["*internalv1.Command_"+kind+" done"] == 0 {
			t.Errorf("no %s was carried out", kind)
		}
	}
	for n, name := range internalv1.Reason_name {
		if n != 0 && internalv1.Reason(n) != internalv1.Reason_REASON_LIMIT_REACHED &&
			internalv1.Reason(n) != internalv1.Reason_REASON_INVALID_FIELD && seen[name] == 0 {
			t.Errorf("nothing was refused with %s", name)
		}
	}
	if t.Failed() {
		t.Log(seen)
	}
}
