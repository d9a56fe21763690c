package raftlog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSegmentsAreRecycled: a log that is compacted keeps few files, uses them again, and reads the same after a kill at any time.
func TestSegmentsAreRecycled(t *testing.T) {
	path := newFile(t)
	l := mustOpen(t, path)
	d := l.disk.(*walDisk)
	d.room = 512 << 10
	next := uint64(1)
	for seq := uint64(2); seq <= 20; seq++ {
		next = fillSegments(t, l, next, seq)
		must(t, l.Append(Batch{Entries: entries(next, next, 1)})) // with all that only memory knew
		next++
		want := content(t, l)
		copied := filepath.Join(t.TempDir(), "killed")
		d.reap(true) // files that are renamed cannot be copied
		copyDir(t, path, copied)
		if got := content(t, mustOpen(t, copied)); got != want {
			t.Fatalf("another log after a kill in segment %d", seq)
		}
		must(t, os.RemoveAll(copied))
	}
	if n := dirBytes(t, path); n > 6*int(d.room) {
		t.Fatalf("%d bytes of files for %d of entries", n, l.Bytes())
	}
	want := content(t, l)
	must(t, l.check())
	must(t, l.Close())
	l = mustOpen(t, path)
	if content(t, l) != want {
		t.Fatal("another log after a restart")
	}
	names, err := filepath.Glob(filepath.Join(path, "*"+segmentSuffix))
	must(t, err)
	// Those above the old compaction point, one to write to, two prepared.
	if len(names) > 5 || strings.Contains(fmt.Sprint(names), segmentName(1)) {
		t.Fatalf("segments %v", names)
	}
}

// TestScrubBesideAppends: a scrub reads while segments fill up and are dropped, and sees no damage.
func TestScrubBesideAppends(t *testing.T) {
	path := newFile(t)
	l := mustOpen(t, path)
	d := l.disk.(*walDisk)
	d.room = 256 << 10
	fillSegments(t, l, 1, 2)
	done := make(chan error)
	go func() { // ends with the appends
		var err error
		next := uint64(1)
		for last, _ := l.LastIndex(); err == nil && next < 2000; next++ {
			err = l.Append(Batch{Entries: entriesOf(last+next, 1, 4<<10), HardState: state(1, 1, last+next-1)})
			if at := last + next; at > 200 {
				l.Compact(at - 100)
			}
		}
		done <- err
	}()
	for scrubs := 0; ; scrubs++ {
		select {
		case err := <-done:
			must(t, err)
			must(t, l.Scrub())
			must(t, l.check())
			if scrubs == 0 {
				t.Fatal("no scrub ran beside the appends")
			}
			return
		default:
			must(t, l.Scrub())
		}
	}
}

// TestLargeCommit: a commit that no segment has room for gets one of its size, and is as atomic as any.
func TestLargeCommit(t *testing.T) {
	path := newFile(t)
	l := mustOpen(t, path)
	must(t, l.Append(Batch{Entries: entries(1, 3, 1), HardState: state(1, 1, 1)}))
	small := content(t, l)
	before := filepath.Join(t.TempDir(), "before")
	copyDir(t, path, before)
	must(t, l.Append(Batch{Entries: entriesOf(4, 20, 1<<20)}))
	must(t, l.Append(Batch{Entries: entries(24, 25, 1)}))
	want := content(t, l)
	must(t, l.check())
	must(t, l.Close())
	if content(t, mustOpen(t, path)) != want {
		t.Fatal("another log after a restart")
	}
	if got := content(t, mustOpen(t, before)); got != small {
		t.Fatalf("got %s\nwant %s", got, small)
	}
}

// TestDroppedInPart: power fails before the directory is synced, and of the names of dropped segments any may be back. What they
// hold is not wanted, and does no harm.
func TestDroppedInPart(t *testing.T) {
	path := newFile(t)
	l := mustOpen(t, path)
	d := l.disk.(*walDisk)
	d.room = 256 << 10
	next := uint64(1)
	for d.last().seq < 5 { // nothing is compacted, so nothing is dropped
		must(t, l.Append(Batch{Entries: entriesOf(next, 8, 4<<10), HardState: state(1, 1, next-1)}))
		next += 8
	}
	for ; next < CompactBatch+200; next += 8 {
		must(t, l.Append(Batch{Entries: entries(next, next+7, 1), HardState: state(1, 1, next-1)}))
	}
	d.reap(true)
	dir := t.TempDir()
	full := filepath.Join(dir, "full")
	copyDir(t, path, full)
	l.Compact(next - 100)
	must(t, l.Append(Batch{Entries: entries(next, next, 1), HardState: state(1, 1, next-1)}))
	d.reap(true)
	want := content(t, l)
	must(t, l.Close())

	names, err := filepath.Glob(filepath.Join(full, "*"+segmentSuffix))
	must(t, err)
	var dropped []string
	for _, name := range names {
		if _, err := os.Lstat(filepath.Join(path, filepath.Base(name))); errors.Is(err, fs.ErrNotExist) {
			dropped = append(dropped, name)
		}
	}
	if len(dropped) < 3 {
		t.Fatalf("dropped only %v", dropped)
	}
	for back := range 1 << len(dropped) {
		cut := filepath.Join(dir, "cut")
		copyDir(t, path, cut)
		for i, name := range dropped {
			if back>>i&1 == 1 {
				copyFile(t, name, filepath.Join(cut, filepath.Base(name)))
			}
		}
		l := mustOpen(t, cut)
		if got := content(t, l); got != want || l.Healed() != nil {
			t.Fatalf("segments %b of %v are back: another log, healed: %v", back, dropped, l.Healed())
		}
		must(t, l.Close())
		must(t, os.RemoveAll(cut))
	}
}
