package raftlog

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// memLog returns a log with the entries (10, 20] of rising terms.
func memLog(t *testing.T) (*Log, *MemDisk) {
	d := NewMemDisk(testIdentity())
	l := mustOpenDisk(t, d)
	must(t, l.Append(Batch{Entries: append(entries(1, 15, 1), entries(16, 20, 4)...), HardState: state(4, 2, 18)}))
	l.Compact(10)
	return l, d
}

func TestStorageTerm(t *testing.T) {
	l, _ := memLog(t)
	for _, tc := range []struct {
		index, term uint64
		err         error
	}{
		{0, 0, raft.ErrCompacted},
		{9, 0, raft.ErrCompacted},
		{10, 1, nil}, // gone, but its term is still needed to match
		{11, 1, nil},
		{15, 1, nil},
		{16, 4, nil},
		{20, 4, nil},
		{21, 0, raft.ErrUnavailable},
	} {
		if term, err := l.Term(tc.index); term != tc.term || !errors.Is(err, tc.err) {
			t.Errorf("Term(%d) = %d, %v, want %d, %v", tc.index, term, err, tc.term, tc.err)
		}
	}
	first, _ := l.FirstIndex()
	last, _ := l.LastIndex()
	if first != 11 || last != 20 {
		t.Errorf("log is [%d, %d], want [11, 20]", first, last)
	}
}

func TestStorageEntries(t *testing.T) {
	l, _ := memLog(t)
	size := func(lo, hi uint64) (n uint64) {
		es, err := l.Entries(lo, hi, math.MaxUint64)
		must(t, err)
		for _, e := range es {
			n += uint64(proto.Size(e))
		}
		return n
	}
	for _, tc := range []struct {
		lo, hi, max uint64
		n           int
		err         error
	}{
		{1, 5, math.MaxUint64, 0, raft.ErrCompacted},
		{10, 12, math.MaxUint64, 0, raft.ErrCompacted},
		{11, 21, math.MaxUint64, 10, nil},
		{11, 12, math.MaxUint64, 1, nil},
		{15, 17, math.MaxUint64, 2, nil},
		{20, 22, math.MaxUint64, 0, raft.ErrUnavailable},
		{22, 23, math.MaxUint64, 0, raft.ErrUnavailable},
		{21, 21, math.MaxUint64, 0, nil},
		{11, 21, 0, 1, nil}, // at least one
		{11, 21, size(11, 12), 1, nil},
		{11, 21, size(11, 13) - 1, 1, nil},
		{11, 21, size(11, 13), 2, nil},
		{11, 21, size(11, 21) - 1, 9, nil},
		{11, 21, size(11, 21), 10, nil},
		{14, 18, size(14, 17), 3, nil},
	} {
		es, err := l.Entries(tc.lo, tc.hi, tc.max)
		if len(es) != tc.n || !errors.Is(err, tc.err) {
			t.Errorf("Entries(%d, %d, %d) = %d entries, %v, want %d, %v",
				tc.lo, tc.hi, tc.max, len(es), err, tc.n, tc.err)
		}
		for i, e := range es {
			if e.GetIndex() != tc.lo+uint64(i) {
				t.Errorf("Entries(%d, %d, %d)[%d] has index %d", tc.lo, tc.hi, tc.max, i, e.GetIndex())
			}
		}
	}
}

// TestEntriesAreAppendSafe: a caller's append must not reach into the log.
func TestEntriesAreAppendSafe(t *testing.T) {
	l, _ := memLog(t)
	before := content(t, l)
	es, err := l.Entries(11, 13, math.MaxUint64)
	must(t, err)
	_ = append(es, entry(99, 99, "intruder"))
	if got := content(t, l); got != before {
		t.Fatalf("the log changed:\n got %s\nwant %s", got, before)
	}
}

// TestEntriesStayAsRead: raft holds on to what it read, while a new leader overwrites the tail and the head is
// compacted.
func TestEntriesStayAsRead(t *testing.T) {
	l, _ := memLog(t)
	es, err := l.Entries(17, 21, math.MaxUint64)
	must(t, err)
	must(t, l.Append(Batch{Entries: entries(19, 20, 5), HardState: state(5, 0, 18)}))
	must(t, l.Append(Batch{Entries: entries(21, 30, 5)}))
	l.Compact(18)
	for i, e := range es {
		if e.GetIndex() != 17+uint64(i) || e.GetTerm() != 4 {
			t.Fatalf("entry %d/%d where %d/4 was read", e.GetIndex(), e.GetTerm(), 17+i)
		}
	}
	must(t, l.check())
}

// TestStorageLikeMemoryStorage compares with raft's own implementation over random histories.
func TestStorageLikeMemoryStorage(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 9))
		l := mustOpenDisk(t, NewMemDisk(testIdentity()))
		ms := raft.NewMemoryStorage()
		term := uint64(1)
		for range 40 {
			last, _ := l.LastIndex()
			commit := fromPB(l.HardState()).commit
			term += r.Uint64N(2)
			first := last + 1 - r.Uint64N(last-commit+1)
			var es []*raftpb.Entry
			for i := range 1 + r.Uint64N(20) {
				es = append(es, entry(first+i, term, strings.Repeat("x", r.IntN(200))))
			}
			end := first + uint64(len(es)) - 1
			must(t, l.Append(Batch{Entries: es, HardState: state(term, 0, commit+r.Uint64N(end-commit+1))}))
			must(t, ms.Append(es))
			if commit := fromPB(l.HardState()).commit; r.IntN(4) == 0 {
				if c, _ := l.Compacted(); commit > c {
					l.Compact(commit)
					must(t, ms.Compact(commit))
				}
			}
			end, _ = l.LastIndex()
			for range 20 {
				i := r.Uint64N(end + 3)
				gt, gerr := l.Term(i)
				wt, werr := ms.Term(i)
				if gt != wt || !errors.Is(gerr, werr) {
					t.Fatalf("seed %d: Term(%d) = %d, %v, want %d, %v", seed, i, gt, gerr, wt, werr)
				}
				lo := r.Uint64N(end + 1)
				hi := lo + r.Uint64N(end+2-lo)
				c, _ := l.Compacted()
				if lo > c && lo == hi {
					continue // MemoryStorage is not consistent about nothing
				}
				limit := r.Uint64N(4000)
				ge, gerr := l.Entries(lo, hi, limit)
				we, werr := ms.Entries(lo, hi, limit)
				if len(ge) != len(we) || !errors.Is(gerr, werr) {
					t.Fatalf("seed %d: Entries(%d, %d, %d) = %d, %v, want %d, %v",
						seed, lo, hi, limit, len(ge), gerr, len(we), werr)
				}
				for k := range ge {
					if ge[k] != we[k] {
						t.Fatalf("seed %d: Entries(%d, %d, %d)[%d] differs", seed, lo, hi, limit, k)
					}
				}
			}
		}
	}
}

// TestAppendAsserts: what raft never asks for is a bug in the caller, and it must not reach the disk.
func TestAppendAsserts(t *testing.T) {
	for _, tc := range []struct {
		name string
		b    Batch
		says string
	}{
		{"a gap", Batch{Entries: entries(22, 23, 4)}, "gap"},
		{"into the compacted", Batch{Entries: entries(10, 30, 4)}, "compacted"},
		{"a hole inside", Batch{Entries: append(entries(21, 22, 4), entry(24, 4, ""))}, "entry 24 where 23"},
		{"a term that falls inside", Batch{Entries: append(entries(21, 22, 4), entry(23, 3, ""))}, "term falls"},
		{"a term below the last", Batch{Entries: entries(21, 22, 3)}, "term falls"},
		{"another committed entry", Batch{Entries: entries(18, 22, 5), HardState: state(5, 0, 18)}, "committed"},
		{"entries of a future term", Batch{Entries: entries(21, 22, 5)}, "above the hard state's"},
		{"an older term", Batch{HardState: state(3, 0, 18)}, "term falls"},
		{"a second vote", Batch{HardState: state(4, 3, 18)}, "vote changes"},
		{"a vote taken back", Batch{HardState: state(4, 0, 18)}, "vote changes"},
		{"commit beyond the log", Batch{HardState: state(4, 2, 21)}, "beyond the last"},
		{"the committed tail cut off", Batch{Entries: entries(16, 17, 4)}, "beyond the last"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l, d := memLog(t)
			before, commits := content(t, l), d.Commits()
			defer func() {
				if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), tc.says) {
					t.Fatalf("got panic %v, want one that says %q", r, tc.says)
				}
				if got := content(t, l); got != before || d.Commits() != commits {
					t.Fatalf("the log changed:\n got %s\nwant %s", got, before)
				}
			}()
			_ = l.Append(tc.b)
		})
	}
}

// TestAppendSameCommittedEntry: raft may send again what is there; that is no conflict.
func TestAppendSameCommittedEntry(t *testing.T) {
	l, _ := memLog(t)
	must(t, l.Append(Batch{Entries: entries(17, 22, 4)}))
	if last, _ := l.LastIndex(); last != 22 {
		t.Fatalf("last index %d, want 22", last)
	}
	must(t, l.check())
}

// TestCommitCostsNothing: two fdatasyncs for an index that raft can find out again would be most of a quiet node's I/O.
func TestCommitCostsNothing(t *testing.T) {
	l, d := memLog(t)
	n := d.Commits()
	must(t, l.Append(Batch{HardState: state(4, 2, 19)}))
	must(t, l.Append(Batch{HardState: state(4, 2, 20)}))
	must(t, l.Append(Batch{}))
	if d.Commits() != n {
		t.Fatalf("%d transactions for commit indexes, want none", d.Commits()-n)
	}
	if c := l.HardState().GetCommit(); c != 20 {
		t.Fatalf("commit %d, want 20", c)
	}
	if c := mustOpenDisk(t, d.Clone()).HardState().GetCommit(); c != 18 {
		t.Fatalf("commit %d after a crash, want 18", c)
	}
	must(t, l.Append(Batch{Entries: entries(21, 21, 4)}))
	if c := mustOpenDisk(t, d.Clone()).HardState().GetCommit(); c != 20 {
		t.Fatalf("commit %d after the next transaction and a crash, want 20", c)
	}
	must(t, l.Append(Batch{HardState: state(4, 2, 21)}))
	must(t, l.Close())
	if c := mustOpenDisk(t, d).HardState().GetCommit(); c != 21 {
		t.Fatalf("commit %d after a clean stop, want 21", c)
	}
}

// TestVoteIsDurable: a term and a vote are promises, with entries or without.
func TestVoteIsDurable(t *testing.T) {
	l, d := memLog(t)
	for _, want := range []hardState{{5, 0, 18}, {5, 1, 18}, {6, 3, 18}} {
		must(t, l.Append(Batch{HardState: want.pb()}))
		if got := fromPB(mustOpenDisk(t, d.Clone()).HardState()); got != want {
			t.Fatalf("after a crash %+v, want %+v", got, want)
		}
	}
}

// TestCommitNeverFalls: a hard state may be behind what is known to be committed.
func TestCommitNeverFalls(t *testing.T) {
	l, _ := memLog(t)
	must(t, l.Append(Batch{HardState: state(4, 2, 15)}))
	must(t, l.Append(Batch{Entries: entries(21, 22, 4), HardState: state(4, 2, 11)}))
	if c := l.HardState().GetCommit(); c != 18 {
		t.Fatalf("commit %d, want 18", c)
	}
	must(t, l.check())
}

func TestReset(t *testing.T) {
	for _, tc := range []struct {
		name        string
		index, term uint64
		hs          *raftpb.HardState
		want        hardState
	}{
		{"keeps the hard state", 30, 4, nil, hardState{4, 2, 30}},
		{"raises the term, drops the vote", 30, 6, nil, hardState{6, 0, 30}},
		{"takes the newer hard state", 30, 4, state(7, 3, 30), hardState{7, 3, 30}},
		{"does not go back a term", 30, 3, state(3, 1, 30), hardState{4, 2, 30}},
		{"does not take a vote back", 30, 4, state(4, 0, 30), hardState{4, 2, 30}},
		{"leaves no commit beyond the log", 30, 4, state(4, 2, 35), hardState{4, 2, 30}},
		{"to what is committed", 18, 4, nil, hardState{4, 2, 18}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l, d := memLog(t)
			must(t, l.Reset(tc.index, tc.term, tc.hs))
			must(t, l.check())
			for _, l := range []*Log{l, mustOpenDisk(t, d.Clone())} {
				want := modelState{compacted: mark{tc.index, tc.term}, hs: tc.want}.String()
				if got := content(t, l); got != want {
					t.Fatalf("got %s, want %s", got, want)
				}
				if l.Bytes() != 0 {
					t.Fatalf("%d bytes in an empty log", l.Bytes())
				}
			}
			term := max(tc.term, tc.want.term)
			must(t, l.Append(Batch{Entries: entries(tc.index+1, tc.index+5, term)}))
			must(t, l.check())
		})
	}
	l, d := memLog(t)
	n := d.Commits()
	if err := l.Reset(17, 4, nil); !errors.Is(err, ErrForget) || d.Commits() != n {
		t.Fatalf("got %v and %d transactions, want ErrForget and none", err, d.Commits()-n)
	}
	must(t, l.Append(Batch{Entries: entries(21, 21, 4)})) // a refusal is no failure of the disk
}

// TestFirstBoot starts as node does: an empty log, then a synthetic snapshot.
func TestFirstBoot(t *testing.T) {
	d := NewMemDisk(testIdentity())
	l := mustOpenDisk(t, d)
	if got, want := content(t, l), (modelState{}).String(); got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	must(t, l.Reset(1, 1, nil))
	want := modelState{compacted: mark{1, 1}, hs: hardState{term: 1, commit: 1}}.String()
	if got := content(t, mustOpenDisk(t, d.Clone())); got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
}

func TestIdentity(t *testing.T) {
	d := NewMemDisk(Identity{Name: "n1", Incarnation: testIdentity().Incarnation})
	l := mustOpenDisk(t, d)
	id := l.Identity()
	id.ID, id.Boot, id.ClusterID = 3, 1, []byte("0123456789abcdef")
	must(t, l.SetIdentity(id))
	id.ClusterID[0] = 'x' // the log keeps its own copy
	for _, l := range []*Log{l, mustOpenDisk(t, d.Clone())} {
		got := l.Identity()
		if got.ID != 3 || got.Boot != 1 || string(got.ClusterID) != "0123456789abcdef" || got.Name != "n1" {
			t.Fatalf("identity %+v", got)
		}
	}
	for _, tc := range []struct {
		name   string
		change func(*Identity)
		ok     bool
	}{
		{"next boot", func(id *Identity) { id.Boot = 2 }, true},
		{"boot falls", func(id *Identity) { id.Boot = 1 }, false},
		{"another id", func(id *Identity) { id.ID = 4 }, false},
		{"no incarnation", func(id *Identity) { id.Incarnation = nil }, false},
		{"short cluster id", func(id *Identity) { id.ClusterID = []byte{1} }, false},
		{"long name", func(id *Identity) { id.Name = strings.Repeat("n", MaxNameBytes+1) }, false},
		{"name that does not print", func(id *Identity) { id.Name = "n\n" }, false},
		{"new cluster, new incarnation", func(id *Identity) {
			id.Incarnation, id.ClusterID, id.ID, id.Boot = []byte("fedcba9876543210"), []byte("fedcba9876543210"), 9, 1
		}, true},
	} {
		id := l.Identity()
		tc.change(&id)
		if err := l.SetIdentity(id); (err == nil) != tc.ok || err != nil && !errors.Is(err, ErrIdentity) {
			t.Errorf("%s: got %v, want ok %v", tc.name, err, tc.ok)
		}
	}
}

// TestConcurrentReaders runs the loop's reads beside appends that overwrite, and compaction. Run it with -race.
func TestConcurrentReaders(t *testing.T) {
	l := mustOpenDisk(t, NewMemDisk(testIdentity()))
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for !stop.Load() {
				first, _ := l.FirstIndex()
				last, _ := l.LastIndex()
				es, err := l.Entries(first, last+1, 5000)
				if err != nil && !errors.Is(err, raft.ErrCompacted) && !errors.Is(err, raft.ErrUnavailable) {
					t.Errorf("Entries(%d, %d): %v", first, last+1, err)
					return
				}
				for i, e := range es {
					want := fmt.Sprintf("entry %d of term %d", first+uint64(i), e.GetTerm())
					if e.GetIndex() != first+uint64(i) || string(e.GetData()) != want {
						t.Errorf("entry %d reads %q, want %q", first+uint64(i), e.GetData(), want)
						return
					}
				}
				_, _ = l.Term(last)
				_ = l.HardState()
			}
		})
	}
	wg.Go(func() { // the loop compacts while the append worker appends
		for !stop.Load() {
			if c := l.HardState().GetCommit(); c > 50 {
				l.Compact(c - 50)
			}
		}
	})
	next, term := uint64(1), uint64(1)
	r := rand.New(rand.NewPCG(5, 5))
	for range 3000 {
		if r.IntN(3) == 0 { // a diverged tail
			term++
			next -= min(r.Uint64N(5), next-1-l.HardState().GetCommit())
		}
		n := 1 + r.Uint64N(10)
		commit := next - 1
		must(t, l.Append(Batch{Entries: entries(next, next+n-1, term), HardState: state(term, 0, commit)}))
		next += n
	}
	stop.Store(true)
	wg.Wait()
	must(t, l.check())
}
