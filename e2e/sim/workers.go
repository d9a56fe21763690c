package sim

import (
	"hash/fnv"
	"time"

	"parley/raftlog"
	"parley/store"
)

// work wakes the workers that have something to do.
func (r *replica) work() {
	w := r.w
	appends, applies := r.s.Pending()
	if appends > 0 && !r.saving {
		r.saving = true
		r.after(w.between(50*time.Microsecond, w.weather.saveHi)+r.slow, r.save)
	}
	if applies > 0 && !r.applying {
		r.applying = true
		r.after(w.between(0, w.weather.applyHi), r.apply)
	}
}

// save is the append worker's turn.
func (r *replica) save() {
	w := r.w
	r.saving = false
	if r.doom == doomBeforeSave {
		r.die()
		return
	}
	r.advance()
	before := r.s.State()
	said, applied, err := r.s.Persist()
	w.law.applied(r, applied)
	if err != nil {
		if r.s.State().Applied > before.Applied+uint64(len(applied)) {
			r.flushed = r.s.State().Flushed // the store was installed, the log was not reset
		}
		if r.doom == doomInCommit || r.doom == doomAfterCommit || r.doom == doomInFlush {
			r.die()
			return
		}
		w.fail("node %d: %v", r.id, err)
	}
	if after := r.s.State(); after.Flushed > before.Flushed && after.Applied > before.Applied+uint64(len(applied)) {
		r.flushed = after.Flushed
		w.counts.Snapshots++
		w.note("installed", r.id, after.Applied)
		w.law.installed(r, after)
	}
	if r.doom == doomAfterSave {
		r.die()
		return
	}
	for _, m := range said {
		w.send(r, m)
	}
	r.wake()
}

// commit is asked by the log's disk before each commit, and keeps the books of what is durable.
func (r *replica) commit(tx *raftlog.Tx) (keep bool, err error) {
	if r.doom == doomInCommit {
		return false, errCrash
	}
	if tx.Clear {
		clear(r.saved)
	}
	for _, d := range tx.Delete {
		for i := range r.saved {
			if i >= d.Lo && i <= d.Hi {
				delete(r.saved, i)
			}
		}
	}
	for _, rec := range tx.Log {
		h := fnv.New64a()
		h.Write(rec.Value)
		r.saved[indexOf(rec.Key)] = h.Sum64()
		r.w.law.saved(r, rec.Value, h.Sum64())
	}
	if r.doom == doomAfterCommit {
		return true, errCrash
	}
	return true, nil
}

// commitStore is asked by the store's disk before each commit.
func (r *replica) commitStore(store.Batch) (keep bool, err error) {
	if r.doom == doomInFlush && r.w.chance(0.5) {
		return false, errCrash
	}
	return true, nil
}

func indexOf(key []byte) (i uint64) {
	for _, b := range key {
		i = i<<8 | uint64(b)
	}
	return i
}

// apply is the apply worker's turn.
func (r *replica) apply() {
	r.applying = false
	if r.doom == doomBeforeApply {
		r.die()
		return
	}
	r.advance()
	entries, err := r.s.Apply()
	if err != nil {
		if r.doom == doomInFlush { // Apply flushes when memory is full
			r.die()
			return
		}
		r.w.fail("node %d: apply: %v", r.id, err)
	}
	r.w.law.applied(r, entries)
	r.flushed = r.s.State().Flushed // a configuration change flushes
	if r.doom == doomAfterApply {
		r.die()
		return
	}
	r.wake()
}

// flush is the store's flusher's turn, again and again.
func (r *replica) flush() {
	life := r.life
	r.flushNow()
	if r.life == life {
		r.after(r.w.between(r.w.weather.flushHi/2, r.w.weather.flushHi)+r.slow, r.flush)
	}
}

func (r *replica) flushNow() {
	w := r.w
	if err := r.s.Flush(); err != nil {
		if r.doom == doomInFlush {
			r.die()
			return
		}
		w.fail("node %d: flush: %v", r.id, err)
	}
	r.flushed = r.s.State().Flushed
	w.law.flushedTo(r)
	if r.doom == doomInFlush || r.doom == doomAfterFlush {
		r.die()
	}
}
