package search

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"parley/proto/parleyv1"
)

// history makes a random history of a few people: sends, edits, deletions of own and of others' messages, a
// deletion of an account.
type history struct {
	*rig
	rnd   *rand.Rand
	alive []string
	sent  []uint64
}

func newHistory(t *testing.T, seed uint64) *history {
	h := &history{rig: newRig(t), rnd: rand.New(rand.NewPCG(seed, 1)), alive: []string{"ann", "bob", "cyd", "dee", "eve"}}
	h.people(h.alive...)
	return h
}

func (h *history) pick() string { return h.alive[h.rnd.IntN(len(h.alive))] }

func (h *history) text() string {
	var words []string
	for range 1 + h.rnd.IntN(8) {
		words = append(words, word(h.rnd.IntN(1+h.rnd.IntN(40))))
	}
	return strings.Join(words, " ")
}

func (h *history) step() {
	switch n := h.rnd.IntN(100); {
	case n < 8 && len(h.sent) > 0:
		h.delete(h.pick(), h.sent[h.rnd.IntN(len(h.sent))])
	case n < 20 && len(h.sent) > 0:
		h.edit(h.pick(), h.sent[h.rnd.IntN(len(h.sent))], h.text()) // often not its author's, and refused
	case n == 99 && len(h.alive) > 3 && h.rnd.IntN(4) == 0:
		gone := h.pick()
		h.deleteUser(gone)
		h.alive = slices.DeleteFunc(h.alive, func(n string) bool { return n == gone })
	default:
		h.sent = append(h.sent, h.send(h.pick(), "@"+h.pick(), h.text()))
	}
}

// compare compares searches of everybody with scans.
func (h *history) compare() {
	h.t.Helper()
	h.settle()
	for range 2 {
		by := h.pick()
		a, b, c := word(h.rnd.IntN(40)), word(h.rnd.IntN(40)), word(h.rnd.IntN(8))
		page := 1 + h.rnd.IntN(MaxPage)
		h.same(by+": "+a, h.search(by, a, false, page), h.scan(by, contains(a)))
		h.same(by+": "+a+" "+c, h.search(by, a+" "+c, false, page), h.scan(by, contains(a, c)))
		h.same(by+": -", h.search(by, a+" -"+b, false, page), h.scan(by, func(m *parleyv1.Message) bool {
			return contains(a)(m) && !contains(b)(m)
		}))
		h.same(by+": phrase", h.search(by, `"`+a+" "+c+`"`, false, page), h.scan(by, func(m *parleyv1.Message) bool {
			return strings.Contains(" "+m.GetText()+" ", " "+a+" "+c+" ")
		}))
		h.same(by+": prefix", h.search(by, "w1*", false, page), h.scan(by, func(m *parleyv1.Message) bool {
			return strings.Contains(" "+m.GetText(), " w1")
		}))
		other := h.pick()
		h.same(by+": from", h.search(by, c+" from:"+other, false, page), h.scan(by, func(m *parleyv1.Message) bool {
			return contains(c)(m) && m.GetSender() == other
		}))
		h.same(by+": in", h.search(by, "in:@"+other, false, page), h.scan(by, func(m *parleyv1.Message) bool {
			return m.GetConversation() == "@"+other
		}))
		best := h.search(by, c, true, page)
		slices.Sort(best)
		slices.Reverse(best)
		h.same(by+": best", best, h.scan(by, contains(c)))
	}
}

// TestSearchIsAScan compares the index with a scan of everything on random histories: while it follows, after a restart, after
// a kill in the middle of anything, and after its files were damaged or lost.
func TestSearchIsAScan(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			h := newHistory(t, seed)
			h.memory = []int{0, 30, 300}[seed%3]
			h.open()
			killed := filepath.Join(t.TempDir(), "killed")
			for round := range 12 {
				for range 60 {
					h.step()
				}
				h.compare()
				switch round % 4 {
				case 0: // a restart
					h.close()
				case 1: // kill -9: the files as they were at a moment of the past, with the state of now
					copyDir(t, h.dir, killed)
					for range 30 {
						h.step()
					}
					h.settle()
					h.close()
					copyDir(t, killed, h.dir)
				case 2: // damage
					h.close()
					damageOne(t, h.rnd, h.dir)
				case 3:
					h.close()
					must(t, os.RemoveAll(h.dir))
				}
				h.open()
				h.compare()
			}
		})
	}
}

// damageOne flips a bit of a file, or cuts it.
func damageOne(t *testing.T, rnd *rand.Rand, dir string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	must(t, err)
	if len(files) == 0 {
		t.Fatal("there are no files to damage")
	}
	path := filepath.Join(dir, files[rnd.IntN(len(files))].Name())
	b, err := os.ReadFile(path)
	must(t, err)
	if rnd.IntN(3) == 0 {
		b = b[:rnd.IntN(len(b))]
	} else {
		b[rnd.IntN(len(b))] ^= 1 << rnd.IntN(8)
	}
	must(t, os.WriteFile(path, b, 0o600))
}

// TestEveryDamageIsFound damages a segment in each of its parts: no byte of it may be believed.
func TestEveryDamageIsFound(t *testing.T) {
	h := newHistory(t, 1)
	h.open()
	for range 300 {
		h.step()
	}
	h.settle()
	h.close()
	files, err := filepath.Glob(filepath.Join(h.dir, "*"+segmentSuffix))
	must(t, err)
	whole, err := os.ReadFile(files[0])
	must(t, err)
	path := filepath.Join(t.TempDir(), "one"+segmentSuffix)
	for at := range whole {
		b := slices.Clone(whole)
		b[at] ^= 0x10
		must(t, os.WriteFile(path, b, 0o600))
		if s, err := openSegment(path); err == nil {
			s.release()
			t.Fatalf("byte %d of %d was changed, and the segment opens", at, len(whole))
		}
	}
}
