package raftlog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"parley/internal/syncfile"
)

// The names in a log's directory. A segment's name is its number, one above that of the segment before.
const (
	segmentSuffix = ".wal"
	newSegment    = "segment.new" // being made; no part of the log
	markFile      = "mark"
	lockFile      = "lock"
)

// segment is one file of a log, used or prepared.
type segment struct {
	seq  uint64
	file *os.File
	size int64
	// last is the highest index of a log record in it, 0 for none.
	last uint64
}

func segmentName(seq uint64) string { return fmt.Sprintf("%016x%s", seq, segmentSuffix) }

// listSegments returns the numbers of the segments in a directory, ascending.
func listSegments(dir fs.FS) ([]uint64, error) {
	names, err := fs.ReadDir(dir, ".")
	if err != nil {
		return nil, err
	}
	var seqs []uint64
	for _, e := range names {
		name, ok := strings.CutSuffix(e.Name(), segmentSuffix)
		if !ok || len(name) != 16 {
			continue
		}
		if seq, err := strconv.ParseUint(name, 16, 64); err == nil && segmentName(seq) == e.Name() {
			seqs = append(seqs, seq)
		}
	}
	slices.Sort(seqs)
	return seqs, nil
}

// makeSegment makes a segment of at least size bytes, beginning with head, durably under its name. It replaces one of that
// name. Zeros are written to all of it: space that is only reserved would be converted, and the journal written, by each
// sync of an append.
func makeSegment(dir *os.Root, seq uint64, size int64, head []byte) (s *segment, err error) {
	f, err := dir.OpenFile(newSegment, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = f.Close()              // the first error matters
			_ = dir.Remove(newSegment) // best effort: the next one truncates it
		}
	}()
	zeros := make([]byte, zeroBytes)
	size = max(size, (int64(len(head))+sizeUnit-1)/sizeUnit*sizeUnit)
	if _, err := f.Write(head); err != nil {
		return nil, err
	}
	off := int64(len(head))
	for off < size {
		n, err := f.Write(zeros[:min(int64(len(zeros)), size-off)])
		if err != nil {
			return nil, err
		}
		off += int64(n)
	}
	if err := f.Sync(); err != nil {
		return nil, err
	}
	if err := dir.Rename(newSegment, segmentName(seq)); err != nil {
		return nil, err
	}
	return &segment{seq: seq, file: f, size: off}, syncRoot(dir)
}

// syncRoot makes the names in a directory durable.
func syncRoot(dir *os.Root) error {
	f, err := dir.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// chore is work on segments that no commit waits for, unless it comes to need the segment that is being made.
type chore struct {
	drop []*segment // ascending
	room int64      // the usual size of a segment
	seq  uint64     // the number of the segment to prepare, 0 for none
	done chan *segment
}

// run drops segments and prepares one, out of a dropped one if that has the usual size. mark is synced before: from then on
// every frame in a recycled segment is below what the mark says. The file names are all that it touches. What fails here is
// done again, or fails again, when the segment is needed; a segment that could not be dropped is dropped after the next start.
func (c *chore) run(dir *os.Root, mark *os.File) {
	var made *segment
	defer func() { c.done <- made }()
	if err := syncfile.Data(mark); err != nil {
		c.closeDropped(0)
		return
	}
	for i, s := range c.drop {
		if c.seq != 0 && made == nil && s.size == c.room {
			if err := dir.Rename(segmentName(s.seq), segmentName(c.seq)); err != nil {
				c.closeDropped(i)
				return
			}
			made = &segment{seq: c.seq, file: s.file, size: s.size}
			continue
		}
		_ = s.file.Close() // nothing was written since its last sync
		if err := dir.Remove(segmentName(s.seq)); err != nil {
			c.closeDropped(i + 1)
			break
		}
	}
	switch {
	case made != nil:
		if err := syncRoot(dir); err != nil {
			_ = made.file.Close()
			made = nil
		}
	case c.seq != 0:
		if s, err := makeSegment(dir, c.seq, c.room, nil); err == nil {
			made = s
		}
	}
}

func (c *chore) closeDropped(from int) {
	for _, s := range c.drop[from:] {
		_ = s.file.Close()
	}
}
