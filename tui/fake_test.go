package tui

import (
	"context"
	"errors"
	"path"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"parley/proto/parleyv1"
	"parley/tui/common"
)

// fake is a cluster in memory, as one user sees it: enough semantics to hold the client to the contract (dedup by request
// id, seq per conversation, read marks, deletion), and hooks to break it.
type fake struct {
	common.Backend // what is not implemented below: a test that needs it writes it

	fakeRooms

	demo common.Demo // the panel of F6
	me   string
	mu   sync.Mutex
	tok  []byte
	link common.Link
	now  func() time.Time

	links chan common.Link
	subs  []chan *parleyv1.SubscribeResponse
	log   []*parleyv1.SubscribeResponse // every event; a cursor is a length of it

	late    bool // events are logged and not delivered yet
	stalled int  // the first of those

	users    []*parleyv1.User
	msgs     []*parleyv1.Message
	byReq    map[string]*parleyv1.Message
	sendTry  []string              // request ids in the order of the tries
	sendErr  []error               // errors for the next tries, before anything happens
	lostAck  int                   // that many next sends happen, and their answer gets lost
	acts     []string              // of an operator
	hold     chan struct{}         // sends wait for it
	fail     error                 // every other call fails with it
	noQuorum bool                  // linearizable reads fail
	marks    []*parleyv1.ReadRange // all ranges marked
	patterns []string
	logins   int
	invite   string // the code that new accounts need; empty: none
	deleted  bool
	created  []string
	onSend   func(text string) // called after a message was taken

	on onMessages

	openStore func(user string) (common.Store, error) // what the client keeps on disk; nil: nothing
}

var _ common.Backend = (*fake)(nil)

func newFake(me string, now func() time.Time) *fake {
	f := &fake{me: me, now: now, tok: []byte("0123456789abcdef0123456789abcdef"), links: make(chan common.Link, 16),
		byReq: map[string]*parleyv1.Message{}}
	f.link = ready("n1", "n1", 7)
	for _, u := range []string{"alice", "bob", "carol", "dave"} {
		f.users = append(f.users, &parleyv1.User{Username: u, DisplayName: string(u[0]-32) + u[1:]})
	}
	return f
}

// ready is a healthy link of a cluster of three.
func ready(node, leader string, term uint64) common.Link {
	return common.Link{Phase: common.Ready, Node: node, Address: "127.0.0.1:50051", Leader: leader, Term: term,
		Members: members("n1", "n2", "n3")}
}

func members(up ...string) (ms []common.Member) {
	for i, n := range []string{"n1", "n2", "n3"} {
		ms = append(ms, common.Member{Name: n, Address: "127.0.0.1:5005" + string(rune('1'+i)), Voter: true,
			Reachable: slices.Contains(up, n)})
	}
	return ms
}

func (f *fake) setLink(l common.Link) {
	f.mu.Lock()
	l.Since = f.now()
	f.link = l
	f.mu.Unlock()
	f.links <- l
}

// add stores a message and pushes its event, as if another node had taken it.
func (f *fake) add(conv, sender, text string, at time.Time) *parleyv1.Message {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.store(conv, sender, text, "", at)
	f.push(&parleyv1.Event{Change: &parleyv1.Event_Message{Message: m}})
	return m
}

func (f *fake) store(conv, sender, text, req string, at time.Time) *parleyv1.Message {
	seq := uint64(1)
	for _, m := range f.msgs {
		if m.Conversation == conv {
			seq = m.Seq + 1
		}
	}
	m := &parleyv1.Message{Id: uint64(len(f.msgs) + 1), Conversation: conv, Seq: seq, Sender: sender, Text: text,
		Time: timestamppb.New(at), Unread: sender != f.me, RequestId: req}
	f.msgs = append(f.msgs, m)
	return m
}

func (f *fake) push(ev *parleyv1.Event) {
	ev = proto.CloneOf(ev)
	ev.Cursor = strconv.Itoa(len(f.log) + 1)
	frame := &parleyv1.SubscribeResponse{Frame: &parleyv1.SubscribeResponse_Event{Event: ev}}
	f.log = append(f.log, frame)
	if f.late {
		return
	}
	for _, s := range f.subs {
		s <- frame
	}
}

// stall lets the answers be faster than the stream until flow.
func (f *fake) stall() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.late, f.stalled = true, len(f.log)
}

func (f *fake) flow() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, frame := range f.log[f.stalled:] {
		for _, s := range f.subs {
			s <- frame
		}
	}
	f.late = false
}

func (f *fake) tries() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.sendTry)
}

func (f *fake) marked(conv string) (n uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.marks {
		if r.Conversation == conv {
			n += r.ToSeq - r.FromSeq + 1
		}
	}
	return n
}

func (f *fake) Link() common.Link         { f.mu.Lock(); defer f.mu.Unlock(); return f.link }
func (f *fake) Links() <-chan common.Link { return f.links }
func (f *fake) Token() []byte             { f.mu.Lock(); defer f.mu.Unlock(); return f.tok }
func (f *fake) Reconnect(context.Context) {}
func (f *fake) Explain(err error) common.Failure {
	return explain(err)
}

// begin is what every call but a send does first.
func (f *fake) begin(c parleyv1.Consistency) error {
	if f.fail != nil {
		return f.fail
	}
	if f.noQuorum && c != parleyv1.Consistency_CONSISTENCY_LOCAL {
		return common.Failure{Outcome: common.NotApplied, Text: "no quorum"}
	}
	return nil
}

func (f *fake) CreateUser(_ context.Context, r *parleyv1.CreateUserRequest) (*parleyv1.CreateUserResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.created = append(f.created, r.GetRequestId())
	for _, u := range f.users {
		if u.Username == r.GetUsername() {
			return nil, common.Failure{Text: "the name " + r.GetUsername() + " is taken"}
		}
	}
	if f.invite != "" && r.GetInviteCode() != f.invite {
		return nil, common.Failure{Text: "an account here needs an invite code; ask an operator for one", Invite: true}
	}
	f.users = append(f.users, &parleyv1.User{Username: r.GetUsername(), DisplayName: r.GetDisplayName()})
	return &parleyv1.CreateUserResponse{}, nil
}

func (f *fake) Login(_ context.Context, user, password, _ string) (*parleyv1.LoginResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.logins++
	if password != "correct horse" {
		return nil, common.Failure{Text: "wrong user name or password"}
	}
	f.tok, f.me = []byte("0123456789abcdef0123456789abcdef"), user
	return &parleyv1.LoginResponse{}, nil
}

func (f *fake) LogoutWith(context.Context, *parleyv1.LogoutRequest) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.begin(0); err != nil {
		return err
	}
	f.tok = nil
	return nil
}

func (f *fake) WhoAmI(context.Context, *parleyv1.WhoAmIRequest) (*parleyv1.WhoAmIResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return nil, f.fail
	}
	return &parleyv1.WhoAmIResponse{User: &parleyv1.User{Username: f.me}}, nil
}

func (f *fake) ListUsers(_ context.Context, r *parleyv1.ListUsersRequest) (*parleyv1.ListUsersResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.patterns = append(f.patterns, r.GetPattern())
	resp := &parleyv1.ListUsersResponse{}
	for _, u := range f.users {
		if ok, _ := path.Match(r.GetPattern(), u.Username); ok {
			resp.Users = append(resp.Users, u)
		}
	}
	return resp, f.begin(r.GetConsistency())
}

func (f *fake) SendMessage(ctx context.Context, r *parleyv1.SendMessageRequest) (*parleyv1.SendMessageResponse, error) {
	f.mu.Lock()
	f.sendTry = append(f.sendTry, r.GetRequestId())
	hold := f.hold
	f.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return nil, common.Failure{Outcome: common.Unknown, Text: "no answer in time"}
		}
	}
	if f.onSend != nil {
		defer f.onSend(r.GetText())
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.sendErr) > 0 {
		err := f.sendErr[0]
		f.sendErr = f.sendErr[1:]
		if err != nil {
			return nil, err
		}
	}
	m := f.byReq[r.GetRequestId()]
	if m == nil {
		if !strings.HasPrefix(r.GetConversation(), "#") && !slices.ContainsFunc(f.users, func(u *parleyv1.User) bool { return "@"+u.Username == r.GetConversation() }) {
			return nil, common.Failure{Text: "no user " + r.GetConversation(), NotFound: true}
		}
		name := r.GetConversation()
		if to := f.former[name]; to != "" {
			name = to
		}
		m = f.store(name, f.me, r.GetText(), r.GetRequestId(), f.now())
		f.byReq[r.GetRequestId()] = m
		f.reply(m, r.GetReplyTo())
		f.push(&parleyv1.Event{Change: &parleyv1.Event_Message{Message: m}})
	}
	if f.lostAck > 0 {
		f.lostAck--
		return nil, common.Failure{Outcome: common.Unknown, Text: "the connection broke"}
	}
	return &parleyv1.SendMessageResponse{Id: m.Id, Conversation: m.Conversation, Seq: m.Seq, Time: m.Time}, nil
}

func (f *fake) ReadMessages(_ context.Context, r *parleyv1.ReadMessagesRequest) (*parleyv1.ReadMessagesResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.begin(r.GetConsistency()); err != nil {
		return nil, err
	}
	if r.GetConversation() != "" && !strings.HasPrefix(r.GetConversation(), "#") && !slices.ContainsFunc(f.users, func(u *parleyv1.User) bool { return "@"+u.Username == r.GetConversation() }) {
		return nil, common.Failure{Text: "no such user", NotFound: true}
	}
	var all []*parleyv1.Message
	for _, m := range f.msgs {
		if (r.GetConversation() == "" || m.Conversation == r.GetConversation()) && (r.GetBeforeId() == 0 || m.Id < r.GetBeforeId()) &&
			f.selects(r, m) && (!r.GetOnlyUnread() || m.Unread && !m.Deleted) {
			all = append(all, proto.CloneOf(m)) // an answer does not change when the cluster's state does
		}
	}
	limit := int(r.GetLimit())
	resp := &parleyv1.ReadMessagesResponse{More: len(all) > limit, ReadInfo: &parleyv1.ReadInfo{}}
	if r.GetAroundId() != 0 || r.GetAfterId() != 0 || r.GetFromTime() != nil {
		return f.window(r, all, limit)
	}
	if len(all) > limit {
		if r.GetOnlyUnread() {
			all = all[:limit]
		} else {
			all = all[len(all)-limit:]
		}
	}
	resp.Messages = all
	return resp, nil
}

func (f *fake) MarkRead(_ context.Context, r *parleyv1.MarkReadRequest) (*parleyv1.MarkReadResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.begin(0); err != nil {
		return nil, err
	}
	for _, rg := range r.GetRanges() {
		f.marks = append(f.marks, rg)
		for _, m := range f.msgs {
			if m.Conversation == rg.GetConversation() && m.Seq >= rg.GetFromSeq() && m.Seq <= rg.GetToSeq() {
				m.Unread = false
			}
		}
	}
	return &parleyv1.MarkReadResponse{}, nil
}

func (f *fake) ListConversations(_ context.Context, r *parleyv1.ListConversationsRequest) (*parleyv1.ListConversationsResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.begin(r.GetConsistency()); err != nil {
		return nil, err
	}
	by := map[string]*parleyv1.Conversation{}
	for _, m := range f.msgs {
		c := by[m.Conversation]
		if c == nil {
			c = &parleyv1.Conversation{Name: m.Conversation}
			by[m.Conversation] = c
		}
		c.LastSeq, c.LastMessage = m.Seq, proto.CloneOf(m)
		if m.Unread && !m.Deleted {
			c.Unread++
			if m.MentionsMe {
				c.Mentions++
			}
		}
	}
	for _, r := range f.rooms {
		if r.ranks[f.me] >= parleyv1.Membership_MEMBERSHIP_MEMBER && by[r.Name] == nil {
			by[r.Name] = &parleyv1.Conversation{Name: r.Name}
		}
		if c := by[r.Name]; c != nil {
			c.Room = f.seen(r)
		}
	}
	resp := &parleyv1.ListConversationsResponse{Cursor: strconv.Itoa(len(f.log)), ReadInfo: &parleyv1.ReadInfo{}}
	for _, c := range by {
		resp.Conversations = append(resp.Conversations, c)
	}
	sort.Slice(resp.Conversations, func(i, j int) bool {
		a, b := resp.Conversations[i], resp.Conversations[j]
		if a.GetLastMessage().GetId() == b.GetLastMessage().GetId() {
			return a.Name < b.Name
		}
		return a.GetLastMessage().GetId() > b.GetLastMessage().GetId()
	})
	return resp, nil
}

func (f *fake) DeleteMessages(_ context.Context, r *parleyv1.DeleteMessagesRequest) (*parleyv1.DeleteMessagesResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.begin(0); err != nil {
		return nil, err
	}
	for _, id := range r.GetIds() {
		for i, m := range f.msgs {
			if m.Id != id {
				continue
			}
			ev := &parleyv1.MessageDeleted{Id: id, Conversation: m.Conversation, Seq: m.Seq, OnlyForMe: m.Sender != f.me}
			if m.Sender == f.me {
				m.Deleted, m.Text = true, ""
			} else {
				f.msgs = slices.Delete(slices.Clone(f.msgs), i, i+1)
			}
			f.push(&parleyv1.Event{Change: &parleyv1.Event_MessageDeleted{MessageDeleted: ev}})
			break
		}
	}
	return &parleyv1.DeleteMessagesResponse{Deleted: uint32(len(r.GetIds()))}, nil
}

func (f *fake) DeleteUser(_ context.Context, r *parleyv1.DeleteUserRequest) (*parleyv1.DeleteUserResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.GetPassword() != "correct horse" {
		return nil, common.Failure{Text: "wrong password"}
	}
	f.deleted, f.tok = true, nil
	return &parleyv1.DeleteUserResponse{}, nil
}

func (f *fake) Subscribe(_ context.Context, cursor string) common.Stream {
	f.mu.Lock()
	defer f.mu.Unlock()
	ch := make(chan *parleyv1.SubscribeResponse, 1024)
	ch <- &parleyv1.SubscribeResponse{Frame: &parleyv1.SubscribeResponse_Subscribed{
		Subscribed: &parleyv1.Subscribed{Node: f.link.Node, Cursor: cursor}}}
	from, err := strconv.Atoi(cursor)
	if err != nil {
		panic("the client made a cursor of its own: " + cursor)
	}
	for _, frame := range f.log[from:] {
		ch <- frame
	}
	f.subs = append(f.subs, ch)
	return fakeStream{ch}
}

type fakeStream struct {
	ch chan *parleyv1.SubscribeResponse
}

var errStream = errors.New("the stream broke")

func (s fakeStream) Next(ctx context.Context) (*parleyv1.SubscribeResponse, error) {
	select {
	case fr, ok := <-s.ch:
		if !ok {
			return nil, errStream
		}
		return fr, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (fakeStream) Close() {}
