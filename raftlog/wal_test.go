package raftlog

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/raft/v3/raftpb"
)

// lastFrame returns the segment that the last frame of a log is in, and where it begins and ends.
func lastFrame(t *testing.T, path string) (file string, begin, end int) {
	t.Helper()
	d, err := openWAL(path)
	must(t, err)
	defer func() { must(t, d.release()) }()
	b, err := os.ReadFile(filepath.Join(path, segmentName(d.last().seq)))
	must(t, err)
	for at := 0; ; {
		f, err := parseFrame(b[at:], d.salt)
		if err != nil || f.number > d.number {
			break
		}
		begin, end = at, at+f.size
		at = end
	}
	if int64(end) != d.off {
		t.Fatalf("the last frame ends at %d, the log at %d", end, d.off)
	}
	return segmentName(d.last().seq), begin, end
}

func rewriteFile(t testing.TB, path string, change func(b []byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, change(b), 0o600))
}

// dirContent is every byte of a log but its lock.
func dirContent(t testing.TB, path string) string {
	t.Helper()
	var b strings.Builder
	names, err := os.ReadDir(path)
	must(t, err)
	for _, e := range names {
		if e.Name() == lockFile {
			continue
		}
		content, err := os.ReadFile(filepath.Join(path, e.Name()))
		must(t, err)
		fmt.Fprintf(&b, "%s %d %s\n", e.Name(), len(content), content)
	}
	return b.String()
}

// twoStates makes a log, and returns it before and after its last append.
func twoStates(t *testing.T) (before, after, wantBefore, wantAfter string) {
	dir := t.TempDir()
	path := filepath.Join(dir, "raft")
	before, after = filepath.Join(dir, "before"), filepath.Join(dir, "after")
	must(t, Create(path, testIdentity()))
	l := mustOpen(t, path)
	must(t, l.Append(Batch{Entries: entries(1, 20, 1), HardState: state(1, 2, 10)}))
	wantBefore = content(t, l)
	copyDir(t, path, before)
	must(t, l.Append(Batch{Entries: append(entries(15, 17, 2), entry(18, 2, strings.Repeat("x", 1500))), HardState: state(2, 1, 12)}))
	wantAfter = content(t, l)
	must(t, l.Close())
	copyDir(t, path, after)
	return before, after, wantBefore, wantAfter
}

// TestTornFrame: power fails while the last frame is written. Of its sectors any may be on the disk and the mark is the one of the
// commit before, or older: the log is what it was, and goes on. With the mark of the frame itself, the same bytes are damage.
func TestTornFrame(t *testing.T) {
	if testing.Short() {
		t.Skip("long, and one goroutine")
	}
	before, after, wantBefore, wantAfter := twoStates(t)
	file, begin, end := lastFrame(t, after)
	old, err := os.ReadFile(filepath.Join(before, file))
	must(t, err)
	whole, err := os.ReadFile(filepath.Join(after, file))
	must(t, err)
	oldMark, err := os.ReadFile(filepath.Join(before, markFile))
	must(t, err)
	newMark, err := os.ReadFile(filepath.Join(after, markFile))
	must(t, err)
	stale := bytes.Clone(old) // what a recycled segment holds there
	for i := begin; i < len(stale); i++ {
		stale[i] = byte(i * 7)
	}
	path := filepath.Join(t.TempDir(), "raft")
	must(t, os.Mkdir(path, 0o700))
	tries := 0
	try := func(what string, segment, mark []byte) {
		t.Helper()
		must(t, os.WriteFile(filepath.Join(path, file), segment, 0o600))
		must(t, os.WriteFile(filepath.Join(path, markFile), mark, 0o600))
		l, err := Open(path, Options{})
		if bytes.Equal(mark, newMark) {
			var damage *DamageError
			if !errors.As(err, &damage) {
				t.Fatalf("%s: an acknowledged frame is not whole, got %v", what, err)
			}
			return
		}
		must(t, err)
		if got := content(t, l); got != wantBefore {
			t.Fatalf("%s:\n got %s\nwant %s", what, got, wantBefore)
		}
		if tries++; tries%10 != 0 {
			must(t, l.Close())
			return
		}
		must(t, l.Append(Batch{Entries: entries(21, 22, 1)})) // shorter than the torn one
		must(t, l.Append(Batch{Entries: entries(23, 23, 1)}))
		want := content(t, l)
		must(t, l.Close())
		l, err = Open(path, Options{})
		must(t, err)
		if got := content(t, l); got != want {
			t.Fatalf("%s, after two appends:\n got %s\nwant %s", what, got, want)
		}
		must(t, l.Close())
	}
	r := rand.New(rand.NewPCG(5, 6))
	last := end
	for last > begin && whole[last-1] == 0 {
		last-- // zeros are there already
	}
	for _, under := range [][]byte{old, stale} {
		for cut := begin; cut < last; cut++ {
			if cut > begin+64 && cut < last-16 && cut%61 != 0 {
				continue // values: one byte is like another
			}
			b := bytes.Clone(under)
			copy(b[begin:cut], whole[begin:cut])
			if string(b[begin:last]) == string(whole[begin:last]) {
				continue // the old bytes are the new ones by chance
			}
			for _, mark := range [][]byte{oldMark, newMark} {
				try(fmt.Sprintf("cut at %d of [%d, %d)", cut, begin, end), b, mark)
			}
		}
		for range 40 {
			b := bytes.Clone(under)
			for at := begin; at < end; {
				next := min((at/512+1)*512, end)
				if r.IntN(2) == 0 {
					copy(b[at:next], whole[at:next])
				}
				at = next
			}
			if string(b[begin:last]) != string(whole[begin:last]) {
				try("some sectors", b, oldMark)
			}
		}
	}
	// All of it written, the sync not returned: it counts.
	must(t, os.WriteFile(filepath.Join(path, file), whole, 0o600))
	must(t, os.WriteFile(filepath.Join(path, markFile), oldMark, 0o600))
	if got := content(t, mustOpen(t, path)); got != wantAfter {
		t.Fatalf("got %s\nwant %s", got, wantAfter)
	}
}

// TestTornFrameAtSwitch: the same for the first frame of a segment that had been used before.
func TestTornFrameAtSwitch(t *testing.T) {
	path := newFile(t)
	l := mustOpen(t, path)
	d := l.disk.(*walDisk)
	d.room = 512 << 10
	next := fillSegments(t, l, 1, 7)
	for size := 256 << 10; size >= 16<<10; size /= 4 { // until less than 24 KiB are left
		for d.off+int64(size)+2<<10 < d.last().size {
			must(t, l.Append(Batch{Entries: entriesOf(next, 1, size)}))
			next++
		}
	}
	seq := d.last().seq
	d.reap(true)
	want := content(t, l)
	dir := t.TempDir()
	before := filepath.Join(dir, "before")
	copyDir(t, path, before)
	must(t, l.Append(Batch{Entries: entriesOf(next, 3, 8<<10)})) // 24 KiB
	if d.last().seq != seq+1 {
		t.Fatalf("the append went to segment %d, not %d", d.last().seq, seq+1)
	}
	b, err := os.ReadFile(filepath.Join(path, segmentName(seq+1)))
	must(t, err)
	must(t, l.Close())
	for _, cut := range []int{1, 32, 100, 20 << 10} {
		torn := filepath.Join(dir, fmt.Sprint(cut))
		copyDir(t, before, torn)
		f, err := os.OpenFile(filepath.Join(torn, segmentName(seq+1)), os.O_RDWR|os.O_CREATE, 0o600)
		must(t, err)
		_, err = f.WriteAt(b[:cut], 0)
		must(t, errors.Join(err, f.Close()))
		l := mustOpen(t, torn)
		if content(t, l) != want {
			t.Fatalf("cut at %d: another log", cut)
		}
		for i := range uint64(5) {
			must(t, l.Append(Batch{Entries: entries(next+i, next+i, 1)}))
		}
		want := content(t, l)
		must(t, l.Close())
		if content(t, mustOpen(t, torn)) != want {
			t.Fatalf("cut at %d: another log after five appends", cut)
		}
		must(t, os.RemoveAll(torn))
	}
}

func entriesOf(first uint64, n, size int) (b []*raftpb.Entry) {
	for i := range n {
		b = append(b, entry(first+uint64(i), 1, strings.Repeat("v", size)))
	}
	return b
}

// fillSegments appends and compacts until the log has gone on to the given segment. It returns the next index.
func fillSegments(t testing.TB, l *Log, next, seq uint64) uint64 {
	t.Helper()
	d := l.disk.(*walDisk)
	for d.last().seq < seq {
		must(t, l.Append(Batch{Entries: entriesOf(next, 8, 4<<10), HardState: state(1, 1, next-1)}))
		next += 8
		if next > 200 {
			l.Compact(next - 200)
		}
	}
	return next
}
