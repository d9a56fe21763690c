package chat

import (
	"context"
	"slices"
	"sync"
	"time"

	"parley/tui/common"
)

// trails is how the messages of this run were delivered, by request id; the oldest are forgotten.
type trails struct {
	of    map[string]*trail
	order []string
}

// trail is one message's way to the cluster. Its mutex guards all of it: attempts are noted on the goroutines of the sends.
type trail struct {
	mu       sync.Mutex
	attempts []common.Attempt
	dropped  int       // attempts before those that are kept
	answered time.Time // by this machine's clock; zero: not yet
	term     uint64    // that this client knew then
}

// follows is the context of one try of a message, whose attempts on nodes its trail keeps.
func (m *Model) follows(ctx context.Context, id string) context.Context {
	t := m.trails.of[id]
	if t == nil {
		if m.trails.of == nil {
			m.trails.of = map[string]*trail{}
		}
		if len(m.trails.order) == maxTrails {
			delete(m.trails.of, m.trails.order[0])
			m.trails.order = slices.Delete(m.trails.order, 0, 1)
		}
		t = &trail{}
		m.trails.of[id] = t
		m.trails.order = append(m.trails.order, id)
	}
	return common.WithAttempts(ctx, t.note)
}

// note keeps one attempt; the first ones and the last ones tell most, so that the middle goes when there are too many.
func (t *trail) note(a common.Attempt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.attempts) == maxAttempts {
		t.attempts = slices.Delete(t.attempts, maxAttempts/2, maxAttempts/2+1)
		t.dropped++
	}
	t.attempts = append(t.attempts, a)
}

// noteOutcome ends a trail when a try of the message had a result.
func (m *Model) noteOutcome(id string, err error) {
	t := m.trails.of[id]
	if t == nil || err != nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answered, t.term = m.c.Now(), m.c.Link.Term
}

// story is a copy of what is known, for a screen.
func (t *trail) story() (attempts []common.Attempt, dropped int, answered time.Time, term uint64) {
	if t == nil {
		return nil, 0, time.Time{}, 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.attempts), t.dropped, t.answered, t.term
}
