package api

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net"
	"net/netip"
	"strings"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// who may call a method.
type who int

const (
	// public: anyone who reaches the port.
	public who = iota + 1
	// session: any account, by its token.
	session
	// sessionOrSocket: any account, or the admin socket without a token.
	sessionOrSocket
	// operator: an account with the operator bit, or the admin socket without a token. The bit is decided in Apply, or
	// after a read barrier where there is no command.
	operator
)

const (
	// chatService is also the name under which health is asked for.
	chatService = "parley.v1.ChatService"
	chatPath    = "/" + chatService + "/"
	clusterPath = "/parley.v1.ClusterService/"
)

// rules is the one table of who may call what. A method that is not in it is denied; a test walks the registered
// services and fails for one without a row.
var rules = map[string]who{
	chatPath + "CreateUser":        public,
	chatPath + "Login":             public,
	chatPath + "Logout":            session,
	chatPath + "WhoAmI":            session,
	chatPath + "ChangePassword":    session,
	chatPath + "ListSessions":      session,
	chatPath + "RevokeSession":     session,
	chatPath + "ListUsers":         session,
	chatPath + "SendMessage":       session,
	chatPath + "SendMessages":      session,
	chatPath + "ReadMessages":      session,
	chatPath + "MarkRead":          session,
	chatPath + "ListConversations": session,
	chatPath + "SearchMessages":    session,
	chatPath + "DeleteMessages":    session,
	chatPath + "DeleteUser":        session,
	chatPath + "Subscribe":         session,
	chatPath + "SetPresence":       session,
	chatPath + "SendTyping":        session,
	chatPath + "ListPresence":      session,
	chatPath + "UpdateProfile":     session,
	chatPath + "SetBlock":          session,
	chatPath + "ListBlocks":        session,
	chatPath + "CreateBot":         session,
	chatPath + "DeleteBot":         session,

	chatPath + "CreateRoom": session,
	// Any account may ask, and the admin socket: which rooms an operator or a socket may archive is decided in Apply.
	chatPath + "UpdateRoom":      sessionOrSocket,
	chatPath + "SetMembership":   session,
	chatPath + "ListRooms":       session,
	chatPath + "ListRoomMembers": session,
	chatPath + "EditMessage":     session,
	chatPath + "Annotate":        session,
	chatPath + "GetMessage":      session,
	chatPath + "SetReadMark":     session,
	chatPath + "SetMute":         session,

	clusterPath + "Status":             sessionOrSocket,
	clusterPath + "StateHash":          sessionOrSocket,
	clusterPath + "TransferLeadership": operator,
	clusterPath + "ChangeMembers":      operator,
	clusterPath + "SetOperator":        operator,
	clusterPath + "ResetPassword":      operator,
	clusterPath + "ImportAccounts":     operator,
	clusterPath + "SuspendUser":        operator,
	clusterPath + "RemoveUser":         operator,
	clusterPath + "GetSettings":        operator,
	clusterPath + "UpdateSettings":     operator,
	clusterPath + "CreateInvite":       operator,
	clusterPath + "ListInvites":        operator,
	clusterPath + "RevokeInvite":       operator,
	clusterPath + "ListAudit":          operator,
	clusterPath + "Backup":             operator,

	"/grpc.health.v1.Health/Check": public,
	"/grpc.health.v1.Health/Watch": public,
	"/grpc.health.v1.Health/List":  public,

	"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo":      public,
	"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": public,
}

// scoped are the methods that a bot's token may call. Apply holds it to its conversation.
var scoped = map[string]bool{
	chatPath + "SendMessage":  true,
	chatPath + "SendMessages": true,
	chatPath + "WhoAmI":       true,
}

// caller is what is known of who calls, before the state is asked.
type caller struct {
	// token is the SHA-256 of the session token; nil when the call needs none.
	token []byte
	// socket is set for a call without a token over the admin socket: as trusted as the data directory.
	socket bool
	// scoped is set for a method that a bot's token may call.
	scoped bool
	// peer is where the client calls from; nil when that is not known.
	peer net.Addr
}

// addr is the client's address for the failure counts; empty on the socket.
func (c caller) addr() string {
	if c.peer == nil {
		return ""
	}
	return addrKey(c.peer)
}

type callerKey struct{}

func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

// admit applies the table. On the admin socket the rows that allow it need no token.
func admit(ctx context.Context, method string, admin bool) (context.Context, error) {
	row, ok := rules[method]
	if !ok {
		return nil, notAllowed("this method is open to nobody; the client and the server may be of different versions")
	}
	c := caller{scoped: scoped[method]}
	if p, ok := peer.FromContext(ctx); ok {
		c.peer = p.Addr
	}
	switch {
	case row == public:
	case admin && row != session:
		c.socket = true
	default:
		token, err := bearer(ctx)
		if err != nil {
			return nil, err
		}
		c.token = token
	}
	return context.WithValue(ctx, callerKey{}, c), nil
}

// bearer is the hash of the call's token. A token of the wrong form is told apart from none, for whoever writes a
// client.
func bearer(ctx context.Context) ([]byte, error) {
	values := metadata.ValueFromIncomingContext(ctx, "authorization") // not FromIncomingContext, which copies all there is
	switch {
	case len(values) == 0:
		return nil, sessionMissing("the call carries no session token")
	case len(values) > 1:
		return nil, sessionMissing("the call carries more than one authorization")
	}
	scheme, value, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "bearer") {
		return nil, sessionMissing("the authorization is not a bearer token")
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(strings.TrimSpace(value))
	if err != nil || len(raw) != tokenBytes {
		return nil, sessionMissing("the session token is not 32 bytes of base64url")
	}
	sum := sha256.Sum256(raw)
	return sum[:], nil
}

// addrKey is what failures are counted by: an IPv4 address, or an IPv6 /64, which is what one site has.
func addrKey(a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return ""
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	if ip.Is6() {
		return netip.PrefixFrom(ip, 64).Masked().String()
	}
	return ip.String()
}
