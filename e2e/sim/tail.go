package sim

import (
	"context"
	"errors"

	"parley/proto/parleyv1"
	"parley/store"
)

// tail is a client's subscription: it is resumed on one node after the other.
type tail struct {
	cursor string
	from   uint64            // index where it began
	next   map[string]uint64 // by conversation: the seq that comes next; absent while none was seen
	rooms  map[string]*heard
	seen   int
	// watch is left open on a node between two looks, so that it is pushed to; life is that node's.
	watch *store.Watcher
	on    *replica
	life  int
}

// follow resumes the subscription on some node, takes what is there, and goes away; or it stays, and goes on there next time.
func (c *client) follow() {
	t := &c.tail
	if t.watch != nil && t.on.s != nil && t.on.life == t.life && c.w.chance(0.7) {
		if t.on.frozen <= c.w.now {
			c.drain(t.on)
		}
	} else if r := c.w.any(); r.s != nil && r.frozen <= c.w.now {
		c.unfollow()
		c.drain(r)
	}
	c.think()
}

// unfollow goes away from a node.
func (c *client) unfollow() {
	if c.tail.watch != nil {
		c.tail.watch.Close()
		c.tail.watch = nil
	}
}

// drain reads a node's stream to its end. A node that lags may not know the session yet.
func (c *client) drain(r *replica) {
	w, t := c.w, &c.tail
	if t.watch == nil {
		watch, err := r.s.Store().Watch(store.WatchOptions{Session: c.token, Cursor: t.cursor})
		if errors.Is(err, store.ErrNoSession) {
			return
		}
		w.must(err)
		t.watch, t.on, t.life = watch, r, r.life
		start, reset := watch.Start()
		if reset != "" {
			w.fail("node %d cannot continue %s's stream: %s", r.id, c.name, reset)
		}
		if t.cursor == "" {
			t.cursor, t.from, t.next, t.rooms = start, r.s.Store().Applied(), map[string]uint64{}, map[string]*heard{}
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for {
		events, err := t.watch.Next(ctx)
		if errors.Is(err, context.Canceled) {
			break
		}
		w.must(err)
		for _, e := range events {
			c.told(r, e.Event)
		}
		// Away in the middle, now and then.
		if w.chance(0.1) {
			c.unfollow()
			return
		}
	}
	w.note("followed", uint64(c.n), r.id, uint64(t.seen))
}

// told takes one event: every message once, in order.
func (c *client) told(r *replica, e *parleyv1.Event) {
	c.tail.cursor = e.GetCursor()
	c.tail.seen++
	c.w.counts.Told++
	if room := roomOf(e); room != "" {
		c.toldOfRoom(r, room, e)
		return
	}
	m := e.GetMessage()
	if m == nil {
		return
	}
	next := c.tail.next
	if want, ok := next[m.GetConversation()]; ok && m.GetSeq() != want {
		c.w.fail("node %d tells %s seq %d of %s, seq %d is next", r.id, c.name, m.GetSeq(), m.GetConversation(), want)
	}
	next[m.GetConversation()] = m.GetSeq() + 1
}

// judgeTail reads the stream to its end on some node: it must have told everything.
func (c *client) judgeTail() error {
	if c.tail.cursor == "" {
		return nil
	}
	w := c.w
	for before := -1; before != c.tail.seen; {
		before = c.tail.seen
		c.unfollow()
		c.drain(w.serving()[w.rng.IntN(len(w.serving()))])
	}
	for _, other := range w.clients {
		chat := w.chat(c.name, other.name)
		next, ok := c.tail.next["@"+other.name]
		if ok && next != uint64(len(chat.bySeq))+1 {
			return w.violation("%s's stream told of %s up to seq %d, there are %d", c.name, chat.key, next-1, len(chat.bySeq))
		}
	}
	return nil
}
