package store

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"parley/internal/cputime"
	"parley/proto/internalv1"
)

// benchRoom makes a room of n people.
func benchRoom(r *rig, n int) {
	benchPeople(r, n)
	r.ok(raise(MaxClusterVersion))
	r.ok(r.createRoomCmd("p0", "#room", false))
	for i := 1; i < n; i++ {
		r.join(fmt.Sprintf("p%d", i), "#room")
	}
	r.log = nil
}

// roomLog is sendLog to the room of benchRoom; one in eight messages mentions somebody.
func roomLog(r *rig, entries, batch, people int) []Entry {
	text := strings.Repeat("x", 256)
	es := make([]Entry, entries)
	for i := range es {
		r.index++
		r.nowMS++
		es[i] = Entry{Index: r.index, Term: 1, StampMS: r.nowMS}
		for j := range batch {
			n := i*batch + j
			said := text
			if n%8 == 0 {
				said = fmt.Sprintf("@p%d %s", (n+1)%people, text[:250])
			}
			b, err := proto.Marshal(r.sendCmd(fmt.Sprintf("p%d", n%people), "#room", said))
			if err != nil {
				panic(err)
			}
			es[i].Commands = append(es[i].Commands, b)
		}
	}
	return es
}

// BenchmarkApplySendRoom is BenchmarkApplySend to a room of 100 members.
func BenchmarkApplySendRoom(b *testing.B) {
	for _, batch := range []int{1, 16, 64, 256} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			s, _ := fileStore(b, Options{})
			r := newRig(b, s)
			benchRoom(r, 100)
			es := roomLog(r, b.N/batch+1, batch, 100)
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

// BenchmarkFanOutRoom is the cost of telling a message to all 1,000 members of a room, each with a watcher, to the encoded frame
// that a stream sends: of Apply with the hand-out, and of each delivery.
func BenchmarkFanOutRoom(b *testing.B) {
	const watchers, entries = 1_000, 20
	s, _ := memStore(b, Options{})
	r := newRig(b, s)
	benchRoom(r, watchers)
	ws := make([]*Watcher, watchers)
	for i := range ws {
		w, err := s.Watch(WatchOptions{Session: token(fmt.Sprintf("p%d", i))})
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
	rounds := 0
	var frame []byte
	var before, after runtime.MemStats
	var apply, all time.Duration
	var mallocs uint64
	for b.Loop() {
		rounds++
		es := roomLog(r, entries, 1, watchers)
		runtime.ReadMemStats(&before)
		began := cputime.Process()
		if _, err := s.Apply(es); err != nil {
			b.Fatal(err)
		}
		apply += cputime.Process() - began
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
		all += cputime.Process() - began
		runtime.ReadMemStats(&after)
		mallocs += after.Mallocs - before.Mallocs
	}
	messages := float64(rounds) * entries
	b.ReportMetric(float64(apply)/messages, "apply-cpu-ns/message")
	b.ReportMetric(float64(all)/messages/watchers, "cpu-ns/delivery")
	b.ReportMetric(float64(mallocs)/messages/watchers, "allocs/delivery")
}

// BenchmarkRoomUnread is the cost of listing a conversation whose member has 100,000 unread messages, of which 1,000 are
// placeholders.
func BenchmarkRoomUnread(b *testing.B) {
	s, _ := memStore(b, Options{})
	r := newRig(b, s)
	benchRoom(r, 3)
	for _, e := range roomLog(r, 1_000, 100, 2) {
		if _, err := s.Apply([]Entry{e}); err != nil {
			b.Fatal(err)
		}
	}
	for i := range 1_000 {
		r.ok(&internalv1.Command{RequestId: r.id(), Session: token("p0"), Body: &internalv1.Command_DeleteMessages{
			DeleteMessages: &internalv1.DeleteMessages{Ids: []uint64{uint64(1 + 100*i)}}}})
	}
	v, ses := r.as("p2")
	v.Close()
	b.ReportAllocs()
	for b.Loop() {
		v, err := s.View()
		if err != nil {
			b.Fatal(err)
		}
		cs, _, err := v.Conversations(ses, 10, "")
		if err != nil || cs[0].GetUnread() != 99_000 {
			b.Fatal(cs, err)
		}
		v.Close()
	}
}
