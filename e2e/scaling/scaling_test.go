package scaling

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
)

const (
	groupCount = 4
	roomCount  = 6
	histories  = 600
	steps      = 400
)

// world is the groups, the moves that are under way, the senders' requests and one reader.
type world struct {
	rng      *rand.Rand
	groups   []*group
	moves    []*move
	requests []*request
	reader   *reader
	home     map[string]int // the directory: last known home; may be stale
	got      map[string][]uint64
}

// move is what a coordinator has done of one; it may be repeated from any step, for a coordinator may die after any.
type move struct {
	room     string
	epoch    uint64
	from, to int
	state    *room
}

// request is one message and all that its sender ever heard of it.
type request struct {
	id, room string
	answered *answer
}

func newWorld(seed uint64) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 1)), reader: newReader(groupCount), home: map[string]int{}, got: map[string][]uint64{}}
	for range groupCount {
		w.groups = append(w.groups, newGroup())
	}
	for i := range roomCount {
		name := fmt.Sprintf("room%d", i)
		w.groups[i%groupCount].rooms[name] = &room{name: name, answers: map[string]answer{}}
		w.home[name] = i % groupCount
	}
	return w
}

// step does one random thing.
func (w *world) step() error {
	switch w.rng.IntN(6) {
	case 0: // a new message
		id := fmt.Sprintf("r%d", len(w.requests))
		w.requests = append(w.requests, &request{id: id, room: fmt.Sprintf("room%d", w.rng.IntN(roomCount))})
		return w.try(w.requests[len(w.requests)-1])
	case 1: // a retry, after an answer that came or was lost, in any group
		if len(w.requests) > 0 {
			return w.try(w.requests[w.rng.IntN(len(w.requests))])
		}
	case 2: // a move begins
		name := fmt.Sprintf("room%d", w.rng.IntN(roomCount))
		for i, g := range w.groups {
			if r := g.rooms[name]; r != nil && !r.sealed {
				w.moves = append(w.moves, &move{room: name, epoch: r.epoch, from: i, to: (i + 1 + w.rng.IntN(groupCount-1)) % groupCount})
			}
		}
	case 3: // some step of some move, again perhaps
		if len(w.moves) > 0 {
			w.advance(w.moves[w.rng.IntN(len(w.moves))])
		}
	default: // the reader hears something, and sometimes goes on elsewhere with its cursor alone
		i := w.rng.IntN(groupCount)
		if w.rng.IntN(10) == 0 {
			w.keep()
			w.reader = resume(w.reader.c, w.groups)
		}
		_, err := w.reader.step(i, w.groups[i])
		return err
	}
	return nil
}

// try sends a request to a group: mostly where the directory says, else to any. Half of the answers are lost.
func (w *world) try(r *request) error {
	at := w.home[r.room]
	if w.rng.IntN(4) == 0 {
		at = w.rng.IntN(groupCount)
	}
	a, err := w.groups[at].send(r.room, r.id)
	switch {
	case errors.Is(err, ErrElsewhere), errors.Is(err, ErrMoving):
		w.home[r.room] = w.rng.IntN(groupCount) // looked up again, not always well
		return nil
	case r.answered != nil && *r.answered != a:
		return fmt.Errorf("request %s got seq %d and then %d", r.id, r.answered.seq, a.seq)
	}
	if r.answered != nil || w.rng.IntN(2) == 0 {
		r.answered = &a
	}
	return nil
}

// advance does one of the steps that are possible. Drop only after open is known to be done: that is the rule.
func (w *world) advance(m *move) {
	switch w.rng.IntN(3) {
	case 0:
		if s, err := w.groups[m.from].seal(m.room, m.epoch, m.to); err == nil {
			m.state, m.to = s, s.to // whoever sealed first said where to
		}
	case 1:
		if m.state != nil {
			w.groups[m.state.to].open(m.state)
		}
	case 2:
		if m.state != nil && w.opened(m.state) {
			w.groups[m.from].drop(m.room, m.epoch)
		}
	}
}

func (w *world) opened(s *room) bool {
	g := w.groups[s.to]
	r := g.rooms[s.name]
	_, gone := g.left[s.name]
	return r != nil && r.epoch > s.epoch || gone && g.left[s.name] > s.epoch
}

// keep puts aside what the reader delivered before it is made anew.
func (w *world) keep() {
	for name, seqs := range w.reader.got {
		w.got[name] = append(w.got[name], seqs...)
	}
	w.reader.got = map[string][]uint64{}
}

// check is the invariants on what the groups hold.
func (w *world) check() error {
	for i := range roomCount {
		name := fmt.Sprintf("room%d", i)
		open := 0
		for _, g := range w.groups {
			r := g.rooms[name]
			if r == nil {
				continue
			}
			if !r.sealed {
				open++
			}
			seen := map[string]bool{}
			for _, id := range r.log {
				if seen[id] {
					return fmt.Errorf("%s has %s twice", name, id)
				}
				seen[id] = true
			}
			if uint64(len(r.log)) != r.seq {
				return fmt.Errorf("%s has %d messages and seq %d", name, len(r.log), r.seq)
			}
		}
		if open > 1 {
			return fmt.Errorf("%s is open in %d groups", name, open)
		}
	}
	return nil
}

// finish brings all moves and the reader to their ends and looks at the whole.
func (w *world) finish() error {
	for range 100 {
		for _, m := range w.moves {
			for range 6 {
				w.advance(m)
			}
		}
	}
	for progress := true; progress; {
		progress = false
		for i, g := range w.groups {
			ok, err := w.reader.step(i, g)
			if err != nil {
				return err
			}
			progress = progress || ok
		}
	}
	w.keep()
	for i := range roomCount {
		name := fmt.Sprintf("room%d", i)
		var home *room
		for _, g := range w.groups {
			if r := g.rooms[name]; r != nil && !r.sealed {
				home = r
			}
		}
		if home == nil {
			return fmt.Errorf("%s has no home", name)
		}
		if got := w.got[name]; uint64(len(got)) != home.seq {
			return fmt.Errorf("%s: the reader has %d of %d messages; its cursor is %v", name, len(got), home.seq, w.reader.c)
		}
		for k, seq := range w.got[name] {
			if seq != uint64(k+1) {
				return fmt.Errorf("%s: the reader's message %d has seq %d", name, k+1, seq)
			}
		}
	}
	for _, r := range w.requests {
		if r.answered == nil {
			continue
		}
		if found := w.find(r); found != r.answered.seq {
			return fmt.Errorf("%s was acknowledged as %d and stands at %d", r.id, r.answered.seq, found)
		}
	}
	return nil
}

func (w *world) find(r *request) uint64 {
	for _, g := range w.groups {
		if room := g.rooms[r.room]; room != nil && !room.sealed {
			for i, id := range room.log {
				if id == r.id {
					return uint64(i + 1)
				}
			}
		}
	}
	return 0
}

// runHistory is one random history; an error names what broke.
func runHistory(seed uint64) error {
	w := newWorld(seed)
	for range steps {
		if err := w.step(); err != nil {
			return err
		}
		if err := w.check(); err != nil {
			return err
		}
	}
	return w.finish()
}

// P2 and P4 across groups: rooms move under senders that retry anywhere and a reader that resumes by its vector cursor.
func TestRoomsMoveWithoutLossDuplicateOrGap(t *testing.T) {
	for seed := range uint64(histories) {
		if err := runHistory(seed); err != nil {
			t.Fatalf("history %d: %v (to replay: runHistory(%d))", seed, err, seed)
		}
	}
}
