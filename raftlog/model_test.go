package raftlog

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/raft/v3/raftpb"
)

// model is the log as one would write it without thinking of disks: ram is what reads see, disk what survives a crash.
type model struct{ ram, disk modelState }

type modelState struct {
	compacted mark
	hs        hardState
	ents      []*raftpb.Entry
}

func (s modelState) last() uint64 { return s.compacted.index + uint64(len(s.ents)) }

func (s modelState) lastTerm() uint64 {
	if len(s.ents) == 0 {
		return s.compacted.term
	}
	return s.ents[len(s.ents)-1].GetTerm()
}

func (s modelState) equal(o modelState) bool {
	same := func(a, b *raftpb.Entry) bool {
		return a.GetIndex() == b.GetIndex() && a.GetTerm() == b.GetTerm() && a.GetType() == b.GetType() &&
			bytes.Equal(a.GetData(), b.GetData())
	}
	return s.compacted == o.compacted && s.hs == o.hs && slices.EqualFunc(s.ents, o.ents, same)
}

func (s modelState) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "compacted %d/%d hard state %+v entries", s.compacted.index, s.compacted.term, s.hs)
	for _, e := range s.ents {
		fmt.Fprintf(&b, " %d/%d:%q", e.GetIndex(), e.GetTerm(), e.GetData())
	}
	return b.String()
}

// rig is a log under test that can be restarted, with or without a crash.
type rig interface {
	log() *Log
	// restart closes and opens.
	restart(t *testing.T)
	// crash forgets everything that no commit made durable.
	crash(t *testing.T)
	// tear runs op with a commit in it and crashes there; it reports whether the transaction survived.
	tear(t *testing.T, r *rand.Rand, op func() error) bool
}

type memRig struct {
	l *Log
	d *MemDisk
}

func (g *memRig) log() *Log { return g.l }

func (g *memRig) restart(t *testing.T) {
	must(t, g.l.Close())
	g.l = mustOpenDisk(t, g.d)
}

func (g *memRig) crash(t *testing.T) {
	g.d = g.d.Clone()
	g.l = mustOpenDisk(t, g.d)
}

func (g *memRig) tear(t *testing.T, r *rand.Rand, op func() error) bool {
	keep, cut := r.IntN(2) == 0, errors.New("power cut")
	g.d.OnCommit(func(*Tx) (bool, error) { return keep, cut })
	if err := op(); !errors.Is(err, cut) {
		t.Fatalf("a failed commit must be returned, got %v", err)
	}
	g.d.OnCommit(nil)
	if err := g.l.Append(Batch{HardState: state(1<<40, 0, 0)}); !errors.Is(err, cut) {
		t.Fatalf("after a failed commit the log must refuse to write, got %v", err)
	}
	g.crash(t)
	return keep
}

// walRig crashes by going on with a copy of the files: while no commit runs, that is what a power cut leaves.
type walRig struct {
	l    *Log
	path string
	n    int
}

func (g *walRig) log() *Log { return g.l }

func (g *walRig) restart(t *testing.T) {
	must(t, g.l.Close())
	g.l = mustOpen(t, g.path)
}

func (g *walRig) copy(t *testing.T) string {
	g.n++
	path := filepath.Join(filepath.Dir(g.path), fmt.Sprintf("crash%d", g.n))
	copyDir(t, g.path, path)
	return path
}

func (g *walRig) crash(t *testing.T) {
	path := g.copy(t)
	must(t, g.l.Close())
	g.path, g.l = path, mustOpen(t, path)
}

func (g *walRig) tear(t *testing.T, r *rand.Rand, op func() error) bool {
	path := g.copy(t)
	keep := r.IntN(2) == 0
	must(t, op())
	if keep {
		path = g.copy(t)
	}
	must(t, g.l.Close())
	g.path, g.l = path, mustOpen(t, path)
	return keep
}

// TestModel keeps invariants 1 to 7: whatever is appended, compacted, reset and crashed, reads equal the model's.
func TestModel(t *testing.T) {
	run := func(t *testing.T, seed uint64, steps int, g rig) {
		r := rand.New(rand.NewPCG(seed, 0))
		var m model
		for step := range steps {
			what := m.step(t, r, g)
			if got := snapshot(t, g.log()); !got.equal(m.ram) {
				t.Fatalf("seed %d, step %d, %s:\n got %s\nwant %s", seed, step, what, got, m.ram)
			}
			if step%3 != 0 {
				continue
			}
			if err := g.log().check(); err != nil {
				t.Fatalf("seed %d, step %d, %s: %v", seed, step, what, err)
			}
		}
	}
	for seed := range uint64(8) {
		t.Run(fmt.Sprintf("memory/%d", seed), func(t *testing.T) {
			d := NewMemDisk(testIdentity())
			run(t, seed, 250, &memRig{d: d, l: mustOpenDisk(t, d)})
		})
	}
	for seed := range uint64(4) {
		t.Run(fmt.Sprintf("segments/%d", seed), func(t *testing.T) {
			path := newFile(t)
			run(t, seed, 80, &walRig{path: path, l: mustOpen(t, path)})
		})
	}
}

// step does one random thing to the log and to the model and says what.
func (m *model) step(t *testing.T, r *rand.Rand, g rig) string {
	ram := &m.ram
	switch n := r.IntN(100); {
	case n < 55: // append, perhaps over a diverged tail
		b, next := m.batch(r)
		what := fmt.Sprintf("append %d entries, last %d", len(b.Entries), next.last())
		if len(b.Entries) > 0 && r.IntN(12) == 0 {
			if g.tear(t, r, func() error { return g.log().Append(b) }) {
				m.disk = next
			}
			m.ram = m.disk
			return "torn " + what
		}
		must(t, g.log().Append(b))
		durable := len(b.Entries) > 0 || next.hs.term != ram.hs.term || next.hs.vote != ram.hs.vote
		m.ram = next
		if durable {
			m.disk = next
		}
		return what
	case n < 70: // only the commit index moves
		hs := ram.hs
		hs.commit += r.Uint64N(ram.last() - hs.commit + 1)
		must(t, g.log().Append(Batch{HardState: hs.pb()}))
		ram.hs = hs
		return fmt.Sprintf("commit %d", hs.commit)
	case n < 85:
		to := ram.compacted.index + r.Uint64N(ram.hs.commit-ram.compacted.index+1)
		g.log().Compact(to)
		if n := to - ram.compacted.index; n > 0 {
			ram.compacted = mark{index: to, term: ram.ents[n-1].GetTerm()}
			ram.ents = slices.Clone(ram.ents[n:])
		}
		return fmt.Sprintf("compact %d", to)
	case n < 88:
		index, term := ram.last()+r.Uint64N(100), max(ram.lastTerm(), ram.hs.term)+r.Uint64N(2)
		must(t, g.log().Reset(index, term, nil))
		hs := ram.hs
		if hs.term < term {
			hs.term, hs.vote = term, 0
		}
		hs.commit = index
		m.ram = modelState{compacted: mark{index: index, term: term}, hs: hs}
		m.disk = m.ram
		return fmt.Sprintf("reset %d/%d", index, term)
	case n < 93:
		g.restart(t)
		m.disk = m.ram
		return "restart"
	case n < 98:
		g.crash(t)
		m.ram = m.disk
		return "crash"
	default:
		id := g.log().Identity()
		id.Boot++
		must(t, g.log().SetIdentity(id))
		m.disk = m.ram
		if got := g.log().Identity(); got.Boot != id.Boot || !bytes.Equal(got.Incarnation, id.Incarnation) {
			t.Fatalf("identity is %+v, want %+v", got, id)
		}
		return "identity"
	}
}

// batch makes a random batch that raft could have sent, and the state after it.
func (m *model) batch(r *rand.Rand) (Batch, modelState) {
	s := m.ram
	s.ents = slices.Clone(s.ents)
	hs := s.hs
	if r.IntN(5) == 0 {
		hs.term, hs.vote = hs.term+1+r.Uint64N(2), r.Uint64N(4)
	}
	hs.term = max(hs.term, 1)
	var b Batch
	if r.IntN(8) > 0 {
		first := s.last() + 1
		if r.IntN(4) == 0 {
			first -= r.Uint64N(s.last() - s.hs.commit + 1)
		}
		s.ents = s.ents[:first-s.compacted.index-1]
		for range 1 + r.Uint64N(9)*r.Uint64N(9)*r.Uint64N(9) {
			term := max(s.lastTerm(), hs.term)
			e := entry(s.last()+1, term, fmt.Sprintf("%x", r.Uint64()>>r.UintN(64)))
			s.ents = append(s.ents, e)
			b.Entries = append(b.Entries, e)
		}
	}
	hs.commit += r.Uint64N(s.last() - hs.commit + 1)
	s.hs = hs
	b.HardState = hs.pb()
	return b, s
}
