package e2e

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"parley/api/client"
	"parley/e2e/cluster"
	"parley/e2e/load"
	"parley/proto/parleyv1"
	"parley/store"
)

// oldState is what a cluster served before it was stopped, and must serve again.
type oldState struct {
	People []oldPerson
	// Retry is a message whose request, made again, must get the first answer.
	Retry struct {
		RequestID, To, Text string
		ID, Seq             uint64
	}
	// Resume is a cursor of the first person's, and the changes after it.
	Resume struct {
		Cursor  string
		Changes []string
	}
	// Ended is a token whose session was logged out.
	Ended []byte
}

// oldPerson is what one account reads.
type oldPerson struct {
	Name          string
	Token         []byte
	Users         []string
	Sessions      []string
	Conversations []string
	Messages      []string
	// Since cluster version 3: the rooms with their members, and what is on the messages.
	Rooms []string `json:",omitempty"`
	Marks []string `json:",omitempty"`
}

// readPerson reads through one node alone.
func readPerson(n *cluster.Node, name string, token []byte) (p oldPerson, err error) {
	d, err := n.Direct(token)
	if err != nil {
		return p, err
	}
	defer d.Close()
	ctx, cancel := context.WithTimeout(d.Context(context.Background()), callTimeout)
	defer cancel()
	p.Name, p.Token = name, token
	users, err1 := d.Chat.ListUsers(ctx, &parleyv1.ListUsersRequest{PageSize: 1000})
	sessions, err2 := d.Chat.ListSessions(ctx, &parleyv1.ListSessionsRequest{})
	convs, err3 := d.Chat.ListConversations(ctx, &parleyv1.ListConversationsRequest{})
	history, err4 := load.History(n, token)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return p, fmt.Errorf("read as %s: %w", name, err)
	}
	for _, u := range users.GetUsers() {
		p.Users = append(p.Users, fmt.Sprintf("%s %q deleted=%t operator=%t", u.GetUsername(), u.GetDisplayName(), u.GetDeleted(),
			u.GetOperator()))
	}
	for _, s := range sessions.GetSessions() {
		p.Sessions = append(p.Sessions, fmt.Sprintf("%s %q %d %d current=%t", s.GetId(), s.GetClient(),
			s.GetCreated().AsTime().UnixMilli(), s.GetExpires().AsTime().UnixMilli(), s.GetCurrent()))
	}
	for _, c := range convs.GetConversations() {
		p.Conversations = append(p.Conversations, fmt.Sprintf("%s last=%d read=%d unread=%d", c.GetName(), c.GetLastSeq(),
			c.GetReadSeq(), c.GetUnread()))
	}
	for _, m := range history {
		p.Messages = append(p.Messages, fmt.Sprintf("%s unread=%t at %d by %q", describe(m), m.GetUnread(),
			m.GetTime().AsTime().UnixMilli(), m.GetRequestId()))
	}
	if p.Rooms, err = readRooms(ctx, d, convs.GetConversations()); err != nil {
		return p, fmt.Errorf("read the rooms as %s: %w", name, err)
	}
	if p.Marks, err = readMarks(ctx, d, history); err != nil {
		return p, fmt.Errorf("read the marks as %s: %w", name, err)
	}
	return p, nil
}

func describe(m *parleyv1.Message) string {
	return fmt.Sprintf("%d %s %d %s: %q deleted=%t", m.GetId(), m.GetConversation(), m.GetSeq(), m.GetSender(), m.GetText(),
		m.GetDeleted())
}

// goesOn tries through one node alone what must go on after an upgrade: a retry, a cursor, an end.
func (s *oldState) goesOn(n *cluster.Node) (problems []string) {
	complain := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	d, err := n.Direct(s.People[0].Token)
	if err != nil {
		return []string{err.Error()}
	}
	defer d.Close()
	ctx, cancel := context.WithTimeout(d.Context(context.Background()), callTimeout)
	defer cancel()
	sent, err := d.Chat.SendMessage(ctx, &parleyv1.SendMessageRequest{
		RequestId: s.Retry.RequestID, Conversation: s.Retry.To, Text: s.Retry.Text,
	})
	if err != nil || sent.GetId() != s.Retry.ID || sent.GetSeq() != s.Retry.Seq {
		complain("the retry of message %d, seq %d was answered with %d, %d (%v)", s.Retry.ID, s.Retry.Seq, sent.GetId(),
			sent.GetSeq(), err)
	}
	last := s.Resume.Changes[len(s.Resume.Changes)-1]
	got, err := changes(ctx, d, s.Resume.Cursor, func(change string) bool { return change == last })
	if err != nil || fmt.Sprint(got) != fmt.Sprint(s.Resume.Changes) {
		complain("the old cursor goes on with\n%q (%v)\nwant\n%q", got, err, s.Resume.Changes)
	}
	ended, err := n.Direct(s.Ended)
	if err != nil {
		return append(problems, err.Error())
	}
	defer ended.Close()
	other, cancelOther := context.WithTimeout(ended.Context(context.Background()), callTimeout)
	defer cancelOther()
	if _, err := ended.Chat.WhoAmI(other, &parleyv1.WhoAmIRequest{}); status.Code(err) != codes.Unauthenticated {
		complain("a session that was logged out: want UNAUTHENTICATED, got %v", err)
	}
	return problems
}

// changes follows a cursor until the last change.
func changes(ctx context.Context, d *cluster.Direct, cursor string, isLast func(string) bool) (all []string, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := d.Chat.Subscribe(ctx, &parleyv1.SubscribeRequest{Cursor: cursor})
	if err != nil {
		return nil, err
	}
	for len(all) == 0 || !isLast(all[len(all)-1]) {
		f, err := stream.Recv()
		if err != nil {
			return all, err
		}
		if r := f.GetReset_(); r != nil {
			return all, fmt.Errorf("reset: %s", r.GetReason())
		}
		switch e := f.GetEvent(); {
		case e == nil:
		case e.GetMessage() != nil:
			all = append(all, describe(e.GetMessage()))
		case e.GetMessageDeleted() != nil:
			m := e.GetMessageDeleted()
			all = append(all, fmt.Sprintf("deleted %d %s %d %t", m.GetId(), m.GetConversation(), m.GetSeq(), m.GetOnlyForMe()))
		case e.GetReadMarked() != nil:
			m := e.GetReadMarked()
			all = append(all, fmt.Sprintf("marked %s %d unread=%d", m.GetConversation(), m.GetReadSeq(), m.GetUnread()))
		case e.GetUserDeleted() != nil:
			all = append(all, "user deleted "+e.GetUserDeleted().GetUsername())
		default:
			all = append(all, roomChange(e)...)
		}
	}
	return all, nil
}

// world is the people of the old directories while they are made.
type world struct {
	t      *testing.T
	c      *cluster.Cluster
	ctx    context.Context
	people map[string]*client.Client
	keep   oldState
	round  int
}

func newWorld(t *testing.T, c *cluster.Cluster) *world {
	w := &world{t: t, c: c, ctx: context.Background(), people: map[string]*client.Client{}}
	for i, name := range []string{"alice", "bob", "carol"} {
		w.people[name] = load.Account(t, c.Addresses(i), name)
	}
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) send(from, to, text string) *parleyv1.SendMessageResponse {
	w.t.Helper()
	resp, err := w.people[from].SendMessage(w.ctx, &parleyv1.SendMessageRequest{Conversation: to, Text: text})
	w.must(err)
	return resp
}

// live is a bit of everything that people do.
func (w *world) live() {
	w.t.Helper()
	w.round++
	alice, bob := w.people["alice"], w.people["bob"]
	say := func(what string) string { return fmt.Sprintf("%s, round %d", what, w.round) }
	first := w.send("alice", "@bob", say("hello"))
	gone := w.send("bob", "@alice", say("taken back"))
	w.send("alice", "@bob", say("do you read this?"))
	hidden := w.send("bob", "@alice", say("hidden from alice"))
	w.send("alice", "@alice", say("a note"))
	w.liveInRooms(say)
	w.send("carol", "@alice", say("grüße ☕"))
	w.send("alice", "@carol", say("and back"))
	for _, r := range []*parleyv1.ReadRange{{Conversation: "@alice", FromSeq: 1, ToSeq: first.GetSeq()}} {
		_, err := bob.MarkRead(w.ctx, &parleyv1.MarkReadRequest{Ranges: []*parleyv1.ReadRange{r}})
		w.must(err)
	}
	_, err := alice.MarkRead(w.ctx, &parleyv1.MarkReadRequest{Ranges: []*parleyv1.ReadRange{
		{Conversation: "@bob", FromSeq: hidden.GetSeq(), ToSeq: hidden.GetSeq()}}})
	w.must(err)
	_, err = bob.DeleteMessages(w.ctx, &parleyv1.DeleteMessagesRequest{Ids: []uint64{gone.GetId()}})
	w.must(err)
	_, err = alice.DeleteMessages(w.ctx, &parleyv1.DeleteMessagesRequest{Ids: []uint64{hidden.GetId()}})
	w.must(err)

	// Someone who deletes the account, and a session that is logged out.
	name := fmt.Sprintf("gone%d", w.round)
	w.people[name] = load.Account(w.t, w.c.Addresses(w.round), name)
	w.send(name, "@alice", say("erased later"))
	w.send("alice", "@"+name, say("stays"))
	_, err = w.people[name].DeleteUser(w.ctx, &parleyv1.DeleteUserRequest{})
	w.must(err)
	second := load.Dial(w.t, client.Options{Servers: w.c.Addresses(0)})
	_, err = second.Login(w.ctx, "alice", load.Password, "second")
	w.must(err)
	w.keep.Ended = second.Token()
	w.must(second.Logout(w.ctx))

	w.keep.Resume.Cursor = cmp.Or(w.keep.Resume.Cursor, first.GetCursor())

	// The erasure takes a few entries more, which are no part of what is kept.
	cluster.Await(w.t, cluster.Patience, "what "+name+" sent to be erased", func() error {
		list, err := alice.ListConversations(w.ctx, &parleyv1.ListConversationsRequest{})
		for _, c := range list.GetConversations() {
			if c.GetName() == "@"+name && c.GetReadSeq() < c.GetLastSeq() {
				err = fmt.Errorf("%s is read up to %d of %d", c.GetName(), c.GetReadSeq(), c.GetLastSeq())
			}
		}
		return err
	})
}

// restarts stops every node once, the leader by kill -9.
func (w *world) restarts() {
	leader := w.c.Leader()
	leader.Kill()
	leader.Start()
	w.c.AwaitServing(leader)
	for _, n := range w.c.Others(leader) {
		n.Terminate()
		n.Start()
		w.c.AwaitServing(n)
	}
}

// fillLog makes enough entries for the log to be cut, of the smallest kind.
func (w *world) fillLog() {
	w.t.Helper()
	leader := w.c.Leader()
	for {
		st, err := w.c.Status(leader)
		w.must(err)
		if st.GetCompacted() > 1000 {
			return
		}
		_, err = w.c.Hashes(leader)
		w.must(err)
	}
}

// state reads everything through one node.
func (w *world) state() oldState {
	w.t.Helper()
	s := w.keep
	s.People = nil
	for _, name := range []string{"alice", "bob", "carol"} {
		p, err := readPerson(w.c.Nodes[0], name, w.people[name].Token())
		w.must(err)
		s.People = append(s.People, p)
	}
	d, err := w.c.Nodes[0].Direct(s.People[0].Token)
	w.must(err)
	defer d.Close()
	ctx, cancel := context.WithTimeout(d.Context(w.ctx), callTimeout)
	defer cancel()
	last := fmt.Sprintf("%d @bob %d ", s.Retry.ID, s.Retry.Seq)
	s.Resume.Changes, err = changes(ctx, d, s.Resume.Cursor, func(change string) bool { return strings.HasPrefix(change, last) })
	w.must(err)
	return s
}

// settle waits until every node's store file holds everything.
func (w *world) settle() {
	w.t.Helper()
	for _, n := range w.c.Nodes {
		cluster.Await(w.t, cluster.Patience, n.Name+" to flush", func() error {
			st, err := w.c.Status(n)
			if err == nil && st.GetFlushed() < st.GetCommitted() {
				err = fmt.Errorf("flushed %d, committed %d", st.GetFlushed(), st.GetCommitted())
			}
			return err
		})
	}
}

// sendOnce is the message whose retry must be answered alike.
func (w *world) sendOnce() {
	w.t.Helper()
	k := &w.keep.Retry
	k.RequestID, k.To, k.Text = newID(w.t), "@bob", fmt.Sprintf("once only, round %d", w.round)
	sent, err := w.people["alice"].SendMessage(w.ctx, &parleyv1.SendMessageRequest{
		RequestId: k.RequestID, Conversation: k.To, Text: k.Text,
	})
	w.must(err)
	k.ID, k.Seq = sent.GetId(), sent.GetSeq()
}

// crash ends all nodes by kill -9. What was sent last is in no store file yet: only the log has it.
func (w *world) crash(last uint64) {
	w.t.Helper()
	for _, n := range w.c.Nodes {
		n.Pause() // all at the same moment
	}
	for _, n := range w.c.Nodes {
		n.Kill()
		mark, _, err := store.Inspect(filepath.Join(n.Dir, "store.db"))
		w.must(err)
		w.t.Logf("%s: flushed to %d, committed to %d", n.Name, mark.Index, last)
		if mark.Index >= last {
			w.t.Fatalf("%s has flushed everything already; make the data again on a machine with less to do", n.Name)
		}
	}
}
