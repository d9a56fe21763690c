package chat

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"parley/proto/parleyv1"
	"parley/tui/common"
	"parley/tui/components/timeline"
)

// listedMsg is the answer about the conversations.
type listedMsg struct {
	resp  *parleyv1.ListConversationsResponse
	local bool
	err   error
}

// pageMsg is one page of messages.
type pageMsg struct {
	conversation string
	kind         pageKind
	epoch        int
	resp         *parleyv1.ReadMessagesResponse
	local        bool
	err          error
}

type pageKind int

const (
	newestPage pageKind = iota
	olderPage
	unreadPage
)

// whoMsg is the answer about ourselves, asked of our node alone: it also measures the round trip.
type whoMsg struct {
	resp *parleyv1.WhoAmIResponse
	took time.Duration
	node string
	once bool
	err  error
}

// probeMsg asks for the next round trip measurement.
type probeMsg struct{}

// reloadMsg asks for another attempt at the list of conversations.
type reloadMsg struct{}

func (m *Model) loadList() tea.Cmd {
	if m.listing {
		m.listAgain = true
		return nil
	}
	m.listing = true
	m.lists++
	be, ctx, link := m.c.Backend, m.ctx, m.c.Link
	return func() tea.Msg {
		resp, local, err := common.Either(ctx, link, func(ctx context.Context, c parleyv1.Consistency) (*parleyv1.ListConversationsResponse, error) {
			return be.ListConversations(ctx, &parleyv1.ListConversationsRequest{PageSize: maxConversations, Consistency: c})
		}, be.Explain)
		return listedMsg{resp, local, err}
	}
}

func (m *Model) onListed(msg listedMsg) tea.Cmd {
	m.listing = false
	if msg.err != nil {
		f := m.c.Backend.Explain(msg.err)
		if f.Auth {
			return m.sessionOver(f)
		}
		if f.Version {
			m.noSuchCall(f)
		}
		return tea.Tick(retryAfter, func(time.Time) tea.Msg { return reloadMsg{} })
	}
	cmds := []tea.Cmd{m.unbar()}
	m.readFrom(msg.local, msg.resp.GetReadInfo())
	m.syncListed(msg.resp.GetConversations())
	for _, c := range msg.resp.GetConversations() {
		if !m.takeConversation(c) {
			m.listAgain = true
		}
	}
	m.sort()
	if !m.listed {
		m.listed = true
		cmds = append(cmds, m.follow(msg.resp.GetCursor()), m.openFirst(), m.loadInvitations(), m.loadPresence(m.peers()))
		if m.cur != nil && !m.cur.loaded { // it was opened from the disk
			cmds = append(cmds, m.load(m.cur, newestPage, 0))
		}
	}
	if m.listAgain {
		m.listAgain = false
		cmds = append(cmds, m.loadList())
	}
	return tea.Batch(cmds...)
}

// readFrom notes how old what we show is.
func (m *Model) readFrom(local bool, info *parleyv1.ReadInfo) {
	if !local {
		m.asOf = time.Time{}
		return
	}
	m.asOf = m.c.Now().Add(-time.Duration(info.GetAgeMs()) * time.Millisecond)
}

// load asks for a page. limit 0 is the usual one.
func (m *Model) load(v *conversation, kind pageKind, limit int) tea.Cmd {
	if v.loading || v.invited() || v.gone && v.loaded {
		return nil
	}
	req := &parleyv1.ReadMessagesRequest{Conversation: v.name, Limit: uint32(limit)}
	switch kind {
	case newestPage:
		if limit == 0 { // all that is unread, and a little before it for the context
			req.Limit = uint32(min(max(pageSize, int(min(v.count(), maxPage))+10, v.back()), maxPage))
		}
	case olderPage:
		if !v.more || len(v.msgs) == 0 {
			return nil
		}
		req.Limit, req.BeforeId = pageSize, v.msgs[0].ID
	case unreadPage:
		req.OnlyUnread = true
	}
	v.loading = true
	be, ctx, link, name, epoch := m.c.Backend, m.ctx, m.c.Link, v.name, m.epoch
	return func() tea.Msg {
		resp, local, err := common.Either(ctx, link, func(ctx context.Context, c parleyv1.Consistency) (*parleyv1.ReadMessagesResponse, error) {
			req.Consistency = c
			return be.ReadMessages(ctx, req)
		}, be.Explain)
		return pageMsg{name, kind, epoch, resp, local, err}
	}
}

func (m *Model) onPage(msg pageMsg) tea.Cmd {
	v := m.conversation(msg.conversation)
	v.loading = false
	if msg.epoch != m.epoch { // read before a reset: what it says may be history already
		if v == m.cur {
			return m.load(v, newestPage, 0)
		}
		return nil
	}
	if msg.err != nil {
		f := m.c.Backend.Explain(msg.err)
		switch {
		case f.Auth:
			return m.sessionOver(f)
		case f.NotFound:
			return m.noSuch(v, f)
		case f.Version:
			m.noSuchCall(f)
			return nil
		}
		if m.c.Link.State().Sends() { // else the bar says why, and the link's return has it read again
			m.fail("cannot read " + v.name + ": " + f.Text)
		}
		return nil
	}
	m.readFrom(msg.local, msg.resp.GetReadInfo())
	es := make([]*timeline.Entry, 0, len(msg.resp.GetMessages()))
	for _, pm := range msg.resp.GetMessages() {
		es = append(es, entry(m.user, pm))
	}
	if msg.kind == unreadPage {
		return m.showUnread(v, es, msg.resp.GetMore())
	}
	kept := msg.kind == newestPage && v.replaceKept()
	for _, e := range es {
		v.insert(e)
		v.learn(e)
		v.note(e.ID, e.Seq)
	}
	v.read = m.c.Now()
	leads := m.lead(v, es)
	if kept || msg.kind == olderPage || !v.loaded || len(es) > 0 && es[0].Seq <= v.msgs[0].Seq {
		v.more = msg.resp.GetMore()
	}
	first := !v.loaded
	v.loaded = true
	if first {
		m.placeLine(v)
	}
	v.rebuild()
	if first && !kept {
		m.findPlace(v)
	}
	return leads
}

// placeLine puts the "new" line above the oldest unread message that is loaded.
func (m *Model) placeLine(v *conversation) {
	for _, e := range v.msgs {
		if e.Unread {
			v.tl.SetUnread(e.Key)
			return
		}
	}
}

// showUnread turns the unread view on: the oldest unread ones, each marked as read when it was on screen.
func (m *Model) showUnread(v *conversation, es []*timeline.Entry, more bool) tea.Cmd {
	if len(es) == 0 {
		m.tell("nothing unread in " + v.name)
		return nil
	}
	for i, e := range es { // share entries with the full view, so that a mark shows in both
		for _, have := range v.msgs {
			if have.Seq == e.Seq {
				es[i] = have
			}
		}
	}
	v.onlyOn, v.only, v.view, v.cut = true, es, unreadView, more
	v.tl.SetUnread("")
	v.rebuild()
	v.tl.Home()
	if more {
		m.tell("these are the oldest; /unread shows the next ones when they are read")
	}
	return nil
}

// leaveUnread goes back to the whole conversation.
func (m *Model) leaveUnread(v *conversation) {
	v.onlyOn, v.only = false, nil
	v.tl.End()
	v.rebuild()
}

// probe asks our node who we are: again and again, or once, when we have just come to it.
func (m *Model) probe(once bool) tea.Cmd {
	be, parent, now, node := m.c.Backend, m.ctx, m.c.Now, m.c.Link.Node
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(parent, common.CallTimeout)
		defer cancel()
		start := now()
		resp, err := be.WhoAmI(ctx, &parleyv1.WhoAmIRequest{Consistency: parleyv1.Consistency_CONSISTENCY_LOCAL})
		return whoMsg{resp, now().Sub(start), node, once, err}
	}
}

func (m *Model) onWho(msg whoMsg) tea.Cmd {
	var again tea.Cmd
	if !msg.once {
		again = tea.Tick(probeEvery, func(time.Time) tea.Msg { return probeMsg{} })
	}
	if msg.err != nil {
		m.rtt, m.c.Link.RTT = "", 0
		if f := m.c.Backend.Explain(msg.err); f.Auth {
			return m.sessionOver(f)
		}
		return again
	}
	if m.rtt = ""; msg.node == m.c.Link.Node {
		m.rtt, m.c.Link.RTT = common.Age(msg.took), max(msg.took, 1)
	}
	if name := msg.resp.GetUser().GetUsername(); name != "" {
		m.user = common.Line(name)
	}
	return again
}
