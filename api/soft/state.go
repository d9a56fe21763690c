package soft

import (
	"slices"
	"sync"
	"time"

	"parley/proto/parleyv1"
)

// Typing is an account that types in a conversation.
type Typing struct{ Conversation, Account uint64 }

// Change is an account whose presence is another than was told before.
type Change struct {
	Account  uint64
	Presence parleyv1.Presence
}

// Due is what Step found to be done.
type Due struct {
	// Frame is for all other nodes; nil for none.
	Frame []byte
	// Changes and Typing are to be told to the streams of this node that they concern.
	Changes []Change
	Typing  []Typing
	// Wait is how long nothing more is due, unless Wake says so.
	Wait time.Duration
}

// State is what one node knows. All methods are safe for concurrent use; Step is for one goroutine.
type State struct {
	now func() time.Time
	// wake has a token when there may be something due before Step said.
	wake chan struct{}

	mu    sync.Mutex
	own   map[uint64]*account
	nodes map[uint64]*heard
	// told is what the streams were told last; who is OFFLINE is not in it.
	told map[uint64]parleyv1.Presence
	// doubt are accounts whose presence may be another than told; news are own ones that the other nodes may not know of.
	doubt, news map[uint64]struct{}
	typingOut   []Typing
	typing      typingQueue
	// The next full frame, the next frame, round of telling and look at what is over, and when something may be over.
	fullAt, frameAt, tellAt, sweepAt, overAt time.Time

	followers followers
}

// account is what this node knows of an account by itself.
type account struct {
	streams int
	// The last stream ended Linger before lingers.
	lingers time.Time
	// It said to be active, in the session by, ActiveFor before activeUntil.
	activeUntil time.Time
	by          string
}

// heard is what another node told.
type heard struct {
	until time.Time
	kinds map[uint64]kind
}

// kind is what one node knows of an account.
type kind uint8

const (
	kindGone kind = iota
	kindSaid      // active, without a stream here
	kindAway
	kindActive
)

func kindOf(stream, active bool) kind {
	switch {
	case stream && active:
		return kindActive
	case stream:
		return kindAway
	case active:
		return kindSaid
	}
	return kindGone
}

// New makes the state of a node, which knows of nobody. now is the clock.
func New(now func() time.Time) *State {
	return &State{
		now: now, wake: make(chan struct{}, 1),
		own: make(map[uint64]*account), nodes: make(map[uint64]*heard), told: make(map[uint64]parleyv1.Presence),
		doubt: make(map[uint64]struct{}), news: make(map[uint64]struct{}),
		typing: newTypingQueue(),
	}
}

// Wake has something to receive when Step should not wait as long as it said.
func (s *State) Wake() <-chan struct{} { return s.wake }

// Nudge makes Wake say so; for a clock that was set.
func (s *State) Nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// SetActive records that an account said to be active, or away, in a session. Away ends what the same session said; another
// session's stands. What finds no room is dropped.
func (s *State) SetActive(id uint64, session string, active bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.own[id]
	switch {
	case active && a == nil && len(s.own) >= MaxAccounts, !active && (a == nil || a.by != session):
		return
	case active:
		if a == nil {
			a = new(account)
			s.own[id] = a
		}
		a.activeUntil, a.by = s.now().Add(ActiveFor), session
		s.over(a.activeUntil)
	default:
		a.activeUntil = time.Time{}
	}
	s.changed(id)
}

// Type records that an account types; the other nodes and the streams here are told at the next Step.
func (s *State) Type(t Typing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.typingOut) < maxTypingFrame && !slices.Contains(s.typingOut, t) {
		s.typingOut = append(s.typingOut, t)
	}
	s.typing.add(t, s.now())
	s.Nudge()
}

// Presence tells what this node knows of an account.
func (s *State) Presence(id uint64) parleyv1.Presence {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.presence(id, s.now())
}

// presence needs mu, as all below.
func (s *State) presence(id uint64, now time.Time) parleyv1.Presence {
	k := s.kind(id, now)
	stream, active := k >= kindAway, k == kindActive || k == kindSaid
	for _, h := range s.nodes {
		if now.Before(h.until) {
			k := h.kinds[id]
			stream, active = stream || k >= kindAway, active || k == kindActive || k == kindSaid
		}
	}
	switch {
	case !stream:
		return parleyv1.Presence_PRESENCE_OFFLINE
	case active:
		return parleyv1.Presence_PRESENCE_ACTIVE
	}
	return parleyv1.Presence_PRESENCE_AWAY
}

// kind is what this node knows of an account by itself.
func (s *State) kind(id uint64, now time.Time) kind {
	a := s.own[id]
	if a == nil {
		return kindGone
	}
	return kindOf(a.streams > 0 || now.Before(a.lingers), now.Before(a.activeUntil))
}

// changed says that an own account is another.
func (s *State) changed(id uint64) {
	s.news[id] = struct{}{}
	s.doubt[id] = struct{}{}
	s.Nudge()
}

// over says that something may be over then.
func (s *State) over(at time.Time) {
	if s.overAt.IsZero() || at.Before(s.overAt) {
		s.overAt = at
		s.Nudge()
	}
}

// Step does what is due by the clock.
func (s *State) Step() Due {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.sweep(now)
	var d Due
	if full := !now.Before(s.fullAt); !now.Before(s.frameAt) && (full || len(s.news) > 0 || len(s.typingOut) > 0) {
		d.Frame = s.frame(full, now)
		s.frameAt = now.Add(frameGap)
		if full {
			s.fullAt = now.Add(Heartbeat)
		}
	}
	if !now.Before(s.tellAt) && len(s.doubt) > 0 {
		d.Changes = s.changes(now)
		s.tellAt = now.Add(tellGap)
	}
	d.Typing = s.typing.take()
	d.Wait = max(0, s.nextDue().Sub(now))
	return d
}

// nextDue is when Step has something to do if nothing happens before.
func (s *State) nextDue() time.Time {
	next := later(s.fullAt, s.frameAt)
	earlier := func(at time.Time) {
		if at.Before(next) {
			next = at
		}
	}
	if len(s.news) > 0 || len(s.typingOut) > 0 {
		earlier(s.frameAt)
	}
	if len(s.doubt) > 0 {
		earlier(s.tellAt)
	}
	if !s.overAt.IsZero() {
		earlier(later(s.overAt, s.sweepAt))
	}
	return next
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// changes are accounts of which something else was told; some of those in doubt, if there are many.
func (s *State) changes(now time.Time) (out []Change) {
	for id := range s.doubt {
		if len(out) == maxChanges {
			break
		}
		delete(s.doubt, id)
		p := s.presence(id, now)
		before, ok := s.told[id]
		if p == before || !ok && p == parleyv1.Presence_PRESENCE_OFFLINE {
			continue
		}
		if s.told[id] = p; p == parleyv1.Presence_PRESENCE_OFFLINE {
			delete(s.told, id)
		}
		out = append(out, Change{id, p})
	}
	return out
}

// sweep drops what is over: sayings, lingering streams, nodes that are not heard any more.
func (s *State) sweep(now time.Time) {
	if s.overAt.IsZero() || now.Before(s.overAt) || now.Before(s.sweepAt) {
		return
	}
	s.sweepAt, s.overAt = now.Add(sweepGap), time.Time{}
	pending := func(at time.Time) bool {
		if !now.Before(at) {
			return false
		}
		s.over(at)
		return true
	}
	for id, a := range s.own {
		if !a.activeUntil.IsZero() && !pending(a.activeUntil) {
			a.activeUntil = time.Time{}
			s.changed(id)
		}
		if !a.lingers.IsZero() && !pending(a.lingers) {
			a.lingers = time.Time{}
			s.changed(id)
		}
		if a.streams == 0 && a.lingers.IsZero() && a.activeUntil.IsZero() {
			delete(s.own, id)
		}
	}
	for node, h := range s.nodes {
		if pending(h.until) {
			continue
		}
		delete(s.nodes, node)
		s.doubtAll(h.kinds)
	}
}

func (s *State) doubtAll(kinds map[uint64]kind) {
	for id := range kinds {
		s.doubt[id] = struct{}{}
	}
}
