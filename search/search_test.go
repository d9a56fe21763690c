package search

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"parley/proto/parleyv1"
)

// TestOthersSeeNothing has two people talk and a third ask in every way. What it gets must not depend on what they wrote.
func TestOthersSeeNothing(t *testing.T) {
	r := newRig(t)
	r.people("ann", "bob", "eve")
	r.open()
	r.send("eve", "@bob", "hello secret")
	r.send("eve", "@bob", "hello again")
	r.settle()
	type answer struct {
		ids  []uint64
		next string
	}
	queries := []string{
		"secret", "secret*", "s*", `"the secret"`, "-nothing after:2000-01-01", "from:ann", "from:bob", "from:nobody", "in:@ann",
		"in:@nobody", "in:#ops", "hello", "hello -secret", "secret from:ann", "after:2000-01-01", "secret in:@bob",
	}
	ask := func() (out []answer) {
		for _, q := range queries {
			for _, best := range []bool{false, true} {
				res := r.page("eve", q, best, 1, "")
				a := answer{next: res.Next}
				for _, m := range res.Messages {
					a.ids = append(a.ids, m.GetId())
				}
				out = append(out, a)
			}
		}
		return out
	}
	before := ask()
	for i := range 300 {
		r.send("ann", "@bob", fmt.Sprint("the secret is hello number ", i))
		r.send("bob", "@ann", "secrets, sea, sand and soon")
	}
	r.settle()
	for i, got := range ask() {
		if want := before[i]; !slices.Equal(got.ids, want.ids) || got.next != want.next {
			t.Errorf("%s, best %v: %v, was %v before others wrote", queries[i/2], i%2 == 1, got, want)
		}
	}
	for _, q := range queries {
		for _, m := range r.page("eve", q, false, MaxPage, "").Messages {
			if m.GetConversation() != "@bob" || m.GetSender() != "eve" {
				t.Errorf("%s finds %v", q, m)
			}
		}
	}
	if n := len(r.search("ann", "secret", false, 7)); n != 300 {
		t.Errorf("ann finds %d messages with a secret of 300", n)
	}
}

// TestManyConversations has somebody with more conversations than are looked for one by one.
func TestManyConversations(t *testing.T) {
	r := newRig(t)
	var names []string
	for i := range maxListed + 1 {
		names = append(names, fmt.Sprint("u", i))
	}
	r.people(append(names, "ann")...)
	r.memory = 50
	r.open()
	for i, n := range names {
		r.send("ann", "@"+n, "all "+word(i%7))
		r.send(n, "@"+names[(i+1)%len(names)], "all "+word(i%7))
	}
	r.settle()
	for _, q := range []string{"all", "w3", "w3*"} {
		r.same(q, r.search("ann", q, false, 10), r.scan("ann", func(m *parleyv1.Message) bool {
			return q == "all" || contains("w3")(m)
		}))
	}
	r.same("in", r.search("ann", "all in:@u3 in:@u70", false, 10), r.scan("ann", func(m *parleyv1.Message) bool {
		return m.GetConversation() == "@u3" || m.GetConversation() == "@u70"
	}))
	r.same("not in", r.search("ann", "all -in:@u3", false, 10), r.scan("ann", func(m *parleyv1.Message) bool {
		return m.GetConversation() != "@u3"
	}))
	r.same("time", r.search("ann", "after:2000-01-01", false, 10), r.scan("ann", func(*parleyv1.Message) bool { return true }))
	r.same("few", r.search("u7", "all w0*", false, 10), r.scan("u7", contains("all", "w0")))
}

// TestShortPages has a phrase whose words are in very many messages: a page ends where enough was looked at, and the next ones
// find what is there.
func TestShortPages(t *testing.T) {
	r := newRig(t)
	r.people("ann", "bob")
	r.open()
	want := r.send("ann", "@bob", "needle in hay")
	for range maxLooked + 10 {
		r.send("ann", "@bob", "in needle")
	}
	r.settle()
	first := r.page("ann", `"needle in"`, false, 10, "")
	if len(first.Messages) != 0 || first.Next == "" {
		t.Fatalf("%d messages, next %q; want none and a token", len(first.Messages), first.Next)
	}
	if got := r.search("ann", `"needle in"`, false, 10); !slices.Equal(got, []uint64{want}) {
		t.Fatalf("found %v, want %d", got, want)
	}
}

// TestMergeForgets merges segments of which messages were edited and deleted: words that are in no text any more are in no list.
func TestMergeForgets(t *testing.T) {
	r := newRig(t)
	r.people("ann", "bob")
	r.memory = 10
	r.open()
	edited, deleted := r.send("ann", "@bob", "oldword"), r.send("ann", "@bob", "goneword")
	for range 10 {
		r.send("ann", "@bob", "fill")
	}
	r.settle()
	r.edit("ann", edited, "newword")
	r.delete("ann", deleted)
	for range 10 {
		r.send("ann", "@bob", "fill")
	}
	r.settle()
	r.close()
	r.open()
	r.settle()
	s := r.x.snapshot()
	defer s.close()
	if len(s.segs) < 2 {
		t.Fatalf("there are %d segments to merge", len(s.segs))
	}
	m := &merge{ins: s.segs, pacer: newPacer(), gone: r.x.gone}
	dir := t.TempDir()
	out, err := m.run(t.Context(), filepath.Join(dir, "t"), filepath.Join(dir, "out"))
	must(t, err)
	defer out.release()
	if out.docs != 21 {
		t.Errorf("%d messages are left, want 21", out.docs)
	}
	for key, want := range map[string]uint64{
		"oldword": 0, "goneword": 0, "newword": 1, "fill": 20, listKey(listConversation, 1): 21, listKey(listAuthor, 1): 21,
	} {
		e, ok, err := out.find(key)
		if must(t, err); ok != (want > 0) || ok && e.count != want {
			t.Errorf("the list of %q is there: %v, with %d messages, want %d", key, ok, e.count, want)
		}
	}
}

func TestBadTokens(t *testing.T) {
	for _, token := range []string{"?", "AA", "BQUF", "gA", "BQ=="} {
		if _, err := parsePlace(token, false); !errors.Is(err, ErrBadToken) {
			t.Errorf("%q: %v", token, err)
		}
	}
	for _, p := range []place{{id: 1}, {id: 1 << 60, top: 1<<60 + 1, score: 77}} {
		for _, best := range []bool{false, true} {
			got, err := parsePlace(p.token(best), best)
			if !best {
				p.top, p.score = 0, 0
			}
			if err != nil || got != p {
				t.Errorf("%v, best %v: %v, %v", p, best, got, err)
			}
		}
	}
}

// TestWalkers compares walks over lists in segments, and over several of them, with the lists.
func TestWalkers(t *testing.T) {
	rnd := rand.New(rand.NewPCG(4, 4))
	for round := range 60 {
		dir := t.TempDir()
		var segs []*segment
		var all []uint64
		id := uint64(1)
		for n := range 1 + rnd.IntN(3) {
			m := newMemory()
			var list []uint64
			for range 1 + rnd.IntN(1+rnd.IntN(3000)) {
				id += 1 + uint64(rnd.IntN(1+rnd.IntN(400)))
				m.docs = append(m.docs, doc{id: id, conv: 1, author: 2, ms: int64(id)})
				if rnd.IntN(3) > 0 {
					list = append(list, id)
				}
			}
			if len(list) == 0 {
				list = []uint64{id}
			}
			m.lists["w"] = &list
			m.lists["v"] = &[]uint64{id}
			all = append(all, list...)
			s, err := m.write(filepath.Join(dir, "t"), filepath.Join(dir, fmt.Sprint(n)), [16]byte{}, progress{}, progress{})
			must(t, err)
			defer s.release()
			segs = append(segs, s)
		}
		u := new(union)
		for _, s := range segs {
			u.add(s.maxID, func() (walker, error) { return s.walk("w") })
			u.add(s.maxID, func() (walker, error) { return s.walk("not there") })
		}
		must(t, u.begin())
		for at := ^uint64(0); ; {
			want := uint64(0)
			if i, ok := slices.BinarySearch(all, at); ok {
				want = all[i]
			} else if i > 0 {
				want = all[i-1]
			}
			if u.at() != want {
				t.Fatalf("round %d: at or below %d stands %d, want %d", round, at, u.at(), want)
			}
			if want == 0 {
				break
			}
			at = want - 1 - min(want-1, uint64(rnd.IntN(1+rnd.IntN(10_000))))
			must(t, u.seek(at))
		}
	}
}
