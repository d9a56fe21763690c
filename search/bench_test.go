package search

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/internal/cputime"
	"parley/proto/internalv1"
	"parley/store"
)

var (
	benchMessages = flag.Int("messages", 50_000, "how many messages the benchmarks of search begin with")
	benchDir      = flag.String("keep", "", "a directory to keep them in for the next run")
)

// BenchmarkSearch fills a store with messages of about 100 bytes, words distributed as in a language, among 200 people who all
// talk with each other and a few who talk little; indexes them at the indexer's own pace; and searches.
func BenchmarkSearch(b *testing.B) {
	debug.SetGCPercent(200) // as a node
	r, kept := benchRig(b)
	rnd := rand.New(rand.NewPCG(1, 1))
	zipf := rand.NewZipf(rnd, 1.07, 2, 50_000)
	const people = 200
	var names []string
	for i := range people {
		names = append(names, fmt.Sprint("u", i))
	}
	if !kept {
		r.people(append(names, "few")...)
	}
	send := func() *internalv1.Command {
		var text strings.Builder
		for text.Len() < 95 {
			fmt.Fprintf(&text, "w%d ", zipf.Uint64())
		}
		from, to := names[rnd.IntN(people)], names[rnd.IntN(people)]
		if rnd.IntN(1000) == 0 {
			from, to = "few", names[rnd.IntN(30)]
		}
		return r.sendCmd(from, "@"+to, text.String())
	}
	var batch []*internalv1.Command
	for range *benchMessages {
		if kept {
			break
		}
		if batch = append(batch, send()); len(batch) == 200 {
			r.apply(batch...)
			batch = batch[:0]
		}
	}
	if len(batch) > 0 {
		r.apply(batch...)
	}
	must(b, r.s.Flush())
	debug.FreeOSMemory()
	b.Logf("before: %s", memoryUse())

	began, cpu := time.Now(), cputime.Process()
	r.open()
	r.settle()
	took := time.Since(began)
	b.Logf("indexed in %v, %.0f a second, with %v of a processor; %s", took, float64(*benchMessages)/took.Seconds(),
		cputime.Process()-cpu, memoryUse())
	for s := r.x.snapshot(); ; s = r.x.snapshot() {
		lo, hi := planMerge(s.segs)
		if lo == hi {
			bytes := uint64(0)
			for _, seg := range s.segs {
				bytes += seg.size
			}
			b.Logf("%d segments, %d bytes, merged after %v; %s", len(s.segs), bytes, time.Since(began), memoryUse())
			s.close()
			break
		}
		s.close()
		r.settle()
		must(b, pause(b.Context(), 10*time.Millisecond))
	}
	for _, q := range []struct {
		by, query string
		best      bool
	}{
		{"u1", "w0", false}, {"u1", "w10", false}, {"u1", "w100", false}, {"u1", "w1000", false}, {"u1", "w20000", false},
		{"u1", "w0 w1", false}, {"u1", "w50 w60", false}, {"u1", `"w0 w1"`, false}, {"u1", `"w5 w300"`, false},
		{"u1", `"w20 w30 w40"`, false}, {"u1", "w0 from:u7", false}, {"u1", "w0 in:@u7", false}, {"u1", "w10 before:2020-01-01", false},
		{"u1", "w100*", false}, {"u1", "w1*", false}, {"u1", "w0 -w1", false}, {"u1", "w0", true}, {"u1", "w100 w200", true},
		{"few", "w0", false}, {"few", "w1000", false}, {"few", "w0 w1 w2", false}, {"few", "w0", true}, {"few", `"w0 w1"`, false},
		{"few", "w9*", false},
	} {
		b.Run(fmt.Sprintf("%s/%s/best=%v", q.by, strings.ReplaceAll(q.query, " ", "_"), q.best), func(b *testing.B) {
			var took []time.Duration
			found := 0
			for b.Loop() {
				began := time.Now()
				found = len(r.page(q.by, q.query, q.best, 20, "").Messages)
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64(found), "found")
		})
	}
	b.Logf("after: %s", memoryUse())
	r.whileSending(b, send)
}

// whileSending searches for words as people do, rare and common ones, while a thousand messages a second are sent, and waits for
// each to be found as a linearizable search does.
func (r *rig) whileSending(b *testing.B, send func() *internalv1.Command) {
	ctx, cancel := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		t := time.NewTicker(10 * time.Millisecond)
		defer t.Stop()
		for ctx.Err() == nil {
			<-t.C
			batch := make([]*internalv1.Command, 10)
			for i := range batch {
				batch[i] = send()
			}
			r.apply(batch...)
		}
	})
	rnd := rand.New(rand.NewPCG(2, 2))
	zipf := rand.NewZipf(rnd, 1.07, 2, 50_000)
	b.Run("while_sending", func(b *testing.B) {
		var took []time.Duration
		for b.Loop() {
			query := word(int(zipf.Uint64()))
			for range rnd.IntN(3) {
				query += " " + word(int(zipf.Uint64()))
			}
			if rnd.IntN(5) == 0 {
				query = `"` + query + `"`
			}
			by := "u1"
			if rnd.IntN(2) == 0 {
				by = "few"
			}
			began := time.Now()
			if _, complete := r.x.Wait(ctx, r.s.Applied()); !complete {
				b.Fatal("the index does not keep up")
			}
			r.page(by, query, rnd.IntN(4) == 0, 20, "")
			took = append(took, time.Since(began))
		}
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	})
	cancel()
	wg.Wait()
	b.Logf("after sending: %s", memoryUse())
}

// benchRig is a rig whose store stays between runs, when that is wanted.
func benchRig(b *testing.B) (r *rig, kept bool) {
	if *benchDir == "" {
		return newRig(b), false
	}
	path := filepath.Join(*benchDir, "store.db")
	err := store.Create(path, testCluster, store.Mark{Index: 1, Term: 1})
	if kept = errors.Is(err, os.ErrExist); !kept {
		must(b, err)
	}
	s, err := store.Open(path, store.Options{})
	must(b, err)
	b.Cleanup(func() { must(b, s.Close()) })
	r = &rig{t: b, s: s, dir: filepath.Join(*benchDir, "search"), index: s.Applied()}
	r.nowMS = startMS + int64(r.index)*10
	r.ids = uint64(time.Now().UnixNano()) // those of the last run are used
	return r, kept
}

func memoryUse() string {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "memory unknown"
	}
	var out []string
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "RssAnon") || strings.HasPrefix(line, "VmHWM") {
			out = append(out, strings.Join(strings.Fields(line), " "))
		}
	}
	return strings.Join(out, ", ")
}
