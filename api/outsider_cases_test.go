package api

import (
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	reflectionalphapb "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"

	"parley/proto/parleyv1"
)

// probe is one way to ask a method for what one must not know.
type probe struct {
	// ask makes the request of a caller.
	ask func(h *house, by user, a aim) proto.Message
	// tells says that a member learns something by it: a case that tells nobody anything proves nothing.
	tells bool
	// once leaves out the comparison with what is not there: the request is about nothing, or changes the caller.
	once bool
	// session asks with a session of its own, which the request may end.
	session bool
	// last is for what the other cases would suffer from.
	last bool
	// instead is what stands in for what is there, where that must be something that is there too.
	instead func(h *house, ghost aim) aim
	// knows are secrets that this tells everybody.
	knows []string
	// only and never name an outsider.
	only, never string
}

// ask is a probe that is compared.
func ask[M proto.Message](f func(by user, a aim) M) probe {
	return probe{ask: func(_ *house, by user, a aim) proto.Message { return f(by, a) }}
}

func tells(p probe) probe { p.tells = true; return p }

func once[M proto.Message](f func(by user) M) probe {
	return probe{once: true, ask: func(_ *house, by user, _ aim) proto.Message { return f(by) }}
}

func knows(p probe, secrets ...string) probe { p.knows = secrets; return p }

// accountNames are what ListUsers tells everybody: accounts are no secret, what they belong to is.
var accountNames = []string{ownerName, memberName, botName}

// own is a conversation that every outsider has, but for the bot.
const own = "@qzfriend"

func read(change func(r *parleyv1.ReadMessagesRequest, a aim)) probe {
	return ask(func(_ user, a aim) *parleyv1.ReadMessagesRequest {
		r := &parleyv1.ReadMessagesRequest{}
		change(r, a)
		return r
	})
}

func find(query string) probe {
	return ask(func(_ user, a aim) *parleyv1.SearchMessagesRequest {
		return &parleyv1.SearchMessagesRequest{Query: strings.NewReplacer("ROOM", a.room, "WAS", a.was, "USER", a.user, "WORD", a.word).Replace(query)}
	})
}

func update(change func(r *parleyv1.UpdateRoomRequest)) probe {
	p := ask(func(_ user, a aim) *parleyv1.UpdateRoomRequest {
		r := &parleyv1.UpdateRoomRequest{RequestId: rid().s, Room: a.room}
		change(r)
		return r
	})
	return p
}

func set(m parleyv1.Membership, of func(a aim) string) probe {
	return ask(func(_ user, a aim) *parleyv1.SetMembershipRequest {
		return &parleyv1.SetMembershipRequest{RequestId: rid().s, Room: a.room, Username: of(a), Membership: m}
	})
}

func nobody(aim) string     { return "" }
func somebody(a aim) string { return a.user }

func annotate(kind parleyv1.AnnotationKind, value string, present bool) probe {
	return ask(func(_ user, a aim) *parleyv1.AnnotateRequest {
		return &parleyv1.AnnotateRequest{RequestId: rid().s, Id: a.id, Kind: kind, Value: value, Present: present}
	})
}

// taken stands in for a room whose name cannot be had: that a name is taken is all that anyone is told.
func taken(_ *house, ghost aim) aim { ghost.room = "#strangers"; return ghost }

const (
	chatMethod    = "/parley.v1.ChatService/"
	clusterMethod = "/parley.v1.ClusterService/"
)

// outsiderCases are how somebody who may not know of a room, or of a conversation of others, would ask each method for it.
var outsiderCases = map[string][]probe{
	chatMethod + "CreateUser": {ask(func(_ user, a aim) *parleyv1.CreateUserRequest {
		return &parleyv1.CreateUserRequest{RequestId: rid().s, Username: a.user, Password: testPassword}
	})},
	chatMethod + "Login": {once(func(by user) *parleyv1.LoginRequest {
		return &parleyv1.LoginRequest{RequestId: rid().s, Username: by.name, Password: testPassword, Token: randomToken()}
	})},
	chatMethod + "Logout": {{once: true, session: true, ask: func(*house, user, aim) proto.Message {
		return &parleyv1.LogoutRequest{RequestId: rid().s}
	}, never: "bot"}},
	chatMethod + "WhoAmI": {once(func(user) *parleyv1.WhoAmIRequest { return &parleyv1.WhoAmIRequest{} })},
	chatMethod + "ChangePassword": {once(func(user) *parleyv1.ChangePasswordRequest {
		return &parleyv1.ChangePasswordRequest{RequestId: rid().s, OldPassword: "not the right one", NewPassword: "another one"}
	})},
	chatMethod + "ListSessions": {once(func(user) *parleyv1.ListSessionsRequest { return &parleyv1.ListSessionsRequest{} })},
	chatMethod + "RevokeSession": {once(func(user) *parleyv1.RevokeSessionRequest {
		return &parleyv1.RevokeSessionRequest{RequestId: rid().s, SessionId: "1"}
	})},
	chatMethod + "ListUsers": {
		knows(once(func(user) *parleyv1.ListUsersRequest { return &parleyv1.ListUsersRequest{PageSize: 1000} }), accountNames...),
		ask(func(_ user, a aim) *parleyv1.ListUsersRequest { return &parleyv1.ListUsersRequest{Pattern: a.user} }),
	},
	chatMethod + "SendMessage": {
		ask(func(_ user, a aim) *parleyv1.SendMessageRequest {
			return &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: a.room, Text: "let me in"}
		}),
		ask(func(_ user, a aim) *parleyv1.SendMessageRequest {
			return &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: a.was, Text: "let me in"}
		}),
		ask(func(_ user, a aim) *parleyv1.SendMessageRequest {
			return &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: a.room, Text: "let me in", ReplyTo: a.id}
		}),
		ask(func(_ user, a aim) *parleyv1.SendMessageRequest {
			return &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: own, Text: "in thread", ReplyTo: a.id}
		}),
		last(ask(func(_ user, a aim) *parleyv1.SendMessageRequest {
			return &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: "@" + a.user, Text: "hello"}
		})),
	},
	chatMethod + "SendMessages": {ask(func(_ user, a aim) *parleyv1.SendMessagesRequest {
		return &parleyv1.SendMessagesRequest{Sends: []*parleyv1.SendMessageRequest{
			{RequestId: "7f000000-0000-7000-8000-000000000001", Conversation: a.room, Text: "let me in"},
		}}
	})},
	chatMethod + "ReadMessages": {
		tells(read(func(*parleyv1.ReadMessagesRequest, aim) {})),
		tells(read(func(r *parleyv1.ReadMessagesRequest, a aim) { r.Conversation = a.room })),
		tells(read(func(r *parleyv1.ReadMessagesRequest, a aim) { r.Conversation = a.was })),
		read(func(r *parleyv1.ReadMessagesRequest, a aim) { r.Conversation = "@" + a.user }),
		read(func(r *parleyv1.ReadMessagesRequest, a aim) { r.Conversation, r.AroundId = "@"+a.user, a.id }),
		read(func(r *parleyv1.ReadMessagesRequest, a aim) { r.Conversation, r.OnlyUnread = a.room, true }),
		tells(read(func(r *parleyv1.ReadMessagesRequest, a aim) { r.OnlyUnread = true })),
		read(func(r *parleyv1.ReadMessagesRequest, a aim) { r.OnlyMentions = true }),
		read(func(r *parleyv1.ReadMessagesRequest, a aim) { r.Conversation, r.OnlyMentions = a.room, true }),
		tells(read(func(r *parleyv1.ReadMessagesRequest, a aim) { r.Conversation, r.OnlyPinned = a.room, true })),
		tells(read(func(r *parleyv1.ReadMessagesRequest, a aim) { r.Conversation, r.ThreadId = a.room, a.id })),
		tells(read(func(r *parleyv1.ReadMessagesRequest, a aim) { r.Conversation, r.AroundId = a.room, a.id })),
		tells(read(func(r *parleyv1.ReadMessagesRequest, a aim) { r.Conversation, r.AfterId = a.room, a.id })),
		read(func(r *parleyv1.ReadMessagesRequest, a aim) { r.Conversation, r.AroundId = own, a.id }),
		read(func(r *parleyv1.ReadMessagesRequest, a aim) { r.Conversation, r.ThreadId = own, a.id }),
		tells(read(func(r *parleyv1.ReadMessagesRequest, a aim) {
			r.Conversation, r.FromTime = a.room, &timestamppb.Timestamp{Seconds: 1}
		})),
		tells(read(func(r *parleyv1.ReadMessagesRequest, a aim) {
			r.Conversation, r.Consistency = a.room, parleyv1.Consistency_CONSISTENCY_LOCAL
		})),
	},
	chatMethod + "MarkRead": {
		ask(func(_ user, a aim) *parleyv1.MarkReadRequest {
			return &parleyv1.MarkReadRequest{RequestId: rid().s, Ranges: []*parleyv1.ReadRange{{Conversation: a.room, FromSeq: 1, ToSeq: 2}}}
		}),
		ask(func(_ user, a aim) *parleyv1.MarkReadRequest {
			return &parleyv1.MarkReadRequest{RequestId: rid().s, Ranges: []*parleyv1.ReadRange{{Conversation: "@" + a.user, FromSeq: 1, ToSeq: 2}}}
		}),
	},
	chatMethod + "ListConversations": {
		tells(once(func(user) *parleyv1.ListConversationsRequest { return &parleyv1.ListConversationsRequest{} })),
		once(func(user) *parleyv1.ListConversationsRequest {
			return &parleyv1.ListConversationsRequest{Consistency: parleyv1.Consistency_CONSISTENCY_LOCAL}
		}),
	},
	chatMethod + "DeleteMessages": {ask(func(_ user, a aim) *parleyv1.DeleteMessagesRequest {
		return &parleyv1.DeleteMessagesRequest{RequestId: rid().s, Ids: []uint64{a.id}}
	})},
	chatMethod + "DeleteUser": {
		once(func(user) *parleyv1.DeleteUserRequest {
			return &parleyv1.DeleteUserRequest{RequestId: rid().s, Password: "not the right one"}
		}),
	},
	chatMethod + "Subscribe": {
		once(func(user) *parleyv1.SubscribeRequest { return &parleyv1.SubscribeRequest{} }),
		{once: true, tells: true, ask: func(h *house, by user, _ aim) proto.Message {
			r := &parleyv1.SubscribeRequest{Cursor: h.outsiders[0].cursor}
			for _, o := range h.outsiders {
				if o.name == by.name && o.cursor != "" {
					r.Cursor = o.cursor
				}
			}
			return r
		}},
	},
	chatMethod + "CreateRoom": {
		{instead: taken, ask: func(_ *house, _ user, a aim) proto.Message {
			return &parleyv1.CreateRoomRequest{RequestId: rid().s, Room: a.room, Topic: "mine now"}
		}},
		{instead: func(h *house, ghost aim) aim { ghost.was = "#strangers"; return ghost }, ask: func(_ *house, _ user, a aim) proto.Message {
			return &parleyv1.CreateRoomRequest{RequestId: rid().s, Room: a.was, Private: true}
		}},
	},
	chatMethod + "UpdateRoom": {
		update(func(r *parleyv1.UpdateRoomRequest) { r.Topic = new(string) }),
		update(func(r *parleyv1.UpdateRoomRequest) { r.Private = new(bool) }),
		update(func(r *parleyv1.UpdateRoomRequest) { r.RetainDays = proto.Uint32(1) }),
		update(func(r *parleyv1.UpdateRoomRequest) { r.NewName = proto.String("#qzrenamed") }),
		{never: "operator", ask: func(_ *house, _ user, a aim) proto.Message {
			return &parleyv1.UpdateRoomRequest{RequestId: rid().s, Room: a.room, Archived: proto.Bool(true)}
		}},
		{never: "operator", ask: func(_ *house, _ user, a aim) proto.Message {
			return &parleyv1.UpdateRoomRequest{RequestId: rid().s, Room: a.room, Archived: proto.Bool(false)}
		}},
		{only: "stranger", instead: func(_ *house, ghost aim) aim { ghost.room = "#friends"; return ghost },
			ask: func(_ *house, _ user, a aim) proto.Message {
				return &parleyv1.UpdateRoomRequest{RequestId: rid().s, Room: "#strangers", NewName: &a.room}
			}},
		// An operator closes any room by its name, and is told nothing else of it.
		{only: "operator", once: true, last: true, ask: func(_ *house, _ user, a aim) proto.Message {
			return &parleyv1.UpdateRoomRequest{RequestId: rid().s, Room: a.room, Archived: proto.Bool(true)}
		}},
	},
	chatMethod + "SetMembership": {
		set(parleyv1.Membership_MEMBERSHIP_BANNED, nobody),
		set(parleyv1.Membership_MEMBERSHIP_OWNER, nobody),
		set(parleyv1.Membership_MEMBERSHIP_INVITED, nobody),
		set(parleyv1.Membership_MEMBERSHIP_INVITED, somebody),
		set(parleyv1.Membership_MEMBERSHIP_UNSPECIFIED, somebody),
		set(parleyv1.Membership_MEMBERSHIP_BANNED, somebody),
		set(parleyv1.Membership_MEMBERSHIP_OWNER, somebody),
		{never: "guest", ask: func(_ *house, _ user, a aim) proto.Message {
			return &parleyv1.SetMembershipRequest{RequestId: rid().s, Room: a.room, Membership: parleyv1.Membership_MEMBERSHIP_MEMBER}
		}},
		{never: "guest", ask: func(_ *house, _ user, a aim) proto.Message {
			return &parleyv1.SetMembershipRequest{RequestId: rid().s, Room: a.room}
		}},
		{never: "guest", ask: func(_ *house, _ user, a aim) proto.Message {
			return &parleyv1.SetMembershipRequest{RequestId: rid().s, Room: a.was, Membership: parleyv1.Membership_MEMBERSHIP_MEMBER}
		}},
	},
	chatMethod + "ListRooms": {
		tells(once(func(user) *parleyv1.ListRoomsRequest { return &parleyv1.ListRoomsRequest{} })),
		tells(once(func(user) *parleyv1.ListRoomsRequest { return &parleyv1.ListRoomsRequest{Mine: true} })),
		tells(ask(func(_ user, a aim) *parleyv1.ListRoomsRequest { return &parleyv1.ListRoomsRequest{Pattern: a.room[1:]} })),
		ask(func(_ user, a aim) *parleyv1.ListRoomsRequest { return &parleyv1.ListRoomsRequest{Pattern: a.was[1:]} }),
		ask(func(_ user, a aim) *parleyv1.ListRoomsRequest {
			return &parleyv1.ListRoomsRequest{PageToken: a.room[1:]}
		}),
		ask(func(_ user, a aim) *parleyv1.ListRoomsRequest {
			return &parleyv1.ListRoomsRequest{Pattern: a.prefix + "*", PageSize: 1}
		}),
	},
	chatMethod + "ListRoomMembers": {
		tells(ask(func(_ user, a aim) *parleyv1.ListRoomMembersRequest {
			return &parleyv1.ListRoomMembersRequest{Room: a.room}
		})),
		ask(func(_ user, a aim) *parleyv1.ListRoomMembersRequest {
			return &parleyv1.ListRoomMembersRequest{Room: a.room, Membership: parleyv1.Membership_MEMBERSHIP_INVITED}
		}),
		ask(func(_ user, a aim) *parleyv1.ListRoomMembersRequest {
			return &parleyv1.ListRoomMembersRequest{Room: a.was, Membership: parleyv1.Membership_MEMBERSHIP_BANNED}
		}),
	},
	chatMethod + "EditMessage": {ask(func(_ user, a aim) *parleyv1.EditMessageRequest {
		return &parleyv1.EditMessageRequest{RequestId: rid().s, Id: a.id, Text: "put into their mouths"}
	})},
	chatMethod + "Annotate": {
		annotate(parleyv1.AnnotationKind_ANNOTATION_KIND_REACTION, "👍", true),
		annotate(parleyv1.AnnotationKind_ANNOTATION_KIND_REACTION, "👍", false),
		annotate(parleyv1.AnnotationKind_ANNOTATION_KIND_PIN, "", true),
		annotate(parleyv1.AnnotationKind_ANNOTATION_KIND_PIN, "", false),
	},
	chatMethod + "GetMessage": {
		tells(ask(func(_ user, a aim) *parleyv1.GetMessageRequest { return &parleyv1.GetMessageRequest{Id: a.id} })),
		tells(ask(func(_ user, a aim) *parleyv1.GetMessageRequest {
			return &parleyv1.GetMessageRequest{Id: a.id, Consistency: parleyv1.Consistency_CONSISTENCY_LOCAL}
		})),
	},
	chatMethod + "SetReadMark": {
		ask(func(_ user, a aim) *parleyv1.SetReadMarkRequest {
			return &parleyv1.SetReadMarkRequest{RequestId: rid().s, Conversation: a.room, Seq: 1}
		}),
		ask(func(_ user, a aim) *parleyv1.SetReadMarkRequest {
			return &parleyv1.SetReadMarkRequest{RequestId: rid().s, Conversation: "@" + a.user, Seq: 1}
		}),
	},
	chatMethod + "SetMute": {
		ask(func(_ user, a aim) *parleyv1.SetMuteRequest {
			return &parleyv1.SetMuteRequest{RequestId: rid().s, Conversation: a.room, Mute: parleyv1.Mute_MUTE_ALL}
		}),
		ask(func(_ user, a aim) *parleyv1.SetMuteRequest {
			return &parleyv1.SetMuteRequest{RequestId: rid().s, Conversation: "@" + a.user, Mute: parleyv1.Mute_MUTE_ALL}
		}),
	},
	chatMethod + "SearchMessages": {
		tells(find("WORD")), find("WORD*"), find(`"WORD for the night"`), tells(find("WORD in:ROOM")), find("in:ROOM"), find("in:WAS"),
		tells(find("from:USER")), find("in:@USER"), find("WORD -from:USER"), find("morning -in:ROOM"), find("morning -WORD"),
		ask(func(_ user, a aim) *parleyv1.SearchMessagesRequest {
			return &parleyv1.SearchMessagesRequest{Query: a.word, Order: parleyv1.SearchOrder_SEARCH_ORDER_BEST}
		}),
		ask(func(_ user, a aim) *parleyv1.SearchMessagesRequest {
			return &parleyv1.SearchMessagesRequest{Query: a.word, PageSize: 1, Consistency: parleyv1.Consistency_CONSISTENCY_LOCAL}
		}),
	},
	chatMethod + "UpdateProfile": {once(func(user) *parleyv1.UpdateProfileRequest {
		return &parleyv1.UpdateProfileRequest{RequestId: rid().s, Status: proto.String("curious")}
	})},
	chatMethod + "SetBlock": {
		last(ask(func(_ user, a aim) *parleyv1.SetBlockRequest {
			return &parleyv1.SetBlockRequest{RequestId: rid().s, Username: a.user, Blocked: true}
		})),
		last(ask(func(_ user, a aim) *parleyv1.SetBlockRequest {
			return &parleyv1.SetBlockRequest{RequestId: rid().s, Username: a.user, Blocked: false}
		})),
	},
	chatMethod + "ListBlocks": {once(func(user) *parleyv1.ListBlocksRequest { return &parleyv1.ListBlocksRequest{} })},
	chatMethod + "SetPresence": {once(func(user) *parleyv1.SetPresenceRequest {
		return &parleyv1.SetPresenceRequest{Presence: parleyv1.Presence_PRESENCE_ACTIVE}
	})},
	chatMethod + "SendTyping": {
		ask(func(_ user, a aim) *parleyv1.SendTypingRequest {
			return &parleyv1.SendTypingRequest{Conversation: a.room}
		}),
		ask(func(_ user, a aim) *parleyv1.SendTypingRequest {
			return &parleyv1.SendTypingRequest{Conversation: a.was}
		}),
		ask(func(_ user, a aim) *parleyv1.SendTypingRequest {
			return &parleyv1.SendTypingRequest{Conversation: "@" + a.user}
		}),
	},
	chatMethod + "ListPresence": {ask(func(_ user, a aim) *parleyv1.ListPresenceRequest {
		return &parleyv1.ListPresenceRequest{Usernames: []string{a.user, a.bot}}
	})},
	chatMethod + "CreateBot": {
		ask(func(by user, a aim) *parleyv1.CreateBotRequest {
			return &parleyv1.CreateBotRequest{RequestId: rid().s, Username: "ear-of-" + by.name, Conversation: a.room, Token: randomToken()}
		}),
		ask(func(by user, a aim) *parleyv1.CreateBotRequest {
			return &parleyv1.CreateBotRequest{RequestId: rid().s, Username: "ear-of-" + by.name, Conversation: "@" + a.user, Token: randomToken()}
		}),
		ask(func(by user, a aim) *parleyv1.CreateBotRequest {
			return &parleyv1.CreateBotRequest{RequestId: rid().s, Username: a.bot, Conversation: a.room, Token: randomToken()}
		}),
		ask(func(by user, a aim) *parleyv1.CreateBotRequest {
			return &parleyv1.CreateBotRequest{RequestId: rid().s, Username: a.user, Conversation: "@" + by.name, Token: randomToken()}
		}),
	},
	chatMethod + "DeleteBot": {ask(func(_ user, a aim) *parleyv1.DeleteBotRequest {
		return &parleyv1.DeleteBotRequest{RequestId: rid().s, Username: a.bot}
	})},

	clusterMethod + "Status":    {once(func(user) *parleyv1.StatusRequest { return &parleyv1.StatusRequest{} })},
	clusterMethod + "StateHash": {once(func(user) *parleyv1.StateHashRequest { return &parleyv1.StateHashRequest{} })},
	clusterMethod + "TransferLeadership": {refused(func(user, aim) *parleyv1.TransferLeadershipRequest {
		return &parleyv1.TransferLeadershipRequest{To: "n2"}
	})},
	clusterMethod + "ChangeMembers": {refused(func(user, aim) *parleyv1.ChangeMembersRequest {
		return &parleyv1.ChangeMembersRequest{RequestId: rid().s, Remove: []string{"n2"}}
	})},
	clusterMethod + "SetOperator": {refused(func(by user, _ aim) *parleyv1.SetOperatorRequest {
		return &parleyv1.SetOperatorRequest{RequestId: rid().s, Username: by.name, Operator: true}
	})},
	clusterMethod + "ResetPassword": {refused(func(_ user, a aim) *parleyv1.ResetPasswordRequest {
		return &parleyv1.ResetPasswordRequest{RequestId: rid().s, Username: a.user, NewPassword: "another one"}
	})},
	clusterMethod + "ImportAccounts": {refused(func(_ user, a aim) *parleyv1.ImportAccountsRequest {
		return &parleyv1.ImportAccountsRequest{RequestId: rid().s, Accounts: []*parleyv1.ImportAccount{
			{Username: a.user, PasswordHash: importPHC(19456, 2, 1, 16, 32)}}}
	})},
	clusterMethod + "SuspendUser": {refused(func(_ user, a aim) *parleyv1.SuspendUserRequest {
		return &parleyv1.SuspendUserRequest{RequestId: rid().s, Username: a.user, Suspended: true}
	})},
	clusterMethod + "RemoveUser": {refused(func(_ user, a aim) *parleyv1.RemoveUserRequest {
		return &parleyv1.RemoveUserRequest{RequestId: rid().s, Username: a.user}
	})},
	clusterMethod + "GetSettings": {once(func(user) *parleyv1.GetSettingsRequest { return &parleyv1.GetSettingsRequest{} })},
	clusterMethod + "UpdateSettings": {refused(func(user, aim) *parleyv1.UpdateSettingsRequest {
		return &parleyv1.UpdateSettingsRequest{RequestId: rid().s, RetainDays: proto.Uint32(1)}
	})},
	clusterMethod + "CreateInvite": {refused(func(user, aim) *parleyv1.CreateInviteRequest {
		return &parleyv1.CreateInviteRequest{RequestId: rid().s, Code: "abcdefghijklmnopqrst"}
	})},
	clusterMethod + "ListInvites": {once(func(user) *parleyv1.ListInvitesRequest { return &parleyv1.ListInvitesRequest{} })},
	clusterMethod + "RevokeInvite": {refused(func(user, aim) *parleyv1.RevokeInviteRequest {
		return &parleyv1.RevokeInviteRequest{RequestId: rid().s, Id: "1"}
	})},
	// An operator sees who logged in and what operators did; the others see nothing.
	clusterMethod + "ListAudit": {
		{never: "operator", once: true, ask: func(*house, user, aim) proto.Message { return &parleyv1.ListAuditRequest{PageSize: 1000} }},
		{only: "operator", once: true, knows: accountNames, ask: func(*house, user, aim) proto.Message { return &parleyv1.ListAuditRequest{PageSize: 1000} }},
	},
	// A backup is everything: for operators.
	clusterMethod + "Backup": {refused(func(user, aim) *parleyv1.BackupRequest { return &parleyv1.BackupRequest{} })},

	"/grpc.health.v1.Health/Check": {once(func(user) *healthpb.HealthCheckRequest { return &healthpb.HealthCheckRequest{} })},
	"/grpc.health.v1.Health/Watch": {once(func(user) *healthpb.HealthCheckRequest { return &healthpb.HealthCheckRequest{} })},
	"/grpc.health.v1.Health/List":  {once(func(user) *healthpb.HealthListRequest { return &healthpb.HealthListRequest{} })},
	"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": {once(func(user) *reflectionpb.ServerReflectionRequest {
		return &reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}}
	})},
	"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": {once(func(user) *reflectionalphapb.ServerReflectionRequest { //nolint:staticcheck // older tools ask by it
		return &reflectionalphapb.ServerReflectionRequest{MessageRequest: &reflectionalphapb.ServerReflectionRequest_ListServices{}} //nolint:staticcheck // as above
	})},
}

// last puts off a case that makes the caller known to those whom it is about.
func last(p probe) probe { p.last = true; return p }

// refused is for what only operators may do, and would do here.
func refused[M proto.Message](f func(by user, a aim) M) probe {
	p := ask(f)
	p.never = "operator"
	return p
}
