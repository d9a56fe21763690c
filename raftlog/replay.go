package raftlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// image is what replay read from a disk.
type image struct {
	id   Identity
	view view
	tail mark
	// first is the lowest index that has a record; last+1 when none has.
	first uint64
}

// replay reads d and asserts what Append and its kind asserted before they wrote. Damage that flushed makes
// superfluous is returned as healed, together with the log compacted to flushed, which the caller must write back.
func replay(d Disk, flushed mark) (img *image, healed *DamageError, err error) {
	img, err = readMeta(d)
	var damage *DamageError
	if err == nil {
		if err = img.readLog(d, img.view.compacted); err == nil {
			return img, nil, nil
		}
	}
	if !errors.As(err, &damage) || img == nil || !superfluous(damage, flushed.index) {
		return nil, nil, err
	}
	hs := &img.view.hs
	if hs.term < flushed.term {
		hs.term, hs.vote = flushed.term, 0
	}
	hs.commit = max(hs.commit, flushed.index)
	if err := img.readLog(d, flushed); err != nil {
		return nil, nil, err
	}
	return img, damage, nil
}

// superfluous reports whether the damage is confined to what a store flushed to index holds as well. The compaction
// point is: it never passes the flushed index.
func superfluous(e *DamageError, flushed uint64) bool {
	switch e.Bucket {
	case BucketLog:
		return e.Index > 0 && e.Index <= flushed
	case BucketMeta:
		return e.Key == keyCompacted && flushed > 0
	}
	return false
}

// readMeta reads the meta bucket. When nothing but the compaction point is damaged, it returns the image besides the
// error.
func readMeta(d Disk) (*image, error) {
	raw := make(map[string][]byte)
	damaged := func(key string, err error) error { return damagedMeta(d.Path(), key, err) }
	err := d.Load(BucketMeta, func(key, value []byte) error {
		raw[string(key)] = bytes.Clone(value)
		return nil
	})
	if err != nil {
		return nil, err
	}
	body := func(key string) ([]byte, error) {
		value, ok := raw[key]
		if !ok {
			return nil, damaged(key, errMissing)
		}
		b, err := unseal([]byte(key), value)
		if err != nil {
			return nil, damaged(key, err)
		}
		return b, nil
	}

	b, err := body(keyFormat)
	if err != nil {
		return nil, err
	}
	if len(b) != 4 {
		return nil, damaged(keyFormat, fmt.Errorf("length %d, want 4", len(b)))
	}
	known := uint32(formatVersion)
	if old, ok := d.(interface{ format() uint32 }); ok {
		known = old.format()
	}
	if v := binary.BigEndian.Uint32(b); v != known {
		return nil, unknownFormat(d.Path(), v, known)
	}

	img := &image{}
	var damage error
	for _, field := range []struct {
		key   string
		parse func([]byte) error
	}{
		{keyIdentity, func(b []byte) (err error) { img.id, err = parseIdentity(b); return err }},
		{keyHardState, func(b []byte) (err error) { img.view.hs, err = parseHardState(b); return err }},
		{keyTail, func(b []byte) (err error) { img.tail, err = parseMark(b); return err }},
		// Last: its damage alone does not stop the others from being read.
		{keyCompacted, func(b []byte) (err error) { img.view.compacted, err = parseMark(b); return err }},
	} {
		b, err := body(field.key)
		if err == nil {
			if err = field.parse(b); err != nil {
				err = damaged(field.key, err)
			}
		}
		if err == nil {
			continue
		}
		if field.key != keyCompacted {
			return nil, err
		}
		damage = err
	}
	return img, damage
}

// readLog fills the view with the entries above compacted. Older records are left over from compaction and ignored.
func (img *image) readLog(d Disk, compacted mark) error {
	v := &img.view
	v.compacted, v.ents, v.ends, v.base = compacted, nil, nil, 0
	damaged := func(index uint64, format string, args ...any) error {
		return damagedEntry(d.Path(), index, fmt.Errorf(format, args...))
	}
	want, prev, size := compacted.index+1, compacted.term, uint64(0)
	older := uint64(0)
	err := d.Load(BucketLog, func(key, value []byte) error {
		index := want // where a record with a key that is no index stands
		if len(key) == keyBytes {
			index = binary.BigEndian.Uint64(key)
		}
		if index <= compacted.index {
			older++
			return nil
		}
		// The record is judged before its place: a damaged key names no place.
		body, err := unseal(key, value)
		if err != nil {
			return damaged(want, "%w", err)
		}
		if index != want {
			return damaged(index-1, "entries %d to %d are missing", want, index-1)
		}
		e := new(raftpb.Entry)
		if err := proto.Unmarshal(body, e); err != nil {
			return damaged(index, "%w", err)
		}
		if e.GetIndex() != index {
			return damaged(index, "the record holds entry %d", e.GetIndex())
		}
		if e.GetTerm() < prev {
			return damaged(index, "term falls from %d to %d", prev, e.GetTerm())
		}
		v.ents = append(v.ents, e)
		size += uint64(len(body))
		v.ends = append(v.ends, size)
		want, prev = want+1, e.GetTerm()
		return nil
	})
	if err != nil {
		return err
	}
	img.first = compacted.index + 1 - min(older, compacted.index)
	return img.checkBounds(d.Path())
}

// checkBounds asserts that log, tail record and hard state agree.
func (img *image) checkBounds(path string) error {
	v, last := &img.view, img.view.tail()
	switch {
	case last.index < img.tail.index:
		return damagedEntry(path, img.tail.index,
			fmt.Errorf("entries %d to %d are missing", last.index+1, img.tail.index))
	case last != img.tail && img.tail.index > v.compacted.index || last.index > max(img.tail.index, v.compacted.index):
		return damagedEntry(path, last.index, fmt.Errorf(
			"the log ends at index %d, term %d; the tail record says %d, %d",
			last.index, last.term, img.tail.index, img.tail.term))
	case v.hs.commit < v.compacted.index || v.hs.commit > last.index:
		return damagedMeta(path, keyHardState, fmt.Errorf("commit %d is outside the log: compacted to %d, last %d",
			v.hs.commit, v.compacted.index, last.index))
	case v.hs.term < last.term:
		return damagedMeta(path, keyHardState, fmt.Errorf("term %d is below the last entry's %d", v.hs.term, last.term))
	}
	return nil
}
