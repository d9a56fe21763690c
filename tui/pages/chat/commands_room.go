package chat

import (
	"context"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"
	"google.golang.org/protobuf/proto"

	"parley/proto/parleyv1"
	"parley/tui/common"
	"parley/tui/components/dialog"
	"parley/tui/screens/listing"
)

// roomCommands are those about rooms and conversations.
func roomCommands() []command {
	const (
		none    = parleyv1.Membership_MEMBERSHIP_UNSPECIFIED
		invited = parleyv1.Membership_MEMBERSHIP_INVITED
		banned  = parleyv1.Membership_MEMBERSHIP_BANNED
	)
	return []command{
		{"join", "#room", "join a room, or open it", (*Model).cmdJoin},
		{"leave", "", "leave this room, or turn its invitation down", (*Model).cmdLeave},
		{"rooms", "[pattern]", "the rooms that you can see; Enter joins", (*Model).cmdRooms},
		{"create", "#room [topic] [--private]", "make a room of which you are the owner", (*Model).cmdCreate},
		{"topic", "[text | --none]", "tell or set the room's topic", (*Model).cmdTopic},
		{"invite", "@user …", "invite people to this room", func(m *Model, args string) tea.Cmd {
			return m.setMembers(args, invited, "invited", "not invited")
		}},
		{"kick", "@user", "put somebody out of this room", func(m *Model, args string) tea.Cmd {
			return m.setMembers(args, none, "put out", "not put out")
		}},
		{"ban", "@user", "put somebody out for good", func(m *Model, args string) tea.Cmd {
			return m.setMembers(args, banned, "banned", "not banned")
		}},
		{"unban", "@user", "lift a ban", func(m *Model, args string) tea.Cmd {
			return m.setMembers(args, none, "may come back", "ban not lifted")
		}},
		{"role", "@user member|moderator|owner", "give a member a rank", (*Model).cmdRole},
		{"rename", "#new-name", "rename this room; its old name leads to it", (*Model).cmdRename},
		{"private", "", "hide this room from who is not invited", func(m *Model, _ string) tea.Cmd {
			return m.updateRoom("not hidden", "the room is private now", func(r *parleyv1.UpdateRoomRequest) { r.Private = proto.Bool(true) })
		}},
		{"public", "", "show this room to everybody", func(m *Model, _ string) tea.Cmd {
			return m.updateRoom("not shown", "the room is public now", func(r *parleyv1.UpdateRoomRequest) { r.Private = proto.Bool(false) })
		}},
		{"archive", "", "close this room: it can be read, and nothing written", (*Model).cmdArchive},
		{"unarchive", "", "open this room again", func(m *Model, _ string) tea.Cmd {
			return m.updateRoom("not opened", "the room is open again", func(r *parleyv1.UpdateRoomRequest) { r.Archived = proto.Bool(false) })
		}},
		{"retain", "days|default", "how long this room's messages are kept", (*Model).cmdRetain},
	}
}

// thisRoom is the open conversation when it is a room, else an error is told.
func (m *Model) thisRoom() *conversation {
	if m.cur == nil || !isRoom(m.cur.name) {
		m.fail("open a room first: ^K or /rooms")
		return nil
	}
	return m.cur
}

func (m *Model) cmdJoin(args string) tea.Cmd {
	name, ok := roomName(args)
	if !ok {
		m.fail("/join #room: a to z, 0 to 9, . _ -")
		return nil
	}
	if to := m.renamed[name]; to != "" {
		name = to
	}
	if v := m.conversations[name]; v != nil && !v.invited() && !v.gone {
		return m.goTo(name)
	}
	return m.join(name)
}

func (m *Model) cmdLeave(string) tea.Cmd {
	v := m.thisRoom()
	switch {
	case v == nil:
		return nil
	case v.gone:
		return m.closeConversation(v)
	case v.invited() || !v.room.GetPrivate():
		return m.leave(v)
	}
	d := dialog.New(m.c, "Leave "+v.title()+"?", "It is private: only an invitation brings you back.", "leave")
	d.Confirm = func([]string) (string, tea.Cmd) { return "", m.leave(v) }
	m.dialog = d
	m.resize()
	return nil
}

// cmdRooms lists what one could join.
func (m *Model) cmdRooms(args string) tea.Cmd {
	pattern := strings.TrimPrefix(strings.ToLower(args), "#")
	be, link := m.c.Backend, m.c.Link
	return m.push(listing.New(m.ctx, m.c, listing.Options{
		Title: "Rooms", Empty: "no room: /create #name makes one",
		Load: func(ctx context.Context, next string) (listing.Page, error) {
			resp, local, err := common.Either(ctx, link, func(ctx context.Context, c parleyv1.Consistency) (*parleyv1.ListRoomsResponse, error) {
				return be.ListRooms(ctx, &parleyv1.ListRoomsRequest{Pattern: pattern, PageSize: maxPeople, PageToken: next, Consistency: c})
			}, be.Explain)
			page := listing.Page{Next: resp.GetNextPageToken(), Note: oneNode(local)}
			for _, r := range resp.GetRooms() {
				page.Rows = append(page.Rows, roomRow(r))
			}
			return page, err
		},
		Actions: []listing.Action{
			{Key: "enter", Help: "opens or joins", Do: func(r listing.Row) tea.Msg { return common.RunMsg{Line: "/join " + r.ID} }},
		},
	}))
}

func roomRow(r *parleyv1.Room) listing.Row {
	row := listing.Row{ID: r.GetName(), Name: common.Line(r.GetName())}
	parts := []string{count(int(r.GetMembers()), "member", "members")}
	if rank := ranks[r.GetMembership()]; rank != "" {
		parts = append([]string{rank}, parts...)
		row.Dim = r.GetMembership() == parleyv1.Membership_MEMBERSHIP_BANNED
	}
	if r.GetPrivate() {
		parts = append(parts, "private")
	}
	if r.GetArchived() {
		parts, row.Dim = append(parts, "archived"), true
	}
	if t := common.Line(r.GetTopic()); t != "" {
		parts = append(parts, t)
	}
	row.Note = strings.Join(parts, " · ")
	return row
}

// oneNode is said of what was read without a quorum.
func oneNode(local bool) string {
	if local {
		return "read from one node alone"
	}
	return ""
}

func (m *Model) cmdCreate(args string) tea.Cmd {
	words := strings.Fields(args)
	private := false
	var rest []string
	for _, w := range words {
		if w == "--private" {
			private = true
		} else {
			rest = append(rest, w)
		}
	}
	if len(rest) == 0 {
		m.fail("/create #room [topic] [--private]: say its name")
		return nil
	}
	name, ok := roomName(rest[0])
	if !ok {
		m.fail("that is no name of a room: a to z, 0 to 9, . _ -, at most 32")
		return nil
	}
	topic := strings.Join(rest[1:], " ")
	m.tell("making " + name + "…")
	from := m.cur
	return m.do(name+": not made", func(ctx context.Context, be common.Backend, id string) error {
		_, err := be.CreateRoom(ctx, &parleyv1.CreateRoomRequest{RequestId: id, Room: name, Topic: topic, Private: private})
		return err
	}, func() tea.Cmd {
		m.tell(name + " is yours: /invite @user brings somebody in")
		m.recount = true
		if m.cur != from {
			return nil
		}
		return m.goTo(name)
	})
}

func (m *Model) cmdTopic(args string) tea.Cmd {
	v := m.thisRoom()
	switch {
	case v == nil:
		return nil
	case args == "":
		if v.topic() == "" {
			m.tell(v.name + " has no topic: /topic text sets one")
		} else {
			m.tell(v.topic())
		}
		return nil
	case args == "--none":
		args = ""
	}
	return m.updateRoom("topic not set", "the topic is set", func(r *parleyv1.UpdateRoomRequest) { r.Topic = proto.String(args) })
}

// updateRoom changes the open room.
func (m *Model) updateRoom(what, said string, set func(*parleyv1.UpdateRoomRequest)) tea.Cmd {
	v := m.thisRoom()
	if v == nil {
		return nil
	}
	req := &parleyv1.UpdateRoomRequest{Room: v.name}
	set(req)
	return m.do(what, func(ctx context.Context, be common.Backend, id string) error {
		req.RequestId = id
		_, err := be.UpdateRoom(ctx, req)
		return err
	}, m.done(said))
}

func (m *Model) cmdRole(args string) tea.Cmd {
	v := m.thisRoom()
	if v == nil {
		return nil
	}
	who, rank, _ := strings.Cut(args, " ")
	user, ok := userName(who)
	for to, word := range ranks {
		if ok && word == strings.TrimSpace(rank) && to >= parleyv1.Membership_MEMBERSHIP_MEMBER {
			return m.member(v.name, user, to, "rank not changed", m.done("@"+user+" is "+a(word)+" now"))
		}
	}
	m.fail("/role @user member|moderator|owner")
	return nil
}

func (m *Model) cmdRename(args string) tea.Cmd {
	name, ok := roomName(args)
	if !ok {
		m.fail("/rename #new-name: a to z, 0 to 9, . _ -, at most 32")
		return nil
	}
	return m.updateRoom("not renamed", "renamed: the old name leads here", func(r *parleyv1.UpdateRoomRequest) { r.NewName = proto.String(name) })
}

func (m *Model) cmdArchive(string) tea.Cmd {
	v := m.thisRoom()
	if v == nil {
		return nil
	}
	d := dialog.New(m.c, "Archive "+v.title()+"?", "It can be read from then on, and nothing written. /unarchive opens it again.", "archive")
	d.Danger = true
	d.Confirm = func([]string) (string, tea.Cmd) {
		return "", m.updateRoom("not archived", "archived", func(r *parleyv1.UpdateRoomRequest) { r.Archived = proto.Bool(true) })
	}
	m.dialog = d
	m.resize()
	return nil
}

func (m *Model) cmdRetain(args string) tea.Cmd {
	days, err := strconv.ParseUint(args, 10, 32)
	if args == "default" {
		days, err = 0, nil
	}
	if err != nil || days > 3650 {
		m.fail("/retain days|default: 1 to 3650")
		return nil
	}
	return m.updateRoom("not changed", "messages of this room are kept "+keptFor(uint32(days)), func(r *parleyv1.UpdateRoomRequest) {
		r.RetainDays = proto.Uint32(uint32(days))
	})
}

// keptFor says how long messages live.
func keptFor(days uint32) string {
	if days == 0 {
		return "as the cluster says"
	}
	return count(int(days), "day", "days")
}
