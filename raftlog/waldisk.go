package raftlog

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
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

// createWAL makes a log whose first commit is tx. It appears at path whole or not at all.
func createWAL(path string, tx *Tx) (err error) {
	tmp := path + ".tmp"
	if err := os.RemoveAll(tmp); err != nil {
		return err
	}
	if err := os.Mkdir(tmp, 0o700); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(tmp) // best effort: the next Create removes it too
		}
	}()
	dir, err := os.OpenRoot(tmp)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }() // nothing is written by it
	var salt [4]byte
	rand.Read(salt[:])
	m := walMark{salt: binary.LittleEndian.Uint32(salt[:]), number: 1}
	meta := mergeMeta(nil, tx.Meta)
	first, err := makeSegment(dir, 1, firstSegmentBytes, appendFrame(nil, m.salt, m.number, meta, tx))
	if err != nil {
		return err
	}
	both := make([]byte, 2*markSlotGap)
	copy(both, m.slot())
	copy(both[markSlotGap:], m.slot())
	for name, content := range map[string][]byte{markFile: both, lockFile: nil} {
		err = errors.Join(err, writeSynced(dir, name, content))
	}
	if err := errors.Join(err, first.file.Close(), syncRoot(dir)); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return syncPath(filepath.Dir(path))
}

func writeSynced(dir *os.Root, name string, content []byte) error {
	f, err := dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}

// openWAL opens the log in the directory path. Nothing is written when it fails.
func openWAL(path string) (_ *walDisk, err error) {
	dir, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("raftlog: open: %w", err)
	}
	d := &walDisk{path: path, dir: dir, room: segmentBytes}
	defer func() {
		if err != nil {
			_ = d.release() // the first error matters
		}
	}()
	if d.lock, err = dir.OpenFile(lockFile, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, fmt.Errorf("raftlog: open %s: %w", path, err)
	}
	if err := flock(d.lock); err != nil {
		return nil, fmt.Errorf("%w: %s", err, path)
	}
	d.mark, err = dir.OpenFile(markFile, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, damagedFile(path, "file: "+markFile, errMissing)
	} else if err != nil {
		return nil, fmt.Errorf("raftlog: open %s: %w", path, err)
	}
	slots, err := dir.ReadFile(markFile)
	if err != nil {
		return nil, fmt.Errorf("raftlog: open %s: %w", path, err)
	}
	mark, err := readMark(path, slots)
	if err != nil {
		return nil, err
	}
	d.salt = mark.salt
	seqs, err := listSegments(dir.FS())
	if err != nil {
		return nil, fmt.Errorf("raftlog: open %s: %w", path, err)
	}
	for _, seq := range seqs {
		f, err := dir.OpenFile(segmentName(seq), os.O_RDWR, 0)
		if err != nil {
			return nil, fmt.Errorf("raftlog: open %s: %w", path, err)
		}
		d.segments = append(d.segments, &segment{seq: seq, file: f})
		info, err := f.Stat()
		if err != nil {
			return nil, fmt.Errorf("raftlog: open %s: %w", path, err)
		}
		d.segments[len(d.segments)-1].size = info.Size()
	}
	img, err := scanSegments(path, d.salt, d.segments, mark.number)
	if err != nil {
		return nil, err
	}
	d.segments, d.spares = d.segments[:img.active+1], slices.Clone(d.segments[img.active+1:])
	d.off, d.number, d.floor, d.img = img.end, img.number, img.floor, img
	d.meta = mergeMeta(nil, img.meta)
	// A process that was killed may have written the last frame and not synced it: what is read here is built upon.
	if err := syncData(d.last().file); err != nil {
		return nil, fmt.Errorf("raftlog: open %s: %w", path, err)
	}
	return d, nil
}

// confirm marks what Open found as durable, which it is: a last frame whose process was killed before it could say so is built
// upon from now on.
func (d *walDisk) confirm() error {
	if err := (walMark{salt: d.salt, number: d.number}).write(d.mark); err != nil {
		return fmt.Errorf("raftlog: open %s: %w", d.path, err)
	}
	return nil
}

// flock takes the lock of a log, which ends with its process.
func flock(f *os.File) error {
	for deadline := time.Now().Add(lockTimeout); ; time.Sleep(lockRetry) {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("raftlog: lock: %w", err)
		}
		if time.Now().After(deadline) {
			return ErrLocked
		}
	}
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
	if err := syncData(s.file); err != nil {
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
	return errors.Join(syncData(d.mark), d.release())
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
