package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"parley/boltcheck"
	"parley/e2e/cluster"
	"parley/e2e/load"
	"parley/raftlog"
	"parley/store"
)

const (
	// exitPatience bounds how long a node takes to refuse its files.
	exitPatience = 30 * time.Second
	// manySectors is enough damage to be met at once.
	manySectors = 40
	// tailTries bounds the search for a kill that leaves entries above what the store holds.
	tailTries = 20
)

// processReport counts the rounds with real processes.
type processReport struct {
	rounds, healed, harmless int
	refused                  string
	recover                  load.Figures
	acked                    int
}

// wounds are what is done to a stopped node's store.db.
var wounds = []struct {
	name string
	// sure says that the node must heal; a single bit may hit nothing.
	sure bool
	do   func(path string, r *rand.Rand) error
}{
	{"sectors zeroed", true, func(path string, r *rand.Rand) error {
		return edit(path, func(b []byte) []byte {
			for range manySectors {
				b, _ = harms[1].do(b, r)
			}
			return b
		})
	}},
	{"cut off", true, func(path string, r *rand.Rand) error {
		used, err := boltcheck.UsedBytes(path)
		if err != nil {
			return err
		}
		return os.Truncate(path, r.Int64N(used))
	}},
	{"gone", true, func(path string, _ *rand.Rand) error { return os.Remove(path) }},
	{"a bit flipped", false, func(path string, r *rand.Rand) error {
		return edit(path, func(b []byte) []byte { b, _ = harms[0].do(b, r); return b })
	}},
}

// edit changes the part of a file that is in use.
func edit(path string, f func([]byte) []byte) error {
	used, err := boltcheck.UsedBytes(path)
	if err != nil {
		return err
	}
	b := make([]byte, used)
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if _, err = file.ReadAt(b, 0); err == nil {
		_, err = file.WriteAt(f(b), 0)
	}
	return errors.Join(err, file.Close())
}

// processes damages stopped nodes of a cluster that takes messages.
func processes(t cluster.TB, binary string, seed uint64, rounds int) *processReport {
	t.Helper()
	p := &processReport{}
	if rounds == 0 {
		return p
	}
	c := cluster.Start(t, cluster.Options{Binary: binary, Nodes: 3})
	w := load.Start(t, c, load.Options{Pause: 5 * time.Millisecond})
	r := rand.New(rand.NewPCG(seed, 2))
	for i := range rounds {
		w.AwaitAcked(50)
		n := c.Nodes[r.IntN(len(c.Nodes))]
		if r.IntN(2) == 0 {
			n.Kill()
		} else {
			n.Terminate()
		}
		wound := wounds[i%len(wounds)]
		path := filepath.Join(n.Dir, "store.db")
		if err := wound.do(path, r); err != nil {
			t.Fatalf("round %d, %s: %v", i+1, wound.name, err)
		}
		w.AwaitAcked(20)
		from := time.Now()
		n.Start()
		c.AwaitServing(n)
		p.recover = append(p.recover, time.Since(from))
		p.rounds++
		told := n.Logged("the store was healed")
		switch {
		case told == nil && n.Logged(path) == nil:
			p.healed++
		case told == nil:
			t.Errorf("round %d, %s: %s does not name %s", i+1, wound.name, n.Name, path)
		case wound.sure:
			t.Errorf("round %d, %s: %s serves and was not healed", i+1, wound.name, n.Name)
		default:
			p.harmless++
		}
		load.VerifyHashes(t, c)
	}
	p.loseLog(t, c, w)
	w.Stop()
	w.Verify()
	p.acked = w.Acked()
	return p
}

// loseLog damages an entry of the log that the store does not hold. The node must refuse to start, each time, and name the
// entry and what an operator does.
func (p *processReport) loseLog(t cluster.TB, c *cluster.Cluster, w *load.Load) {
	t.Helper()
	n := c.Others(c.Leader())[0]
	path := filepath.Join(n.Dir, logFile)
	var index uint64
	for try := 0; ; try++ {
		w.AwaitAcked(20)
		n.Kill()
		last, err := lastEntry(path)
		if err != nil {
			t.Fatalf("%v", err)
		}
		mark, _, err := store.Inspect(filepath.Join(n.Dir, "store.db"))
		if err != nil {
			t.Fatalf("%v", err)
		}
		if index = last.index; index > mark.Index {
			if err := last.flip(path); err != nil {
				t.Fatalf("%v", err)
			}
			break
		}
		if try == tailTries {
			t.Fatalf("%s never has entries above what its store holds", n.Name)
		}
		n.Start()
		c.AwaitServing(n)
	}
	before, _, err := joinLog(path)
	if err != nil {
		t.Fatalf("%v", err)
	}
	for range 2 {
		n.Start()
		if code := n.AwaitExit(exitPatience); code <= 0 {
			t.Errorf("%s ended with %d on a damaged log", n.Name, code)
		}
		log := n.LastStart()
		for _, want := range []string{path, fmt.Sprintf("entry %d", index), "cluster remove", "cluster add"} {
			if !strings.Contains(log, want) {
				t.Errorf("%s refuses its log and does not say %q: %s", n.Name, want, log)
			}
		}
	}
	after, _, err := joinLog(path)
	if err != nil || string(after) != string(before) {
		t.Errorf("%s changed the log that it refused (%v)", n.Name, err)
	}
	p.refused = fmt.Sprintf("entry %d damaged above what the store holds: refused twice, file unchanged", index)
}

// entry is the newest one of a log.
type entry struct {
	index uint64
	data  string
}

func lastEntry(path string) (e entry, err error) {
	l, err := raftlog.Open(path, raftlog.Options{})
	if err != nil {
		return e, err
	}
	last, _ := l.LastIndex()
	es, err := l.Entries(last, last+1, math.MaxUint64)
	if err == nil {
		e = entry{last, string(es[0].GetData())}
	}
	return e, errors.Join(err, l.Close())
}

// flip changes a bit of the entry where it was written last.
func (e entry) flip(path string) error {
	if e.data == "" {
		return errors.New("the last entry is empty")
	}
	return editLog(path, e.data, func(b []byte) { b[len(b)-1] ^= 0x10 })
}

func (p *processReport) print(w io.Writer) {
	if p.rounds == 0 {
		return
	}
	fmt.Fprintf(w, "\nstore.db of a real node damaged, under load: %d rounds, %d healed from a peer, %d bits that hit nothing; "+
		"serving again after %s; %d acknowledged, all there, state hashes equal\n", p.rounds, p.healed, p.harmless, p.recover, p.acked)
	fmt.Fprintf(w, "the log of a real node: %s\n", p.refused)
}
