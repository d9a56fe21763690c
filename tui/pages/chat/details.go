package chat

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"parley/proto/parleyv1"
	"parley/tui/common"
	"parley/tui/components/timeline"
	"parley/tui/screens/details"
)

// openDetails shows all that is known of a message.
func (m *Model) openDetails(e *timeline.Entry) tea.Cmd {
	if e == nil {
		return nil
	}
	v, t := m.cur, m.trails.of[e.Key]
	in := details.Info{Conversation: v.name, Entry: e}
	if e.Own {
		in.Story = t.story
	}
	if o := v.find(e.Key); o != nil {
		in.RequestID = o.ID
	}
	be, link := m.c.Backend, m.c.Link
	in.Load = func(ctx context.Context, id uint64) (*parleyv1.GetMessageResponse, bool, error) {
		return common.Either(ctx, link, func(ctx context.Context, c parleyv1.Consistency) (*parleyv1.GetMessageResponse, error) {
			return be.GetMessage(ctx, &parleyv1.GetMessageRequest{Id: id, Consistency: c})
		}, be.Explain)
	}
	return m.push(details.New(m.ctx, m.c, in))
}
