package store

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"parley/internal/cputime"
)

// sendLog makes entries of batch sends between distinct pairs of people, with ids as clients make them.
func sendLog(r *rig, entries, batch, people int) []Entry {
	es := make([]Entry, entries)
	text := strings.Repeat("x", 256)
	index := r.index
	for i := range es {
		index++
		r.nowMS++
		es[i] = Entry{Index: index, Term: 1, StampMS: r.nowMS}
		for j := range batch {
			p := (i*batch + j) % people
			b, err := proto.Marshal(r.sendCmd(fmt.Sprintf("p%d", p), fmt.Sprintf("@p%d", (p+1)%people), text))
			if err != nil {
				panic(err)
			}
			es[i].Commands = append(es[i].Commands, b)
		}
	}
	r.index = index
	return es
}

func benchPeople(r *rig, n int) {
	for i := range n {
		r.people(fmt.Sprintf("p%d", i))
	}
	r.log = nil
}

// BenchmarkApplySend is the cost of one message in the store, everything on, at 1, 16, 64 and 256 messages a call:
// cpu-ns/op is what Apply's thread spends, total-cpu-ns/op what the process does: Apply, the flusher and the collector, to
// the end of a last Flush.
func BenchmarkApplySend(b *testing.B) {
	for _, batch := range []int{1, 16, 64, 256} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			s, _ := fileStore(b, Options{})
			r := newRig(b, s)
			benchPeople(r, 100)
			es := sendLog(r, b.N/batch+1, batch, 100)
			if err := s.Flush(); err != nil {
				b.Fatal(err)
			}
			runtime.GC()
			b.ReportAllocs()
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			b.ResetTimer()
			began, all := cputime.Thread(), cputime.Process()
			for i := range es {
				if _, err := s.Apply(es[i : i+1]); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(cputime.Thread()-began)/float64(b.N), "cpu-ns/op")
			if err := s.Flush(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(cputime.Process()-all)/float64(b.N), "total-cpu-ns/op")
		})
	}
}

// BenchmarkReadHistory is the cost of a page of 50 messages out of the middle of a conversation of 100,000.
func BenchmarkReadHistory(b *testing.B) {
	s, _ := fileStore(b, Options{})
	r := newRig(b, s)
	benchPeople(r, 2)
	for _, e := range sendLog(r, 1000, 100, 2) {
		if _, err := s.Apply([]Entry{e}); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Flush(); err != nil {
		b.Fatal(err)
	}
	v, ses := r.as("p0")
	v.Close()
	for name, q := range map[string]MessageQuery{
		"newest": {Conversation: "@p1", Limit: 50}, "middle": {Conversation: "@p1", Limit: 50, BeforeID: 50_000},
		"around": {Conversation: "@p1", Limit: 50, AroundID: 50_000},
		"from":   {Conversation: "@p1", Limit: 50, FromMS: r.nowMS - 500},
		"all":    {Limit: 50}, "unread": {Conversation: "@p1", Limit: 50, OnlyUnread: true},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			began := cputime.Thread()
			for b.Loop() {
				v, err := s.View()
				if err != nil {
					b.Fatal(err)
				}
				page, err := v.Messages(ses, q)
				if err != nil || len(page.Messages) != 50 {
					b.Fatal(len(page.Messages), err)
				}
				v.Close()
			}
			b.ReportMetric(float64(cputime.Thread()-began)/float64(b.N), "cpu-ns/op")
		})
	}
}

// BenchmarkFanOut is the cost of telling a message to all the watchers of one account, to the encoded frame that a stream
// sends: ns and allocations of each delivery.
func BenchmarkFanOut(b *testing.B) {
	for _, watchers := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprintf("watchers=%d", watchers), func(b *testing.B) {
			s, _ := memStore(b, Options{})
			r := newRig(b, s)
			benchPeople(r, 2)
			ws := make([]*Watcher, watchers)
			for i := range ws {
				w, err := s.Watch(WatchOptions{Session: token("p1")})
				if err != nil {
					b.Fatal(err)
				}
				defer w.Close()
				if es, lagging, err := w.take(); len(es) > 0 || !lagging || err != nil {
					b.Fatal("a new watcher does not read the index first")
				}
				if _, err := w.catchUp(); err != nil {
					b.Fatal(err)
				}
				ws[i] = w
			}
			const entries = 200
			rounds := 0
			var frame []byte
			var before, after runtime.MemStats
			var cpu time.Duration
			var mallocs uint64
			for b.Loop() {
				rounds++
				es := sendLog(r, 1, entries, 2)
				runtime.ReadMemStats(&before)
				began := cputime.Process()
				if _, err := s.Apply(es); err != nil {
					b.Fatal(err)
				}
				for _, w := range ws {
					events, err := w.Next(b.Context())
					if err != nil || len(events) != entries {
						b.Fatal(len(events), err)
					}
					for _, e := range events {
						if frame, err = (proto.MarshalOptions{}).MarshalAppend(frame[:0], e.Frame); err != nil {
							b.Fatal(err)
						}
					}
				}
				cpu += cputime.Process() - began
				runtime.ReadMemStats(&after)
				mallocs += after.Mallocs - before.Mallocs
			}
			deliveries := float64(rounds) * float64(watchers) * entries
			b.ReportMetric(float64(cpu)/deliveries, "cpu-ns/delivery")
			b.ReportMetric(float64(mallocs)/deliveries, "allocs/delivery")
		})
	}
}

// TestMillion fills a store with PARLEY_STORE_MESSAGES messages and reports size, memory and the time of an Open; it is
// small by default.
func TestMillion(t *testing.T) {
	n := messagesWanted(t)
	s, path := fileStore(t, Options{})
	r := newRig(t, s)
	benchPeople(r, 100)
	begin := time.Now()
	for done := 0; done < n; done += 1000 {
		for _, e := range sendLog(r, 10, 100, 100) {
			if _, err := s.Apply([]Entry{e}); err != nil {
				t.Fatal(err)
			}
		}
	}
	took := time.Since(begin)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	begin = time.Now()
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	opened := time.Since(begin)
	defer s.Close()
	r.s = s
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d messages: %.1f µs each, file %d MiB, open %v, RssAnon %s", n, float64(took.Microseconds())/float64(n),
		st.Size()>>20, opened, rssAnon(t))
	v, ses := r.as("p0")
	defer v.Close()
	if p, err := v.Messages(ses, MessageQuery{Limit: 50}); err != nil || !p.More {
		t.Fatal(p.More, err)
	}
	if opened > 5*time.Second {
		t.Fatalf("Open took %v: it must not read the history", opened)
	}
}

func messagesWanted(t testing.TB) int {
	n := 20_000
	if v := os.Getenv("PARLEY_STORE_MESSAGES"); v != "" {
		if _, err := fmt.Sscan(v, &n); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

func rssAnon(t *testing.T) string {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			return strings.TrimSpace(v)
		}
	}
	return "unknown"
}
