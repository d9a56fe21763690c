package api

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"parley/node"
	"parley/proto/parleyv1"
)

// TestExactlyOnceThroughTheAPI keeps P2: the retry of an unknown outcome answers as the first would have.
func TestExactlyOnceThroughTheAPI(t *testing.T) {
	r := newRig(t)
	alice, bob := r.user(t, "alice"), r.user(t, "bob")
	req := &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: "@bob", Text: "once"}
	first, err := r.chat.SendMessage(alice.ctx, req)
	must(t, err)
	again, err := r.chat.SendMessage(alice.ctx, req)
	must(t, err)
	if !proto.Equal(first, again) || first.Seq != 1 || first.Cursor == "" || first.Conversation != "@bob" {
		t.Fatalf("first %v, again %v", first, again)
	}
	req.Text = "twice"
	_, err = r.chat.SendMessage(alice.ctx, req)
	wantError(t, err, codes.FailedPrecondition, "REQUEST_ID_REUSED")
	_, err = r.chat.SendMessage(bob.ctx, &parleyv1.SendMessageRequest{RequestId: req.RequestId, Conversation: "@alice",
		Text: "mine"})
	must(t, err) // request ids are each account's own
	got, err := r.chat.ReadMessages(bob.ctx, &parleyv1.ReadMessagesRequest{Conversation: "@alice"})
	must(t, err)
	if len(got.Messages) != 2 || got.Messages[0].Text != "once" || got.Messages[0].Sender != "alice" ||
		got.Messages[1].Text != "mine" {
		t.Fatalf("got %v", got.Messages)
	}
}

func TestReadingMarkingAndDeleting(t *testing.T) {
	r := newRig(t)
	alice, bob := r.user(t, "alice"), r.user(t, "bob")
	var ids []uint64
	for i := range 5 {
		ids = append(ids, r.send(t, alice, "@bob", fmt.Sprint("m", i+1)).Id)
	}
	texts := func(q *parleyv1.ReadMessagesRequest) (string, bool) {
		t.Helper()
		got, err := r.chat.ReadMessages(bob.ctx, q)
		must(t, err)
		var s []string
		for _, m := range got.Messages {
			s = append(s, m.Text)
		}
		return strings.Join(s, " "), got.More
	}
	check := func(q *parleyv1.ReadMessagesRequest, want string, more bool) {
		t.Helper()
		if got, m := texts(q); got != want || m != more {
			t.Fatalf("%v: want %q more %v, got %q more %v", q, want, more, got, m)
		}
	}
	check(&parleyv1.ReadMessagesRequest{Conversation: "@alice", Limit: 2}, "m4 m5", true)
	check(&parleyv1.ReadMessagesRequest{Conversation: "@alice", Limit: 2, BeforeId: ids[3]}, "m2 m3", true)
	check(&parleyv1.ReadMessagesRequest{Conversation: "@alice", Limit: 2, AfterId: ids[0]}, "m2 m3", true)
	check(&parleyv1.ReadMessagesRequest{OnlyUnread: true, Limit: 2}, "m1 m2", true)

	mark := &parleyv1.MarkReadRequest{RequestId: rid().s, Ranges: []*parleyv1.ReadRange{{Conversation: "@alice",
		FromSeq: 1, ToSeq: 2}}}
	for range 2 {
		_, err := r.chat.MarkRead(bob.ctx, mark)
		must(t, err)
	}
	check(&parleyv1.ReadMessagesRequest{OnlyUnread: true}, "m3 m4 m5", false)
	del, err := r.chat.DeleteMessages(bob.ctx,
		&parleyv1.DeleteMessagesRequest{RequestId: rid().s, Ids: []uint64{ids[2], ids[2]}})
	must(t, err)
	if del.Deleted != 1 {
		t.Fatalf("an id given twice is one message, got %d", del.Deleted)
	}
	check(&parleyv1.ReadMessagesRequest{OnlyUnread: true}, "m4 m5", false)
	_, err = r.chat.DeleteMessages(bob.ctx, &parleyv1.DeleteMessagesRequest{RequestId: rid().s, Ids: []uint64{ids[3],
		1 << 40}})
	wantError(t, err, codes.NotFound, "MESSAGE_NOT_FOUND")
	check(&parleyv1.ReadMessagesRequest{OnlyUnread: true}, "m4 m5", false) // nothing is half-applied

	convs, err := r.chat.ListConversations(bob.ctx, &parleyv1.ListConversationsRequest{})
	must(t, err)
	if len(convs.Conversations) != 1 || convs.Cursor == "" {
		t.Fatalf("got %v", convs)
	}
	if c := convs.Conversations[0]; c.Name != "@alice" || c.Unread != 2 || c.LastSeq != 5 || c.LastMessage.Text != "m5" {
		t.Fatalf("got %v", c)
	}
	users, err := r.chat.ListUsers(bob.ctx, &parleyv1.ListUsersRequest{Pattern: "A*", PageSize: 1})
	must(t, err)
	if len(users.Users) != 1 || users.Users[0].Username != "alice" {
		t.Fatalf("got %v", users)
	}
	_, err = r.chat.ReadMessages(bob.ctx, &parleyv1.ReadMessagesRequest{Conversation: "@nobody"})
	wantError(t, err, codes.NotFound, "CONVERSATION_NOT_FOUND")
	_, err = r.chat.SendMessage(bob.ctx, &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: "@nobody",
		Text: "x"})
	wantError(t, err, codes.NotFound, "USER_NOT_FOUND")
}

// TestPagesFitAReply: the page of the longest messages goes through a default client, and nothing is lost between
// pages.
func TestPagesFitAReply(t *testing.T) {
	r := newRig(t)
	u := r.user(t, "alice")
	const n = 400
	long := strings.Repeat("x", maxTextBytes)
	for range n {
		r.send(t, u, "@alice", long)
	}
	for _, down := range []bool{true, false} {
		seen := map[uint64]bool{}
		q := &parleyv1.ReadMessagesRequest{Conversation: "@alice", Limit: 1000}
		if !down {
			q.AfterId = 1
			seen[1] = true
		}
		for pages := 0; ; pages++ {
			got, err := r.chat.ReadMessages(u.ctx, q)
			must(t, err)
			if len(got.Messages) == 0 || pages > n {
				t.Fatalf("page %d is empty after %d messages", pages, len(seen))
			}
			if size := proto.Size(got); size > maxReplyBytes+maxTextBytes {
				t.Fatalf("a page of %d bytes", size)
			}
			for _, m := range got.Messages {
				seen[m.Id] = true
			}
			if !got.More {
				break
			}
			if down {
				q.BeforeId = got.Messages[0].Id
			} else {
				q.AfterId = got.Messages[len(got.Messages)-1].Id
			}
		}
		if len(seen) != n {
			t.Fatalf("down %v: %d of %d messages", down, len(seen), n)
		}
	}
}

func TestSendLimit(t *testing.T) {
	c := &clock{}
	r := newRig(t, func(s *Server) { s.sends = newBuckets(2, 2, maxBuckets, c.now) })
	alice, bob := r.user(t, "alice"), r.user(t, "bob")
	r.send(t, alice, "@bob", "1")
	r.send(t, alice, "@bob", "2")
	_, err := r.chat.SendMessage(alice.ctx, &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: "@bob",
		Text: "3"})
	wantError(t, err, codes.ResourceExhausted, reasonTooFast)
	r.send(t, bob, "@alice", "another account")
}

func TestResultOfASend(t *testing.T) {
	for want, err := range map[string]error{
		sendOK:         nil,
		sendUnknown:    &failure{code: codes.Unavailable, unknown: true},
		sendNotApplied: fromPropose(t.Context(), &node.Error{Outcome: node.NotApplied, Cause: node.CauseNoLeader}),
		sendRefused:    invalid(violation{"text", "must not be empty"}),
	} {
		if got := sendResult(err); got != want {
			t.Errorf("%v is %s, want %s", err, got, want)
		}
	}
	if got := sendResult(errors.New("x")); got != sendRefused {
		t.Errorf("got %s", got)
	}
}
