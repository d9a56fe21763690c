package store

import "sync"

// hub knows the watchers by account. Apply delivers to it after each publish; a delivery touches the watchers of the
// accounts that the events are for and no others, so ten thousand idle ones cost nothing.
type hub struct {
	mu        sync.RWMutex
	byAccount map[uint64][]*Watcher
	n         int
	closed    bool
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

func (h *hub) init() {
	h.byAccount = make(map[uint64][]*Watcher)
	h.sessionsOf = make(map[uint64]map[*SessionWatch]struct{})
}

func (h *hub) add(w *Watcher) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return ErrClosed
	}
	if h.n >= MaxWatchers {
		return ErrTooManyWatchers
	}
	h.n++
	h.byAccount[w.account] = append(h.byAccount[w.account], w)
	return nil
}

func (h *hub) remove(w *Watcher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	ws := h.byAccount[w.account]
	for i := range ws {
		if ws[i] != w {
			continue
		}
		h.n--
		if len(ws) == 1 {
			delete(h.byAccount, w.account)
			return
		}
		ws[i] = ws[len(ws)-1]
		ws[len(ws)-1] = nil
		h.byAccount[w.account] = ws[:len(ws)-1]
		return
	}
}

// deliver hands out what one publish made visible. Events are in order; index is the publish's.
func (h *hub) deliver(events []emitted, ended []endedSessions, index uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.index = index
	h.doubtEnded(ended)
	if h.n == 0 {
		return
	}
	for i := range events {
		h.hand(&events[i])
	}
	for i := range ended {
		for _, w := range h.byAccount[ended[i].account] {
			if ended[i].covers(w.token) {
				w.end(ErrSessionEnded)
			}
		}
	}
}

// hand gives an event to those who may see it. It is made for keeps when the first of them is found.
func (h *hub) hand(e *emitted) {
	to := [2]uint64{e.low, e.high}
	if e.only != 0 {
		to = [2]uint64{e.only, e.only}
	}
	var kept *event
	for i, account := range to {
		if i == 1 && to[0] == to[1] {
			return
		}
		for _, w := range h.byAccount[account] {
			if kept == nil {
				kept = e.keep()
			}
			w.push(kept)
		}
	}
}

// replace is deliver when the whole state was replaced: every watcher reads the index again. The index moves under the
// same lock, so that no watcher takes the new place for one that it reached.
func (h *hub) replace(index uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.index = index
	h.doubtAll()
	for _, ws := range h.byAccount {
		for _, w := range ws {
			w.lag()
		}
	}
}

func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	h.doubtAll()
	for _, ws := range h.byAccount {
		for _, w := range ws {
			w.end(ErrClosed)
		}
	}
}
