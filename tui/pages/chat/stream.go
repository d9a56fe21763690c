package chat

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"parley/proto/parleyv1"
	"parley/tui/common"
)

// framesMsg is a batch of what the subscription brought.
type framesMsg struct {
	epoch  int
	frames []*parleyv1.SubscribeResponse
	err    error // the stream ended after these frames
}

// refollowMsg asks for a new subscription after the old one ended by itself.
type refollowMsg struct{ epoch int }

// frames is the channel between the one goroutine that reads the subscription and the command that waits for it.
type frames struct {
	epoch int
	ch    chan *parleyv1.SubscribeResponse
	err   error // valid once ch is closed
}

// follow subscribes after the cursor. The goroutine is owned by the page: it touches only the stream and the channel, and
// ends with the page's context or with the stream.
func (m *Model) follow(cursor string) tea.Cmd {
	m.stream++
	f := &frames{epoch: m.stream, ch: make(chan *parleyv1.SubscribeResponse, maxFrames)}
	be, ctx := m.c.Backend, m.ctx
	m.feed, m.cursor = f, cursor
	go func() {
		defer close(f.ch)
		s := be.Subscribe(ctx, cursor)
		defer s.Close()
		for {
			frame, err := s.Next(ctx)
			if err != nil {
				f.err = err
				return
			}
			select {
			case f.ch <- frame:
			case <-ctx.Done():
				f.err = ctx.Err()
				return
			}
		}
	}()
	return wait(ctx, f)
}

// wait takes the next frame and all that are there already.
func wait(ctx context.Context, f *frames) tea.Cmd {
	return func() tea.Msg {
		msg := framesMsg{epoch: f.epoch}
		select {
		case frame, ok := <-f.ch:
			if !ok {
				msg.err = f.err
				return msg
			}
			msg.frames = append(msg.frames, frame)
		case <-ctx.Done():
			return nil
		}
		for len(msg.frames) < maxFrames {
			select {
			case frame, ok := <-f.ch:
				if !ok {
					msg.err = f.err
					return msg
				}
				msg.frames = append(msg.frames, frame)
			default:
				return msg
			}
		}
		return msg
	}
}

func (m *Model) onFrames(msg framesMsg) tea.Cmd {
	if msg.epoch != m.stream {
		return nil
	}
	var cmds []tea.Cmd
	touched := map[*conversation]bool{}
	for _, fr := range msg.frames {
		m.syncFrame(fr)
		switch {
		case fr.GetSubscribed() != nil:
			m.followed = m.c.Now()
			if m.cursor == "" { // later ones say again from where the library resumed
				m.cursor = fr.GetSubscribed().GetCursor()
			}
		case fr.GetHeartbeat() != nil:
			m.cursor = fr.GetHeartbeat().GetCursor()
		case fr.GetReset_() != nil:
			m.cursor = fr.GetReset_().GetCursor()
			cmds = append(cmds, m.reset(fr.GetReset_().GetReason()))
			clear(touched)
		case fr.GetPresence() != nil || fr.GetTyping() != nil:
			m.onSoft(fr)
		case fr.GetEvent() != nil:
			m.cursor = fr.GetEvent().GetCursor()
			if v := m.apply(fr.GetEvent()); v != nil {
				touched[v] = true
			}
		}
	}
	for v := range touched {
		v.rebuild()
		cmds = append(cmds, m.pump(v)) // the commit that was waited for may have come this way
	}
	cmds = append(cmds, m.call())
	if len(touched) > 0 {
		m.sort()
		m.refreshMove()
		cmds = append(cmds, m.openFirst()) // the first one of a new account comes by itself
	}
	cmds = append(cmds, m.askFresh())
	if msg.err != nil {
		if f := m.c.Backend.Explain(msg.err); f.Auth {
			return m.sessionOver(f)
		}
		epoch := msg.epoch
		cmds = append(cmds, tea.Tick(retryAfter, func(time.Time) tea.Msg { return refollowMsg{epoch} }))
		return tea.Batch(cmds...)
	}
	return tea.Batch(append(cmds, wait(m.ctx, m.feed))...)
}

// reset drops what was read before history was cut or the cluster was another, and reads anew. Drafts and waiting messages
// stay.
func (m *Model) reset(reason string) tea.Cmd {
	m.epoch++
	for _, v := range m.conversations {
		v.msgs, v.loaded, v.more = nil, false, false
		v.onlyOn, v.only = false, nil
		v.lastSeq, v.counted = 0, 0
		v.rebuild()
	}
	cmds := []tea.Cmd{m.loadList()}
	if m.cur != nil {
		m.cur.notice(m.c.Now(), m.key(), "history was read anew: "+common.Line(reason))
		cmds = append(cmds, m.load(m.cur, newestPage, 0))
		m.cur.rebuild()
	}
	return tea.Batch(cmds...)
}

// apply takes one event into the store and returns the conversation it changed.
func (m *Model) apply(ev *parleyv1.Event) *conversation {
	switch {
	case ev.GetMessage() != nil:
		return m.applyMessage(ev.GetMessage())
	case ev.GetMessageDeleted() != nil:
		d := ev.GetMessageDeleted()
		v := m.conversation(d.GetConversation())
		v.erase(d.GetId(), d.GetOnlyForMe())
		m.recount = true // a message that is not loaded may have been unread
		return v
	case ev.GetReadMarked() != nil:
		r := ev.GetReadMarked()
		v := m.conversation(r.GetConversation())
		v.unread, v.marked = r.GetUnread(), true
		v.mentions = min(v.mentions, uint32(v.unread)) // at most: the event does not count them
		m.recount = m.recount || v.mentions > 0
		if v.marksBack(r.GetReadSeq()) {
			v.unreadFrom(r.GetReadSeq() + 1)
		}
		for _, e := range v.msgs {
			if e.Seq <= r.GetReadSeq() {
				e.Unread = false
				delete(v.toMark, e.Seq)
			}
		}
		if v.count() == 0 && v != m.cur {
			v.tl.SetUnread("")
		}
		return v
	case ev.GetUserDeleted() != nil:
		u := ev.GetUserDeleted()
		v := m.conversation(u.GetConversation())
		gone := common.Line(u.GetUsername())
		for _, e := range v.msgs {
			if e.Author == gone {
				e.Deleted, e.Text, e.Unread = true, "", false
			}
		}
		v.notice(m.c.Now(), m.key(), "the account "+gone+" is deleted; what it sent was erased")
		if _, known := v.people.find(u.GetUsername()); known {
			v.people.set(u.GetUsername(), parleyv1.Membership_MEMBERSHIP_UNSPECIFIED)
			m.counted(v, -1)
		}
		m.recount = true
		return v
	}
	return m.applyRoom(ev)
}

func (m *Model) applyMessage(pm *parleyv1.Message) *conversation {
	v := m.conversation(pm.GetConversation())
	e := entry(m.user, pm)
	m.soft.stop(v.name, pm.GetSender())
	m.countReply(v, e)
	v.note(e.ID, e.Seq)
	v.countIn(e)
	if e.Seq > v.heard {
		v.heard = e.Seq
		m.consider(v, pm)
	}
	if !v.loaded && !v.loading {
		v.settle(e) // an own message that waits in a conversation that was never opened
		return v
	}
	if !v.insert(e) {
		return v
	}
	m.leadOf(v, e)
	v.joinView(e)
	watched := v == m.cur && m.c.Focused && v.tl.Following()
	if !watched && !e.Own {
		v.below++
		if v.tl.UnreadKey() == "" && e.Unread {
			v.tl.SetUnread(e.Key)
		}
	}
	return v
}
