package sim

import (
	"slices"
	"time"

	"go.etcd.io/raft/v3"
)

// doom is where a node will die next.
type doom int

const (
	doomBeforeSave  doom = iota + 1 // the append worker is about to commit
	doomInCommit                    // the commit of the log is lost; in a snapshot install the store was swapped before it
	doomAfterCommit                 // the commit is kept, and nothing else happened
	doomAfterSave                   // the log has it, nobody was told
	doomSend                        // some messages of a turn have left
	doomBeforeApply
	doomAfterApply
	doomInFlush
	doomAfterFlush
	lastDoom = doomAfterFlush
)

var doomNames = [...]string{
	"", "before the save", "in the commit", "after the commit", "after the save", "while sending", "before Apply", "after Apply",
	"in the flush", "after the flush",
}

// die is a crash at the doomed place; the machine comes back later.
func (r *replica) die() {
	r.crash(doomNames[r.doom])
	r.comeBack(r.w.between(10*time.Millisecond, 4*time.Second))
}

// comeBack starts the node again unless something else did.
func (r *replica) comeBack(d time.Duration) {
	life := r.life
	r.w.after(d, func() {
		if r.s == nil && r.life == life && !r.gone {
			r.start()
		}
	})
}

// fault is one thing that goes wrong.
type fault func(w *world)

var allFaults = []fault{
	faultDoom, faultDoom, faultDoom, faultKill, faultKillSome, faultPause, faultIsolate, faultIsolate, faultSplit, faultOneWay, faultBridge,
	faultReset, faultClock, faultSlowDisk, faultTransfer, faultBlink, faultCutOff,
}

// planFaults has faults happen until the end.
func (w *world) planFaults(end time.Duration) {
	var next func()
	next = func() {
		if len(w.weather.faults) == 0 || w.now >= end {
			return
		}
		w.weather.faults[w.rng.IntN(len(w.weather.faults))](w)
		w.after(w.between(w.weather.gapHi/10, w.weather.gapHi), next)
	}
	w.after(time.Second, next)
}

// any draws a machine that is not gone for good.
func (w *world) any() *replica {
	here := slices.DeleteFunc(slices.Clone(w.replicas), func(r *replica) bool { return r.gone })
	return here[w.rng.IntN(len(here))]
}

// leader is the node that leads the highest term, or any one.
func (w *world) leader() *replica {
	var best *replica
	var term uint64
	for _, r := range w.replicas {
		if r.s != nil {
			if st := r.s.State(); st.Role == raft.StateLeader && st.Term > term {
				best, term = r, st.Term
			}
		}
	}
	if best == nil {
		return w.any()
	}
	return best
}

func (w *world) victim() *replica {
	if w.chance(0.5) {
		return w.leader()
	}
	return w.any()
}

// kill ends a node that runs.
func (r *replica) kill(down time.Duration) {
	if r.s != nil {
		r.crash("killed")
		r.comeBack(down)
	}
}

func faultDoom(w *world) {
	r := w.victim()
	r.doom = doom(1 + w.rng.IntN(int(lastDoom)))
	w.note("doom", r.id, uint64(r.doom))
}

func faultKill(w *world) { w.victim().kill(w.between(5*time.Millisecond, 5*time.Second)) }

func faultKillSome(w *world) {
	down := w.between(5*time.Millisecond, 3*time.Second)
	n := 1 + w.rng.IntN(len(w.replicas))
	for _, i := range w.rng.Perm(len(w.replicas))[:n] {
		w.replicas[i].kill(down + w.between(0, time.Second))
	}
}

func faultPause(w *world) {
	r := w.victim()
	w.counts.Pauses++
	r.frozen = w.now + w.between(100*time.Millisecond, 5*time.Second)
	w.note("pause", r.id, uint64(r.frozen))
}

// cutting makes a cut and heals all cuts after a while.
func (w *world) cutting(pass func(from, to uint64) bool) {
	w.counts.Cuts++
	for _, a := range w.replicas {
		for _, b := range w.replicas {
			if a != b && !pass(a.id, b.id) {
				w.law.cuts[link{a.id, b.id}] = true
				w.note("cut", a.id, b.id)
				w.broke(a, b)
			}
		}
	}
	w.after(w.between(100*time.Millisecond, 6*time.Second), w.heal)
}

// broke tells the target that a stream ended, now and then: a cut may reset it or leave it silent.
func (w *world) broke(from, to *replica) {
	if from.self != nil && to.s != nil && w.chance(0.5) {
		boot := from.self.GetBoot()
		to.after(w.way(), func() {
			to.s.LinkDown(from.id, boot)
			to.wake()
		})
	}
}

func faultIsolate(w *world) {
	v := w.victim().id
	w.cutting(func(a, b uint64) bool { return a != v && b != v })
}

func faultSplit(w *world) {
	side := map[uint64]bool{}
	for _, r := range w.replicas {
		side[r.id] = w.chance(0.5)
	}
	w.cutting(func(a, b uint64) bool { return side[a] == side[b] })
}

func faultOneWay(w *world) {
	v, out := w.victim().id, w.chance(0.5)
	w.cutting(func(a, b uint64) bool { return !(out && a == v || !out && b == v) })
}

// faultBridge leaves two halves that see each other only through one node.
func faultBridge(w *world) {
	order := w.rng.Perm(len(w.replicas))
	half := map[uint64]int{}
	for i, at := range order {
		half[w.replicas[at].id] = 1 + i%2
	}
	half[w.replicas[order[0]].id] = 0
	w.cutting(func(a, b uint64) bool { return half[a] == 0 || half[b] == 0 || half[a] == half[b] })
}

// faultBlink cuts everything for a moment.
func faultBlink(w *world) {
	w.cutting(func(uint64, uint64) bool { return false })
	w.after(w.between(time.Millisecond, 300*time.Millisecond), w.heal)
}

// faultCutOff keeps one node away for so long that it comes back through a snapshot.
func faultCutOff(w *world) {
	v := w.any().id
	w.cutting(func(a, b uint64) bool { return a != v && b != v })
	if l := w.leader(); l.s != nil && l.id != v {
		l.after(w.between(time.Millisecond, time.Second), l.flushNow)
	}
}

// faultReset ends streams of live processes.
func faultReset(w *world) {
	w.counts.Resets++
	from := w.victim()
	w.note("reset", from.id)
	for _, to := range w.replicas {
		if from.s != nil && to != from && to.s != nil {
			boot := from.self.GetBoot()
			to.after(w.way(), func() {
				to.s.LinkDown(from.id, boot)
				to.wake()
			})
		}
	}
}

func faultClock(w *world) {
	w.counts.Jumps++
	r := w.victim()
	r.skew = w.rng.Int64N(2*maxSkew.Milliseconds()) - maxSkew.Milliseconds()
	w.note("clock", r.id, uint64(r.skew))
}

func faultSlowDisk(w *world) {
	r := w.victim()
	r.slow = w.between(20*time.Millisecond, 1500*time.Millisecond)
	w.note("slow", r.id, uint64(r.slow))
	w.after(w.between(100*time.Millisecond, 4*time.Second), func() { r.slow = 0 })
}

func faultTransfer(w *world) {
	l := w.leader()
	if l.s == nil {
		return
	}
	var to uint64
	if w.chance(0.5) {
		to = w.any().id
	}
	w.note("transfer", l.id, to)
	l.after(0, func() {
		l.s.TransferLeadership(to)
		l.wake()
	})
}

// serving are the members whose nodes run, by id.
func (w *world) serving() []*replica {
	members := w.law.members()
	return slices.DeleteFunc(slices.Clone(w.replicas), func(r *replica) bool { return r.s == nil || !slices.Contains(members, r.id) })
}
