package plain

import (
	"context"
	"fmt"

	"parley/proto/parleyv1"
	"parley/tui/common"
)

// frame is what the subscription brought: a frame, or its end.
type frame struct {
	f   *parleyv1.SubscribeResponse
	err error
}

// feed is one subscription.
type feed struct{ ch chan frame }

// follow subscribes after the cursor. The goroutine touches only the stream and the channel, and ends with the session or with
// the stream.
func (s *session) follow(cursor string) {
	f := &feed{ch: make(chan frame, maxFrames)}
	s.feed, s.cursor = f, cursor
	be, ctx := s.be, s.ctx
	s.calls.Add(1)
	go func() {
		defer s.calls.Done()
		defer close(f.ch)
		stream := be.Subscribe(ctx, cursor)
		defer stream.Close()
		for {
			r, err := stream.Next(ctx)
			select {
			case f.ch <- frame{r, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
}

func (s *session) onFrame(fr frame, ok bool) {
	if !ok {
		s.feed = nil
		return
	}
	if fr.err != nil {
		if f := s.be.Explain(fr.err); f.Auth {
			s.sessionOver(f)
			return
		}
		s.feed, s.refollowAt = nil, s.o.Now().Add(retryAfter)
		return
	}
	switch f := fr.f; {
	case f.GetSubscribed() != nil:
		if s.cursor == "" { // later ones say again from where the library resumed
			s.cursor = f.GetSubscribed().GetCursor()
		}
	case f.GetHeartbeat() != nil:
		s.cursor = f.GetHeartbeat().GetCursor()
	case f.GetReset_() != nil:
		s.cursor = f.GetReset_().GetCursor()
		s.say("link: messages may be missing here, /read shows what there is: %s", f.GetReset_().GetReason())
		for _, v := range s.conversations {
			v.lastSeq, v.shown = 0, 0
			clear(v.ahead)
		}
		s.loadList()
	case f.GetEvent() != nil:
		s.cursor = f.GetEvent().GetCursor()
		s.onEvent(f.GetEvent())
	}
}

func (s *session) onEvent(ev *parleyv1.Event) {
	switch {
	case ev.GetMessage() != nil:
		s.onMessage(ev.GetMessage())
	case ev.GetReadMarked() != nil:
		r := ev.GetReadMarked()
		v := s.conversation(r.GetConversation())
		if v.unread = r.GetUnread(); v.unread == 0 {
			v.mention = 0
		}
	case ev.GetMuteChanged() != nil:
		s.conversation(ev.GetMuteChanged().GetConversation()).mute = ev.GetMuteChanged().GetMute()
	case ev.GetMessageEdited() != nil:
		if m := ev.GetMessageEdited(); s.isOpen(m.GetConversation()) {
			s.show(m, "edited "+m.GetTime().AsTime().In(s.o.Zone).Format("15:04"))
		}
	case ev.GetMessageDeleted() != nil:
		d := ev.GetMessageDeleted()
		s.event(d.GetConversation(), fmt.Sprintf("message %d was deleted", d.GetId()))
	case ev.GetMessageAnnotated() != nil:
		a := ev.GetMessageAnnotated()
		s.event(a.GetConversation(), annotated(a))
	case ev.GetUserDeleted() != nil:
		u := ev.GetUserDeleted()
		s.event(u.GetConversation(), u.GetUsername()+" deleted the account; what it sent was erased")
	case ev.GetRoomChanged() != nil:
		s.onRoom(ev.GetRoomChanged())
	case ev.GetMembershipChanged() != nil:
		s.onMembership(ev.GetMembershipChanged())
	}
}

// event writes what happened in the open conversation; elsewhere it is no news.
func (s *session) event(conversation, text string) {
	if s.isOpen(conversation) {
		s.say("%s: %s", conversation, text)
	}
}

func annotated(a *parleyv1.MessageAnnotated) string {
	pin := a.GetKind() == parleyv1.AnnotationKind_ANNOTATION_KIND_PIN
	words := map[[2]bool]string{
		{true, true}: "%s pinned message %d%s", {true, false}: "%s unpinned message %d%s",
		{false, true}: "%s reacted to message %d with %s", {false, false}: "%s took back from message %d the reaction %s",
	}[[2]bool{pin, a.GetPresent()}]
	value := a.GetValue()
	if pin {
		value = ""
	}
	return fmt.Sprintf(words, a.GetUsername(), a.GetId(), value)
}

func (s *session) onRoom(c *parleyv1.RoomChanged) {
	r := c.GetRoom()
	if v := s.conversations[c.GetOldName()]; v != nil && c.GetOldName() != "" {
		delete(s.conversations, v.name)
		v.name = r.GetName()
		s.conversations[v.name] = v
		s.words()
		s.say("%s: %s is %s now", c.GetOldName(), c.GetOldName(), v.name)
		s.prompt()
		return
	}
	switch {
	case r.GetArchived():
		s.event(r.GetName(), "the room is archived, nothing new can be written")
	case r.GetTopic() != "":
		s.event(r.GetName(), "the topic is: "+r.GetTopic())
	}
}

func (s *session) onMembership(c *parleyv1.MembershipChanged) {
	by := ""
	if c.GetBy() != "" && c.GetBy() != c.GetUsername() {
		by = ", by " + c.GetBy()
	}
	who, is := c.GetUsername(), "is"
	if c.GetMe() {
		who, is = "you", "are"
	}
	text := ""
	switch c.GetMembership() {
	case parleyv1.Membership_MEMBERSHIP_UNSPECIFIED:
		text = who + " left"
		if by != "" {
			text = who + " " + is + " out of the room"
		}
	case parleyv1.Membership_MEMBERSHIP_BANNED:
		text = who + " " + is + " banned"
	case parleyv1.Membership_MEMBERSHIP_INVITED:
		text = who + " " + is + " invited"
		if c.GetMe() {
			text += ", /join " + c.GetConversation() + " accepts"
		}
	case parleyv1.Membership_MEMBERSHIP_MEMBER:
		text = who + " joined"
	case parleyv1.Membership_MEMBERSHIP_MODERATOR:
		text = who + " " + is + " a moderator now"
	case parleyv1.Membership_MEMBERSHIP_OWNER:
		text = who + " " + is + " an owner now"
	}
	if c.GetMe() {
		s.say("%s: %s%s", c.GetConversation(), text, by)
		return
	}
	s.event(c.GetConversation(), text+by)
}

// onMessage takes a message of the subscription.
func (s *session) onMessage(m *parleyv1.Message) {
	v := s.conversation(m.GetConversation())
	if i := v.find(m.GetRequestId()); i >= 0 && m.GetRequestId() != "" {
		s.committed(v, i, m.GetTime().AsTime(), m.GetId(), m.GetSeq())
		s.pump(v)
	}
	news := v.note(m)
	if news && m.GetUnread() && !m.GetDeleted() {
		v.unread++
		if m.GetMentionsMe() {
			v.mention++
		}
	}
	switch {
	case v.loading && len(v.held) < maxHeld:
		v.held = append(v.held, m)
	case v.written(m.GetSeq()):
		v.wroteTo(m.GetSeq())
	default:
		s.live(v, m)
	}
}

// live writes a message as it comes. What a person muted is counted, not written; only what stands in the open conversation is
// marked as read.
func (s *session) live(v *conversation, m *parleyv1.Message) {
	open := v == s.cur
	if !open && (v.mute == parleyv1.Mute_MUTE_ALL || v.mute == parleyv1.Mute_MUTE_MENTIONS && !m.GetMentionsMe()) {
		return
	}
	s.show(m)
	v.wroteTo(m.GetSeq())
	if open {
		s.mark(v, m)
	}
}

// loadList asks for the conversations, again and again until the cluster tells.
func (s *session) loadList() {
	link := s.link
	s.call(func(ctx context.Context) func() {
		resp, local, err := common.Either(ctx, link, func(ctx context.Context, c parleyv1.Consistency) (*parleyv1.ListConversationsResponse, error) {
			return s.be.ListConversations(ctx, &parleyv1.ListConversationsRequest{PageSize: maxConversations, Consistency: c})
		}, s.be.Explain)
		if err != nil {
			if f := s.be.Explain(err); f.Auth {
				return func() { s.sessionOver(f) }
			}
			pause(ctx, retryAfter)
			return s.loadList
		}
		return func() { s.onListed(resp, local) }
	})
}

func (s *session) onListed(resp *parleyv1.ListConversationsResponse, local bool) {
	for _, c := range resp.GetConversations() {
		v := s.conversation(c.GetName())
		if c.GetLastSeq() < v.lastSeq { // the subscription is ahead of this answer
			continue
		}
		v.unread, v.mention, v.mute = c.GetUnread(), uint64(c.GetMentions()), c.GetMute()
		v.lastSeq = c.GetLastSeq()
		v.lastID = max(v.lastID, c.GetLastMessage().GetId())
	}
	if s.listed {
		return
	}
	s.listed = true
	if local {
		s.say("link: this was read from one node alone, %s ago", common.Age(age(resp.GetReadInfo())))
	}
	s.follow(resp.GetCursor())
	if vs := s.sorted(); s.cur == nil && len(vs) > 0 {
		s.cur = vs[0]
	}
	s.tellUnread(false)
	if s.cur == nil {
		s.say("no conversation yet: /msg @user or /join #room opens one")
		return
	}
	s.open(s.cur.name)
}
