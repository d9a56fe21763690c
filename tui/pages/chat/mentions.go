package chat

import (
	"context"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"parley/proto/parleyv1"
	"parley/tui/common"
	"parley/tui/screens/listing"
)

// mentionMsg is the answer to the question for a mention that is not loaded.
type mentionMsg struct {
	conversation string
	step         int
	resp         *parleyv1.ReadMessagesResponse
	err          error
}

// stepMention selects the next or the previous message that mentions the reader: from the selected one, else from the window.
func (m *Model) stepMention(step int) tea.Cmd {
	v := m.cur
	if v == nil {
		return nil
	}
	es := v.tl.Entries()
	at := m.mentionsFrom(v, step)
	for i := at + step; i >= 0 && i < len(es); i += step {
		if es[i].Mention && !es[i].Deleted {
			v.tl.Select(es[i].Key)
			return m.loadOlder()
		}
	}
	if v.onlyOn {
		m.tell("no other mention here")
		return nil
	}
	return m.askMention(v, step)
}

// mentionsFrom is the index from which a step begins: the selected message, or for a step back one past the window's last, for
// a step forward one before its first.
func (m *Model) mentionsFrom(v *conversation, step int) int {
	es := v.tl.Entries()
	if e := v.tl.Selected(); e != nil {
		return slices.Index(es, e)
	}
	shown := v.tl.Shown()
	switch {
	case len(shown) == 0:
		return len(es)
	case step < 0:
		return slices.Index(es, shown[len(shown)-1]) + 1
	}
	return slices.Index(es, shown[0]) - 1
}

// askMention asks the cluster for the mention before or after all that is loaded.
func (m *Model) askMention(v *conversation, step int) tea.Cmd {
	req := &parleyv1.ReadMessagesRequest{Conversation: v.name, OnlyMentions: true, Limit: 1}
	switch {
	case len(v.msgs) == 0:
		m.tell("no mention here")
		return nil
	case step < 0 && v.more:
		req.BeforeId = v.msgs[0].ID
	case step > 0 && v.msgs[len(v.msgs)-1].Seq < v.lastSeq:
		req.AfterId = v.msgs[len(v.msgs)-1].ID
	case step < 0:
		m.tell("no earlier message here mentions you")
		return nil
	default:
		m.tell("no later message here mentions you")
		return nil
	}
	be, ctx, link, name := m.c.Backend, m.ctx, m.c.Link, v.name
	return func() tea.Msg {
		resp, _, err := common.Either(ctx, link, func(ctx context.Context, c parleyv1.Consistency) (*parleyv1.ReadMessagesResponse, error) {
			req.Consistency = c
			return be.ReadMessages(ctx, req)
		}, be.Explain)
		return mentionMsg{name, step, resp, err}
	}
}

func (m *Model) onMention(msg mentionMsg) tea.Cmd {
	switch {
	case msg.err != nil:
		return m.readFailed("cannot look for mentions", msg.err)
	case len(msg.resp.GetMessages()) == 0:
		m.tell(map[bool]string{true: "no earlier message here mentions you", false: "no later message here mentions you"}[msg.step < 0])
		return nil
	}
	return common.Send(common.OpenMsg{Conversation: msg.conversation, MessageID: msg.resp.GetMessages()[0].GetId()})
}

// openMentions shows the mentions of all rooms, the newest first; with "unread" those that were not read.
func (m *Model) openMentions(args string) tea.Cmd {
	be, link, zone, only := m.c.Backend, m.c.Link, m.c.Zone, args == "unread"
	title, empty := "Mentions of you", "Nobody mentioned you yet. In a room @"+m.user+" and @room do."
	if only {
		title, empty = "Unread mentions of you", "No unread message mentions you."
	}
	return m.push(listing.New(m.ctx, m.c, listing.Options{
		Title: title, Empty: empty,
		Actions: []listing.Action{{Key: "enter", Help: "opens it at its place", Do: func(listing.Row) tea.Msg { return nil }}},
		Load: func(ctx context.Context, next string) (listing.Page, error) {
			resp, _, err := common.Either(ctx, link, func(ctx context.Context, c parleyv1.Consistency) (*parleyv1.ReadMessagesResponse, error) {
				return be.ReadMessages(ctx, &parleyv1.ReadMessagesRequest{
					OnlyMentions: true, OnlyUnread: only, Limit: pageSize, BeforeId: number(next), Consistency: c,
				})
			}, be.Explain)
			if err != nil {
				return listing.Page{}, err
			}
			return mentionPage(resp, zone), nil
		},
	}))
}

// mentionPage makes rows of messages, which come with the oldest first.
func mentionPage(resp *parleyv1.ReadMessagesResponse, zone *time.Location) (page listing.Page) {
	for _, pm := range slices.Backward(resp.GetMessages()) {
		note := pm.GetTime().AsTime().In(zone).Format("2 Jan 15:04 ") + pm.GetSender() + "  " + pm.GetText()
		page.Rows = append(page.Rows, listing.Row{
			ID: utoa(pm.GetId()), Name: common.Line(pm.GetConversation()), Note: common.Line(note), Dim: !pm.GetUnread(),
			Do: common.OpenMsg{Conversation: pm.GetConversation(), MessageID: pm.GetId()},
		})
	}
	if resp.GetMore() && len(page.Rows) > 0 {
		page.Next = page.Rows[len(page.Rows)-1].ID
	}
	return page
}
