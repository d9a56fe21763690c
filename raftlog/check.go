package raftlog

import (
	"bytes"
	"fmt"
)

// check verifies the package's invariants on the memory and against the disk. It takes the writers' lock; tests call
// it.
func (l *Log) check() error {
	l.commit.Lock()
	defer l.commit.Unlock()
	v := l.view.Load()
	if err := v.check(); err != nil {
		return err
	}
	if l.failed != nil {
		return nil // the disk is nobody's any more
	}
	return l.checkDisk(v)
}

func (v *view) check() error {
	prev := v.compacted.term
	if len(v.ents) != len(v.ends) {
		return fmt.Errorf("%d entries, %d sizes", len(v.ents), len(v.ends))
	}
	var enc encoder
	if err := enc.encode(v.ents); err != nil {
		return err
	}
	end := v.base
	for i, e := range v.ents {
		if want := v.compacted.index + 1 + uint64(i); e.GetIndex() != want {
			return fmt.Errorf("invariant 1: entry %d where %d belongs", e.GetIndex(), want)
		}
		if e.GetTerm() < prev {
			return fmt.Errorf("invariant 2: term falls from %d to %d at %d", prev, e.GetTerm(), e.GetIndex())
		}
		prev = e.GetTerm()
		if end += uint64(enc.sizes[i]); v.ends[i] != end {
			return fmt.Errorf("sizes up to entry %d are %d, not %d", e.GetIndex(), v.ends[i], end)
		}
	}
	if c := v.hs.commit; c < v.compacted.index || c > v.last() {
		return fmt.Errorf("invariant 3: commit %d outside [%d, %d]", c, v.compacted.index, v.last())
	}
	if v.hs.term < prev {
		return fmt.Errorf("invariant 3: term %d below the last entry's %d", v.hs.term, prev)
	}
	return nil
}

func (l *Log) checkDisk(v *view) error {
	img, healed, err := replay(l.disk, mark{})
	if err != nil {
		return fmt.Errorf("invariant 5: %w", err)
	}
	if healed != nil {
		return fmt.Errorf("invariant 5: healed %w", healed)
	}
	d := &img.view
	if img.first != l.stored.first {
		return fmt.Errorf("lowest index on the disk is %d, not %d", img.first, l.stored.first)
	}
	if d.hs.term != v.hs.term || d.hs.vote != v.hs.vote || d.hs.commit > v.hs.commit {
		return fmt.Errorf("invariant 7: hard state %+v in memory, %+v on disk", v.hs, d.hs)
	}
	if d.compacted.index > v.compacted.index || d.tail() != v.tail() {
		return fmt.Errorf("invariant 7: log (%d, %+v] in memory, (%d, %+v] on disk",
			v.compacted.index, v.tail(), d.compacted.index, d.tail())
	}
	var ram, disk encoder
	if err := ram.encode(v.ents); err != nil {
		return err
	}
	if err := disk.encode(d.ents[v.compacted.index-d.compacted.index:]); err != nil {
		return err
	}
	for i, r := range ram.records {
		if !bytes.Equal(r.Value, disk.records[i].Value) {
			return fmt.Errorf("invariant 7: entry %d differs", v.ents[i].GetIndex())
		}
	}
	return nil
}
