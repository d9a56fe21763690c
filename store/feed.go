package store

import (
	"errors"
	"maps"
	"slices"
	"sync"

	"parley/proto/internalv1"
)

// FeedMessage is a message by its numbers, as an index of the node's own reads it: whoever may see it.
type FeedMessage struct {
	ID, Conversation, Author uint64
	TimeMS                   int64
	Text                     string
	// Index is the raft index of the entry that sent it.
	Index uint64
}

// FeedMessages returns the messages above an id in ascending order, at most limit of them and little more than FeedBytes of
// text. Placeholders and what deleted accounts sent are left out. All up to the id last were looked at; more says that there
// are others above it.
func (v *View) FeedMessages(after uint64, limit int) (ms []FeedMessage, last uint64, more bool, err error) {
	defer v.guard(&err)()
	last = after
	it := v.scan(keyPlace(nil, after+1), []byte{tagPlace + 1}, false)
	for bytes, n := 0, 0; it.next(); n++ {
		if n == limit || bytes >= FeedBytes {
			return ms, last, true, nil
		}
		p, err := decode[internalv1.PlaceRecord](&v.layers, it.key, it.value)
		if err != nil {
			return nil, 0, false, err
		}
		last = u64At(it.key, 0)
		m, err := v.feedMessage(p.GetConversation(), p.GetSeq())
		if err != nil {
			return nil, 0, false, err
		}
		if m != nil {
			bytes += len(m.Text)
			ms = append(ms, *m)
		}
	}
	return ms, last, false, it.err
}

// feedMessage is nil for a message that has no text any more, or is no more.
func (v *View) feedMessage(conv, seq uint64) (*FeedMessage, error) {
	r, err := load[internalv1.MessageRecord](&v.layers, keyMessage(v.key(), conv, seq))
	if err != nil || r == nil || r.GetDeleted() {
		return nil, err
	}
	a, err := v.account(r.GetSender())
	if err != nil || a.GetDeleted() {
		return nil, err
	}
	return &FeedMessage{
		ID: r.GetId(), Conversation: conv, Author: r.GetSender(), TimeMS: r.GetTimeUnixMs(), Text: r.GetText(),
		Index: r.GetEventIndex(),
	}, nil
}

// FeedEdits returns the messages of a conversation whose text was changed above a raft index, as they are now. The changes up
// to the index upTo are in them; more says that there may be others above it. It looks at about limit events.
func (v *View) FeedEdits(conv, after uint64, limit int) (ms []FeedMessage, upTo uint64, more bool, err error) {
	defer v.guard(&err)()
	lo := keyConvEvent(nil, conv, position{index: after, ordinal: maxOrdinal})
	it := v.scan(append(lo, 0), prefixEnd(lo[:9]), false)
	edited := make(map[uint64]bool)
	for n := 0; it.next(); n++ {
		at := eventPosition(it.key).index
		if n >= limit && at != upTo { // an entry's events are taken together
			return ms, upTo, true, nil
		}
		upTo = at
		e, err := decode[internalv1.EventRecord](&v.layers, it.key, it.value)
		if err != nil {
			return nil, 0, false, err
		}
		if e.GetKind() != internalv1.EventKind_EVENT_KIND_MESSAGE_EDITED || edited[e.GetSeq()] {
			continue
		}
		edited[e.GetSeq()] = true
		m, err := v.feedMessage(conv, e.GetSeq())
		if err != nil {
			return nil, 0, false, err
		}
		if m != nil {
			ms = append(ms, *m)
		}
	}
	return ms, v.p.index, false, it.err
}

// FeedChanged returns the conversations with an event above a raft index, in ascending order from a number on. It looks at
// limit conversations; next is where to go on, 0 at the end.
func (v *View) FeedChanged(above, from uint64, limit int) (convs []uint64, next uint64, err error) {
	defer v.guard(&err)()
	it := v.scan(keyConversation(nil, from), []byte{tagConversation + 1}, false)
	for n := 0; it.next(); n++ {
		conv := u64At(it.key, 0)
		if n == limit {
			return convs, conv, nil
		}
		c, err := decode[internalv1.ConversationRecord](&v.layers, it.key, it.value)
		if err != nil {
			return nil, 0, err
		}
		if c.GetLastEventIndex() > above {
			convs = append(convs, conv)
		}
	}
	return convs, 0, it.err
}

// FeedGone returns those of the ids whose messages have no text any more, or are no more, in the order given.
func (v *View) FeedGone(ids []uint64) (gone []uint64, err error) {
	defer v.guard(&err)()
	for _, id := range ids {
		p, err := v.place(id)
		if err != nil {
			return nil, err
		}
		var m *FeedMessage
		if p != nil {
			if m, err = v.feedMessage(p.GetConversation(), p.GetSeq()); err != nil {
				return nil, err
			}
		}
		if m == nil {
			gone = append(gone, id)
		}
	}
	return gone, nil
}

// ErrTapped is returned by Tap when the store has one.
var ErrTapped = errors.New("store: there is a tap already")

// Tap tells an index of the node's own that the state moved on, and in which conversations a text was edited. New messages
// are found by their ids. Apply never waits for it.
type Tap struct {
	s    *Store
	wake chan struct{}

	mu     sync.Mutex
	edited map[uint64]struct{}
	// all means that edited was full, or that the state was replaced: any conversation may have changed.
	all bool
}

// Tap opens the store's tap, of which there is one. What is published from now on is told.
func (s *Store) Tap() (*Tap, error) {
	t := &Tap{s: s, wake: make(chan struct{}, 1), edited: make(map[uint64]struct{})}
	if !s.tap.CompareAndSwap(nil, t) {
		return nil, ErrTapped
	}
	return t, nil
}

// Close ends the tap.
func (t *Tap) Close() { t.s.tap.CompareAndSwap(t, nil) }

// Wake gets a word after each publish, and one for several that came while nobody listened.
func (t *Tap) Wake() <-chan struct{} { return t.wake }

// Take returns the conversations with edits since the last call; all means that it may be any. A View that is opened after
// the call has what it tells of.
func (t *Tap) Take() (edited []uint64, all bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	edited = slices.Sorted(maps.Keys(t.edited))
	clear(t.edited)
	all, t.all = t.all, false
	return edited, all
}

// tell is called by Apply's goroutine after a publish.
func (t *Tap) tell(events []emitted, replaced bool) {
	t.mu.Lock()
	t.all = t.all || replaced
	for i := range events {
		if events[i].kind != internalv1.EventKind_EVENT_KIND_MESSAGE_EDITED {
			continue
		}
		if len(t.edited) == maxTapped {
			t.all = true
			break
		}
		t.edited[events[i].conv] = struct{}{}
	}
	t.mu.Unlock()
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// tellTap tells the tap, if there is one.
func (s *Store) tellTap(events []emitted, replaced bool) {
	if t := s.tap.Load(); t != nil {
		t.tell(events, replaced)
	}
}
