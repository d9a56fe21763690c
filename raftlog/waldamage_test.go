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
)

// TestRandomSegmentDamage keeps P8: any byte of a log may rot, any sector be zeroed, any file be cut off or missing, and Open
// refuses it, changing nothing, or returns what was stored.
func TestRandomSegmentDamage(t *testing.T) {
	if testing.Short() {
		t.Skip("long, and one goroutine")
	}
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
