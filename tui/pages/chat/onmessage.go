package chat

import (
	"context"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"parley/tui/common"
	"parley/tui/components/reactbar"
	"parley/tui/components/timeline"
	"parley/tui/outbox"
)

// onMessages is what the page keeps of what is done to messages.
type onMessages struct {
	followed time.Time       // when the stream last began, or began again
	fresh    freshness       // messages to be read anew
	actions  []*action       // without an outcome yet
	reactbar *reactbar.Model // open: the choice of a reaction
	reactTo  *timeline.Entry // to which message
	trails   trails
}

// action is something done to a message or a conversation, from the key to its outcome. It keeps its request id over all tries,
// and nothing on screen looks done before the cluster said so. The actions on one message go one after another.
type action struct {
	id     string   // the request id
	name   string   // the conversation
	target uint64   // the message; 0: the conversation itself
	also   []uint64 // further messages
	what   string   // "edit", "reaction": stands under the message meanwhile
	write  func(ctx context.Context, id string) error
	done   func()                        // what it changes here, once it is committed
	failed func(f common.Failure) string // what else a refusal means; its answer is added to what is told

	since    time.Time
	inFlight bool
	unknown  bool // a try ended without a verdict
}

// actionMsg is the end of one try.
type actionMsg struct {
	action *action
	err    error
}

// reactMsg tries an action again.
type reactMsg struct{ action *action }

// act begins an action.
func (m *Model) act(a *action) tea.Cmd {
	if len(m.actions) >= maxActions {
		m.fail("too much is on its way already; let it go first")
		return nil
	}
	a.id, a.since = m.c.NewID(), m.c.Now()
	m.actions = append(m.actions, a)
	cmd := m.tryAction(m.next(a.name, a.target))
	m.restateActions()
	return cmd
}

// next is the oldest action on a message, the only one that may be on its way.
func (m *Model) next(name string, target uint64) *action {
	i := slices.IndexFunc(m.actions, func(a *action) bool { return a.name == name && a.target == target })
	if i < 0 {
		return nil
	}
	return m.actions[i]
}

func (m *Model) tryAction(a *action) tea.Cmd {
	if a == nil || a.inFlight || !slices.Contains(m.actions, a) {
		return nil
	}
	a.inFlight = true
	parent := m.ctx
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(parent, common.WriteTimeout)
		defer cancel()
		return actionMsg{a, a.write(ctx, a.id)}
	}
}

func (m *Model) onAction(msg actionMsg) tea.Cmd {
	a := msg.action
	a.inFlight = false
	if msg.err == nil {
		m.endAction(a)
		if a.done != nil {
			a.done()
		}
		m.restateActions()
		return m.tryAction(m.next(a.name, a.target))
	}
	f := m.c.Backend.Explain(msg.err)
	if f.Auth {
		return m.sessionOver(f)
	}
	if f.Outcome != common.Refused { // it may have happened, or can happen yet: the same request again
		a.unknown = a.unknown || f.Outcome == common.Unknown
		m.restateActions()
		return tea.Tick(retryAfter, func(time.Time) tea.Msg { return reactMsg{a} })
	}
	m.endAction(a)
	text := a.what + " refused: " + f.Error()
	if a.unknown { // a refusal judges only its own try
		text = a.what + ": outcome unknown, an earlier try may have worked; the last was refused: " + f.Error()
		if a.target != 0 {
			m.rereadLater(m.conversation(a.name), a.target)
		}
	}
	if a.failed != nil {
		text += a.failed(f)
	}
	m.fail(text)
	m.restateActions()
	return tea.Batch(m.tryAction(m.next(a.name, a.target)), m.askFresh())
}

// endAction forgets an action and takes its words from under the message.
func (m *Model) endAction(a *action) {
	m.actions = slices.DeleteFunc(m.actions, func(b *action) bool { return a == b })
	v := m.conversation(a.name)
	for _, id := range append([]uint64{a.target}, a.also...) {
		if e := v.byID(id); e != nil {
			e.Note = ""
		}
	}
	v.rebuild()
}

// restateActions shows under each message what is done to it and how far that is.
func (m *Model) restateActions() {
	touched := map[*conversation]bool{}
	for i := len(m.actions) - 1; i >= 0; i-- { // the oldest one has the last word
		a := m.actions[i]
		v := m.conversation(a.name)
		for _, id := range append([]uint64{a.target}, a.also...) {
			if e := v.byID(id); e != nil {
				e.Note = m.actionNote(a)
				touched[v] = true
			}
		}
	}
	for v := range touched {
		v.rebuild()
	}
}

func (m *Model) actionNote(a *action) string {
	wait := ""
	if d := m.c.Now().Sub(a.since); d >= outbox.AgeAfter {
		wait = " · " + common.Age(d)
	}
	switch {
	case a.unknown:
		return a.what + ": outcome unknown, trying again with the same id" + wait
	case a.inFlight && m.c.Link.Usable():
		return a.what + " on its way…" + wait
	}
	return a.what + " waits for the cluster" + wait
}

// pending reports whether an action of a kind waits for its outcome on a message.
func (m *Model) pending(e *timeline.Entry, what string) bool {
	return slices.ContainsFunc(m.actions, func(a *action) bool { return a.target == e.ID && a.what == what })
}
