package raftlog

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
)

// walImage is what the frames of a log add up to.
type walImage struct {
	path    string
	meta    []Record // of the last frame
	records map[uint64][]byte
	// lost are frames that were acknowledged and are damaged: what they held, or deleted, at or below index is not known.
	lost   []lostFrames
	floor  uint64 // the highest index of a deleted head of the log
	number uint64 // of the last frame
	active int    // its segment
	end    int64  // where it ends
}

type lostFrames struct {
	index uint64
	err   error
}

// scanner reads segments.
type scanner struct {
	path     string
	salt     uint32
	segments []*segment
	bytes    [][]byte
}

// scanSegments reads the segments and returns what they add up to. durable is the least number that the last frame must
// have. A frame that is not whole ends the log if nothing shows that it was acknowledged; else it is damage, which is
// returned when what follows cannot make up for it, and otherwise told in lost.
func scanSegments(path string, salt uint32, segments []*segment, durable uint64) (*walImage, error) {
	s := &scanner{path: path, salt: salt, segments: segments}
	for _, seg := range segments {
		b := make([]byte, seg.size)
		if n, err := seg.file.ReadAt(b, 0); err == io.EOF {
			b = b[:n]
		} else if err != nil {
			return nil, fmt.Errorf("raftlog: read %s in %s: %w", segmentName(seg.seq), path, err)
		}
		seg.last = 0
		s.bytes = append(s.bytes, b)
	}
	img := &walImage{path: path, records: make(map[uint64][]byte)}
	i, off, bad := 0, 0, error(nil)
	for i < len(segments) {
		f, err := parseFrame(s.bytes[i][off:], salt)
		if err == nil && img.number != 0 && f.number != img.number+1 {
			err = errTorn // an older one in a segment that was used before
		}
		if err == nil && f.damaged != nil && f.number > durable && !s.follows(i, off+f.size, f.number+1) {
			break // torn by a power cut
		}
		if err == nil {
			if bad != nil {
				img.lose(&f, bad)
				bad = nil
			}
			img.add(&f, segments[:i+1])
			img.active, img.end = i, int64(off+f.size)
			off += f.size
			continue
		}
		j, next, number := s.find(i, off, img.number+1)
		if j < 0 {
			break
		}
		if number != img.number+1 || img.number == 0 {
			bad = fmt.Errorf("%s, byte %d: %w", segmentName(segments[i].seq), off, errChecksum)
			img.number = number - 1
		}
		i, off = j, next
	}
	if img.number < durable || img.number == 0 || img.meta == nil {
		where := "no segment"
		if i < len(segments) {
			where = fmt.Sprintf("%s, byte %d", segmentName(segments[i].seq), off)
		}
		return nil, damagedFile(path, "file: "+where, fmt.Errorf("commits %d to %d were durable and are not there", img.number+1,
			max(durable, 1)))
	}
	return img, nil
}

// follows reports whether a frame of at least that number comes after a place.
func (s *scanner) follows(i, off int, number uint64) bool {
	j, _, _ := s.find(i, off, number)
	return j >= 0
}

// find returns the first frame at or after a place whose number is at least the one given, -1 when there is none. In a
// first segment that does not begin with a frame nothing else is looked for: what follows may be of its use before. Nor is it
// known there what the number is, so any frame at the start of a later one will do; the mark tells whether it is old.
func (s *scanner) find(i, off int, number uint64) (segment, at int, found uint64) {
	if i == 0 && off == 0 {
		i = 1
	}
	for ; i < len(s.bytes); i, off = i+1, 0 {
		b := s.bytes[i]
		for ; off+frameHeader <= len(b); off += frameAlign {
			// Cheap first: nearly all that comes by here are zeros, texts and older frames.
			n := binary.LittleEndian.Uint64(b[off+8:])
			if n < number {
				continue
			}
			if f, err := parseFrame(b[off:], s.salt); err == nil {
				return i, off, f.number
			}
		}
	}
	return -1, 0, 0
}

// lose notes that the frames before f are lost. Whatever they wrote at or above the first index that f writes, f replaced: it
// ends the log. A frame without entries leaves the log's end where it was.
func (img *walImage) lose(f *frame, why error) {
	if f.tx.Clear {
		return
	}
	var index uint64
	if len(f.tx.Log) > 0 {
		index = binary.BigEndian.Uint64(f.tx.Log[0].Key) - 1
	} else {
		for _, r := range f.meta {
			if body, err := unseal(r.Key, r.Value); string(r.Key) == keyTail && err == nil {
				if tail, err := parseMark(body); err == nil {
					index = tail.index
				}
			}
		}
	}
	for i := range img.records {
		if i > index {
			delete(img.records, i) // perhaps a deletion was lost
		}
	}
	if index > 0 {
		img.lost = append(img.lost, lostFrames{index: index, err: why})
	}
}

// add applies f, which stands in the last of the segments.
func (img *walImage) add(f *frame, segments []*segment) {
	img.number, img.meta = f.number, f.meta
	if f.tx.Clear {
		for _, seg := range segments {
			seg.last = 0
		}
		clear(img.records)
		img.lost = nil
	}
	for _, r := range f.tx.Delete {
		if r.Lo == 0 {
			img.floor = max(img.floor, r.Hi)
		}
		if r.Hi-r.Lo < uint64(len(img.records)) {
			for i := r.Lo; i <= r.Hi; i++ {
				delete(img.records, i)
			}
			continue
		}
		for i := range img.records {
			if r.Lo <= i && i <= r.Hi {
				delete(img.records, i)
			}
		}
	}
	seg := segments[len(segments)-1]
	for _, r := range f.tx.Log {
		index := binary.BigEndian.Uint64(r.Key)
		img.records[index] = r.Value
		seg.last = max(seg.last, index)
	}
}

// load is Disk.Load on the image. In the place of what is lost stands a record that is not whole; what fn says of it is
// told with the place in the file.
func (img *walImage) load(bucket string, fn func(key, value []byte) error) error {
	if bucket == BucketMeta {
		for _, r := range img.meta {
			if err := fn(r.Key, r.Value); err != nil {
				return err
			}
		}
		return nil
	}
	lost := make(map[uint64]error)
	for _, l := range img.lost {
		lost[l.index] = l.err
		img.records[l.index] = nil
	}
	indexes := make([]uint64, 0, len(img.records))
	for i := range img.records {
		indexes = append(indexes, i)
	}
	slices.Sort(indexes)
	for _, i := range indexes {
		err := fn(appendKey(nil, i), img.records[i])
		if why := lost[i]; err != nil && why != nil {
			return damagedEntry(img.path, i, fmt.Errorf("%w: the entries up to it were in frames that are damaged", why))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
