package chat

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"parley/proto/parleyv1"
	"parley/tui/common"
	"parley/tui/components/dialog"
)

// ranks in words.
var ranks = map[parleyv1.Membership]string{
	parleyv1.Membership_MEMBERSHIP_BANNED:    "banned",
	parleyv1.Membership_MEMBERSHIP_INVITED:   "invited",
	parleyv1.Membership_MEMBERSHIP_MEMBER:    "member",
	parleyv1.Membership_MEMBERSHIP_MODERATOR: "moderator",
	parleyv1.Membership_MEMBERSHIP_OWNER:     "owner",
}

// roomChanged takes what a room is now, and says in it what is different.
func (m *Model) roomChanged(r *parleyv1.RoomChanged) *conversation {
	now, was := r.GetRoom(), r.GetOldName()
	if was == "" {
		was = now.GetName()
	}
	v := m.conversations[was]
	if v == nil || now.GetName() == "" {
		return nil
	}
	by := common.Line(r.GetUsername())
	old, told := v.room, v.room != nil
	role := v.role
	v.room = now
	v.role = role
	if was != now.GetName() {
		m.rename(v, now.GetName())
		v.notice(m.c.Now(), m.key(), by+" renamed the room: it is "+common.Line(now.GetName())+" now")
	}
	if !told {
		return v
	}
	if old.GetTopic() != now.GetTopic() {
		text := by + " set the topic: " + v.topic()
		if now.GetTopic() == "" {
			text = by + " took the topic away"
		}
		v.notice(m.c.Now(), m.key(), text)
	}
	switch {
	case now.GetArchived() && !old.GetArchived():
		v.notice(m.c.Now(), m.key(), by+" archived the room: it can be read, and nothing written")
	case !now.GetArchived() && old.GetArchived():
		v.notice(m.c.Now(), m.key(), by+" opened the room again")
	}
	switch {
	case now.GetPrivate() && !old.GetPrivate():
		v.notice(m.c.Now(), m.key(), by+" made the room private: only who is invited finds it")
	case !now.GetPrivate() && old.GetPrivate():
		v.notice(m.c.Now(), m.key(), by+" made the room public: everybody finds it and may join")
	}
	return v
}

// membershipChanged takes what somebody is to a room now.
func (m *Model) membershipChanged(c *parleyv1.MembershipChanged) *conversation {
	if c.GetMe() {
		return m.myMembership(c)
	}
	v := m.conversations[c.GetConversation()]
	if v == nil {
		return nil
	}
	who, by := common.Line(c.GetUsername()), common.Line(c.GetBy())
	was, known := v.people.find(c.GetUsername())
	v.people.set(c.GetUsername(), c.GetMembership())
	in := c.GetMembership() >= parleyv1.Membership_MEMBERSHIP_MEMBER
	var text string
	switch {
	case in && known && was >= parleyv1.Membership_MEMBERSHIP_MEMBER && c.GetBy() == c.GetUsername():
		text = who + " joined" // and the list of members had it already
	case in && known && was >= parleyv1.Membership_MEMBERSHIP_MEMBER:
		text = by + " made " + who + " " + a(ranks[c.GetMembership()])
	case in:
		text = who + " joined"
		m.counted(v, 1)
		m.stale = append(m.stale, c.GetUsername())
	case c.GetMembership() == parleyv1.Membership_MEMBERSHIP_INVITED:
		text = by + " invited " + who
	case c.GetMembership() == parleyv1.Membership_MEMBERSHIP_BANNED:
		text = by + " banned " + who
		m.counted(v, -1)
	case c.GetBy() == c.GetUsername():
		text = who + " left"
		m.counted(v, -1)
	default:
		text = by + " put " + who + " out"
		m.counted(v, -1)
	}
	v.notice(m.c.Now(), m.key(), text)
	return v
}

// counted corrects the number of members between two lists.
func (m *Model) counted(v *conversation, by int) {
	if v.room != nil {
		v.room.Members = uint32(max(0, int(v.room.GetMembers())+by))
	}
}

// myMembership takes what the reader is to a room now.
func (m *Model) myMembership(c *parleyv1.MembershipChanged) *conversation {
	name, by := c.GetConversation(), common.Line(c.GetBy())
	v := m.conversations[name]
	switch {
	case c.GetMembership() >= parleyv1.Membership_MEMBERSHIP_MEMBER:
		m.recount = true // what was written before the join comes by reading
		again := v != nil && (v.invited() || v.gone)
		v = m.conversation(name)
		if v.role >= parleyv1.Membership_MEMBERSHIP_MEMBER && v.role != c.GetMembership() {
			v.notice(m.c.Now(), m.key(), by+" made you "+a(ranks[c.GetMembership()]))
		}
		v.role, v.gone, v.invitedBy = c.GetMembership(), false, ""
		if again {
			v.loaded, v.msgs = false, nil
			if v == m.cur {
				m.reopen = true
			}
		}
		return v
	case c.GetMembership() == parleyv1.Membership_MEMBERSHIP_INVITED:
		v = m.conversation(name)
		v.role, v.invitedBy = c.GetMembership(), by
		m.tell(by + " invites you to " + common.Line(name) + ": open it to answer")
		m.recount = true
		return v
	case v == nil:
		return nil
	case v.invited():
		m.drop(v)
		if v == m.cur {
			m.cur = nil
		}
		return nil
	}
	v.unread, v.mentions, v.gone, v.role = 0, 0, true, c.GetMembership()
	text := "you are not a member of " + common.Line(name) + " any more; nothing new comes from here"
	if by != "" && by != m.user {
		text = by + " put you out: " + text
	}
	v.notice(m.c.Now(), m.key(), text)
	return v
}

// a puts the article before a rank.
func a(rank string) string {
	if rank == "owner" {
		return "an " + rank
	}
	return "a " + rank
}

// askJoin answers an invitation, in the place of the composer.
func (m *Model) askJoin(v *conversation) {
	text := "You are invited."
	if v.invitedBy != "" {
		text = v.invitedBy + " invites you."
	}
	if t := v.topic(); t != "" {
		text += " The topic: " + t + "."
	}
	text += " n leaves the invitation open; /leave turns it down."
	d := dialog.New(m.c, "Join "+v.title()+"?", text, "join")
	d.Confirm = func([]string) (string, tea.Cmd) { return "", m.join(v.name) }
	m.dialog = d
	m.resize()
}

// member sets what an account is to a room; an empty user is the reader.
func (m *Model) member(room, user string, to parleyv1.Membership, what string, then func() tea.Cmd) tea.Cmd {
	return m.do(what, func(ctx context.Context, be common.Backend, id string) error {
		_, err := be.SetMembership(ctx, &parleyv1.SetMembershipRequest{RequestId: id, Room: room, Username: user, Membership: to})
		return err
	}, then)
}

func (m *Model) join(room string) tea.Cmd {
	joining := "joining " + room + "…"
	m.tell(joining)
	from := m.cur
	return m.member(room, "", parleyv1.Membership_MEMBERSHIP_MEMBER, room+": not joined", func() tea.Cmd {
		if m.flash == joining {
			m.flash = ""
		}
		v := m.conversation(room)
		if v.invited() || v.gone {
			v.role, v.gone, v.loaded, v.msgs = parleyv1.Membership_MEMBERSHIP_MEMBER, false, false, nil
		}
		m.recount = true
		switch m.cur {
		case v:
			return m.load(v, newestPage, 0)
		case from:
			return m.goTo(v.name)
		}
		m.tell("you are in " + v.name + " now") // the reader went elsewhere meanwhile
		return nil
	})
}

func (m *Model) leave(v *conversation) tea.Cmd {
	what, said := "not left", "you left "+v.name
	if v.invited() {
		what, said = "not turned down", "turned down"
	}
	return m.member(v.name, "", parleyv1.Membership_MEMBERSHIP_UNSPECIFIED, what, func() tea.Cmd {
		m.tell(said)
		return m.closeConversation(v)
	})
}

// closeConversation takes a conversation off the sidebar and opens the next one.
func (m *Model) closeConversation(v *conversation) tea.Cmd {
	m.drop(v)
	if m.cur != v {
		return nil
	}
	m.cur = nil
	m.composer.SetValue("")
	if in := m.joined(); len(in) > 0 {
		return m.show(in[0].name)
	}
	return nil
}
