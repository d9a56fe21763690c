package search

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"sort"
	"strings"
	"time"

	"parley/proto/parleyv1"
	"parley/store"
)

// Request is one page of a search.
type Request struct {
	Query *Query
	// Best puts first what fits best, of the newest matches; else the newest are first.
	Best  bool
	Limit int
	// Token is where an earlier page ended; empty for the first.
	Token string
}

// Result is one page. Next is the token of the next one, empty at the end. A page may have fewer messages than were asked for,
// even none, and yet not be the last.
type Result struct {
	Messages []*parleyv1.Message
	Next     string
	// Broken says that a part of the index could not be read: messages are missing, and the index is being made anew.
	Broken bool
}

// ErrBadToken is returned for a token that no page of the same order ended with.
var ErrBadToken = errors.New("search: malformed page token")

// Search finds messages that a caller may read in a view. The index only says where to look: each message is read from the
// view as that caller, and its words are compared again. So an index that is behind, or wrong, misses messages and shows none
// that it must not.
func (x *Index) Search(ctx context.Context, v *store.View, s store.Session, r Request) (res Result, err error) {
	began := time.Now()
	p, err := parsePlace(r.Token, r.Best)
	if err != nil {
		return Result{}, err
	}
	snap := x.snapshot()
	defer snap.close()
	f := &finder{ctx: ctx, snap: snap, q: r.Query, limit: min(max(r.Limit, 1), MaxPage), place: p}
	if err = f.open(v, s); err == nil && len(f.convs) > 0 {
		if r.Best {
			err = f.best(&res)
		} else {
			err = f.newest(&res)
		}
	}
	x.metrics.searched(time.Since(began), f.looked)
	if err != nil && ours(err) {
		x.unreadable(err)
		res.Broken, err = true, nil
	}
	return res, err
}

// finder is one search.
type finder struct {
	ctx   context.Context
	snap  *snapshot
	q     *Query
	limit int
	place place

	reader *store.Reader
	// convs are the conversations to look in; from the accounts, nil for any; notFrom those that are not meant.
	convs         map[uint64]struct{}
	from, notFrom map[uint64]struct{}
	// walkers stand together at what may match. asked says that its conversation must be looked up in tables.
	walkers []walker
	asked   bool
	memory  []doc
	tables  []*tableWalker
	looked  int
	words   []string
}

// open makes ready what the query names. Without conversations there is nothing to find.
func (f *finder) open(v *store.View, s store.Session) error {
	reader, convs, err := v.Reader(s)
	if err != nil {
		return err
	}
	f.reader, f.convs = reader, make(map[uint64]struct{}, len(convs))
	if len(f.q.in) == 0 {
		for _, c := range convs {
			f.convs[c] = struct{}{}
		}
	}
	// A name that means nothing to the caller finds nothing, whether it exists or not.
	if err := f.resolve(f.q.in, reader.Conversation, func(c uint64) { f.convs[c] = struct{}{} }); err != nil {
		return err
	}
	if err := f.resolve(f.q.notIn, reader.Conversation, func(c uint64) { delete(f.convs, c) }); err != nil {
		return err
	}
	f.notFrom = make(map[uint64]struct{})
	if err := f.resolve(f.q.notFrom, reader.Account, func(a uint64) { f.notFrom[a] = struct{}{} }); err != nil {
		return err
	}
	if len(f.q.from) > 0 {
		f.from = make(map[uint64]struct{})
		if err := f.resolve(f.q.from, reader.Account, func(a uint64) { f.from[a] = struct{}{} }); err != nil {
			return err
		}
		if len(f.from) == 0 {
			f.convs = nil
		}
	}
	if len(f.convs) == 0 {
		return nil
	}
	return f.openWalkers()
}

func (f *finder) resolve(names []string, number func(string) (uint64, error), found func(uint64)) error {
	for _, name := range names {
		n, err := number(name)
		if err != nil {
			return err
		}
		if n != 0 {
			found(n)
		}
	}
	return nil
}

func (f *finder) openWalkers() error {
	keys := make(map[string]bool)
	for _, c := range f.q.words {
		whole := c.words
		if c.prefix {
			whole = whole[:len(whole)-1]
			words, ok, err := f.withPrefix(c.words[len(c.words)-1])
			if err != nil {
				return err
			}
			if ok { // else it says too little to look for
				if err := f.walk(slices.Collect(words)); err != nil {
					return err
				}
			}
		}
		for _, w := range whole {
			if keys[w] {
				continue
			}
			keys[w] = true
			if err := f.walk([]string{w}); err != nil {
				return err
			}
		}
	}
	if f.from != nil {
		if err := f.walk(listKeys(listAuthor, f.from)); err != nil {
			return err
		}
	}
	if len(f.convs) <= maxListed {
		if err := f.walk(listKeys(listConversation, f.convs)); err != nil {
			return err
		}
	} else {
		f.asked, f.memory = true, f.snap.mem.table()
		for i := range f.snap.segs {
			f.tables = append(f.tables, newTableWalker(f.snap.segs[i]))
		}
	}
	if len(f.walkers) == 0 {
		return f.walkAll()
	}
	return nil
}

func listKeys(kind byte, ns map[uint64]struct{}) []string {
	keys := make([]string, 0, len(ns))
	for n := range ns {
		keys = append(keys, listKey(kind, n))
	}
	return keys
}

// withPrefix returns the words that begin so; false when they are too many.
func (f *finder) withPrefix(prefix string) (func(func(string) bool), bool, error) {
	words := make(map[string]struct{})
	if !f.snap.mem.withPrefix(words, prefix, maxPrefixWords) {
		return nil, false, nil
	}
	for _, s := range f.snap.segs {
		if ok, err := s.withPrefix(words, prefix, maxPrefixWords); err != nil || !ok {
			return nil, false, err
		}
	}
	return func(yield func(string) bool) {
		for w := range words {
			if !yield(w) {
				return
			}
		}
	}, true, nil
}

// walk adds a walker over the messages that are in one of some lists.
func (f *finder) walk(keys []string) error {
	u := new(union)
	for _, k := range keys {
		if l := f.snap.mem.list(k); len(l) > 0 {
			u.add(l[len(l)-1], func() (walker, error) { return &listWalker{ids: l}, nil })
		}
		for _, s := range f.snap.segs {
			u.add(s.maxID, func() (walker, error) { return s.walk(k) })
		}
	}
	f.walkers = append(f.walkers, u)
	return u.begin()
}

// walkAll adds a walker over all messages.
func (f *finder) walkAll() error {
	u := new(union)
	if t := f.snap.mem.table(); len(t) > 0 {
		u.add(t[len(t)-1].id, func() (walker, error) { return &docWalker{docs: t}, nil })
	}
	for _, s := range f.snap.segs {
		u.add(s.maxID, func() (walker, error) { return newTableWalker(s), nil })
	}
	f.walkers = append(f.walkers, u)
	return u.begin()
}

// bounds returns the least and the greatest id that messages of the query's times may have. Times hardly ever go back where
// ids go on, but they may: so it looks at all blocks.
func (f *finder) bounds() (low, high uint64) {
	if f.q.afterMS == 0 && f.q.beforeMS == 0 {
		return 0, ^uint64(0)
	}
	low = ^uint64(0)
	take := func(first, last uint64, minMS, maxMS int64) {
		if maxMS >= f.q.afterMS && (f.q.beforeMS == 0 || minMS < f.q.beforeMS) {
			low, high = min(low, first), max(high, last)
		}
	}
	for _, d := range f.snap.mem.table() {
		take(d.id, d.id, d.ms, d.ms)
	}
	for _, s := range f.snap.segs {
		for i := range s.table {
			take(s.table[i].first, s.table[i].last, s.table[i].minMS, s.table[i].maxMS)
		}
	}
	return low, high
}

// match calls found with each message that matches, from the newest at or below top on, until that returns false or all were
// seen. When it has looked at too many it returns the id that it got to, else 0.
func (f *finder) match(top uint64, found func(id uint64, m *store.Readable) (bool, error)) (at uint64, err error) {
	low, high := f.bounds()
	top = min(top, high)
	for n := 0; top > 0; n++ {
		if n%contextSteps == 0 && f.ctx.Err() != nil {
			return 0, f.ctx.Err()
		}
		id, err := meet(f.walkers, top)
		if err != nil || id == 0 || id < low {
			return 0, err
		}
		top = id - 1
		if f.asked {
			if in, err := f.mayBeIn(id); err != nil {
				return 0, err
			} else if !in {
				continue
			}
		}
		if f.looked == maxLooked {
			return at, nil
		}
		f.looked++
		at = id
		m, err := f.look(id)
		if err != nil {
			return 0, err
		}
		if m == nil {
			continue
		}
		if more, err := found(id, m); err != nil || !more {
			return 0, err
		}
	}
	return 0, nil
}

// mayBeIn says whether a message is in one of the conversations, by the tables.
func (f *finder) mayBeIn(id uint64) (bool, error) {
	if len(f.memory) > 0 && id >= f.memory[0].id {
		i := sort.Search(len(f.memory), func(i int) bool { return f.memory[i].id >= id })
		if i < len(f.memory) && f.memory[i].id == id {
			_, in := f.convs[f.memory[i].conv]
			return in, nil
		}
	}
	for i := len(f.tables) - 1; i >= 0; i-- {
		t := f.tables[i]
		if id < t.s.minID || id > t.s.maxID {
			continue
		}
		d, ok, err := t.find(id)
		if err != nil {
			return false, err
		}
		if ok {
			_, in := f.convs[d.conv]
			return in, nil
		}
	}
	return false, nil
}

// look reads a message as the caller; nil when it does not match.
func (f *finder) look(id uint64) (*store.Readable, error) {
	m, err := f.reader.Look(id)
	if err != nil || m == nil || !f.q.inTime(m.TimeMS) {
		return nil, err
	}
	if _, ok := f.convs[m.Conversation]; !ok {
		return nil, nil
	}
	if _, ok := f.from[m.Author]; !ok && f.from != nil {
		return nil, nil
	}
	if _, ok := f.notFrom[m.Author]; ok {
		return nil, nil
	}
	f.words = appendWords(f.words[:0], m.Text)
	if !f.q.matches(f.words) {
		return nil, nil
	}
	return m, nil
}

// newest fills a page with the newest matches.
func (f *finder) newest(res *Result) error {
	top := ^uint64(0)
	if f.place.id != 0 {
		top = f.place.id - 1
	}
	last := uint64(0)
	at, err := f.match(top, func(id uint64, m *store.Readable) (bool, error) {
		if len(res.Messages) == f.limit {
			res.Next = place{id: last}.token(false)
			return false, nil
		}
		last = id
		msg, err := f.reader.Message(m)
		res.Messages = append(res.Messages, msg)
		return true, err
	})
	if at != 0 {
		res.Next = place{id: at}.token(false)
	}
	return err
}

// best fills a page with the best of the newest matches.
func (f *finder) best(res *Result) error {
	top := ^uint64(0)
	if f.place.id != 0 {
		top = f.place.top
	}
	type hit struct {
		place
		m *store.Readable
	}
	var hits []hit
	first, seen := top, 0
	if _, err := f.match(top, func(id uint64, m *store.Readable) (bool, error) {
		if seen++; seen == 1 && f.place.id == 0 {
			first = id // what comes later is not in the next pages
		}
		h := hit{place{top: first, score: f.q.score(f.words), id: id}, m}
		if f.place.id == 0 || f.place.compare(h.place) < 0 {
			hits = append(hits, h)
		}
		return seen < maxBest, nil
	}); err != nil {
		return err
	}
	slices.SortFunc(hits, func(a, b hit) int { return a.compare(b.place) })
	if len(hits) > f.limit {
		hits = hits[:f.limit]
		res.Next = hits[f.limit-1].token(true)
	}
	for _, h := range hits {
		msg, err := f.reader.Message(h.m)
		if err != nil {
			return err
		}
		res.Messages = append(res.Messages, msg)
	}
	return nil
}

// place is where a page ended: its last message, which the caller may read, or one of its conversations that was looked at.
// Nothing in a token is about what others wrote.
type place struct {
	id uint64
	// Of the best: the newest match when the first page was made, and the score.
	top, score uint64
}

// compare orders the best: by score, then the newest.
func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(q.score, p.score), cmp.Compare(q.id, p.id))
}

func (p place) token(best bool) string {
	b := binary.AppendUvarint(nil, p.id)
	if best {
		b = binary.AppendUvarint(binary.AppendUvarint(b, p.top), p.score)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func parsePlace(token string, best bool) (p place, err error) {
	if token == "" {
		return p, nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	r := reader{b: b}
	if p.id = r.num(); best {
		p.top, p.score = r.num(), r.num()
	}
	if err != nil || r.bad || len(r.b) > 0 || p.id == 0 || strings.ContainsAny(token, "\r\n") {
		return place{}, ErrBadToken
	}
	return p, nil
}
