package store

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
)

// A reply to a reply belongs to the thread's first message, which counts them; nobody replies to what they cannot see.
func TestThreads(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob", "eve")
	r.ok(raise(3))
	first := r.send("ann", "@bob", "first").GetId()
	r.send("ann", "@bob", "beside")
	elsewhere := r.send("ann", "@eve", "elsewhere").GetId()
	reply := r.ok(r.postCmd("bob", "@ann", "a reply", first)).GetSend()
	if reply.GetSeq() != 3 || reply.GetConversation() != "@ann" {
		t.Fatalf("sent as %v", reply)
	}
	nested := r.ok(r.postCmd("ann", "@bob", "a reply to it", reply.GetId())).GetSend().GetId()
	for id, want := range map[uint64]string{first: "replies 2", reply.GetId(): "in 1", nested: "in 1", elsewhere: ""} {
		if got := marksOf(r.message("ann", id).GetMessage()); got != want {
			t.Errorf("message %d: %q, want %q", id, got, want)
		}
	}
	hidden := r.send("bob", "@ann", "hidden").GetId()
	gone := r.send("bob", "@ann", "gone").GetId()
	r.ok(r.deleteCmd("ann", hidden))
	r.ok(r.deleteCmd("bob", gone))
	r.ok(r.deleteCmd("bob", reply.GetId()))
	for name, cmd := range map[string]*internalv1.Command{
		"nothing":                    r.postCmd("ann", "@bob", "x", 99),
		"another conversation":       r.postCmd("ann", "@bob", "x", elsewhere),
		"another's conversation":     r.postCmd("eve", "@ann", "x", first),
		"a first message to nobody":  r.postCmd("eve", "@bob", "x", first),
		"what the sender has hidden": r.postCmd("ann", "@bob", "x", hidden),
		"a deleted message":          r.postCmd("ann", "@bob", "x", gone),
		"a deleted reply":            r.postCmd("ann", "@bob", "x", reply.GetId()),
	} {
		f := r.do(cmd).GetRefusal()
		if f.GetReason() != internalv1.Reason_REASON_MESSAGE_NOT_FOUND || f.GetField() != "reply_to" {
			t.Errorf("a reply to %s: refused with %v", name, f)
		}
	}
	r.ok(r.deleteCmd("ann", first)) // it began the thread already
	r.ok(r.postCmd("bob", "@ann", "to a placeholder", first))
	r.ok(r.postCmd("bob", "@ann", "to a living reply", nested))
	if got := marksOf(r.message("bob", first).GetMessage()); got != "replies 4" {
		t.Errorf("the placeholder: %q", got)
	}
	for q, want := range map[MessageQuery]string{
		{Conversation: "@ann", ThreadID: first}:                             "3 4 7 8",
		{Conversation: "@ann", ThreadID: first, Limit: 2}:                   "7 8 >",
		{Conversation: "@ann", ThreadID: first, Limit: 2, AfterID: first}:   "3 4 >",
		{Conversation: "@ann", ThreadID: first, Limit: 2, BeforeID: nested}: "3",
		{Conversation: "@ann", ThreadID: first, OnlyUnread: true}:           "4",
		{Conversation: "@ann", ThreadID: nested}:                            "",
		{Conversation: "@ann", ThreadID: elsewhere}:                         ErrNoMessage.Error(),
		{Conversation: "@eve", ThreadID: first}:                             ErrNoMessage.Error(),
		{ThreadID: first}:                                                   ErrNoMessage.Error(),
	} {
		if got := r.page("bob", q); got != want {
			t.Errorf("%+v: %q, want %q", q, got, want)
		}
	}
	finalHash(t, s)
}

// A reply is answered once, as a message is; as a message of its own it is another request.
func TestReplyIsSentOnce(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob")
	r.ok(raise(3))
	first := r.send("ann", "@bob", "first").GetId()
	cmd := r.postCmd("bob", "@ann", "reply", first)
	want := r.ok(cmd)
	for range 2 {
		if got := r.do(cmd); !proto.Equal(got, want) {
			t.Fatalf("the retry was answered %v, want %v", got, want)
		}
	}
	for _, other := range []*internalv1.Command{
		r.postCmd("bob", "@ann", "reply", 0), r.postCmd("bob", "@ann", "reply", 2), r.sendCmd("bob", "@ann", "reply"),
	} {
		other.RequestId = cmd.GetRequestId()
		r.refused(other, internalv1.Reason_REASON_REQUEST_ID_REUSED)
	}
	if got := marksOf(r.message("ann", first).GetMessage()); got != "replies 1" {
		t.Fatalf("the first message: %q", got)
	}
	r.ok(r.deleteCmd("bob", 2))
	if got := r.do(cmd); !proto.Equal(got, want) {
		t.Fatalf("the retry of a deleted reply was answered %v, want %v", got, want)
	}
}

// When the message that began a thread was removed, its replies stay without it; the next reply to one begins a thread anew.
func TestThreadOutlivesItsFirstMessage(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob")
	r.ok(raise(3))
	r.ok(r.retainCmd(1))
	first := r.send("ann", "@bob", "first").GetId()
	r.pass(20 * time.Hour)
	left := r.ok(r.postCmd("bob", "@ann", "a reply that stays", first)).GetSend().GetId()
	r.pass(6 * time.Hour)
	r.retainAll()
	if got := r.firstSeq("ann", "@bob"); got != 2 {
		t.Fatalf("the conversation begins at %d: the test is to remove the first message alone", got)
	}
	if got := marksOf(r.message("ann", left).GetMessage()); got != "" {
		t.Errorf("the reply: %q", got)
	}
	r.refused(r.postCmd("ann", "@bob", "x", first), internalv1.Reason_REASON_MESSAGE_NOT_FOUND)
	r.ok(r.editCmd("bob", left, "edited"))
	next := r.ok(r.postCmd("ann", "@bob", "a reply to it", left)).GetSend().GetId()
	for id, want := range map[uint64]string{left: "replies 1, edits 1", next: "in 2"} {
		if got := marksOf(r.message("ann", id).GetMessage()); got != want {
			t.Errorf("message %d: %q, want %q", id, got, want)
		}
	}
	for thread, want := range map[uint64]string{left: "3", first: ErrNoMessage.Error()} {
		if got := r.page("bob", MessageQuery{Conversation: "@ann", ThreadID: thread}); got != want {
			t.Errorf("the thread of %d: %q, want %q", thread, got, want)
		}
	}
	r.ok(r.readMarkCmd("bob", "@ann", 0)) // what was removed cannot be unread
	if c := r.conversationOf("bob", "@ann"); c.GetUnread() != 1 || c.GetReadSeq() < 1 {
		t.Errorf("marked as unread: %v", c)
	}
	finalHash(t, s)
}
