package store

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
)

// P8: a stored value that changed, or that is under another key, is never served: not to a read, not to Apply, not to a
// scrub; the error names its key.
func TestDamagedValueIsNotServed(t *testing.T) {
	damage := map[string]func(d *MemDisk, key []byte){
		"a flipped bit": func(d *MemDisk, key []byte) {
			w, _ := d.tree.Get(Write{Key: key})
			v := bytes.Clone(w.Value)
			v[3] ^= 0x10
			d.tree.Set(Write{Key: key, Value: v})
		},
		"another key's value": func(d *MemDisk, key []byte) {
			w, _ := d.tree.Get(Write{Key: keyMessage(nil, 1, 2)})
			d.tree.Set(Write{Key: key, Value: w.Value})
		},
		"truncation": func(d *MemDisk, key []byte) { d.tree.Set(Write{Key: key, Value: []byte{1}}) },
	}
	for name, f := range damage {
		t.Run(name, func(t *testing.T) {
			s, d := memStore(t, Options{})
			r := newRig(t, s)
			r.people("ann", "bob")
			r.send("ann", "@bob", "first")
			r.send("ann", "@bob", "second")
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			key := keyMessage(nil, 1, 1)
			f(d, key)
			s, err := OpenDisk(d, Options{Manual: true})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			r.s = s
			isDamage := func(what string, err error) {
				t.Helper()
				var de *DamageError
				if !errors.As(err, &de) || !bytes.Equal(de.Key, key) {
					t.Fatalf("%s: %v", what, err)
				}
			}
			v, ses := r.as("bob")
			page, err := v.Messages(ses, MessageQuery{Limit: 10})
			v.Close()
			isDamage("read", err)
			if page.Messages != nil {
				t.Fatalf("read %v", page.Messages)
			}
			_, _, _, err = s.RecomputeHash()
			isDamage("scrub", err)
			b, err := proto.Marshal(r.deleteCmd("ann", 1))
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.Apply([]Entry{{Index: r.index + 1, Term: 1, StampMS: r.nowMS, Commands: [][]byte{b}}})
			isDamage("apply", err)
			var ae *ApplyError
			if !errors.As(err, &ae) || ae.Index != r.index+1 || ae.Term != 1 {
				t.Fatalf("apply: %v", err)
			}
			if s.Applied() != r.index {
				t.Fatalf("applied moved to %d", s.Applied())
			}
		})
	}
}

func TestDamagedFile(t *testing.T) {
	s, path := fileStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob")
	text := "a text that is found in the file"
	r.send("ann", "@bob", text)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Verify(path); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write := func(b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	flipped := bytes.ReplaceAll(file, []byte(text), []byte(strings.Replace(text, "found", "wound", 1)))
	write(flipped)
	var de *DamageError
	if err := Verify(path); !errors.As(err, &de) || de.Path != path {
		t.Fatalf("verify: %v", err)
	}
	if _, err := Open(path, Options{Manual: true}); !errors.As(err, &de) || de.Path != path || de.Key == nil {
		t.Fatalf("open: %v", err)
	}
	s, err = Open(path, Options{Manual: true, CheckBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	r.s = s
	noticed := 0
	s.OnDamage(func(error) { noticed++ })
	v, ses := r.as("bob")
	if _, err := v.Messages(ses, MessageQuery{Limit: 1}); !errors.As(err, &de) || de.Path != path || de.Key == nil {
		t.Fatalf("read: %v", err)
	}
	if noticed != 1 {
		t.Fatalf("the damage was told %d times", noticed)
	}
	v.Close()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// Whole-file damage is refused at the door, and nothing is made anew.
	for name, b := range map[string][]byte{
		"empty": {}, "zeroed": make([]byte, len(file)), "cut": file[:100], "pages beyond the end": file[:3*4096],
	} {
		write(b)
		if s, err := Open(path, Options{Manual: true}); err != nil && !errors.As(err, &de) {
			t.Errorf("%s: %v", name, err)
		} else if err == nil {
			v, verr := s.View()
			if verr == nil {
				_, verr = v.Session(token("bob"))
				v.Close()
			}
			if verr == nil {
				t.Errorf("%s: opened and read", name)
			}
			_ = s.Close()
		}
		if got, err := os.ReadFile(path); err != nil || len(got) > len(file) {
			t.Errorf("%s: the file is %d bytes now, %v", name, len(got), err)
		}
	}
	write(file) // healed in place: nobody holds on to it
	if s, err = Open(path, Options{Manual: true}); err != nil {
		t.Fatal(err)
	}
	r.s = s
	r.read("bob", MessageQuery{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("no file: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Fatal("Open made a file")
	}
}

// A command that this program does not know stops it, whole or in part.
func TestUnknownCommandStops(t *testing.T) {
	login := &internalv1.Command_Login{Login: &internalv1.Login{Username: "a"}}
	known, err := proto.Marshal(&internalv1.Command{Body: login})
	if err != nil {
		t.Fatal(err)
	}
	field := protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 1)
	inBody := protowire.AppendBytes(protowire.AppendTag(nil, 11, protowire.BytesType), field)
	inRange := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), field)
	inList := protowire.AppendBytes(protowire.AppendTag(nil, 16, protowire.BytesType), inRange)
	for name, cmd := range map[string][]byte{
		"no body": {}, "new body": protowire.AppendBytes(protowire.AppendTag(nil, 90, protowire.BytesType), nil),
		"new field": append(bytes.Clone(known), field...), "new field in the body": inBody,
		"new field in a list in the body": inList, "garbage": {0xff},
	} {
		s, _ := memStore(t, Options{})
		_, err := s.Apply([]Entry{{Index: 2, Term: 3, StampMS: startMS, Commands: [][]byte{known, cmd}}})
		var ae *ApplyError
		if !errors.As(err, &ae) || ae.Index != 2 || ae.Term != 3 || ae.Command != 1 {
			t.Errorf("%s: %v", name, err)
		}
		if s.Applied() != 1 {
			t.Errorf("%s: applied %d", name, s.Applied())
		}
	}
	s, _ := memStore(t, Options{})
	raise, err := proto.Marshal(&internalv1.Command{Body: &internalv1.Command_RaiseClusterVersion{
		RaiseClusterVersion: &internalv1.RaiseClusterVersion{Version: 1000}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Apply([]Entry{{Index: 2, Term: 1, Commands: [][]byte{raise}}}); err == nil {
		t.Error("a cluster version of the future was accepted")
	}
}

func TestEntriesMustFollow(t *testing.T) {
	for _, e := range []Entry{{Index: 3, Term: 1}, {Index: 1, Term: 1}, {Index: 2, Term: 0}} {
		s, _ := memStore(t, Options{})
		if _, err := s.Apply([]Entry{e}); err == nil {
			t.Errorf("entry %d of term %d follows index 1, term 1", e.Index, e.Term)
		}
	}
}

func TestHashMarks(t *testing.T) {
	s, d := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob")
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	r.send("ann", "@bob", "unflushed")
	waiting := make(chan []byte, 1)
	ctx, next := testContext(t), r.index+1
	go func() { // ends when the mark is applied
		h, err := s.HashAt(ctx, next)
		if err != nil {
			t.Error(err)
		}
		waiting <- h
	}()
	res := r.entry(r.sendCmd("bob", "@ann", "same entry"), hashCmd())
	want := res[1].GetHash().GetHash()
	if got := <-waiting; !bytes.Equal(got, want) || res[1].GetHash().GetIndex() != r.index {
		t.Fatalf("HashAt %x, the result %x", got, want)
	}
	if got := r.stateHash(); !bytes.Equal(got, want) {
		t.Fatalf("the flushed state has hash %x, the mark says %x", got, want)
	}
	marked := r.index
	s2, err := OpenDisk(d.Clone(), Options{Manual: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s2.Close()
	if got, err := s2.HashAt(context.Background(), marked); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("after a restart: %x, %v", got, err)
	}
	if _, err := s2.HashAt(context.Background(), marked-1); !errors.Is(err, ErrNoHashMark) {
		t.Fatal(err)
	}
	for range MaxHashMarks {
		r.ok(hashCmd())
	}
	if _, err := s.HashAt(context.Background(), marked); !errors.Is(err, ErrNoHashMark) {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.HashAt(ended, r.index+1); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// A snapshot taken on one node is the state of another, of either kind of disk; watchers go on over it.
func TestSnapshotMovesBetweenNodes(t *testing.T) {
	from, _ := fileStore(t, Options{})
	r := newRig(t, from)
	r.people("ann", "bob")
	r.send("ann", "@bob", "before")
	log := r.log
	to, path := fileStore(t, Options{})
	mem, _ := memStore(t, Options{})
	ctx := testContext(t)
	var ws []*Watcher
	for _, s := range []*Store{to, mem} {
		if _, err := s.Apply(log); err != nil {
			t.Fatal(err)
		}
		w, err := s.Watch(WatchOptions{Session: token("bob")})
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		ws = append(ws, w)
	}
	for range 300 {
		r.send("ann", "@bob", "missed")
	}
	r.ok(hashCmd())
	dir := t.TempDir()
	for i, s := range []*Store{to, mem} {
		hash := r.stateHash()
		spool := filepath.Join(dir, "spool")
		m, size, err := from.Spool(spool)
		if err != nil || m.Index != from.Applied() {
			t.Fatal(m, err)
		}
		if st, err := os.Stat(spool); err != nil || st.Size() != size {
			t.Fatal(st.Size(), size, err)
		}
		if got, id, err := Inspect(spool); err != nil || got.Index != m.Index || !bytes.Equal(id, testCluster) {
			t.Fatal(got, id, err)
		}
		if err := Verify(spool); err != nil {
			t.Fatal(err)
		}
		old := newRig(t, s)
		v, ses := old.as("bob") // open over the install
		if got, err := s.Install(spool); err != nil || got.Index != m.Index {
			t.Fatal(got, err)
		}
		if p, err := v.Messages(ses, MessageQuery{Limit: 10}); err != nil || len(p.Messages) != 1 {
			t.Fatalf("the old view reads %d messages, %v", len(p.Messages), err)
		}
		v.Close()
		if got := finalHash(t, s); !bytes.Equal(got, hash) {
			t.Fatalf("installed hash %x, want %x", got, hash)
		}
		if _, err := os.Stat(spool); !errors.Is(err, os.ErrNotExist) {
			t.Fatal("the received file is still there")
		}
		seq := uint64(2)
		for seq < 302 {
			es, err := ws[i].Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range es {
				if e.GetMessage().GetSeq() != seq {
					t.Fatalf("told %v, want seq %d", e, seq)
				}
				seq++
			}
		}
		onto := newRig(t, s)
		onto.nowMS, onto.ids = r.nowMS, r.ids+1000
		onto.send("bob", "@ann", "after")
		if es, err := ws[i].Next(ctx); err != nil || es[0].GetMessage().GetText() != "after" {
			t.Fatal(es, err)
		}
		if _, err := s.HashAt(ctx, m.Index); err != nil {
			t.Fatal(err)
		}
		// From the memory store the way back, which a file installs as well.
		back := filepath.Join(dir, "back")
		if err := s.Flush(); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Spool(back); err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			if _, err := to.Install(back); err != nil {
				t.Fatal(err)
			}
		}
	}
	// What may not be installed changes nothing.
	other := filepath.Join(dir, "other")
	if err := Create(other, []byte("another-cluster!"), Mark{Index: 1 << 30, Term: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := to.Install(other); !errors.Is(err, ErrWrongCluster) {
		t.Fatal(err)
	}
	stale := filepath.Join(dir, "stale")
	if err := Create(stale, testCluster, Mark{Index: 1, Term: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := to.Install(stale); !errors.Is(err, ErrStale) {
		t.Fatal(err)
	}
	finalHash(t, to)
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Create(path, testCluster, Mark{}); !errors.Is(err, os.ErrExist) {
		t.Fatal(err)
	}
}
