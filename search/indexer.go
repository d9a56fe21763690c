package search

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"parley/store"
)

// indexer follows the store. Its goroutine is Open's and ends with Close.
type indexer struct {
	loaded  bool
	at      progress // of everything that is indexed, in memory too
	flushed progress // of what is in segments
	// edited are the conversations in which a text was edited above at.index; anyEdited means that it may be any.
	edited    map[uint64]struct{}
	anyEdited bool
}

func (x *Index) runIndexer() {
	for x.ctx.Err() == nil {
		err := x.follow()
		if x.ctx.Err() != nil {
			break
		}
		x.anyEdited = true // what was being looked at is not known any more
		if ours(err) && errors.Is(err, errDamaged) {
			x.o.Logger.Warn("the search index is damaged, making it anew", "err", err)
			x.reset()
			continue
		}
		x.o.Logger.Warn("the search index cannot follow, trying again", "err", err)
		_ = pause(x.ctx, retryInterval) // the loop sees the end
	}
	if x.loaded && len(x.mem.docs) > 0 {
		if err := x.flush(); err != nil {
			x.o.Logger.Warn("the search index was not written, the next start indexes the last messages again", "err", err)
		}
	}
}

// follow returns with an error only.
func (x *Index) follow() error {
	if !x.loaded {
		if err := x.load(); err != nil {
			return err
		}
		x.loaded = true
	}
	t := time.NewTimer(lazyInterval)
	defer t.Stop()
	for {
		if err := x.catchUp(); err != nil {
			return err
		}
		select {
		case <-x.kick:
		case <-x.tap.Wake():
			// Many messages cost little more than one, unless somebody waits for this one.
			t.Reset(lazyInterval)
			select {
			case <-t.C:
			case <-x.kick:
			case <-x.ctx.Done():
			}
		case <-x.ctx.Done():
			return x.ctx.Err()
		}
		select {
		case err := <-x.broken:
			return err
		default:
		}
	}
}

// catchUp indexes everything up to the state's present index.
func (x *Index) catchUp() error {
	p := newPacer()
	for {
		if x.mem.full(x.o.MemoryDocs) {
			if err := x.flush(); err != nil {
				return err
			}
		}
		edited, all := x.tap.Take() // before the view, which then has them
		x.anyEdited = x.anyEdited || all
		for _, conv := range edited {
			x.edited[conv] = struct{}{}
		}
		index, more, err := x.feed()
		if err != nil {
			return err
		}
		if !more {
			if err := x.edits(p); err != nil {
				return err
			}
			x.at.index = max(x.at.index, index) // a state that replays its log is behind for a moment
			x.reach(index, index)
			return nil
		}
		if err := p.rest(x.ctx); err != nil {
			return err
		}
	}
}

// feed indexes a batch of new messages and returns the view's index and whether there are more of them.
func (x *Index) feed() (index uint64, more bool, err error) {
	v, err := x.o.Store.View()
	if err != nil {
		return 0, false, err
	}
	index = v.Index()
	ms, last, more, err := v.FeedMessages(x.at.id, feedBatch)
	v.Close()
	if err != nil {
		return 0, false, err
	}
	x.add(ms)
	x.at.id = last
	if more && len(ms) > 0 {
		x.reach(0, ms[len(ms)-1].Index-1)
	}
	return index, more, nil
}

func (x *Index) add(ms []store.FeedMessage) {
	for i := range ms {
		m := &ms[i]
		x.mem.add(doc{id: m.ID, conv: m.Conversation, author: m.Author, ms: m.TimeMS}, m.Text)
	}
	x.metrics.indexed.Add(float64(len(ms)))
}

// edits indexes what was edited above at.index.
func (x *Index) edits(p *pacer) error {
	if x.anyEdited {
		clear(x.edited)
		for from := uint64(0); ; {
			v, err := x.o.Store.View()
			if err != nil {
				return err
			}
			convs, next, err := v.FeedChanged(x.at.index, from, changedBatch)
			v.Close()
			if err != nil {
				return err
			}
			for _, conv := range convs {
				if err := x.editsOf(conv, p); err != nil {
					return err
				}
			}
			if from = next; from == 0 {
				break
			}
		}
		x.anyEdited = false
	}
	for conv := range x.edited {
		if err := x.editsOf(conv, p); err != nil {
			return err
		}
		delete(x.edited, conv)
	}
	return nil
}

func (x *Index) editsOf(conv uint64, p *pacer) error {
	for after, more := x.at.index, true; more; {
		if x.mem.full(x.o.MemoryDocs) {
			if err := x.flush(); err != nil {
				return err
			}
		}
		v, err := x.o.Store.View()
		if err != nil {
			return err
		}
		var ms []store.FeedMessage
		ms, after, more, err = v.FeedEdits(conv, after, editBatch)
		v.Close()
		if err != nil {
			return err
		}
		known := ms[:0]
		for _, m := range ms {
			if m.ID <= x.at.id { // a newer one comes as a new message, with this text
				known = append(known, m)
			}
		}
		x.add(known)
		if err := p.rest(x.ctx); err != nil {
			return err
		}
	}
	return nil
}

// flush makes a segment of what is in memory.
func (x *Index) flush() error {
	temporary, path := x.nextFile()
	s, err := x.mem.write(temporary, path, x.cluster, x.flushed, x.at)
	if err != nil {
		return err
	}
	x.mu.Lock()
	x.segs = append(x.segs, s)
	x.mem = newMemory()
	x.mu.Unlock()
	x.flushed = x.at
	signal(x.grown)
	return nil
}

const (
	segmentSuffix   = ".seg"
	temporarySuffix = ".tmp"
)

// nextFile returns names that nobody uses.
func (x *Index) nextFile() (temporary, path string) {
	x.mu.Lock()
	x.number++
	path = filepath.Join(x.o.Dir, fmt.Sprintf("%016x%s", x.number, segmentSuffix))
	x.mu.Unlock()
	return path + temporarySuffix, path
}

// load takes over the segments in the directory, as far as they follow each other without a gap. All else is removed.
func (x *Index) load() error {
	if err := os.MkdirAll(x.o.Dir, 0o700); err != nil {
		return err
	}
	files, err := os.ReadDir(x.o.Dir)
	if err != nil {
		return err
	}
	var found []*segment
	for _, f := range files {
		path := filepath.Join(x.o.Dir, f.Name())
		var number uint64
		if n, err := fmt.Sscanf(f.Name(), "%016x"+segmentSuffix, &number); err == nil && n == 1 &&
			filepath.Ext(f.Name()) == segmentSuffix {
			x.mu.Lock()
			x.number = max(x.number, number)
			x.mu.Unlock()
			s, err := openSegment(path)
			if err == nil {
				found = append(found, s)
				continue
			}
			if !errors.Is(err, errDamaged) {
				releaseAll(found)
				return err
			}
			x.o.Logger.Warn("a part of the search index is damaged, making it anew from there", "err", err)
		}
		if err := os.RemoveAll(path); err != nil {
			releaseAll(found)
			return err
		}
	}
	chain, at := x.chain(found)
	x.edited = make(map[uint64]struct{})
	x.at, x.flushed, x.anyEdited = at, at, true
	if len(chain) == 0 {
		// Messages are read from the beginning on, as they are from now on: only edits from now on are news.
		x.at.index = x.o.Store.Applied()
		x.anyEdited = false
		x.metrics.rebuilds.Inc()
		x.o.Logger.Info("making the search index", "applied", x.at.index)
	}
	x.mu.Lock()
	x.segs = chain
	x.mu.Unlock()
	signal(x.grown)
	return nil
}

// chain picks the segments that follow each other from nothing on. Where a merge ended with its inputs still there, it is the
// longest one; what is left over is removed.
func (x *Index) chain(found []*segment) (chain []*segment, at progress) {
	used := make(map[*segment]bool)
	for {
		var best *segment
		for _, s := range found {
			if s.cluster == x.cluster && s.from == at && at.before(s.to) && (best == nil || best.to.before(s.to)) {
				best = s
			}
		}
		if best == nil {
			break
		}
		used[best] = true
		chain, at = append(chain, best), best.to
	}
	for _, s := range found {
		if !used[s] {
			s.dropped.Store(true)
			s.release()
		}
	}
	return chain, at
}

// before says whether a progress is behind another one; of one index neither number ever goes back.
func (p progress) before(q progress) bool {
	return p.id < q.id && p.index <= q.index || p.id == q.id && p.index < q.index
}

func releaseAll(segs []*segment) {
	for _, s := range segs {
		s.release()
	}
}

// reset forgets everything: the next load finds nothing.
func (x *Index) reset() {
	x.mu.Lock()
	segs := x.segs
	x.segs, x.mem, x.complete, x.near = nil, newMemory(), 0, 0
	x.mu.Unlock()
	for _, s := range segs {
		s.dropped.Store(true)
		s.release()
	}
	x.loaded = false
}
