package raftlog

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"go.etcd.io/raft/v3/raftpb"
)

// BenchmarkAppend appends entries of 300 bytes, the size of a chat message with its ids; 20,000 are kept. On a file it
// measures the fdatasync; on memory, where nothing is stored, the package's own work.
func BenchmarkAppend(b *testing.B) {
	for _, kind := range []string{"file", "memory"} {
		for _, n := range []int{1, 16, 128, 256} {
			b.Run(fmt.Sprintf("%s/%d", kind, n), func(b *testing.B) {
				var l *Log
				if kind == "file" {
					l = mustOpen(b, newFile(b))
				} else {
					l = mustOpenDisk(b, nullDisk{NewMemDisk(testIdentity())})
				}
				payload := strings.Repeat("x", 300)
				next := uint64(1)
				var made []*raftpb.Entry // ahead of time, so that the log's own work shows
				b.SetBytes(int64(n * len(payload)))
				b.ReportAllocs()
				for b.Loop() {
					if len(made) == 0 {
						b.StopTimer()
						for i := range uint64(64 * n) {
							made = append(made, entry(next+i, 1, payload))
						}
						b.StartTimer()
					}
					hs := state(1, 1, next-1)
					if err := l.Append(Batch{Entries: made[:n:n], HardState: hs}); err != nil {
						b.Fatal(err)
					}
					made, next = made[n:], next+uint64(n)
					if next > 20_000 && next%512 < uint64(n) {
						l.Compact(next - 1 - 20_000)
					}
				}
			})
		}
	}
}

// nullDisk stores nothing, so that the work above the disk shows.
type nullDisk struct{ *MemDisk }

func (nullDisk) Commit(*Tx) error { return nil }

// BenchmarkEntries is what raft's loop asks for each follower.
func BenchmarkEntries(b *testing.B) {
	l := mustOpenDisk(b, NewMemDisk(testIdentity()))
	must(b, l.Append(Batch{Entries: entries(1, 50_000, 1), HardState: state(1, 1, 0)}))
	b.ReportAllocs()
	for b.Loop() {
		if es, err := l.Entries(20_000, 50_001, 512<<10); err != nil || len(es) == 0 {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen reads back a log of 50,000 entries, more than a node retains.
func BenchmarkOpen(b *testing.B) {
	path := newFile(b)
	l := mustOpen(b, path)
	payload := strings.Repeat("x", 300)
	es := make([]*raftpb.Entry, 50_000)
	for i := range es {
		es[i] = entry(uint64(i+1), 1, payload)
	}
	must(b, l.Append(Batch{Entries: es, HardState: state(1, 1, 0)}))
	must(b, l.Close())
	b.ReportAllocs()
	for b.Loop() {
		l, err := Open(path, Options{})
		must(b, err)
		if last, _ := l.LastIndex(); last != 50_000 || l.Bytes() > math.MaxInt32 {
			b.Fatal("wrong log")
		}
		must(b, l.Close())
	}
}
