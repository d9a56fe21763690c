package scaling

import (
	"errors"
	"maps"
	"slices"
)

var (
	// ErrMoving is what a room answers between its closing in one group and its opening in the next: try again.
	ErrMoving = errors.New("the room is moving")
	// ErrElsewhere is what a group answers for a room that it does not have: ask the directory.
	ErrElsewhere = errors.New("the room is in another group")
)

// answer is what a send got, and gets again when it is retried.
type answer struct{ seq uint64 }

// room is the state that moves as one: the order, and the answers that make its sends exactly once.
type room struct {
	name    string
	epoch   uint64 // counts moves
	seq     uint64
	log     []string // request ids by seq-1: what the room's history is, as far as the model cares
	answers map[string]answer
	sealed  bool // closed for a move
	to      int  // then: where it goes
}

func (r *room) copy() *room {
	c := *r
	c.log, c.answers = slices.Clone(r.log), maps.Clone(r.answers)
	return &c
}

// event is one thing a reader sees. Its position is its index in its group's order.
type event struct {
	room  string
	epoch uint64
	seq   uint64
	// arrived is set on the event that opens a room in its new group: a reader must have had everything of the former
	// epoch, up to seq, before it goes on here.
	arrived bool
}

// group is one Raft group as its state machine sees it: commands in one order.
type group struct {
	rooms map[string]*room
	// left remembers, for rooms that went, in which epoch; a late or repeated step of a move is recognised by it.
	left   map[string]uint64
	events []event
}

func newGroup() *group { return &group{rooms: map[string]*room{}, left: map[string]uint64{}} }

// send is Apply of a message: the answer given before, or a new one.
func (g *group) send(name, request string) (answer, error) {
	r := g.rooms[name]
	if r == nil {
		return answer{}, ErrElsewhere
	}
	if a, ok := r.answers[request]; ok {
		return a, nil // also while it moves: the answer cannot change any more
	}
	if r.sealed {
		return answer{}, ErrMoving
	}
	r.seq++
	a := answer{r.seq}
	r.log = append(r.log, request)
	r.answers[request] = a
	g.events = append(g.events, event{room: name, epoch: r.epoch, seq: r.seq})
	return a, nil
}

// seal is the first step of a move, a command in the old group: from here on the room takes nothing new. What it returns is
// the same whenever it is asked.
func (g *group) seal(name string, epoch uint64, to int) (*room, error) {
	r := g.rooms[name]
	if r == nil || r.epoch != epoch {
		return nil, ErrElsewhere
	}
	if !r.sealed {
		r.sealed, r.to = true, to
	}
	return r.copy(), nil
}

// open is the second step, a command in the new group that carries what was sealed. A repetition changes nothing.
func (g *group) open(s *room) {
	if r := g.rooms[s.name]; r != nil && r.epoch > s.epoch {
		return
	}
	if e, ok := g.left[s.name]; ok && e > s.epoch {
		return // it was opened here, and has gone on since
	}
	r := s.copy()
	r.epoch, r.sealed, r.to = s.epoch+1, false, 0
	g.rooms[s.name] = r
	g.events = append(g.events, event{room: s.name, epoch: r.epoch, seq: r.seq, arrived: true})
}

// drop is the last step, again in the old group: the room is forgotten here. Its events stay for readers that lag.
func (g *group) drop(name string, epoch uint64) {
	if r := g.rooms[name]; r != nil && r.epoch == epoch && r.sealed {
		delete(g.rooms, name)
		g.left[name] = epoch
	}
}
