package scaling

import "fmt"

// cursor is a vector: for each group how many of its events were seen. It is all that a reader keeps across a reconnect.
type cursor []int

// reader merges the groups' streams. It delivers an event when all of the room before it was delivered; at an arrival whose
// past it has not seen it waits in that group until the other group has brought it.
type reader struct {
	c cursor
	// last is the seq that was delivered last, by room. It is not kept: resume computes it from the cursor.
	last map[string]uint64
	got  map[string][]uint64
}

func newReader(groups int) *reader {
	return &reader{c: make(cursor, groups), last: map[string]uint64{}, got: map[string][]uint64{}}
}

// step delivers the next event of one group, if there is one that may be delivered.
func (r *reader) step(i int, g *group) (bool, error) {
	at := r.c[i]
	if at == len(g.events) {
		return false, nil
	}
	e := g.events[at]
	if e.arrived {
		if r.last[e.room] < e.seq {
			return false, nil // its past is still in another group's stream
		}
		r.c[i]++
		return true, nil
	}
	if e.seq != r.last[e.room]+1 {
		return false, fmt.Errorf("room %s: seq %d after %d, in group %d at %d", e.room, e.seq, r.last[e.room], i, at)
	}
	r.last[e.room] = e.seq
	r.got[e.room] = append(r.got[e.room], e.seq)
	r.c[i]++
	return true, nil
}

// resume makes a reader from nothing but a cursor, as another node would: what was delivered of each room is what stands below
// the cursor in the groups' events. A server reads that from the event index of each group, by room, not by walking all.
func resume(c cursor, groups []*group) *reader {
	r := newReader(len(groups))
	copy(r.c, c)
	for i, g := range groups {
		for _, e := range g.events[:c[i]] {
			if !e.arrived {
				r.last[e.room] = max(r.last[e.room], e.seq)
			}
		}
	}
	return r
}
