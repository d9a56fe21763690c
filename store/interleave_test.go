package store

import (
	"fmt"
	"testing"
)

// hookedDisk runs a function before a read begins, once: whatever may come between the two steps of opening a view.
type hookedDisk struct {
	*MemDisk
	before func()
}

func (d *hookedDisk) Begin() (Tx, error) {
	if f := d.before; f != nil {
		d.before = nil
		f()
	}
	return d.MemDisk.Begin()
}

// interleave sets what runs before the next read begins, which the next view's is: none that was kept is left for it.
func (d *hookedDisk) interleave(s *Store, before func()) {
	h := s.cur.Load().disk
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dropIdle()
	d.before = before
}

func hookedRig(t *testing.T) (*rig, *hookedDisk) {
	d := &hookedDisk{MemDisk: NewMemDisk(testCluster, Mark{Index: 1, Term: 1})}
	s, err := OpenDisk(d, Options{Manual: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && s.Err() == nil {
			t.Error(err)
		}
	})
	r := newRig(t, s)
	r.people("ann", "bob")
	return r, d
}

// A flush, or two, between the published instant and the read of the disk: the view starts over, or is not changed by
// what it finds.
func TestFlushWhileAViewOpens(t *testing.T) {
	for flushes := range 4 {
		r, d := hookedRig(t)
		r.send("ann", "@bob", "first")
		if err := r.s.Flush(); err != nil { // so that the view depends on the disk
			t.Fatal(err)
		}
		d.interleave(r.s, func() {
			for i := range flushes {
				if err := r.s.Flush(); err != nil {
					t.Fatal(err)
				}
				r.send("ann", "@bob", fmt.Sprint(i))
			}
			r.ok(r.deleteCmd("ann", 1))
			if err := r.s.Flush(); err != nil {
				t.Fatal(err)
			}
		})
		v, ses := r.as("bob")
		if d.before != nil {
			t.Fatal("the view did not read the disk")
		}
		page, err := v.Messages(ses, MessageQuery{Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		cs, _, err := v.Conversations(ses, 1, "")
		if err != nil {
			t.Fatal(err)
		}
		// Before the hook the state has one message, after it the first is deleted and there is one for each flush.
		before := v.Index() == r.index-uint64(flushes)-1
		want := "[@ann 1 ann: first new]"
		if !before {
			want = "[@ann 1 ann: (deleted)"
			for i := range flushes {
				want += fmt.Sprintf(" @ann %d ann: %d new", i+2, i)
			}
			want += "]"
		}
		var lines []string
		for _, m := range page.Messages {
			lines = append(lines, lineOf(m))
		}
		if got := fmt.Sprint(lines); got != want || cs[0].GetLastSeq() != uint64(len(page.Messages)) {
			t.Fatalf("%d flushes: at index %d of %d: read %s, want %s", flushes, v.Index(), r.index, got, want)
		}
		v.Close()
	}
}

// A message that is published while a watcher goes over from the index to its queue is in both; it is told once.
func TestMessageWhileAWatcherCatchesUp(t *testing.T) {
	for flushes := range 4 {
		r, d := hookedRig(t)
		w, err := r.s.Watch(WatchOptions{Session: token("bob")})
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		ctx := testContext(t)
		r.send("ann", "@bob", "0")
		d.interleave(r.s, func() {
			for i := range 3 {
				r.send("ann", "@bob", fmt.Sprint(i+1))
				if i < flushes {
					if err := r.s.Flush(); err != nil {
						t.Fatal(err)
					}
				}
			}
		})
		for seq := uint64(1); seq <= 4; {
			es, err := w.Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range es {
				if e.GetMessage().GetSeq() != seq {
					t.Fatalf("%d flushes: told seq %d, want %d", flushes, e.GetMessage().GetSeq(), seq)
				}
				seq++
			}
		}
		r.send("ann", "@bob", "last")
		if es, err := w.Next(ctx); err != nil || len(es) != 1 || es[0].GetMessage().GetSeq() != 5 {
			t.Fatalf("%d flushes: told %v, %v", flushes, es, err)
		}
	}
}

// A watcher that falls back to the index again and again while Apply goes on misses nothing: what is pushed too early
// for its queue is published already.
func TestLaggingAllTheTime(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob")
	const n = 5000
	ctx := testContext(t)
	done := make(chan error, 4)
	for range cap(done) {
		w, err := s.Watch(WatchOptions{Session: token("bob")})
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		go func() { // ends at the last message, or at the first one that is wrong
			for seq := uint64(1); seq <= n; {
				es, err := w.Next(ctx)
				if err != nil {
					done <- fmt.Errorf("at seq %d: %w", seq, err)
					return
				}
				for _, e := range es {
					if got := e.GetMessage().GetSeq(); got != seq {
						done <- fmt.Errorf("told seq %d, want %d", got, seq)
						return
					}
					seq++
				}
				w.lag()
			}
			done <- nil
		}()
	}
	for range n {
		r.send("ann", "@bob", "x")
	}
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
