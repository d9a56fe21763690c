package raftlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"sync"

	"parley/internal/syncfile"
)

// walDisk is a Disk in a directory of segments. A commit is one write and one fdatasync of space that was written before.
// Load may run beside the other methods, which a scrub does; a chore runs beside all of them.
type walDisk struct {
	path string
	dir  *os.Root // stays the log's when the directory is renamed
	lock *os.File
	mark *os.File
	salt uint32

	mu       sync.Mutex // guards what follows; held over a commit
	reading  int        // Loads that read the segments: none is dropped meanwhile
	segments []*segment // in use, ascending; the last is appended to
	spares   []*segment // prepared, ascending
	room     int64      // the size of a new segment: segmentBytes, less in tests
	off      int64      // where the next frame goes
	number   uint64     // of the last frame
	floor    uint64     // no record at or below is wanted
	meta     []Record   // ascending keys
	img      *walImage  // what Open read, until the first Commit
	buf      []byte
	chore    *chore // at work, or nil
}

func (d *walDisk) last() *segment { return d.segments[len(d.segments)-1] }

// Path implements Disk.
func (d *walDisk) Path() string { return d.path }

// Load implements Disk. Open has read the log already; later, for a scrub, it is read again.
func (d *walDisk) Load(bucket string, fn func(key, value []byte) error) error {
	d.mu.Lock()
	img, number := d.img, d.number
	if img != nil {
		d.mu.Unlock()
		return img.load(bucket, fn)
	}
	copies := make([]*segment, len(d.segments))
	for i, s := range d.segments {
		c := *s
		copies[i] = &c
	}
	// What is being appended is not looked at: a read beside two writes may see the second alone.
	copies[len(copies)-1].size = d.off
	d.reading++
	d.mu.Unlock()
	img, err := scanSegments(d.path, d.salt, copies, number)
	d.mu.Lock()
	d.reading--
	d.mu.Unlock()
	if err != nil {
		return err
	}
	return img.load(bucket, fn)
}

// Commit implements Disk.
func (d *walDisk) Commit(tx *Tx) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.img = nil
	d.meta = mergeMeta(d.meta, tx.Meta)
	d.buf = appendFrame(d.buf[:0], d.salt, d.number+1, d.meta, tx)
	if d.off+int64(len(d.buf)) > d.last().size {
		if err := d.advance(int64(len(d.buf))); err != nil {
			return err
		}
	}
	s := d.last()
	if _, err := s.file.WriteAt(d.buf, d.off); err != nil {
		return err
	}
	if err := syncfile.Data(s.file); err != nil {
		return err
	}
	d.number++
	d.off += int64(len(d.buf))
	if cap(d.buf) > maxScratchBytes {
		d.buf = nil
	}
	if err := (walMark{salt: d.salt, number: d.number}).write(d.mark); err != nil {
		return err
	}
	if tx.Clear {
		for _, s := range d.segments {
			s.last = 0
		}
	}
	if n := len(tx.Log); n > 0 {
		s.last = max(s.last, binary.BigEndian.Uint64(tx.Log[n-1].Key))
	}
	for _, r := range tx.Delete {
		if r.Lo == 0 {
			d.floor = max(d.floor, r.Hi)
		}
	}
	d.tend()
	return nil
}

// tend starts a chore when there is one: segments before the last one that nobody needs, or a last one that fills up.
func (d *walDisk) tend() {
	d.reap(false)
	if d.chore != nil {
		return // what is due now is due at the next commit too
	}
	c := &chore{room: d.room, done: make(chan *segment, 1)}
	n := 0
	for d.reading == 0 && n < len(d.segments)-1 && d.segments[n].last <= d.floor {
		n++
	}
	c.drop = slices.Clone(d.segments[:n])
	last := d.last()
	if len(d.spares) == 0 && last.size-d.off <= min(prepareBytes, last.size/2) ||
		len(d.spares) < 2 && n > 0 && c.drop[0].size == d.room {
		c.seq = last.seq + 1
		if k := len(d.spares); k > 0 {
			c.seq = d.spares[k-1].seq + 1
		}
	}
	if n == 0 && c.seq == 0 {
		return
	}
	d.segments = slices.Delete(d.segments, 0, n)
	d.chore = c
	go c.run(d.dir, d.mark) // owned by d: reap takes its one answer, at the latest in Close
}

// reap takes the result of a chore that has ended, or waits for it.
func (d *walDisk) reap(wait bool) {
	if d.chore == nil {
		return
	}
	var made *segment
	if wait {
		made = <-d.chore.done
	} else {
		select {
		case made = <-d.chore.done:
		default:
			return
		}
	}
	d.chore = nil
	if made != nil {
		d.spares = append(d.spares, made)
	}
}

// advance goes on to the next segment, in which a frame of so many bytes fits.
func (d *walDisk) advance(need int64) error {
	d.reap(len(d.spares) == 0 || need > d.room)
	if len(d.spares) > 0 && d.spares[0].size >= need {
		d.segments = append(d.segments, d.spares[0])
		d.spares = slices.Delete(d.spares, 0, 1)
		d.off = 0
		return nil
	}
	s, err := makeSegment(d.dir, d.last().seq+1, max(d.room, (need+sizeUnit-1)/sizeUnit*sizeUnit), nil)
	if err != nil {
		return err
	}
	if len(d.spares) > 0 { // too small: the new one has its name
		_ = d.spares[0].file.Close()
		d.spares = slices.Delete(d.spares, 0, 1)
	}
	d.segments = append(d.segments, s)
	d.off = 0
	return nil
}

// Close implements Disk. The mark is synced, as a courtesy to a later start: see mark.go.
func (d *walDisk) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reap(true)
	return errors.Join(syncfile.Data(d.mark), d.release())
}

func (d *walDisk) release() error {
	var err error
	for _, s := range slices.Concat(d.segments, d.spares) {
		err = errors.Join(err, s.file.Close())
	}
	for _, f := range []*os.File{d.mark, d.lock} {
		if f != nil {
			err = errors.Join(err, f.Close())
		}
	}
	return errors.Join(err, d.dir.Close())
}

// mergeMeta returns the records of meta with those of changes put in, ascending. They are copies.
func mergeMeta(meta, changes []Record) []Record {
	for _, c := range changes {
		i, found := slices.BinarySearchFunc(meta, c.Key, func(r Record, key []byte) int { return bytes.Compare(r.Key, key) })
		c = Record{Key: bytes.Clone(c.Key), Value: bytes.Clone(c.Value)}
		if found {
			meta[i] = c
		} else {
			meta = slices.Insert(meta, i, c)
		}
	}
	return meta
}
