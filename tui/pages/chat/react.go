package chat

import (
	"context"
	"slices"

	tea "charm.land/bubbletea/v2"

	"parley/proto/parleyv1"
	"parley/tui/components/reactbar"
	"parley/tui/components/timeline"
)

// openReact asks for the reaction to a message.
func (m *Model) openReact(e *timeline.Entry) tea.Cmd {
	if !m.actable(e, "reacted to") {
		return nil
	}
	m.reactbar, m.reactTo = reactbar.New(m.c, "React to "+leadText(e)), e
	m.resize()
	return nil
}

// onReactKey gives a key or a paste to the open bar.
func (m *Model) onReactKey(msg tea.Msg) tea.Cmd {
	done, picked := m.reactbar.Update(msg)
	if !done {
		return nil
	}
	e := m.reactTo
	m.reactbar, m.reactTo = nil, nil
	if picked == "" {
		return nil
	}
	m.cur.tl.StopSelect()
	return m.react(e, picked)
}

// react adds a reaction, or takes it back where it is ours already.
func (m *Model) react(e *timeline.Entry, emoji string) tea.Cmd {
	mine := slices.ContainsFunc(e.Reactions, func(r timeline.Reaction) bool { return r.Text == emoji && r.Mine })
	v, be, id := m.cur, m.c.Backend, e.ID
	return m.act(&action{
		name: v.name, target: id, what: "reaction " + emoji,
		write: func(ctx context.Context, req string) error {
			_, err := be.Annotate(ctx, &parleyv1.AnnotateRequest{RequestId: req, Id: id,
				Kind: parleyv1.AnnotationKind_ANNOTATION_KIND_REACTION, Value: emoji, Present: !mine})
			return err
		},
		done: func() {
			m.applyAnnotation(&parleyv1.MessageAnnotated{Id: id, Conversation: v.name, Username: m.user,
				Kind: parleyv1.AnnotationKind_ANNOTATION_KIND_REACTION, Value: emoji, Present: !mine})
			v.rebuild()
		},
	})
}

// togglePin pins a message, or takes the pin away.
func (m *Model) togglePin(e *timeline.Entry) tea.Cmd {
	if !m.actable(e, "pinned") {
		return nil
	}
	v, be, id, present := m.cur, m.c.Backend, e.ID, !e.Pinned
	what := "pin"
	if !present {
		what = "unpin"
	}
	v.tl.StopSelect()
	return m.act(&action{
		name: v.name, target: id, what: what,
		write: func(ctx context.Context, req string) error {
			_, err := be.Annotate(ctx, &parleyv1.AnnotateRequest{RequestId: req, Id: id,
				Kind: parleyv1.AnnotationKind_ANNOTATION_KIND_PIN, Present: present})
			return err
		},
		done: func() {
			m.applyAnnotation(&parleyv1.MessageAnnotated{Id: id, Conversation: v.name,
				Kind: parleyv1.AnnotationKind_ANNOTATION_KIND_PIN, Present: present})
			v.rebuild()
			m.tell(map[bool]string{true: "pinned · /pins shows them", false: "not pinned any more"}[present])
		},
	})
}
