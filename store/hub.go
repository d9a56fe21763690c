package store

import (
	"sync"

	"parley/proto/internalv1"
)

// hub knows the watchers by account, and the accounts with watchers by room. Apply delivers to it after each publish; a
// delivery touches the watchers of the accounts that the events are for and no others, so ten thousand idle ones cost
// nothing.
//
// An account is in the sets of the rooms that it is a member of after the last event that was handed out: the events that
// change a membership move it, in their order. So who is put out is handed nothing that comes after, and who joins is
// handed all that does.
type hub struct {
	mu        sync.RWMutex
	byAccount map[uint64]*listener
	byRoom    map[uint64][]*listener
	n         int
	closed    bool
	// movedAt is the index of the last publish with a change of who is a member of a room.
	movedAt uint64
	// sessionsOf are the watches over sessions, by account; sessions is their number.
	sessionsOf map[uint64]map[*SessionWatch]struct{}
	sessions   int
	// Everything up to here was delivered.
	index uint64
}

// endedSessions says which sessions of an account ended: one, or all but one.
type endedSessions struct {
	account uint64
	token   []byte
	allBut  bool // all but token, which may be nil
}

func (e *endedSessions) covers(token [tokenBytes]byte) bool {
	return (string(token[:]) == string(e.token)) != e.allBut
}

// listener is an account with watchers.
type listener struct {
	account  uint64
	watchers []*Watcher
	// rooms are its rooms, each with its place in the room's list.
	rooms map[uint64]int
}

func (h *hub) init() {
	h.byAccount = make(map[uint64]*listener)
	h.byRoom = make(map[uint64][]*listener)
	h.sessionsOf = make(map[uint64]map[*SessionWatch]struct{})
}

// add takes a watcher in, with its account's rooms as they are at the index of a view. It is false when a change of who is
// where may have been handed out since: the view is to be opened again. A view that is ahead of what was handed out is right:
// what the watcher is handed of the entries between, it has read from the index at that view or above it, and drops.
func (h *hub) add(w *Watcher, rooms []uint64, index uint64) (bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false, ErrClosed
	}
	if h.n >= MaxWatchers {
		return false, ErrTooManyWatchers
	}
	l := h.byAccount[w.account]
	if l == nil {
		if index < h.movedAt {
			return false, nil
		}
		l = &listener{account: w.account, rooms: make(map[uint64]int, len(rooms))}
		h.byAccount[w.account] = l
		for _, room := range rooms {
			h.enter(l, room)
		}
	}
	h.n++
	l.watchers = append(l.watchers, w)
	return true, nil
}

func (h *hub) remove(w *Watcher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := h.byAccount[w.account]
	if l == nil {
		return
	}
	ws := l.watchers
	for i := range ws {
		if ws[i] != w {
			continue
		}
		h.n--
		ws[i] = ws[len(ws)-1]
		ws[len(ws)-1] = nil
		if l.watchers = ws[:len(ws)-1]; len(l.watchers) == 0 {
			delete(h.byAccount, w.account)
			for room := range l.rooms {
				h.leave(l, room)
			}
		}
		return
	}
}

// enter puts an account into a room's list. It needs mu.
func (h *hub) enter(l *listener, room uint64) {
	if _, ok := l.rooms[room]; ok {
		return
	}
	l.rooms[room] = len(h.byRoom[room])
	h.byRoom[room] = append(h.byRoom[room], l)
}

// leave takes an account out of a room's list. It needs mu.
func (h *hub) leave(l *listener, room uint64) {
	at, ok := l.rooms[room]
	if !ok {
		return
	}
	ls := h.byRoom[room]
	last := len(ls) - 1
	ls[at] = ls[last]
	ls[at].rooms[room] = at
	ls[last] = nil
	if delete(l.rooms, room); last == 0 {
		delete(h.byRoom, room)
	} else {
		h.byRoom[room] = ls[:last]
	}
}

// deliver hands out what one publish made visible. Events are in order; index is the publish's, movedAt that of the last
// change of who is a member of a room.
func (h *hub) deliver(events []emitted, ended []endedSessions, index, movedAt uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.index, h.movedAt = index, max(h.movedAt, movedAt)
	h.doubtEnded(ended)
	if h.n == 0 {
		return
	}
	for i := range events {
		h.hand(&events[i])
	}
	for i := range ended {
		for _, w := range h.watchersOf(ended[i].account) {
			if ended[i].covers(w.token) {
				w.end(ErrSessionEnded)
			}
		}
	}
}

func (h *hub) watchersOf(account uint64) []*Watcher {
	if l := h.byAccount[account]; l != nil {
		return l.watchers
	}
	return nil
}

// hand gives an event to those who may see it. It is made for keeps when the first of them is found.
func (h *hub) hand(e *emitted) {
	if e.title != "" && e.only == 0 {
		h.handToRoom(e)
		return
	}
	to := [2]uint64{e.low, e.high}
	if e.only != 0 {
		to = [2]uint64{e.only, e.only}
	}
	var kept *event
	for i, account := range to {
		if i == 1 && to[0] == to[1] {
			return
		}
		for _, w := range h.watchersOf(account) {
			if kept == nil {
				kept = e.keep()
			}
			w.push(kept)
		}
	}
}

// handToRoom gives an event to a room's members. One that changes who they are moves the account: who is out does not see
// it, for it was told by an event of its own, and neither does who joined.
func (h *hub) handToRoom(e *emitted) {
	var moved *listener
	joined := false
	if e.kind == internalv1.EventKind_EVENT_KIND_MEMBERSHIP_CHANGED {
		moved, joined = h.byAccount[e.sender], e.change.membership >= rankMember
	}
	if moved != nil && !joined {
		h.leave(moved, e.conv)
	}
	if ls := h.byRoom[e.conv]; len(ls) > 0 {
		kept := e.keep()
		for _, l := range ls {
			for _, w := range l.watchers {
				w.push(kept)
			}
		}
	}
	if moved != nil && joined {
		h.enter(moved, e.conv)
	}
}

// replace is deliver when the whole state was replaced: every watcher reads the index again. The index moves under the
// same lock, so that no watcher takes the new place for one that it reached. roomsOf tells an account's rooms in the new state.
func (h *hub) replace(index uint64, roomsOf func(account uint64) ([]uint64, error)) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.index, h.movedAt = index, index
	h.doubtAll()
	h.byRoom = make(map[uint64][]*listener)
	for _, l := range h.byAccount {
		rooms, err := roomsOf(l.account)
		if err != nil {
			return err
		}
		clear(l.rooms)
		for _, room := range rooms {
			h.enter(l, room)
		}
		for _, w := range l.watchers {
			w.lag()
		}
	}
	return nil
}

func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	h.doubtAll()
	for _, l := range h.byAccount {
		for _, w := range l.watchers {
			w.end(ErrClosed)
		}
	}
}
