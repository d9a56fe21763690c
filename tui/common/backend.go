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

	CreateUser(context.Context, *parleyv1.CreateUserRequest) (*parleyv1.CreateUserResponse, error)
	Login(ctx context.Context, username, password, label string) (*parleyv1.LoginResponse, error)
	LogoutWith(context.Context, *parleyv1.LogoutRequest) error
	WhoAmI(context.Context, *parleyv1.WhoAmIRequest) (*parleyv1.WhoAmIResponse, error)
	ListUsers(context.Context, *parleyv1.ListUsersRequest) (*parleyv1.ListUsersResponse, error)
	SendMessage(context.Context, *parleyv1.SendMessageRequest) (*parleyv1.SendMessageResponse, error)
	ReadMessages(context.Context, *parleyv1.ReadMessagesRequest) (*parleyv1.ReadMessagesResponse, error)
	MarkRead(context.Context, *parleyv1.MarkReadRequest) (*parleyv1.MarkReadResponse, error)
	ListConversations(context.Context, *parleyv1.ListConversationsRequest) (*parleyv1.ListConversationsResponse, error)
	DeleteMessages(context.Context, *parleyv1.DeleteMessagesRequest) (*parleyv1.DeleteMessagesResponse, error)
	DeleteUser(context.Context, *parleyv1.DeleteUserRequest) (*parleyv1.DeleteUserResponse, error)
	// Subscribe follows every change after the cursor, over fail-overs, without gap or duplicate.
	Subscribe(ctx context.Context, cursor string) Stream
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

// Link is the connection at one moment.
type Link struct {
	Phase   Phase
	Node    string // name of the node in use, or last in use
	Address string
	Leader  string // empty when unknown
	Term    uint64
	Since   time.Time // when this phase began
	Members []Member  // as far as learned
	Err     string    // why it is not ready, for a person
}

// Member is one node as the cluster pane shows it.
type Member struct {
	Name      string
	Address   string
	Voter     bool
	Reachable bool
	Applied   uint64
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
	NotFound bool
}

// Error makes a Failure usable as an error, which scripted backends return as they are.
func (f Failure) Error() string {
	if f.Hint == "" {
		return f.Text
	}
	return f.Text + " (" + f.Hint + ")"
}
