package common

import (
	"context"
	"time"

	"parley/proto/parleyv1"
)

// Backend is what the terminal client needs of a cluster. *client.Client, through the adapter in package tui, is the real
// one; tests script their own.
//
// Writes carry a request id chosen here; calling again with the same id is the same request. Every method but Link, Links,
// Token and Explain may block. All are safe for concurrent use.
type Backend interface {
	// Link is the state of the connection as of now.
	Link() Link
	// Links delivers later states. It is asked for once.
	Links() <-chan Link
	// Token is the session token, empty without a session.
	Token() []byte
	// Reconnect tries the nodes again at once.
	Reconnect(ctx context.Context)
	// Explain turns any error of the other methods into words.
	Explain(err error) Failure

	Accounts
	Messages
	Rooms
	People
	Operators

	// Subscribe follows every change after the cursor, over fail-overs, without gap or duplicate.
	Subscribe(ctx context.Context, cursor string) Stream
}

// Accounts are sessions and the caller's own account.
type Accounts interface {
	CreateUser(context.Context, *parleyv1.CreateUserRequest) (*parleyv1.CreateUserResponse, error)
	Login(ctx context.Context, username, password, label string) (*parleyv1.LoginResponse, error)
	LogoutWith(context.Context, *parleyv1.LogoutRequest) error
	WhoAmI(context.Context, *parleyv1.WhoAmIRequest) (*parleyv1.WhoAmIResponse, error)
	ChangePassword(context.Context, *parleyv1.ChangePasswordRequest) (*parleyv1.ChangePasswordResponse, error)
	ListSessions(context.Context, *parleyv1.ListSessionsRequest) (*parleyv1.ListSessionsResponse, error)
	RevokeSession(context.Context, *parleyv1.RevokeSessionRequest) (*parleyv1.RevokeSessionResponse, error)
	UpdateProfile(context.Context, *parleyv1.UpdateProfileRequest) (*parleyv1.UpdateProfileResponse, error)
	DeleteUser(context.Context, *parleyv1.DeleteUserRequest) (*parleyv1.DeleteUserResponse, error)
}

// Messages are conversations and what is in them.
type Messages interface {
	ListConversations(context.Context, *parleyv1.ListConversationsRequest) (*parleyv1.ListConversationsResponse, error)
	SendMessage(context.Context, *parleyv1.SendMessageRequest) (*parleyv1.SendMessageResponse, error)
	ReadMessages(context.Context, *parleyv1.ReadMessagesRequest) (*parleyv1.ReadMessagesResponse, error)
	GetMessage(context.Context, *parleyv1.GetMessageRequest) (*parleyv1.GetMessageResponse, error)
	EditMessage(context.Context, *parleyv1.EditMessageRequest) (*parleyv1.EditMessageResponse, error)
	Annotate(context.Context, *parleyv1.AnnotateRequest) (*parleyv1.AnnotateResponse, error)
	DeleteMessages(context.Context, *parleyv1.DeleteMessagesRequest) (*parleyv1.DeleteMessagesResponse, error)
	MarkRead(context.Context, *parleyv1.MarkReadRequest) (*parleyv1.MarkReadResponse, error)
	SetReadMark(context.Context, *parleyv1.SetReadMarkRequest) (*parleyv1.SetReadMarkResponse, error)
	SetMute(context.Context, *parleyv1.SetMuteRequest) (*parleyv1.SetMuteResponse, error)
	SearchMessages(context.Context, *parleyv1.SearchMessagesRequest) (*parleyv1.SearchMessagesResponse, error)
}

// Rooms are rooms and who is in them.
type Rooms interface {
	CreateRoom(context.Context, *parleyv1.CreateRoomRequest) (*parleyv1.CreateRoomResponse, error)
	UpdateRoom(context.Context, *parleyv1.UpdateRoomRequest) (*parleyv1.UpdateRoomResponse, error)
	SetMembership(context.Context, *parleyv1.SetMembershipRequest) (*parleyv1.SetMembershipResponse, error)
	ListRooms(context.Context, *parleyv1.ListRoomsRequest) (*parleyv1.ListRoomsResponse, error)
	ListRoomMembers(context.Context, *parleyv1.ListRoomMembersRequest) (*parleyv1.ListRoomMembersResponse, error)
}

// People are the other accounts: who they are, who is there, who is blocked.
type People interface {
	ListUsers(context.Context, *parleyv1.ListUsersRequest) (*parleyv1.ListUsersResponse, error)
	SetBlock(context.Context, *parleyv1.SetBlockRequest) (*parleyv1.SetBlockResponse, error)
	ListBlocks(context.Context, *parleyv1.ListBlocksRequest) (*parleyv1.ListBlocksResponse, error)
	SetPresence(context.Context, *parleyv1.SetPresenceRequest) (*parleyv1.SetPresenceResponse, error)
	SendTyping(context.Context, *parleyv1.SendTypingRequest) (*parleyv1.SendTypingResponse, error)
	ListPresence(context.Context, *parleyv1.ListPresenceRequest) (*parleyv1.ListPresenceResponse, error)
	CreateBot(context.Context, *parleyv1.CreateBotRequest) (*parleyv1.CreateBotResponse, error)
	DeleteBot(context.Context, *parleyv1.DeleteBotRequest) (*parleyv1.DeleteBotResponse, error)
}

// Operators look after the cluster and its accounts. Status is open to everybody.
type Operators interface {
	Status(context.Context, *parleyv1.StatusRequest) (*parleyv1.StatusResponse, error)
	TransferLeadership(context.Context, *parleyv1.TransferLeadershipRequest) (*parleyv1.TransferLeadershipResponse, error)
	ChangeMembers(context.Context, *parleyv1.ChangeMembersRequest) (*parleyv1.ChangeMembersResponse, error)
	SetOperator(context.Context, *parleyv1.SetOperatorRequest) (*parleyv1.SetOperatorResponse, error)
	ResetPassword(context.Context, *parleyv1.ResetPasswordRequest) (*parleyv1.ResetPasswordResponse, error)
	SuspendUser(context.Context, *parleyv1.SuspendUserRequest) (*parleyv1.SuspendUserResponse, error)
	RemoveUser(context.Context, *parleyv1.RemoveUserRequest) (*parleyv1.RemoveUserResponse, error)
	GetSettings(context.Context, *parleyv1.GetSettingsRequest) (*parleyv1.GetSettingsResponse, error)
	UpdateSettings(context.Context, *parleyv1.UpdateSettingsRequest) (*parleyv1.UpdateSettingsResponse, error)
	CreateInvite(context.Context, *parleyv1.CreateInviteRequest) (*parleyv1.CreateInviteResponse, error)
	ListInvites(context.Context, *parleyv1.ListInvitesRequest) (*parleyv1.ListInvitesResponse, error)
	RevokeInvite(context.Context, *parleyv1.RevokeInviteRequest) (*parleyv1.RevokeInviteResponse, error)
	ListAudit(context.Context, *parleyv1.ListAuditRequest) (*parleyv1.ListAuditResponse, error)
}

// Stream is a live subscription. Next blocks until a frame came; after an error it is of no more use.
type Stream interface {
	Next(ctx context.Context) (*parleyv1.SubscribeResponse, error)
	Close()
}

// Phase is what the client library says about its connection.
type Phase int

// The phases, in the order a person meets them.
const (
	Connecting Phase = iota
	Ready
	FailingOver // the node is lost, another is looked for
	Electing    // the node is there, the cluster has no leader yet
	NoQuorum    // the node is there, and alone: it only reads
	Offline
)

// Link is the connection at one moment. State says what it amounts to.
type Link struct {
	Phase   Phase
	Node    string // name of the node in use, or last in use
	Address string
	Leader  string // empty when unknown
	Term    uint64
	// ClusterID tells one cluster from another; empty until a node told it.
	ClusterID string
	Since     time.Time // when this phase began
	Members   []Member  // as far as learned
	Err       string    // why it is not ready, for a person

	Draining          string    // our node, or the one we just left, that is being taken out of service
	Drained           string    // the node we left last, if that was why
	Trying            string    // the node or address that is being tried while none is in use
	Attempt, Attempts int       // the how manieth of how many addresses that is; Attempts 0: not known
	NextTry           time.Time // when the next address is tried; zero when one is being tried now

	// What the pages know and the library does not; the root model keeps it over the library's news.
	RTT    time.Duration // the last round trip to Node; 0: not measured
	Sync   Sync
	Barred Bar
}

// Member is one node as the cluster pane shows it.
type Member struct {
	Name      string
	Address   string
	Voter     bool
	Reachable bool
	Applied   uint64
	Draining  bool   // it is being taken out of service
	Trouble   string // why the last connection to it failed; empty when it did not
}

// Outcome says what became of a write that failed.
type Outcome int

// Refused is the server's verdict; NotApplied means it did not and will not take effect; Unknown means that only a retry
// with the same request id tells.
const (
	Refused Outcome = iota
	NotApplied
	Unknown
)

// Failure is an error in words, with what became of the request.
type Failure struct {
	Outcome  Outcome
	Text     string // one sentence, cleaned
	Hint     string // what to do next; may be empty
	Auth     bool   // the session is over
	Version  bool   // the node does not know the call
	NotFound bool
	Invite   bool // a code that an operator gave out would help
}

// Error makes a Failure usable as an error, which scripted backends return as they are.
func (f Failure) Error() string {
	if f.Hint == "" {
		return f.Text
	}
	return f.Text + " (" + f.Hint + ")"
}
