package api

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"parley/node"
	"parley/proto/internalv1"
	"parley/proto/parleyv1"
	"parley/search"
	"parley/store"
)

// What must not be known outside. Each is in no other name or text.
const (
	ownerName, memberName, botName  = "zqowner1", "zqbishop", "zqbothog"
	roomName, roomWas               = "zqvault8", "zqcellar"
	roomTopic, topicWas             = "zqtopic two", "zqtopic one"
	earlyText, secretText           = "zqearly words", "zqplans for the night"
	editedText, editedWas, sentBack = "zqedited text", "zqfirst text", "zqreply text"
	directText, ownText, goneText   = "zqdirect words", "zqmine words", "zqgone words"
	secretReaction                  = "🦤"
)

// house is a real node. In it are a private room of an owner and a member, a direct conversation of the two, and outsiders.
type house struct {
	node   *node.Node
	server *Server
	grpc   *grpc.Server
	conn   *grpc.ClientConn
	chat   parleyv1.ChatServiceClient

	owner, member, friend user
	outsiders             []outsider
	secrets               []string
	// real are what requests are about; ghosts[i] stands in for real[i] and is not there, or has nothing to do with the rest.
	real, ghosts []aim
}

// outsider is somebody who has no part in the secrets.
type outsider struct {
	user
	// cursor is one from when it had, or could have had, a part in them.
	cursor string
	// knows are secrets that it may be told.
	knows []string
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{secrets: []string{
		ownerName, memberName, botName, roomName, roomWas, roomTopic, topicWas, earlyText, secretText, editedText, editedWas, sentBack,
		directText, ownText, goneText, secretReaction,
	}}
	h.serve(t)
	h.furnish(t)
	return h
}

func (h *house) serve(t *testing.T) {
	t.Helper()
	pl, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	h.node, err = node.Start(t.Context(), node.Config{
		Name: "n1", Dir: t.TempDir(), Address: "127.0.0.1:1", PeerAddress: pl.Addr().String(), PeerListener: pl,
		FirstMembers: map[string]string{"n1": pl.Addr().String()},
	})
	must(t, err)
	t.Cleanup(func() { _ = h.node.Stop(context.Background()) })
	x, err := search.Open(search.Options{Dir: t.TempDir(), Store: h.node.Store(), Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	t.Cleanup(x.Close)
	h.server = New(h.node, h.node.Store(), Options{Search: x})
	t.Cleanup(h.server.Drain)
	h.server.heartbeatAfter = 20 * time.Millisecond
	h.server.typings, h.server.presences = freely(), freely()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	h.grpc = grpc.NewServer(h.server.ServerOptions(false)...)
	h.server.Register(h.grpc)
	done := make(chan struct{})
	go func() { defer close(done); _ = h.grpc.Serve(h.server.Listener(l)) }() // ends with the server
	t.Cleanup(func() { h.grpc.Stop(); <-done })
	h.conn, err = grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	t.Cleanup(func() { _ = h.conn.Close() })
	h.chat = parleyv1.NewChatServiceClient(h.conn)
	await(t, "the cluster version of rooms", func() bool { return h.node.Status().ClusterVersion >= 3 })
}

func freely() *buckets { return newBuckets(1e9, 1e9, maxBuckets, time.Now) }

// apply proposes a command of the test's own.
func (h *house) apply(t *testing.T, c *internalv1.Command) *internalv1.Result {
	t.Helper()
	c.RequestId = rid().raw
	b, err := proto.Marshal(c)
	must(t, err)
	out, err := h.node.Propose(t.Context(), b)
	must(t, err)
	res := new(internalv1.Result)
	must(t, proto.Unmarshal(out, res))
	if res.GetRefusal() != nil {
		t.Fatalf("refused: %v", res)
	}
	return res
}

func (h *house) user(t *testing.T, name string) user {
	t.Helper()
	h.apply(t, &internalv1.Command{Body: &internalv1.Command_CreateUser{
		CreateUser: &internalv1.CreateUser{Username: name, DisplayName: name, PasswordPhc: cheapPHC(testPassword)}}})
	return h.session(t, name)
}

func (h *house) session(t *testing.T, name string) user {
	t.Helper()
	var cred store.Credentials
	must(t, h.server.withView(func(v *store.View) (err error) { cred, err = v.Credentials(name); return err }))
	token := randomToken()
	h.apply(t, &internalv1.Command{Body: &internalv1.Command_Login{
		Login: &internalv1.Login{Username: name, TokenSha256: sha(token), CredentialGeneration: cred.Generation, Client: "test"}}})
	return user{name: name, token: token, ctx: withToken(h.patient(t), token)}
}

// patient is bounded for a test of some thousand calls.
func (h *house) patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func (h *house) send(t *testing.T, u user, to, text string, replyTo uint64) uint64 {
	t.Helper()
	m, err := h.chat.SendMessage(u.ctx, &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: to, Text: text, ReplyTo: replyTo})
	must(t, err)
	return m.Id
}

// rank makes somebody what it shall be to a room.
func (h *house) rank(t *testing.T, by user, room, whom string, m parleyv1.Membership) {
	t.Helper()
	_, err := h.chat.SetMembership(by.ctx, &parleyv1.SetMembershipRequest{RequestId: rid().s, Room: room, Username: whom, Membership: m})
	must(t, err)
}

func (h *house) create(t *testing.T, by user, room, topic string, private bool) {
	t.Helper()
	_, err := h.chat.CreateRoom(by.ctx, &parleyv1.CreateRoomRequest{RequestId: rid().s, Room: room, Topic: topic, Private: private})
	must(t, err)
}

func (h *house) react(t *testing.T, by user, id uint64, kind parleyv1.AnnotationKind, value string) {
	t.Helper()
	_, err := h.chat.Annotate(by.ctx, &parleyv1.AnnotateRequest{RequestId: rid().s, Id: id, Kind: kind, Value: value, Present: true})
	must(t, err)
}

// bot gives a person a bot that may send to one conversation.
func (h *house) bot(t *testing.T, of user, name, conversation string) user {
	t.Helper()
	token := randomToken()
	h.apply(t, &internalv1.Command{Session: sha(of.token), Body: &internalv1.Command_CreateBot{CreateBot: &internalv1.CreateBot{
		Username: name, DisplayName: name, Conversation: conversation, TokenSha256: sha(token)}}})
	return user{name: name, token: token, ctx: withToken(h.patient(t), token)}
}

// furnish makes the secrets, and the outsiders who had, or were offered, a part in some of them.
func (h *house) furnish(t *testing.T) {
	t.Helper()
	h.owner, h.member, h.friend = h.user(t, ownerName), h.user(t, memberName), h.user(t, "qzfriend")
	h.user(t, "qzowner1") // stands in for the owner
	h.create(t, h.owner, "#"+roomWas, topicWas, true)
	join := func(u user) {
		h.rank(t, h.owner, "#"+roomWas, u.name, parleyv1.Membership_MEMBERSHIP_INVITED)
		h.rank(t, u, "#"+roomWas, "", parleyv1.Membership_MEMBERSHIP_MEMBER)
	}
	join(h.member)
	early := h.send(t, h.owner, "#"+roomWas, earlyText, 0)
	for _, name := range []string{"stranger", "guest", "kicked", "banned", "gone", "bot", "operator"} {
		var o outsider
		o.name = name
		if name == "bot" {
			o.user = h.bot(t, h.outsiders[0].user, name, "#strangers")
		} else {
			o.user = h.user(t, name)
			h.send(t, h.friend, "@"+name, "good morning", 0)
		}
		switch name {
		case "stranger":
			h.create(t, o.user, "#strangers", "", false)
			h.bot(t, h.owner, botName, "#"+roomWas)
			h.create(t, h.friend, "#friends", "", false)
			h.create(t, h.friend, "#"+roomName[:3], "", false)
			h.create(t, h.friend, "#qzv", "", false)
			h.bot(t, h.friend, "qzbothog", "@qzfriend")
		case "kicked", "banned", "gone":
			join(o.user)
			// It may be told that it is out, by the name that the room had then.
			o.knows = []string{roomWas}
		case "guest":
			o.knows = []string{roomName, roomTopic}
		case "operator":
			h.apply(t, &internalv1.Command{Body: &internalv1.Command_SetOperator{
				SetOperator: &internalv1.SetOperator{Username: name, Operator: true, FromAdminSocket: true}}})
		}
		if name != "bot" {
			r, err := h.chat.ListConversations(o.ctx, &parleyv1.ListConversationsRequest{})
			must(t, err)
			o.cursor = r.Cursor
		}
		h.outsiders = append(h.outsiders, o)
	}
	own := h.send(t, h.out("kicked"), "#"+roomWas, ownText, 0)
	h.rank(t, h.owner, "#"+roomWas, "kicked", parleyv1.Membership_MEMBERSHIP_UNSPECIFIED)
	h.rank(t, h.owner, "#"+roomWas, "banned", parleyv1.Membership_MEMBERSHIP_BANNED)
	h.rank(t, h.out("gone"), "#"+roomWas, "", parleyv1.Membership_MEMBERSHIP_UNSPECIFIED)
	name, topic := "#"+roomName, roomTopic
	_, err := h.chat.UpdateRoom(h.owner.ctx, &parleyv1.UpdateRoomRequest{
		RequestId: rid().s, Room: "#" + roomWas, NewName: &name, Topic: &topic})
	must(t, err)
	h.rank(t, h.owner, name, "guest", parleyv1.Membership_MEMBERSHIP_INVITED)
	ids := append(h.talk(t), own, early)
	// The stand-ins lie beside what they stand in for, in the order of names.
	for _, id := range ids {
		h.real = append(h.real, aim{room: name, was: "#" + roomWas, prefix: roomName[:3], user: ownerName, bot: botName, word: "zqplans", id: id})
		h.ghosts = append(h.ghosts, aim{room: "#zqvault7", was: "#zqcellas", prefix: "qzv", user: "qzowner1", bot: "qzbothog", word: "qzplans", id: id + 5000})
	}
}

// talk fills the room and the direct conversation with everything that can be done there, and returns the ids of the messages.
func (h *house) talk(t *testing.T) []uint64 {
	t.Helper()
	room := "#" + roomName
	named := h.send(t, h.owner, room, secretText+" @room @stranger @guest @kicked @banned @gone @operator", 0)
	root := h.send(t, h.member, room, editedWas, 0)
	_, err := h.chat.EditMessage(h.member.ctx, &parleyv1.EditMessageRequest{RequestId: rid().s, Id: root, Text: editedText})
	must(t, err)
	reply := h.send(t, h.owner, room, sentBack, root)
	h.react(t, h.owner, root, parleyv1.AnnotationKind_ANNOTATION_KIND_REACTION, secretReaction)
	h.react(t, h.owner, root, parleyv1.AnnotationKind_ANNOTATION_KIND_PIN, "")
	gone := h.send(t, h.owner, room, goneText, 0)
	_, err = h.chat.DeleteMessages(h.owner.ctx, &parleyv1.DeleteMessagesRequest{RequestId: rid().s, Ids: []uint64{gone}})
	must(t, err)
	direct := h.send(t, h.owner, "@"+memberName, directText, 0)
	h.react(t, h.member, direct, parleyv1.AnnotationKind_ANNOTATION_KIND_REACTION, secretReaction)
	return []uint64{root, named, reply, direct}
}

func (h *house) out(name string) user {
	for _, o := range h.outsiders {
		if o.name == name {
			return o.user
		}
	}
	return user{}
}
