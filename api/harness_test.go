package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/crypto/argon2"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"parley/node"
	"parley/proto/internalv1"
	"parley/proto/parleyv1"
	"parley/store"
)

// replica is a cluster of one without Raft: it applies what is proposed to a real store, in order, and can be told to
// fail.
type replica struct {
	mu     sync.Mutex
	store  *store.Store
	index  uint64
	status node.Status
	change chan struct{}
	// What Propose and ReadBarrier answer instead of working.
	proposeErr, barrierErr error
	// before runs ahead of Apply, and may apply commands of its own with applyLocked.
	before func(*internalv1.Command)
	// edited changes the answer to an edit, as one that came from a leader which is ahead.
	edited func(*internalv1.Result)
	// onBarrier runs at each read barrier: a lagging node catches up there.
	onBarrier func()
	// hold gets each command of ProposeAsync as a function that applies and answers it, to be called when the test likes.
	hold     func(answer func())
	transfer func(to string) (string, error)
	// backup answers Backup, where it is set.
	backup    func() (*node.Backup, error)
	proposals int
	// softFrames were sent to the other nodes, of which there are none.
	softFrames int
}

func newReplica(t *testing.T) *replica {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store.db")
	must(t, store.Create(path, []byte("0123456789abcdef"), store.Mark{}))
	st, err := store.Open(path, store.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, st.Close()) })
	return &replica{store: st, change: make(chan struct{}), status: node.Status{
		ID: 1, Name: "n1", Term: 7, Leader: 1, LeaderName: "n1", LeaderAddress: "127.0.0.1:50051", Quorum: true,
		CaughtUp:  true,
		ClusterID: []byte("0123456789abcdef"),
		Members: []node.Member{
			{ID: 1, Name: "n1", Address: "127.0.0.1:50051", Reachable: true}, {ID: 2, Name: "n2"}, {ID: 3, Name: "n3",
				Learner: true},
		},
	}}
}

func (r *replica) Propose(_ context.Context, cmd []byte) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.proposals++
	if r.proposeErr != nil {
		return nil, r.proposeErr
	}
	c := new(internalv1.Command)
	if err := proto.Unmarshal(cmd, c); err != nil {
		return nil, err
	}
	if f := r.before; f != nil {
		r.before = nil
		f(c)
	}
	out, err := r.applyLocked(cmd)
	if err != nil || r.edited == nil {
		return out, err
	}
	res := new(internalv1.Result)
	if err := proto.Unmarshal(out, res); err != nil {
		return nil, err
	}
	r.edited(res)
	return proto.Marshal(res)
}

func (r *replica) ProposeAsync(cmd []byte, done func([]byte, error)) {
	r.mu.Lock()
	hold := r.hold
	r.mu.Unlock()
	answer := func() { done(r.Propose(context.Background(), cmd)) }
	if hold != nil {
		hold(answer)
		return
	}
	answer()
}

func (r *replica) applyLocked(cmd []byte) ([]byte, error) {
	r.index++
	out, err := r.store.Apply([]store.Entry{{Index: r.index, Term: 7, StampMS: time.Now().UnixMilli(),
		Commands: [][]byte{cmd}}})
	if err != nil {
		return nil, err
	}
	return out[0][0], nil
}

// announceMembers has the members tell who they are and the cluster version rise, as housekeepers do.
func (r *replica) announceMembers(t *testing.T) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var cmds []*internalv1.Command
	for _, m := range r.status.Members {
		incarnation := sha256.Sum256([]byte(m.Name))
		cmds = append(cmds, &internalv1.Command{Body: &internalv1.Command_AnnounceMember{AnnounceMember: &internalv1.AnnounceMember{
			Id: m.ID, Name: m.Name, Incarnation: incarnation[:16], Boot: 1, PeerAddress: m.Name + ":1",
			MaxClusterVersion: store.MaxClusterVersion,
		}}})
	}
	cmds = append(cmds, &internalv1.Command{Body: &internalv1.Command_RaiseClusterVersion{
		RaiseClusterVersion: &internalv1.RaiseClusterVersion{Version: store.MaxClusterVersion},
	}})
	for _, c := range cmds {
		b, err := proto.Marshal(c)
		must(t, err)
		_, err = r.applyLocked(b)
		must(t, err)
	}
}

func (r *replica) ReadBarrier(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.onBarrier != nil {
		r.onBarrier()
	}
	return r.barrierErr
}

func (r *replica) Status() node.Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status
}

func (r *replica) ClusterStatus(context.Context) node.Status { return r.Status() }

func (r *replica) StateHashes(context.Context) ([]node.MemberHash, int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.proposeErr != nil {
		return nil, 0, r.proposeErr
	}
	return []node.MemberHash{{Name: "n1", Applied: r.index, Hash: []byte{0xab}}, {Name: "n2", Err: errors.New("down")}},
		2, nil
}

func (r *replica) TransferLeadership(_ context.Context, to string) (string, error) {
	if r.transfer != nil {
		return r.transfer(to)
	}
	return "n2", nil
}

func (r *replica) Backup(context.Context) (*node.Backup, error) {
	if r.backup != nil {
		return r.backup()
	}
	dir, err := os.MkdirTemp("", "parley-backup-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "spool")
	_, size, err := r.store.Spool(path)
	if err != nil {
		return nil, err
	}
	info, err := store.Describe(path)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	return &node.Backup{Info: info, SizeBytes: size, ReadCloser: f}, err
}

func (r *replica) MembersSettled(context.Context) node.Status { return r.Status() }

func (r *replica) SendSoft([]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.softFrames++
}

func (r *replica) OnSoft(node.SoftHandler) {}

func (r *replica) Changed() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.change
}

func (r *replica) set(f func(*replica)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(r)
	close(r.change)
	r.change = make(chan struct{})
}

// proposed counts what reached the log.
func (r *replica) proposed() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.proposals
}

// loseQuorum makes the replica a node of a minority, whose state is age old.
func (r *replica) loseQuorum(age time.Duration) {
	r.set(func(r *replica) {
		err := &node.Error{Outcome: node.NotApplied, Cause: node.CauseNoLeader}
		r.proposeErr, r.barrierErr = err, err
		r.status.Quorum, r.status.Leader, r.status.LeaderName, r.status.LeaderAddress, r.status.Age = false, 0, "", "", age
	})
}

// apply proposes a command of the test's own and fails the test when it is refused.
func (r *replica) apply(t *testing.T, c *internalv1.Command) *internalv1.Result {
	t.Helper()
	b, err := proto.Marshal(c)
	must(t, err)
	out, err := r.Propose(t.Context(), b)
	must(t, err)
	res := new(internalv1.Result)
	must(t, proto.Unmarshal(out, res))
	if res.GetRefusal() != nil {
		t.Fatalf("refused: %v", res)
	}
	return res
}

// rig is a server with a client port and an admin socket, both real.
type rig struct {
	*replica
	server *Server
	port   *grpc.ClientConn
	socket *grpc.ClientConn
	chat   parleyv1.ChatServiceClient
}

func newRig(t *testing.T, tune ...func(*Server)) *rig {
	t.Helper()
	return rigOn(t, newReplica(t), tune...)
}

func rigOn(t *testing.T, rep *replica, tune ...func(*Server)) *rig {
	t.Helper()
	s := New(rep, rep.store, Options{Version: "test", Logger: slog.New(slog.DiscardHandler)})
	for _, f := range tune {
		f(s)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	path := filepath.Join(t.TempDir(), "a.sock")
	al, err := ListenAdmin(path)
	must(t, err)
	serve := func(l net.Listener, admin bool) {
		g := grpc.NewServer(s.ServerOptions(admin)...)
		s.Register(g)
		done := make(chan struct{})
		go func() { // ends with the server, which the cleanup stops
			defer close(done)
			_ = g.Serve(l)
		}()
		t.Cleanup(func() { g.Stop(); <-done })
	}
	t.Cleanup(s.Drain)
	serve(s.Listener(l), false)
	serve(al, true)
	dial := func(target string) *grpc.ClientConn {
		c, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
		must(t, err)
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	r := &rig{replica: rep, server: s, port: dial(l.Addr().String()), socket: dial("unix:" + path)}
	r.chat = parleyv1.NewChatServiceClient(r.port)
	return r
}

// user is an account with one session, made without the cost of a real password hash.
type user struct {
	name  string
	token []byte
	ctx   context.Context
}

const testPassword = "correct horse"

func cheapPHC(password string) string {
	salt := []byte("0123456789abcdef")
	return encodePHC(8, 1, 1, salt, argon2.IDKey([]byte(password), salt, 1, 8, 1, argonTagBytes))
}

// cheapGuard spares the tests that fail many logins the real cost of each.
func cheapGuard(now func() time.Time) *guard {
	g := newGuard(now)
	g.dummy = cheapPHC("nobody's")
	return g
}

func (r *rig) user(t *testing.T, name string) user {
	t.Helper()
	r.apply(t, &internalv1.Command{RequestId: rid().raw, Body: &internalv1.Command_CreateUser{
		CreateUser: &internalv1.CreateUser{Username: name, DisplayName: name, PasswordPhc: cheapPHC(testPassword)}}})
	return r.session(t, name)
}

func (r *rig) operator(t *testing.T, name string) user {
	t.Helper()
	u := r.user(t, name)
	r.apply(t, &internalv1.Command{RequestId: rid().raw, Body: &internalv1.Command_SetOperator{
		SetOperator: &internalv1.SetOperator{Username: name, Operator: true, FromAdminSocket: true}}})
	return u
}

func (r *rig) session(t *testing.T, name string) user {
	t.Helper()
	v, err := r.store.View()
	must(t, err)
	cred, err := v.Credentials(name)
	v.Close()
	must(t, err)
	token := randomToken()
	sum := sha256.Sum256(token)
	r.apply(t, &internalv1.Command{RequestId: rid().raw, Body: &internalv1.Command_Login{
		Login: &internalv1.Login{Username: name, TokenSha256: sum[:], CredentialGeneration: cred.Generation,
			Client: "test"}}})
	return user{name: name, token: token, ctx: withToken(bounded(t), token)}
}

// bounded is for streams: one that is never ended must fail its test, not hang it.
func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func withToken(ctx context.Context, token []byte) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+base64.RawURLEncoding.EncodeToString(token))
}

func randomToken() []byte {
	b := make([]byte, tokenBytes)
	_, _ = rand.Read(b)
	return b
}

type requestID struct {
	s   string
	raw []byte
}

func rid() requestID {
	u := uuid.Must(uuid.NewV7())
	return requestID{u.String(), u[:]}
}

func (r *rig) send(t *testing.T, u user, to, text string) *parleyv1.SendMessageResponse {
	t.Helper()
	m, err := r.chat.SendMessage(u.ctx, &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: to, Text: text})
	must(t, err)
	return m
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// details takes an error apart as a client does.
func details(err error) (code codes.Code, info *errdetails.ErrorInfo, bad *errdetails.BadRequest,
	retry *errdetails.RetryInfo) {
	st := status.Convert(err)
	for _, d := range st.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			info = d
		case *errdetails.BadRequest:
			bad = d
		case *errdetails.RetryInfo:
			retry = d
		}
	}
	return st.Code(), info, bad, retry
}

// wantError checks code, reason and that the error is whole: domain, "applied", one line.
func wantError(t *testing.T, err error, code codes.Code, reason string) *errdetails.ErrorInfo {
	t.Helper()
	got, info, _, _ := details(err)
	if got != code {
		t.Fatalf("want %s %s, got %v", code, reason, err)
	}
	if info == nil || info.Domain != "parley" || info.Reason != reason {
		t.Fatalf("want reason %s of domain parley, got %v in %v", reason, info, err)
	}
	if a := info.Metadata["applied"]; a != appliedNo && a != appliedUnknown {
		t.Fatalf("applied is %q in %v", a, err)
	}
	if m := status.Convert(err).Message(); m == "" || containsNewline(m) {
		t.Fatalf("the message must be one line, is %q", m)
	}
	return info
}

func containsNewline(s string) bool {
	for _, r := range s {
		if r == '\n' {
			return true
		}
	}
	return false
}

func sha(b []byte) []byte { sum := sha256.Sum256(b); return sum[:] }

// served serves a server on a port of this machine, and returns a connection to it. Both end with the test.
func served(t *testing.T, s *Server) *grpc.ClientConn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	g := grpc.NewServer(s.ServerOptions(false)...)
	s.Register(g)
	done := make(chan struct{})
	go func() { defer close(done); _ = g.Serve(s.Listener(l)) }() // ends with the server
	t.Cleanup(func() { g.Stop(); <-done })
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}
