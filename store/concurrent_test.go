package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/proto/internalv1"
)

// checkInstant checks what must hold at every instant: gapless seqs, counters that agree, exact unread counts.
func checkInstant(s *Store, name string) (index uint64, err error) {
	v, err := s.View()
	if err != nil {
		return 0, err
	}
	defer v.Close()
	ses, err := v.Session(token(name))
	if err != nil {
		return 0, err
	}
	cs, _, err := v.Conversations(ses, MaxPage, "")
	if err != nil {
		return 0, err
	}
	for _, c := range cs {
		page, err := v.Messages(ses, MessageQuery{Conversation: c.GetName(), Limit: MaxPage})
		if err != nil {
			return 0, err
		}
		if len(page.Messages) == 0 {
			return 0, fmt.Errorf("%s has no messages", c.GetName())
		}
		last := page.Messages[len(page.Messages)-1]
		if last.GetSeq() != c.GetLastSeq() || last.GetId() != c.GetLastMessage().GetId() {
			return 0, fmt.Errorf("%s ends at %d, its newest message is %d", c.GetName(), c.GetLastSeq(), last.GetSeq())
		}
		unread := uint64(0)
		for i, m := range page.Messages {
			if want := last.GetSeq() - uint64(len(page.Messages)-1-i); m.GetSeq() != want {
				return 0, fmt.Errorf("%s: seq %d where %d belongs", c.GetName(), m.GetSeq(), want)
			}
			if m.GetUnread() {
				unread++
			}
		}
		if uint64(len(page.Messages)) == c.GetLastSeq() && unread != c.GetUnread() {
			return 0, fmt.Errorf("%s: %d unread, the count says %d", c.GetName(), unread, c.GetUnread())
		}
	}
	return v.Index(), nil
}

// Views stay one instant while Apply, the flusher and installs go on. Run it with -race.
func TestViewsAreInstants(t *testing.T) {
	s, path := fileStore(t, Options{OverlayBytes: 8 << 10, FlushInterval: time.Millisecond})
	r := newRig(t, s)
	names := []string{"ann", "bob", "cat"}
	r.people(names...)
	var stop atomic.Bool
	var wg sync.WaitGroup
	for _, n := range names {
		wg.Go(func() {
			last := uint64(0)
			for !stop.Load() {
				index, err := checkInstant(s, n)
				if err != nil {
					t.Errorf("%s: %v", n, err)
					return
				}
				if index < last {
					t.Errorf("%s: the state went from index %d back to %d", n, last, index)
					return
				}
				last = index
			}
		})
	}
	spool := filepath.Join(filepath.Dir(path), "spool")
	for i := range 200 {
		r.entries([]*internalv1.Command{
			r.sendCmd("ann", "@bob", fmt.Sprint(i)), r.sendCmd("bob", "@cat", fmt.Sprint(i)),
			r.sendCmd("cat", "@ann", fmt.Sprint(i)),
		}, []*internalv1.Command{
			r.markCmd("bob", "@ann", uint64(1+i/2), uint64(1+i)), r.deleteCmd("ann", uint64(1+i)),
		})
		if i%50 == 49 { // a snapshot of oneself, taken over under the readers
			if err := s.Flush(); err != nil {
				t.Fatal(err)
			}
			m, _, err := s.Spool(spool)
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Install(spool)
			if err != nil || got.Index != m.Index || s.Applied() != m.Index {
				t.Fatalf("installed %d of %d, %v", got.Index, m.Index, err)
			}
		}
	}
	stop.Store(true)
	wg.Wait()
	finalHash(t, s)
}

// gatedDisk holds its commits back until the gate is opened.
type gatedDisk struct {
	*MemDisk
	gate chan struct{}
}

func (d *gatedDisk) Commit(b Batch) error {
	<-d.gate
	return d.MemDisk.Commit(b)
}

// When the disk stands still two overlays fill up, Full says so, Apply waits between entries, and goes on when the disk
// does. Views do not wait.
func TestApplyWaitsForTheDisk(t *testing.T) {
	d := &gatedDisk{MemDisk: NewMemDisk(testCluster, Mark{Index: 1, Term: 1}), gate: make(chan struct{})}
	s, err := OpenDisk(d, Options{OverlayBytes: 20 << 10, FlushInterval: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, s)
	r.people("ann")
	n := 0
	for ; !s.Full(); n++ {
		if n > 1000 {
			t.Fatal("the overlays never fill up")
		}
		r.send("ann", "@ann", "hello")
	}
	applied := make(chan struct{})
	go func() { // ends when the disk goes on
		defer close(applied)
		r.send("ann", "@ann", "waits")
	}()
	if got := len(r.read("ann", MessageQuery{})); got != n {
		t.Fatalf("%d messages, want %d", got, n)
	}
	select {
	case <-applied:
		t.Fatal("Apply went on though both overlays are full")
	default:
	}
	flushed := make(chan Mark, 100)
	s.OnFlush(func(m Mark) { flushed <- m })
	close(d.gate)
	<-applied
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	if s.Full() || s.Flushed().Index != s.Applied() {
		t.Fatalf("full %v, flushed %d of %d", s.Full(), s.Flushed().Index, s.Applied())
	}
	if m := <-flushed; m.Index == 0 || len(flushed) == 0 {
		t.Fatalf("flushed %v and %d more times", m, len(flushed))
	}
	if got := len(r.read("ann", MessageQuery{})); got != n+1 {
		t.Fatalf("%d messages, want %d", got, n+1)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// A change is flushed by itself after the interval; until then it is seen all the same.
func TestFlushesByItself(t *testing.T) {
	s, _ := fileStore(t, Options{FlushInterval: time.Millisecond})
	done := make(chan Mark, 100)
	s.OnFlush(func(m Mark) { done <- m })
	r := newRig(t, s)
	r.people("ann")
	for m := range done {
		if m.Index == r.index {
			break
		}
	}
	if s.Flushed().Index != r.index {
		t.Fatalf("flushed %d, want %d", s.Flushed().Index, r.index)
	}
}

// A failed commit is the store's end: nothing is applied, published or flushed after it.
func TestFailedCommitStopsTheStore(t *testing.T) {
	s, d := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann")
	broken := errors.New("input/output error")
	d.OnCommit(func(Batch) (bool, error) { return false, broken })
	if err := s.Flush(); !errors.Is(err, broken) {
		t.Fatalf("flush: %v", err)
	}
	d.OnCommit(nil)
	if err := s.Flush(); !errors.Is(err, broken) {
		t.Fatalf("a later flush: %v", err)
	}
	if _, err := s.Apply([]Entry{{Index: r.index + 1, Term: 1}}); !errors.Is(err, broken) {
		t.Fatalf("a later apply: %v", err)
	}
	if got := s.Flushed().Index; got != 1 {
		t.Fatalf("flushed %d", got)
	}
}

func TestConfStateIsDurableAtOnce(t *testing.T) {
	s, d := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann")
	if err := s.SetConfState(r.index+1, 2, []byte("three voters")); err != nil {
		t.Fatal(err)
	}
	s2, err := OpenDisk(d.Clone(), Options{Manual: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s2.Close()
	if m := s2.Flushed(); m.Index != r.index+1 || m.Term != 2 || string(m.ConfState) != "three voters" {
		t.Fatalf("after a crash: %+v", m)
	}
	r.index++
	r.s = s
	if _, err := s.Apply([]Entry{{Index: r.index + 1, Term: 1}}); err == nil {
		t.Fatal("an entry of an older term was applied")
	}
}
