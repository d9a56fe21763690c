package store

import (
	"fmt"
	"sync"
	"testing"
)

// Views share reads of the disk and decoded records, but never across a commit: whoever reads while flushes come in quick
// succession finds one instant, whatever others read before, and the newest one when it asks anew.
func TestKeptReadsEndWithACommit(t *testing.T) {
	s, _ := memStore(t, Options{Manual: true})
	r := newRig(t, s)
	r.people("ann", "bob")
	r.send("ann", "@bob", "first")
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	seqs := func(v *View) []uint64 {
		t.Helper()
		ses, err := v.Session(token("bob"))
		if err != nil {
			t.Fatal(err)
		}
		cs, _, err := v.Conversations(ses, 1, "")
		if err != nil {
			t.Fatal(err)
		}
		return []uint64{cs[0].GetLastSeq(), cs[0].GetUnread()}
	}
	for n := uint64(1); n < 20; n++ {
		old, err := s.View() // reads and keeps what the next flush replaces
		if err != nil {
			t.Fatal(err)
		}
		other, err := s.View()
		if err != nil {
			t.Fatal(err)
		}
		if got := seqs(old); got[0] != n || got[1] != n {
			t.Fatalf("before message %d: read seq and unread %v, want %d", n+1, got, n)
		}
		r.send("ann", "@bob", fmt.Sprint(n+1))
		if err := s.Flush(); err != nil {
			t.Fatal(err)
		}
		fresh, err := s.View()
		if err != nil {
			t.Fatal(err)
		}
		if got := seqs(fresh); got[0] != n+1 || got[1] != n+1 {
			t.Fatalf("after message %d: read seq and unread %v, want %d", n+1, got, n+1)
		}
		if got := seqs(other); got[0] != n || got[1] != n {
			t.Fatalf("an older view changed after message %d: read %v, want %d", n+1, got, n)
		}
		old.Close()
		other.Close()
		fresh.Close()
	}
	h := s.cur.Load().disk
	if n := len(h.idle); n != 1 {
		t.Fatalf("%d reads were kept, want the newest alone", n)
	}
}

// Reads on many goroutines while a real file is flushed: a kept read keeps no commit from growing the file, and nobody sees
// anything but whole instants.
func TestKeptReadsWhileFlushing(t *testing.T) {
	s, _ := fileStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob")
	r.send("ann", "@bob", "first")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			var last uint64
			for {
				select {
				case <-stop:
					return
				default:
				}
				v, err := s.View()
				if err != nil {
					t.Error(err)
					return
				}
				ses, err := v.Session(token("bob"))
				if err != nil {
					t.Error(err)
				}
				page, err := v.Messages(ses, MessageQuery{Conversation: "@ann", Limit: 2})
				if err != nil {
					t.Error(err)
				}
				cs, _, err := v.Conversations(ses, 1, "")
				if err != nil {
					t.Error(err)
				}
				v.Close()
				if t.Failed() {
					return
				}
				seq := page.Messages[len(page.Messages)-1].GetSeq()
				if seq < last || cs[0].GetLastSeq() != seq || cs[0].GetUnread() != seq {
					t.Errorf("read seq %d after %d, in a conversation at %d with %d unread", seq, last, cs[0].GetLastSeq(), cs[0].GetUnread())
					return
				}
				last = seq
			}
		})
	}
	for n := range 300 {
		r.send("ann", "@bob", fmt.Sprintf("%d %0500d", n, n))
		if err := s.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	wg.Wait()
}
