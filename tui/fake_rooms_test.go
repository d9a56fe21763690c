package tui

import (
	"context"
	"path"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"parley/proto/parleyv1"
	"parley/tui/common"
)

// fakeRoom is one room of the fake: what it is, and what each account is to it.
type fakeRoom struct {
	*parleyv1.Room
	ranks map[string]parleyv1.Membership
}

// fakeRooms is the fake's part for rooms and presence.
type fakeRooms struct {
	rooms    []*fakeRoom
	former   map[string]string // names of before a rename
	online   map[string]parleyv1.Presence
	typed    []string // conversations that were told of typing
	queries  []string
	searched func(*parleyv1.SearchMessagesRequest) (*parleyv1.SearchMessagesResponse, error)
}

// room makes a room with members; the first is its owner.
func (f *fake) room(name, topic string, members ...string) *fakeRoom {
	r := &fakeRoom{&parleyv1.Room{Name: name, Topic: topic}, map[string]parleyv1.Membership{}}
	for i, m := range members {
		r.ranks[m] = parleyv1.Membership_MEMBERSHIP_MEMBER
		if i == 0 {
			r.ranks[m] = parleyv1.Membership_MEMBERSHIP_OWNER
		}
	}
	f.rooms = append(f.rooms, r)
	return r
}

// seen is the room as the caller sees it.
func (f *fake) seen(r *fakeRoom) *parleyv1.Room {
	out := &parleyv1.Room{Name: r.Name, Topic: r.Topic, Private: r.Private, Archived: r.Archived, RetainDays: r.RetainDays, Membership: r.ranks[f.me]}
	for _, m := range r.ranks {
		if m >= parleyv1.Membership_MEMBERSHIP_MEMBER {
			out.Members++
		}
	}
	return out
}

func (f *fake) findRoom(name string) *fakeRoom {
	for _, r := range f.rooms {
		if r.Name == name {
			return r
		}
	}
	return nil
}

func (f *fake) CreateRoom(_ context.Context, q *parleyv1.CreateRoomRequest) (*parleyv1.CreateRoomResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.findRoom(q.GetRoom()) != nil {
		return nil, common.Failure{Text: "the name " + q.GetRoom() + " is taken"}
	}
	r := f.room(q.GetRoom(), q.GetTopic(), f.me)
	r.Private = q.GetPrivate()
	f.rank(r, f.me, f.me, parleyv1.Membership_MEMBERSHIP_OWNER)
	return &parleyv1.CreateRoomResponse{Room: f.seen(r)}, nil
}

// rank sets what somebody is to a room and tells of it.
func (f *fake) rank(r *fakeRoom, who, by string, to parleyv1.Membership) {
	r.ranks[who] = to
	f.push(&parleyv1.Event{Change: &parleyv1.Event_MembershipChanged{MembershipChanged: &parleyv1.MembershipChanged{
		Conversation: r.Name, Username: who, Membership: to, By: by, Me: who == f.me}}})
}

func (f *fake) UpdateRoom(_ context.Context, q *parleyv1.UpdateRoomRequest) (*parleyv1.UpdateRoomResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.findRoom(q.GetRoom())
	if r == nil {
		return nil, common.Failure{Text: "no room " + q.GetRoom(), NotFound: true}
	}
	return &parleyv1.UpdateRoomResponse{Room: f.seen(r)}, f.change(r, f.me, q)
}

// change applies an update by somebody and tells of it. A rename takes the messages along.
func (f *fake) change(r *fakeRoom, by string, q *parleyv1.UpdateRoomRequest) error {
	if r.ranks[by] < parleyv1.Membership_MEMBERSHIP_MODERATOR {
		return common.Failure{Text: "only moderators and owners may"}
	}
	old := ""
	if q.NewName != nil {
		old = r.Name
		r.Name = q.GetNewName()
		f.former = map[string]string{old: r.Name}
		for _, m := range f.msgs {
			if m.Conversation == old {
				m.Conversation = r.Name
			}
		}
	}
	if q.Topic != nil {
		r.Topic = q.GetTopic()
	}
	if q.Private != nil {
		r.Private = q.GetPrivate()
	}
	if q.Archived != nil {
		r.Archived = q.GetArchived()
	}
	room := f.seen(r)
	room.Membership = 0
	f.push(&parleyv1.Event{Change: &parleyv1.Event_RoomChanged{RoomChanged: &parleyv1.RoomChanged{Room: room, OldName: old, Username: by}}})
	return nil
}

func (f *fake) SetMembership(_ context.Context, q *parleyv1.SetMembershipRequest) (*parleyv1.SetMembershipResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.findRoom(q.GetRoom())
	if r == nil || r.Private && r.ranks[f.me] < parleyv1.Membership_MEMBERSHIP_INVITED {
		return nil, common.Failure{Text: "no room " + q.GetRoom(), NotFound: true}
	}
	who := q.GetUsername()
	if who == "" {
		who = f.me
	} else if r.ranks[f.me] < parleyv1.Membership_MEMBERSHIP_MODERATOR {
		return nil, common.Failure{Text: "only moderators and owners may"}
	} else if who == "nobody" {
		return nil, common.Failure{Text: "no user nobody", NotFound: true}
	}
	f.rank(r, who, f.me, q.GetMembership())
	return &parleyv1.SetMembershipResponse{Room: f.seen(r)}, nil
}

func (f *fake) ListRooms(_ context.Context, q *parleyv1.ListRoomsRequest) (*parleyv1.ListRoomsResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.begin(q.GetConsistency()); err != nil {
		return nil, err
	}
	resp := &parleyv1.ListRoomsResponse{}
	for _, r := range f.rooms {
		pattern := q.GetPattern()
		if pattern == "" {
			pattern = "*"
		}
		rank := r.ranks[f.me]
		ok, _ := path.Match(pattern, strings.TrimPrefix(r.Name, "#"))
		if ok && (!r.Private && !q.GetMine() || rank >= parleyv1.Membership_MEMBERSHIP_INVITED) {
			resp.Rooms = append(resp.Rooms, f.seen(r))
		}
	}
	return resp, nil
}

func (f *fake) ListRoomMembers(_ context.Context, q *parleyv1.ListRoomMembersRequest) (*parleyv1.ListRoomMembersResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	resp := &parleyv1.ListRoomMembersResponse{}
	r := f.findRoom(q.GetRoom())
	if r == nil {
		return resp, common.Failure{Text: "no room " + q.GetRoom(), NotFound: true}
	}
	for who, rank := range r.ranks {
		if q.GetMembership() == rank || q.GetMembership() == 0 && rank >= parleyv1.Membership_MEMBERSHIP_MEMBER {
			resp.Members = append(resp.Members, &parleyv1.RoomMember{User: &parleyv1.User{Username: who, DisplayName: who}, Membership: rank})
		}
	}
	slices.SortFunc(resp.Members, func(a, b *parleyv1.RoomMember) int {
		return strings.Compare(a.GetUser().GetUsername(), b.GetUser().GetUsername())
	})
	return resp, f.begin(q.GetConsistency())
}

func (f *fake) ListPresence(_ context.Context, q *parleyv1.ListPresenceRequest) (*parleyv1.ListPresenceResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	resp := &parleyv1.ListPresenceResponse{}
	for _, u := range q.GetUsernames() {
		p := f.online[u]
		if p == 0 {
			p = parleyv1.Presence_PRESENCE_OFFLINE
		}
		resp.People = append(resp.People, &parleyv1.PresenceChange{Username: u, Presence: p})
	}
	return resp, f.begin(0)
}

func (f *fake) SetPresence(context.Context, *parleyv1.SetPresenceRequest) (*parleyv1.SetPresenceResponse, error) {
	return &parleyv1.SetPresenceResponse{}, nil
}

func (f *fake) SendTyping(_ context.Context, q *parleyv1.SendTypingRequest) (*parleyv1.SendTypingResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.typed = append(f.typed, q.GetConversation())
	return &parleyv1.SendTypingResponse{}, nil
}

// soft pushes a frame that has no place in the log.
func (f *fake) soft(frame *parleyv1.SubscribeResponse) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.subs {
		s <- frame
	}
}

// SearchMessages finds a word in what the fake holds, the newest first.
func (f *fake) SearchMessages(_ context.Context, q *parleyv1.SearchMessagesRequest) (*parleyv1.SearchMessagesResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.queries = append(f.queries, q.GetQuery())
	if f.searched != nil {
		return f.searched(q)
	}
	if err := f.begin(q.GetConsistency()); err != nil {
		return nil, err
	}
	resp := &parleyv1.SearchMessagesResponse{ReadInfo: &parleyv1.ReadInfo{}}
	for i := len(f.msgs) - 1; i >= 0; i-- {
		if m := f.msgs[i]; strings.Contains(strings.ToLower(m.Text), strings.ToLower(q.GetQuery())) {
			resp.Messages = append(resp.Messages, proto.CloneOf(m))
		}
	}
	return resp, nil
}

// window answers a read around, after or from something.
func (f *fake) window(r *parleyv1.ReadMessagesRequest, all []*parleyv1.Message, limit int) (*parleyv1.ReadMessagesResponse, error) {
	resp := &parleyv1.ReadMessagesResponse{ReadInfo: &parleyv1.ReadInfo{}}
	from := len(all)
	for i, m := range all {
		if r.GetAroundId() != 0 && m.Id >= r.GetAroundId() || r.GetAfterId() != 0 && m.Id > r.GetAfterId() ||
			r.GetFromTime() != nil && !m.Time.AsTime().Before(r.GetFromTime().AsTime()) {
			from = i
			break
		}
	}
	if r.GetAroundId() != 0 {
		if from == len(all) || all[from].Id != r.GetAroundId() {
			return nil, common.Failure{Text: "no such message", NotFound: true}
		}
		from = max(0, min(from-limit/2, len(all)-limit))
		resp.MoreBefore = from > 0
	}
	to := min(len(all), from+limit)
	resp.Messages, resp.More = all[from:to], to < len(all)
	return resp, nil
}
