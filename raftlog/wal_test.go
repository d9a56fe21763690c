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

// TestRandomSegmentDamage keeps P8: any byte of a log may rot, any sector be zeroed, any file be cut off or missing, and Open
// refuses it, changing nothing, or returns what was stored.
func TestRandomSegmentDamage(t *testing.T) {
	path := newFile(t)
	l := mustOpen(t, path)
	must(t, l.Append(Batch{Entries: entries(1, 300, 1), HardState: state(1, 2, 290)}))
	l.Compact(100)
	must(t, l.Append(Batch{Entries: entries(295, 400, 2), HardState: state(2, 1, 350)}))
	must(t, l.Append(Batch{HardState: state(3, 3, 360)}))
	must(t, l.Append(Batch{Entries: entries(401, 440, 3)}))
	id := l.Identity()
	id.Boot++
	must(t, l.SetIdentity(id))
	want := content(t, l)
	must(t, l.Close())
	file, _, end := lastFrame(t, path)
	r := rand.New(rand.NewPCG(1, 2))
	refused, harmless := 0, 0
	for n := range 160 {
		copied := filepath.Join(t.TempDir(), "raft")
		copyDir(t, path, copied)
		what := ""
		rewriteFile(t, filepath.Join(copied, file), func(b []byte) []byte {
			off := r.IntN(end)
			switch n % 8 {
			case 0:
				what = fmt.Sprintf("sector of byte %d", off)
				clear(b[off&^511 : min(off&^511+512, len(b))])
			case 1:
				what = fmt.Sprintf("cut off at %d", off)
				b = b[:off]
			default:
				what = fmt.Sprintf("byte %d", off)
				b[off] ^= byte(1 << r.IntN(8))
			}
			return b
		})
		was := dirContent(t, copied)
		l, err := Open(copied, Options{})
		var damage *DamageError
		switch {
		case errors.As(err, &damage):
			if damage.Path != copied || damage.Key == "" || damage.Hint == "" || damage.Err == nil {
				t.Fatalf("%s: a damage error must name everything: %+v", what, damage)
			}
			if dirContent(t, copied) != was {
				t.Fatalf("%s: the refused log was changed", what)
			}
			refused++
		case err != nil:
			t.Fatalf("%s: unexpected error %v", what, err)
		default:
			if got := content(t, l); got != want || l.Identity().Boot != id.Boot {
				t.Fatalf("%s: wrong bytes were returned:\n got %s\nwant %s", what, got, want)
			}
			harmless++
			must(t, l.Close())
		}
		must(t, os.RemoveAll(copied))
	}
	t.Logf("%d refused, %d in bytes that are not needed", refused, harmless)
	if refused < 80 {
		t.Fatalf("only %d of 160 were noticed", refused)
	}
}

// TestDamagedLogFiles is what happens to files as a whole.
func TestDamagedLogFiles(t *testing.T) {
	_, after, _, want := twoStates(t)
	slot := func(i int) func(b []byte) []byte {
		return func(b []byte) []byte { b[i*markSlotGap+25] ^= 1; return b }
	}
	for _, tc := range []struct {
		name string
		file string
		edit func([]byte) []byte // nil removes the file
		says string              // "" when it is harmless
	}{
		{"no mark", markFile, nil, "mark"},
		{"an empty mark", markFile, func([]byte) []byte { return nil }, "mark"},
		{"both slots", markFile, func(b []byte) []byte { return slot(0)(slot(1)(b)) }, "mark"},
		{"the first slot", markFile, slot(0), ""},
		{"the second slot", markFile, slot(1), ""},
		{"no segment", segmentName(1), nil, "durable"},
		{"an empty segment", segmentName(1), func([]byte) []byte { return nil }, "durable"},
		{"zeros", segmentName(1), func(b []byte) []byte { return make([]byte, len(b)) }, "durable"},
		{"another file", segmentName(1), func(b []byte) []byte { return bytes.Repeat([]byte("text"), len(b)/4) }, "durable"},
		{"no lock", lockFile, nil, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "raft")
			copyDir(t, after, path)
			if tc.edit == nil {
				must(t, os.Remove(filepath.Join(path, tc.file)))
			} else {
				rewriteFile(t, filepath.Join(path, tc.file), tc.edit)
			}
			l, err := Open(path, Options{})
			var damage *DamageError
			switch {
			case tc.says == "" && err == nil:
				if got := content(t, l); got != want {
					t.Fatalf("got %s\nwant %s", got, want)
				}
				must(t, l.Close())
			case tc.says == "" || !errors.As(err, &damage) || !strings.Contains(err.Error(), tc.says) ||
				!strings.Contains(err.Error(), path):
				t.Fatalf("got %v, want an error that says %q", err, tc.says)
			}
		})
	}
}

// TestWALRefusesNewerFormat: neither a mark nor a frame of a later version is taken for damage.
func TestWALRefusesNewerFormat(t *testing.T) {
	path := filepath.Join(t.TempDir(), "raft")
	must(t, createWAL(path, &Tx{Meta: append(birthRecords(testIdentity()), formatRecord(formatVersion+1))}))
	if _, err := Open(path, Options{}); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "upgrade this node") {
		t.Fatalf("got %v, want ErrFormat, and what to do", err)
	}
}

// TestHealSegments: a lost frame costs nothing when what follows and the store make up for it, whether its values were hit or
// its table, and is refused otherwise.
func TestHealSegments(t *testing.T) {
	for _, tc := range []struct {
		name    string
		at      string // what is hit
		flushed uint64
		heals   bool
	}{
		{"value below", "entry 40 of", 60, true},
		{"value at", "entry 60 of", 60, true},
		{"value above", "entry 61 of", 60, false},
		{"value with nothing flushed", "entry 40 of", 0, false},
		{"table, all of it flushed", "table 2", 70, true},
		{"table, not all flushed", "table 2", 69, false},
		{"last table", "table 4", 90, false},
		{"identity behind it", "table 3", 80, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := newFile(t)
			l := mustOpen(t, path)
			// Frames 1 to 4; 71 replaces what frame 2 wrote there.
			must(t, l.Append(Batch{Entries: append(entries(1, 50, 1), entries(51, 75, 2)...), HardState: state(2, 1, 60)}))
			must(t, l.Append(Batch{Entries: entries(71, 80, 3), HardState: state(3, 1, 60)}))
			must(t, l.Append(Batch{Entries: entries(81, 90, 3), HardState: state(3, 1, 70)}))
			want := snapshot(t, l)
			must(t, l.Close())
			rewriteFile(t, filepath.Join(path, segmentName(1)), func(b []byte) []byte {
				if k, ok := strings.CutPrefix(tc.at, "table "); ok {
					m, err := os.ReadFile(filepath.Join(path, markFile))
					must(t, err)
					mark, err := readMark(path, m)
					must(t, err)
					off := 0
					for range int(k[0] - '1') {
						f, err := parseFrame(b[off:], mark.salt)
						must(t, err)
						off += f.size
					}
					b[off+5] ^= 1
					return b
				}
				b[bytes.LastIndex(b, []byte(tc.at))] ^= 1
				return b
			})
			l, err := Open(path, Options{FlushedIndex: tc.flushed, FlushedTerm: 2 + min(tc.flushed/71, 1)})
			if !tc.heals {
				var damage *DamageError
				if !errors.As(err, &damage) {
					t.Fatalf("got %v, want a damage error", err)
				}
				return
			}
			must(t, err)
			if l.Healed() == nil {
				t.Fatal("Healed does not tell")
			}
			got := snapshot(t, l)
			if got.compacted.index != tc.flushed || got.last() != 90 || got.hs.term != 3 || got.hs.vote != 1 ||
				fmt.Sprint(got.ents) != fmt.Sprint(want.ents[tc.flushed:]) {
				t.Fatalf("got %s", got)
			}
			must(t, l.check())
			must(t, l.Close())
			l = mustOpen(t, path)
			if again := snapshot(t, l); !again.equal(got) || l.Healed() != nil {
				t.Fatalf("after the next start:\n got %s\nwant %s", again, got)
			}
		})
	}
}

// TestLostDeletion: a damaged frame may have cut off entries that an older one wrote; they must not come back.
func TestLostDeletion(t *testing.T) {
	path := newFile(t)
	l := mustOpen(t, path)
	must(t, l.Append(Batch{Entries: entries(1, 90, 1), HardState: state(1, 1, 40)}))
	d := l.disk.(*walDisk)
	at := d.off
	must(t, l.Append(Batch{Entries: entries(50, 60, 2), HardState: state(2, 1, 40)}))
	must(t, l.Append(Batch{Entries: entries(61, 62, 2), HardState: state(2, 1, 62)}))
	must(t, l.Close())
	rewriteFile(t, filepath.Join(path, segmentName(1)), func(b []byte) []byte { b[at] ^= 1; return b })
	l, err := Open(path, Options{FlushedIndex: 60, FlushedTerm: 2})
	must(t, err)
	if last, _ := l.LastIndex(); last != 62 || l.Healed() == nil {
		t.Fatalf("the log ends at %d, healed: %v", last, l.Healed())
	}
	must(t, l.check())
}

// FuzzFrame: whatever stands there, parsing neither panics nor takes more than there is.
func FuzzFrame(f *testing.F) {
	tx := &Tx{Delete: []Range{{1, 5}}, Log: []Record{{appendKey(nil, 6), seal(string(appendKey(nil, 6)), []byte("v"))}}}
	f.Add(appendFrame(nil, 7, 3, birthRecords(testIdentity()), tx), uint32(7))
	f.Add(appendFrame(nil, 0, 1, nil, &Tx{Clear: true}), uint32(0))
	f.Add(make([]byte, 64), uint32(0))
	f.Fuzz(func(t *testing.T, b []byte, salt uint32) {
		fr, err := parseFrame(b, salt)
		if err != nil {
			return
		}
		if fr.size < frameHeader || fr.size-frameAlign >= len(b) {
			t.Fatalf("a frame of %d bytes in %d", fr.size, len(b))
		}
		if fr.damaged == nil && !bytes.HasPrefix(appendFrame(nil, salt, fr.number, fr.meta, &fr.tx), b[:4]) {
			t.Fatal("it is encoded in another way")
		}
	})
}

// TestFrameCutInItsPadding: every value is there, and yet not the frame.
func TestFrameCutInItsPadding(t *testing.T) {
	tx := &Tx{Log: []Record{{Key: appendKey(nil, 1), Value: seal(string(appendKey(nil, 1)), []byte("ab"))}}}
	b := appendFrame(nil, 7, 1, nil, tx)
	for cut := 1; cut < len(b); cut++ {
		if _, err := parseFrame(b[:len(b)-cut], 7); !errors.Is(err, errTorn) {
			t.Errorf("a frame without its last %d bytes: %v, want %v", cut, err, errTorn)
		}
	}
}
