package store

import (
	"context"
	"errors"
	"sync"
)

// WatchOptions says for whom and from where a Watcher follows.
type WatchOptions struct {
	// Session is the SHA-256 of the session's token.
	Session []byte
	// Cursor of the last thing that was seen; empty for "from now on".
	Cursor string
}

// Watcher follows what one account can see, in the order of the log. Next is for one goroutine; Cursor and Close may be
// called from any.
//
// Guarantees:
//  1. Every visible event above the start is returned once, in order, whether it came live or from the index.
//  2. A slow reader never delays Apply: when its queue is full it is emptied, and Next goes back to the event index.
//  3. After the session has ended, Next returns nothing but ErrSessionEnded.
//
// Why no event falls between index and queue: Next first opens the queue and then a view. An event is published before
// it is pushed. So what was pushed too early for the queue is in the view, and what is in both is dropped by position.
type Watcher struct {
	s       *Store
	account uint64
	token   [tokenBytes]byte
	start   string
	reset   string
	wake    chan struct{}

	mu    sync.Mutex
	queue []*event
	// lagging means that the queue is not complete and nothing is pushed to it.
	lagging bool
	// catching means that Next reads the index and has not come to its end.
	catching bool
	pos      position
	ended    error
}

// Watch begins to follow. A cursor that cannot be continued is replaced by the present position; Start says why.
func (s *Store) Watch(o WatchOptions) (w *Watcher, err error) {
	for {
		w, ok, err := s.watch(o)
		if ok || err != nil {
			return w, err
		}
	}
}

// watch is false when a room's members changed while it looked.
func (s *Store) watch(o WatchOptions) (w *Watcher, ok bool, err error) {
	defer guardDamage(s.path, &err)()
	v, err := s.View()
	if err != nil {
		return nil, false, err
	}
	defer v.Close()
	ses, err := v.Session(o.Session)
	if err != nil {
		return nil, false, err
	}
	w = &Watcher{
		s: s, account: ses.AccountID, token: [tokenBytes]byte(o.Session), wake: make(chan struct{}, 1), lagging: true,
		pos: position{index: v.Index(), ordinal: maxOrdinal},
	}
	if o.Cursor != "" {
		pos, reason := decodeCursor(s.clusterID, o.Cursor)
		if reason == "" {
			reason, err = v.whyNotFrom(pos)
			if err != nil {
				return nil, false, err
			}
		}
		if reason == "" {
			w.pos = pos
		}
		w.reset = reason
	}
	w.start = encodeCursor(s.clusterID, w.pos)
	rooms, err := v.roomsOf(w.account)
	if err != nil {
		return nil, false, err
	}
	if ok, err = s.hub.add(w, rooms, v.Index()); !ok || err != nil {
		return nil, false, err
	}
	return w, true, nil
}

// replaceWatched tells the watchers that the whole state was replaced.
func (s *Store) replaceWatched() error {
	v, err := s.View()
	if err != nil {
		return err
	}
	defer v.Close()
	return s.hub.replace(v.Index(), v.roomsOf)
}

// whyNotFrom says why the events after a position cannot be told; "" when they can.
func (v *View) whyNotFrom(p position) (string, error) {
	if p.index > v.p.index && p.index-v.p.index > maxCursorAhead {
		return "the cursor is far ahead of this node; it seems to be from another history", nil
	}
	floor, err := v.eventFloor()
	if err != nil {
		return "", err
	}
	if p.index < floor {
		return "the events after the cursor are no longer kept", nil
	}
	return "", nil
}

// Start returns the cursor that the watcher began at, and why it is not the one that was asked for; "" when it is.
func (w *Watcher) Start() (cursor string, reset string) { return w.start, w.reset }

// Next waits for events and returns at least one and at most MaxWatchBatch; ErrSessionEnded when the session is over,
// ErrClosed after Close, the context's error when that ends first.
func (w *Watcher) Next(ctx context.Context) ([]*Told, error) {
	for {
		es, lagging, err := w.take()
		if err == nil && lagging {
			es, err = w.catchUp()
		}
		if err != nil {
			return nil, err
		}
		if len(es) > 0 {
			out := make([]*Told, len(es))
			for i, e := range es {
				out[i] = e.tell(w.account, w.s.clusterID)
			}
			return out, nil
		}
		if lagging {
			continue // events that are hidden from the account, or none; the queue is open now
		}
		select {
		case <-w.wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// take removes a batch from the queue. A lagging watcher's queue is opened instead: from here on it misses nothing.
func (w *Watcher) take() (es []*event, lagging bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended != nil {
		return nil, false, w.ended
	}
	if w.lagging {
		w.lagging, w.catching, w.queue = false, true, nil
		return nil, true, nil
	}
	for len(w.queue) > 0 && len(es) < MaxWatchBatch {
		e := w.queue[0]
		w.queue = w.queue[1:]
		if w.pos.less(e.pos) {
			es = append(es, e)
			w.pos = e.pos
		}
	}
	if len(w.queue) == 0 {
		w.queue = nil
	}
	return es, false, nil
}

// catchUp reads what follows from the event index.
func (w *Watcher) catchUp() (es []*event, err error) {
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.catching = false
		w.lagging = w.lagging || err != nil
	}()
	v, err := w.s.View()
	if err != nil {
		return nil, err
	}
	defer v.Close()
	if _, err := v.Session(w.token[:]); err != nil {
		if errors.Is(err, ErrNoSession) {
			err = ErrSessionEnded
			w.end(err)
		}
		return nil, err
	}
	w.mu.Lock()
	from := w.pos
	w.mu.Unlock()
	es, upTo, more, err := v.events(w.account, from, MaxWatchBatch)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pos.less(upTo) {
		w.pos = upTo
	}
	if more {
		w.lagging, w.queue = true, nil
	}
	return es, w.ended
}

// Cursor returns a position up to which everything was returned by Next. It moves on while nothing happens.
func (w *Watcher) Cursor() string {
	w.s.hub.mu.RLock()
	w.mu.Lock()
	now := position{index: w.s.hub.index, ordinal: maxOrdinal}
	if !w.lagging && len(w.queue) == 0 && w.ended == nil && !w.catching && w.pos.less(now) {
		w.pos = now
	}
	p := w.pos
	w.mu.Unlock()
	w.s.hub.mu.RUnlock()
	return encodeCursor(w.s.clusterID, p)
}

// Close ends the watcher; a waiting Next returns ErrClosed.
func (w *Watcher) Close() {
	w.s.hub.remove(w)
	w.end(ErrClosed)
}

// push is called by Apply's goroutine and never blocks.
func (w *Watcher) push(e *event) {
	w.mu.Lock()
	if !w.lagging && w.ended == nil {
		if len(w.queue) < maxWatchQueue {
			w.queue = append(w.queue, e)
		} else {
			w.lagging, w.queue = true, nil
		}
	}
	w.mu.Unlock()
	w.signal()
}

func (w *Watcher) lag() {
	w.mu.Lock()
	w.lagging, w.queue = true, nil
	w.mu.Unlock()
	w.signal()
}

func (w *Watcher) end(err error) {
	w.mu.Lock()
	if w.ended == nil {
		w.ended = err
	}
	w.queue = nil
	w.mu.Unlock()
	w.signal()
}

func (w *Watcher) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}
