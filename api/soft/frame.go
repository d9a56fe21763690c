package soft

import (
	"cmp"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
)

// frame tells the other nodes what they may not know, or all; it needs mu.
func (s *State) frame(full bool, now time.Time) []byte {
	f := &internalv1.SoftFrame{Full: full}
	add := func(id uint64) {
		switch s.kind(id, now) {
		case kindActive:
			f.Active = append(f.Active, id)
		case kindAway:
			f.Away = append(f.Away, id)
		case kindSaid:
			f.Said = append(f.Said, id)
		case kindGone:
			if !full {
				f.Gone = append(f.Gone, id)
			}
		}
	}
	if full {
		for id := range s.own {
			add(id)
		}
	} else {
		for id := range s.news {
			add(id)
		}
	}
	clear(s.news)
	for _, t := range s.typingOut {
		f.Typing = append(f.Typing, &internalv1.SoftFrame_Typing{Conversation: t.Conversation, Account: t.Account})
	}
	s.typingOut = nil
	b, err := proto.Marshal(f)
	if err != nil {
		panic(err) // numbers only
	}
	return b
}

// Frame takes what another node told. What cannot be read, or is more than a node may tell, is dropped.
func (s *State) Frame(from uint64, frame []byte) {
	f := new(internalv1.SoftFrame)
	if proto.Unmarshal(frame, f) != nil || len(f.Typing) > maxTypingFrame ||
		len(f.Active)+len(f.Away)+len(f.Said)+len(f.Gone) > maxHeard {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	h := s.nodes[from]
	if h == nil {
		if len(s.nodes) >= maxNodes {
			return
		}
		// Changes say what they say, but only a whole set keeps a node from being forgotten.
		h = &heard{kinds: make(map[uint64]kind), until: now.Add(Linger)}
		s.nodes[from] = h
		s.over(h.until)
	}
	if f.Full {
		s.doubtAll(h.kinds)
		h.kinds, h.until = make(map[uint64]kind, len(f.Active)+len(f.Away)+len(f.Said)), now.Add(Expiry)
		s.over(h.until)
	}
	s.hear(h, f.Gone, kindGone)
	s.hear(h, f.Said, kindSaid)
	s.hear(h, f.Away, kindAway)
	s.hear(h, f.Active, kindActive)
	for _, t := range f.Typing {
		s.typing.add(Typing{t.GetConversation(), t.GetAccount()}, now)
	}
	s.Nudge()
}

func (s *State) hear(h *heard, ids []uint64, k kind) {
	for _, id := range ids {
		switch {
		case k == kindGone:
			delete(h.kinds, id)
		case h.kinds[id] != kindGone || len(h.kinds) < maxHeard:
			h.kinds[id] = k
		default:
			continue
		}
		s.doubt[id] = struct{}{}
	}
}

// Up has the next Step tell everything: what was told before may not have come.
func (s *State) Up(uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fullAt = time.Time{}
	s.Nudge()
}

// Down has a node forgotten soon, unless it is heard again.
func (s *State) Down(node uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, soon := s.nodes[node], s.now().Add(Linger)
	if h != nil && soon.Before(h.until) {
		h.until = soon
		s.over(soon)
	}
}

// typingQueue is the typing that waits to be told to the streams of this node: bounded, and the same not twice in typingGap.
type typingQueue struct {
	wait []Typing
	// Within the second that began at since: how many in all, and in each conversation.
	since time.Time
	n     int
	in    map[uint64]int
	// When it was told last; entries older than typingGap are dropped with each second.
	last map[Typing]time.Time
}

func newTypingQueue() typingQueue {
	return typingQueue{in: make(map[uint64]int), last: make(map[Typing]time.Time)}
}

func (q *typingQueue) add(t Typing, now time.Time) {
	if now.Sub(q.since) >= time.Second {
		q.since, q.n = now, 0
		clear(q.in)
		for t, at := range q.last {
			if now.Sub(at) >= typingGap {
				delete(q.last, t)
			}
		}
	}
	if at, ok := q.last[t]; ok && now.Sub(at) < typingGap || q.n >= maxTyping || q.in[t.Conversation] >= maxTypingIn {
		return
	}
	q.n++
	q.in[t.Conversation]++
	q.last[t] = now
	q.wait = append(q.wait, t)
}

// take removes all, in an order that says nothing of who was first.
func (q *typingQueue) take() []Typing {
	out := q.wait
	q.wait = nil
	slices.SortFunc(out, func(a, b Typing) int {
		return cmp.Or(cmp.Compare(a.Conversation, b.Conversation), cmp.Compare(a.Account, b.Account))
	})
	return out
}
