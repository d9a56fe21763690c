package chat

import (
	"context"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"parley/proto/parleyv1"
	"parley/tui/common"
)

// Presence is soft: seconds old, and told again in full after every loss of the link. What fails here is not said; the next
// look makes it good.

// membersMsg is the first page of who is in a room.
type membersMsg struct {
	conversation string
	resp         *parleyv1.ListRoomMembersResponse
	err          error
}

// presenceMsg is who is there, of those who were asked for.
type presenceMsg struct {
	resp *parleyv1.ListPresenceResponse
	err  error
}

// saidMsg is the end of a SendTyping or a SetPresence, whatever came of it.
type saidMsg struct{}

// typist is somebody who was typing a moment ago.
type typist struct {
	conversation, name string
	until              time.Time
}

// soft is what the page knows of people without the log.
type soft struct {
	presence map[string]parleyv1.Presence
	typing   []typist
	told     time.Time // when we last said to be at the keyboard
	typed    time.Time // when we last said to be typing
	typedIn  string
	away     bool // the reader said so
}

// loadMembers asks who is in the open room, once while it is known.
func (m *Model) loadMembers(v *conversation) tea.Cmd {
	if !isRoom(v.name) || v.invited() || v.gone || v.people.loaded || v.people.asking {
		return nil
	}
	v.people.asking = true
	be, ctx, link, name := m.c.Backend, m.ctx, m.c.Link, v.name
	return func() tea.Msg {
		resp, _, err := common.Either(ctx, link, func(ctx context.Context, c parleyv1.Consistency) (*parleyv1.ListRoomMembersResponse, error) {
			return be.ListRoomMembers(ctx, &parleyv1.ListRoomMembersRequest{Room: name, PageSize: maxPage, Consistency: c})
		}, be.Explain)
		return membersMsg{name, resp, err}
	}
}

func (m *Model) onMembers(msg membersMsg) tea.Cmd {
	v := m.conversations[msg.conversation]
	if to := m.renamed[msg.conversation]; to != "" {
		v = m.conversations[to]
	}
	if v == nil {
		return nil
	}
	v.people.asking = false
	if msg.err != nil {
		v.people.loaded, v.people.more = true, true // until the link is another
		return nil
	}
	v.people = members{loaded: true, more: msg.resp.GetNextPageToken() != ""}
	for _, p := range msg.resp.GetMembers() {
		v.people.set(p.GetUser().GetUsername(), p.GetMembership())
	}
	return m.loadPresence(v.people.names)
}

// loadPresence asks for people whom the stream told nothing of.
func (m *Model) loadPresence(names []string) tea.Cmd {
	var ask []string
	for _, n := range names {
		if _, known := m.soft.presence[n]; !known && n != "" && len(ask) < maxPage {
			ask = append(ask, n)
		}
	}
	if len(ask) == 0 || m.c.Link.Phase != common.Ready {
		return nil
	}
	be, parent := m.c.Backend, m.ctx
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(parent, common.CallTimeout)
		defer cancel()
		resp, err := be.ListPresence(ctx, &parleyv1.ListPresenceRequest{Usernames: ask})
		return presenceMsg{resp, err}
	}
}

func (m *Model) onPresence(msg presenceMsg) {
	for _, p := range msg.resp.GetPeople() {
		m.soft.set(p)
	}
}

func (s *soft) set(p *parleyv1.PresenceChange) {
	if s.presence == nil || len(s.presence) > maxMembers {
		s.presence = map[string]parleyv1.Presence{}
	}
	s.presence[p.GetUsername()] = p.GetPresence()
}

// peers are those on the other side of direct conversations.
func (m *Model) peers() (names []string) {
	for _, v := range m.order {
		if name, ok := strings.CutPrefix(v.name, "@"); ok && name != m.user {
			names = append(names, name)
		}
	}
	return names
}

// watchPeople asks for what is not known of the people on the screen: called after every Update, it does nothing when nothing is
// missing.
func (m *Model) watchPeople() tea.Cmd {
	if m.cur == nil || !m.listed || m.c.Link.Phase != common.Ready {
		return nil
	}
	cmd := m.loadMembers(m.cur)
	if names := m.stale; len(names) > 0 {
		m.stale = nil
		cmd = tea.Batch(cmd, m.loadPresence(names))
	}
	return cmd
}

// forgetPresence makes everything be asked for anew: the link was lost, and with it what it told.
func (m *Model) forgetPresence() {
	m.soft.presence, m.soft.typing = nil, nil
	m.stale = m.peers()
	for _, v := range m.conversations {
		v.people.loaded = false
	}
}

// onSoft takes a frame that has no place in the log.
func (m *Model) onSoft(fr *parleyv1.SubscribeResponse) {
	if p := fr.GetPresence(); p != nil {
		m.soft.set(p)
	}
	t := fr.GetTyping()
	if t == nil || t.GetUsername() == m.user {
		return
	}
	now := m.c.Now()
	m.soft.forget(now)
	m.soft.stop(t.GetConversation(), t.GetUsername())
	if len(m.soft.typing) < maxTypists {
		m.soft.typing = append(m.soft.typing, typist{t.GetConversation(), t.GetUsername(), now.Add(typingFor)})
	}
}

// forget drops those who were typing some time ago; stop drops one, whose message came.
func (s *soft) forget(now time.Time) {
	s.typing = slices.DeleteFunc(s.typing, func(t typist) bool { return now.After(t.until) })
}

func (s *soft) stop(conversation, name string) {
	s.typing = slices.DeleteFunc(s.typing, func(t typist) bool { return t.conversation == conversation && t.name == name })
}

// typingText says who types in a conversation; empty when nobody does.
func (m *Model) typingText(name string) string {
	var who []string
	for _, t := range m.soft.typing {
		if t.conversation == name && m.c.Now().Before(t.until) {
			who = append(who, common.Line(t.name))
		}
	}
	switch len(who) {
	case 0:
		return ""
	case 1:
		return who[0] + " is typing"
	case 2:
		return who[0] + " and " + who[1] + " are typing"
	}
	return count(len(who), "", "people are typing")
}

// atKeyboard says that the reader is there, and is typing when the draft is one of a message: after a key, and not at every one.
func (m *Model) atKeyboard() tea.Cmd {
	if m.c.Link.Phase != common.Ready || !m.listed {
		return nil
	}
	now, be, parent := m.c.Now(), m.c.Backend, m.ctx
	var cmds []tea.Cmd
	if !m.soft.away && now.Sub(m.soft.told) >= activeEvery {
		m.soft.told = now
		cmds = append(cmds, m.sayPresence(parleyv1.Presence_PRESENCE_ACTIVE))
	}
	draft := m.composer.Value()
	message := draft != "" && (!strings.HasPrefix(draft, "/") || strings.HasPrefix(draft, "//"))
	if v := m.cur; v != nil && m.c.Settings.Typing && message && v.name != "@"+m.user && !m.overlay() &&
		(v.name != m.soft.typedIn || now.Sub(m.soft.typed) >= typingEvery) {
		m.soft.typed, m.soft.typedIn = now, v.name
		name := v.name
		cmds = append(cmds, func() tea.Msg {
			ctx, cancel := context.WithTimeout(parent, common.CallTimeout)
			defer cancel()
			_, _ = be.SendTyping(ctx, &parleyv1.SendTypingRequest{Conversation: name})
			return saidMsg{}
		})
	}
	return tea.Batch(cmds...)
}

func (m *Model) sayPresence(p parleyv1.Presence) tea.Cmd {
	be, parent := m.c.Backend, m.ctx
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(parent, common.CallTimeout)
		defer cancel()
		_, _ = be.SetPresence(ctx, &parleyv1.SetPresenceRequest{Presence: p})
		return saidMsg{}
	}
}

// here counts the members of a room who are there, the reader among them. ok is false while that is not known of all.
func (m *Model) here(v *conversation) (n int, ok bool) {
	if !v.people.loaded || v.people.more {
		return 0, false
	}
	for _, name := range v.people.names {
		p, known := m.soft.presence[name]
		switch {
		case name == m.user || p == parleyv1.Presence_PRESENCE_ACTIVE || p == parleyv1.Presence_PRESENCE_AWAY:
			n++
		case !known:
			return 0, false
		}
	}
	return n, true
}

// dot is the sign of a presence: there, away, or nothing.
func dot(p parleyv1.Presence) string {
	switch p {
	case parleyv1.Presence_PRESENCE_ACTIVE:
		return "●"
	case parleyv1.Presence_PRESENCE_AWAY:
		return "○"
	}
	return ""
}

// peerDot is the dot of who is on the other side of a direct conversation.
func (m *Model) peerDot(v *conversation) string {
	name, direct := strings.CutPrefix(v.name, "@")
	if !direct || name == m.user {
		return ""
	}
	return dot(m.soft.presence[name])
}
