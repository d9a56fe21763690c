package plain

import (
	"context"
	"strings"

	"parley/proto/parleyv1"
	"parley/tui/common"
)

func roomCommands() []command {
	return []command{
		{"join", "#room", "join a room, or open it", (*session).cmdJoin},
		{"leave", "[#room]", "leave a room", (*session).cmdLeave},
		{"rooms", "[pattern]", "list rooms", (*session).cmdRooms},
		{"create", "#room [--private]", "create a room", (*session).cmdCreate},
		{"topic", "text", "set the topic of this room", (*session).cmdTopic},
		{"members", "", "list who is in this room", (*session).cmdMembers},
		{"invite", "@user", "invite somebody into this room", func(s *session, a string) {
			s.setMember(a, parleyv1.Membership_MEMBERSHIP_INVITED, "invited")
		}},
		{"kick", "@user", "put somebody out of this room", func(s *session, a string) {
			s.setMember(a, parleyv1.Membership_MEMBERSHIP_UNSPECIFIED, "put out")
		}},
		{"mute", "all|mentions|none", "what of this conversation is written while another is open", (*session).cmdMute},
	}
}

// change makes one write of a person's, with one request id until its outcome is known.
func (s *session) change(what string, write func(ctx context.Context, id string) error, then func()) {
	id := s.o.NewID()
	s.ask(func(ctx context.Context) func() {
		_, err := s.insist(ctx, func(f common.Failure) {
			state := "not done yet"
			if f.Outcome == common.Unknown {
				state = "outcome unknown"
			}
			s.con.Print(common.Line("wait: " + what + ": " + state + ", tried again with the same id: " + f.Text))
		}, func(ctx context.Context) error { return write(ctx, id) })
		return func() {
			if err != nil {
				s.fail(what, err)
				s.rejected++
				return
			}
			then()
		}
	})
}

func (s *session) member(room, user string, membership parleyv1.Membership, what string, then func()) {
	s.change(what, func(ctx context.Context, id string) error {
		_, err := s.be.SetMembership(ctx, &parleyv1.SetMembershipRequest{RequestId: id, Room: room, Username: user, Membership: membership})
		return err
	}, then)
}

func (s *session) cmdJoin(args string) {
	room := name(args)
	if !strings.HasPrefix(room, "#") {
		s.say("error: /join #room")
		return
	}
	s.member(room, "", parleyv1.Membership_MEMBERSHIP_MEMBER, "join "+room, func() { s.open(room) })
}

// room is the open conversation, or the one that was named, when it is a room.
func (s *session) room(args string) string {
	if args == "" && s.cur != nil {
		args = s.cur.name
	}
	if r := name(args); strings.HasPrefix(r, "#") {
		return r
	}
	s.say("error: that is done in a room: /open #room")
	return ""
}

func (s *session) cmdLeave(args string) {
	if room := s.room(args); room != "" {
		s.member(room, "", parleyv1.Membership_MEMBERSHIP_UNSPECIFIED, "leave "+room, func() {
			if s.isOpen(room) {
				s.cur = nil
			}
		})
	}
}

func (s *session) setMember(user string, to parleyv1.Membership, done string) {
	room := s.room("")
	user = strings.TrimPrefix(strings.ToLower(user), "@")
	if room == "" || user == "" {
		if room != "" {
			s.say("error: say whom: @user")
		}
		return
	}
	s.member(room, user, to, done+" "+user, func() { s.say("%s: %s is %s", room, user, done) })
}

func (s *session) cmdRooms(pattern string) {
	link := s.link
	s.ask(func(ctx context.Context) func() {
		resp, _, err := common.Either(ctx, link, func(ctx context.Context, c parleyv1.Consistency) (*parleyv1.ListRoomsResponse, error) {
			return s.be.ListRooms(ctx, &parleyv1.ListRoomsRequest{Pattern: pattern, PageSize: maxList, Consistency: c})
		}, s.be.Explain)
		return func() {
			if err != nil {
				s.fail("no room found", err)
				return
			}
			s.say("rooms: %s", several(len(resp.GetRooms()), "room", "rooms"))
			for _, r := range resp.GetRooms() {
				text := r.GetName()
				if r.GetPrivate() {
					text += ", private"
				}
				if r.GetArchived() {
					text += ", archived"
				}
				if r.GetTopic() != "" {
					text += ", topic: " + r.GetTopic()
				}
				s.say("rooms: %s", text)
			}
		}
	})
}

func (s *session) cmdCreate(args string) {
	rest, private := strings.CutSuffix(args, "--private")
	room := name(strings.TrimSpace(rest))
	if !strings.HasPrefix(room, "#") {
		s.say("error: /create #room [--private]")
		return
	}
	s.change("create "+room, func(ctx context.Context, id string) error {
		_, err := s.be.CreateRoom(ctx, &parleyv1.CreateRoomRequest{RequestId: id, Room: room, Private: private})
		return err
	}, func() { s.open(room) })
}

func (s *session) cmdTopic(topic string) {
	if room := s.room(""); room != "" {
		s.change("topic", func(ctx context.Context, id string) error {
			_, err := s.be.UpdateRoom(ctx, &parleyv1.UpdateRoomRequest{RequestId: id, Room: room, Topic: &topic})
			return err
		}, func() {})
	}
}

func (s *session) cmdMembers(string) {
	room := s.room("")
	if room == "" {
		return
	}
	link := s.link
	s.ask(func(ctx context.Context) func() {
		resp, _, err := common.Either(ctx, link, func(ctx context.Context, c parleyv1.Consistency) (*parleyv1.ListRoomMembersResponse, error) {
			return s.be.ListRoomMembers(ctx, &parleyv1.ListRoomMembersRequest{Room: room, PageSize: maxList, Consistency: c})
		}, s.be.Explain)
		return func() {
			if err != nil {
				s.fail("members not read", err)
				return
			}
			names := make([]string, 0, len(resp.GetMembers()))
			for _, m := range resp.GetMembers() {
				names = append(names, m.GetUser().GetUsername())
			}
			s.say("members of %s: %s", room, strings.Join(names, ", "))
		}
	})
}

func (s *session) cmdMute(args string) {
	v := s.here()
	if v == nil {
		return
	}
	level, ok := map[string]parleyv1.Mute{
		"all": parleyv1.Mute_MUTE_ALL, "mentions": parleyv1.Mute_MUTE_MENTIONS, "none": parleyv1.Mute_MUTE_UNSPECIFIED,
	}[args]
	if !ok {
		s.say("error: /mute all writes nothing, /mute mentions only mentions, /mute none everything")
		return
	}
	s.change("mute", func(ctx context.Context, id string) error {
		_, err := s.be.SetMute(ctx, &parleyv1.SetMuteRequest{RequestId: id, Conversation: v.name, Mute: level})
		return err
	}, func() { v.mute = level; s.say("%s: muted: %s", v.name, args) })
}
