package raftlog

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCreate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "raft")
	if _, err := Open(path, Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("Open of nothing: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal("Open made a file")
	}
	must(t, os.WriteFile(path+".tmp", []byte("left by a crash"), 0o600))
	must(t, Create(path, testIdentity()))
	if err := Create(path, testIdentity()); !errors.Is(err, fs.ErrExist) {
		t.Fatalf("second Create: %v, want ErrExist", err)
	}
	if err := Create(filepath.Join(dir, "other.db"), Identity{Name: "n1"}); !errors.Is(err, ErrIdentity) {
		t.Fatalf("Create without incarnation: %v, want ErrIdentity", err)
	}
	if err := Create(filepath.Join(dir, "no", "dir"), testIdentity()); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("Create in no directory: %v", err)
	}
	names, err := os.ReadDir(dir)
	must(t, err)
	if len(names) != 1 || names[0].Name() != "raft" {
		t.Fatalf("left in the directory: %v", names)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != fs.ModeDir|0o700 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	l := mustOpen(t, path)
	if id := l.Identity(); id.Name != "n1" || id.Boot != 1 || id.ID != 1 {
		t.Fatalf("identity %+v", id)
	}
	must(t, l.check())
}

func TestOpenTwice(t *testing.T) {
	path := newFile(t)
	l := mustOpen(t, path)
	if _, err := Open(path, Options{}); !errors.Is(err, ErrLocked) {
		t.Fatalf("got %v, want ErrLocked", err)
	}
	must(t, l.Close())
	must(t, l.Close())
	if err := l.Append(Batch{Entries: entries(1, 1, 1), HardState: state(1, 0, 0)}); !errors.Is(err, ErrClosed) {
		t.Fatalf("append after Close: %v, want ErrClosed", err)
	}
	if err := l.Reset(1, 1, nil); !errors.Is(err, ErrClosed) {
		t.Fatalf("reset after Close: %v, want ErrClosed", err)
	}
	if err := l.SetIdentity(testIdentity()); !errors.Is(err, ErrClosed) {
		t.Fatalf("identity after Close: %v, want ErrClosed", err)
	}
	mustOpen(t, path)
}

// TestCompactionRidesAlong: compaction has no transaction of its own, deletes in batches, and keeps the file small.
func TestCompactionRidesAlong(t *testing.T) {
	path := newFile(t)
	l := mustOpen(t, path)
	payload := strings.Repeat("p", 300)
	next := uint64(1)
	var deletions, least uint64
	least = 1 << 62
	for range 250 {
		b := Batch{HardState: state(1, 0, next-1)}
		for range 64 {
			b.Entries = append(b.Entries, entry(next, 1, payload))
			next++
		}
		before := l.stored.first
		must(t, l.Append(b))
		if n := l.stored.first - before; n > 0 {
			deletions++
			least = min(least, n)
		}
		if next > 4000 {
			l.Compact(next - 4000)
		}
		if backlog := l.view.Load().compacted.index + 1 - l.stored.first; backlog > 2*CompactBatch {
			t.Fatalf("%d compacted entries are still on the disk", backlog)
		}
	}
	if deletions == 0 || least < CompactBatch {
		t.Fatalf("%d deletions, the smallest of %d entries; want some, of at least %d", deletions, least, CompactBatch)
	}
	must(t, l.check())
	if used, limit := dirBytes(t, path), 4*segmentBytes; used > limit {
		t.Fatalf("%d bytes for 4000 entries of 300 bytes, want at most %d", used, limit)
	}
	if got, want := l.Bytes(), int64(4000*300); got < want || got > want*11/10 {
		t.Fatalf("Bytes() = %d for 4000 entries of 300 bytes", got)
	}
	want := content(t, l)
	must(t, l.Close())
	if got := content(t, mustOpen(t, path)); got != want {
		t.Fatal("the log changed over a restart")
	}
}

// TestCompactionMarkerFirst: a crash at any transaction finds the marker with the deletion, or neither.
func TestCompactionMarkerFirst(t *testing.T) {
	d := NewMemDisk(testIdentity())
	l := mustOpenDisk(t, d)
	must(t, l.Append(Batch{Entries: entries(1, 5000, 1), HardState: state(1, 0, 5000)}))
	l.Compact(1023) // one too few to delete
	must(t, l.Append(Batch{Entries: entries(5001, 5001, 1)}))
	if n := len(d.Clone().log); n != 5001 {
		t.Fatalf("%d records, want 5001: deletions come %d at a time", n, CompactBatch)
	}
	l.Compact(4500)
	for i := uint64(5002); len(d.log) > 1600; i++ {
		if i > 5010 {
			t.Fatalf("%d records are left after %d appends", len(d.log), i-5001)
		}
		must(t, l.Append(Batch{Entries: entries(i, i, 1)}))
		c := mustOpenDisk(t, d.Clone())
		if got, want := content(t, c), content(t, l); got != want {
			t.Fatalf("after a crash:\n got %s\nwant %s", got, want)
		}
		must(t, c.check())
	}
}

// TestCompactDuringCommit: the loop compacts while the append worker waits for the disk, and does not wait with it.
func TestCompactDuringCommit(t *testing.T) {
	l, d := memLog(t)
	d.OnCommit(func(*Tx) (bool, error) {
		l.Compact(15)
		if first, _ := l.FirstIndex(); first != 16 {
			t.Errorf("first index %d during the commit, want 16", first)
		}
		if last, _ := l.LastIndex(); last != 20 {
			t.Errorf("last index %d before the commit is done, want 20", last)
		}
		return true, nil
	})
	must(t, l.Append(Batch{Entries: entries(19, 25, 5), HardState: state(5, 0, 18)}))
	if index, term := l.Compacted(); index != 15 || term != 1 {
		t.Fatalf("compacted to %d/%d, want 15/1", index, term)
	}
	if last, _ := l.LastIndex(); last != 25 {
		t.Fatalf("last index %d, want 25", last)
	}
	must(t, l.check())
}

// TestCompactAheadOfCommit: the store may know of a later commit than the last hard state that reached the log.
func TestCompactAheadOfCommit(t *testing.T) {
	l, d := memLog(t)
	l.Compact(20)
	if c := l.HardState().GetCommit(); c != 20 {
		t.Fatalf("commit %d, want 20", c)
	}
	must(t, l.Append(Batch{HardState: state(4, 2, 19)})) // was on its way
	if c := l.HardState().GetCommit(); c != 20 {
		t.Fatalf("commit fell to %d", c)
	}
	must(t, l.Append(Batch{Entries: entries(21, 22, 4)}))
	must(t, l.check())
	if got, want := content(t, mustOpenDisk(t, d.Clone())), content(t, l); got != want {
		t.Fatalf("after a crash:\n got %s\nwant %s", got, want)
	}
}

// TestCompactAheadOfCommitDuringCommit is the same while a transaction with the older commit index is under way.
func TestCompactAheadOfCommitDuringCommit(t *testing.T) {
	l, d := memLog(t)
	d.OnCommit(func(*Tx) (bool, error) { l.Compact(20); return true, nil })
	must(t, l.Append(Batch{Entries: entries(21, 22, 4), HardState: state(4, 2, 18)}))
	if c := l.HardState().GetCommit(); c != 20 {
		t.Fatalf("commit %d, want 20", c)
	}
	must(t, l.check())
}

func TestCompactBeyondTheLog(t *testing.T) {
	l, _ := memLog(t)
	l.Compact(3) // gone already
	defer func() {
		if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), "ends at 20") {
			t.Fatalf("got panic %v", r)
		}
	}()
	l.Compact(21)
}

// TestTornCommit: power fails inside a bbolt commit. Until its first fdatasync any of the transaction's pages may be on
// the disk and any may not, but not its meta page: then the file is what it was before.
func TestTornCommit(t *testing.T) {
	if testing.Short() {
		t.Skip("long, and one goroutine")
	}
	path := newBolt(t)
	l := mustOpenOld(t, path)
	must(t, l.Append(Batch{Entries: entries(1, 3000, 1), HardState: state(1, 0, 2500)}))
	l.Compact(2000)
	must(t, l.Append(Batch{Entries: entries(3001, 3010, 1)})) // pages are free from here on
	read := func() []byte {
		b, err := os.ReadFile(path)
		must(t, err)
		return b[:usedBytes(t, path)]
	}
	r := rand.New(rand.NewPCG(3, 3))
	page := os.Getpagesize()
	torn := filepath.Join(t.TempDir(), "raft.db")
	for round := range 10 {
		before, want := read(), content(t, l)
		last, _ := l.LastIndex()
		lo := last + 1 - r.Uint64N(20)
		term := uint64(2 + round)
		must(t, l.Append(Batch{Entries: entries(lo, last+r.Uint64N(200)+1, term), HardState: state(term, 0, 2500)}))
		after := read()
		for range 4 {
			b := append(bytes.Clone(before), make([]byte, max(0, len(after)-len(before)))...)
			for off := 2 * page; off < len(after); off += page {
				if r.IntN(2) == 0 {
					copy(b[off:off+page], after[off:off+page])
				}
			}
			must(t, os.WriteFile(torn, b, 0o600))
			l := mustOpenOld(t, torn)
			if got := content(t, l); got != want {
				t.Fatalf("round %d:\n got %s\nwant %s", round, got, want)
			}
			must(t, l.Close())
		}
	}
}

// TestOldFormat opens a file that the first version wrote. Every later version must.
func TestOldFormat(t *testing.T) {
	path := filepath.Join(t.TempDir(), "raft")
	golden := filepath.Join("testdata", "format1.db")
	copyFile(t, golden, OldPath(path))
	l := mustOpen(t, path)
	want := modelState{compacted: mark{4, 1}, hs: hardState{term: 2, vote: 3, commit: 7}, ents: append(entries(5, 8, 1),
		entries(9, 10, 2)...)}.String()
	if got := content(t, l); got != want {
		t.Fatalf("got %s\nwant %s", got, want)
	}
	id := l.Identity()
	if id.ID != 1 || id.Name != "n1" || id.Boot != 1 || string(id.ClusterID) != "0123456789abcdef" {
		t.Fatalf("identity %+v", id)
	}
	must(t, l.check())
}
