package api

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"parley/node"
	"parley/proto/internalv1"
	"parley/proto/parleyv1"
	"parley/store"
)

// newRig3 is a rig of a cluster at the version that knows rooms, threads and marks.
func newRig3(t *testing.T, tune ...func(*Server)) *rig {
	t.Helper()
	r := newRig(t, tune...)
	r.announceMembers(t)
	return r
}

func (r *rig) reply(t *testing.T, u user, to, text string, id uint64) *parleyv1.SendMessageResponse {
	t.Helper()
	m, err := r.chat.SendMessage(u.ctx, &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: to, Text: text, ReplyTo: id})
	must(t, err)
	return m
}

func (r *rig) page(t *testing.T, u user, q *parleyv1.ReadMessagesRequest) (texts string, page *parleyv1.ReadMessagesResponse) {
	t.Helper()
	page, err := r.chat.ReadMessages(u.ctx, q)
	must(t, err)
	var s []string
	for _, m := range page.Messages {
		s = append(s, m.Text)
	}
	return strings.Join(s, " "), page
}

// TestAPlainSendStaysTheOldCommand keeps the promise to clusters of earlier versions: only a reply is a new command.
func TestAPlainSendStaysTheOldCommand(t *testing.T) {
	id, token := rid(), sha([]byte("token"))
	for _, tc := range []struct {
		replyTo uint64
		version uint32
	}{{0, 1}, {7, 3}} {
		cmd, err := checkedSend(&parleyv1.SendMessageRequest{RequestId: id.s, Conversation: "@Bob", Text: "hi",
			ReplyTo: tc.replyTo}, token)
		must(t, err)
		if got := store.CommandVersion(cmd); got != tc.version {
			t.Errorf("reply_to %d: the command is of version %d, want %d", tc.replyTo, got, tc.version)
		}
		c := new(internalv1.Command)
		must(t, proto.Unmarshal(cmd, c))
		if p := c.GetPostMessage(); tc.replyTo != 0 && (p.GetReplyTo() != 7 || p.GetConversation() != "@bob" || p.GetText() != "hi" ||
			string(c.RequestId) != string(id.raw) || string(c.Session) != string(token)) {
			t.Errorf("the reply became %v", c)
		}
	}
}

func TestRepliesFormThreads(t *testing.T) {
	r := newRig3(t)
	alice, bob := r.user(t, "alice"), r.user(t, "bob")
	root := r.send(t, alice, "@bob", "root")
	r.send(t, bob, "@alice", "aside")
	first := r.reply(t, bob, "@alice", "one", root.Id)
	r.reply(t, alice, "@bob", "two", first.Id)

	texts, page := r.page(t, alice, &parleyv1.ReadMessagesRequest{Conversation: "@bob", ThreadId: root.Id})
	if texts != "one two" || page.Messages[1].ThreadId != root.Id {
		t.Fatalf("the thread is %q: %v", texts, page.Messages)
	}
	got, err := r.chat.GetMessage(bob.ctx, &parleyv1.GetMessageRequest{Id: root.Id})
	must(t, err)
	if got.Message.Replies != 2 || got.ReadInfo.GetNode() != "n1" {
		t.Fatalf("got %v", got)
	}
	// Where each stands in the log: sends that were answered before the next began are in entries of their own.
	reply, err := r.chat.GetMessage(bob.ctx, &parleyv1.GetMessageRequest{Id: first.Id})
	must(t, err)
	if got.LogIndex == 0 || reply.LogIndex < got.LogIndex+2 {
		t.Errorf("the root stands at %d in the log, the reply two messages later at %d", got.LogIndex, reply.LogIndex)
	}

	// The same on a stream of sends.
	st, err := r.chat.SendMessages(alice.ctx)
	must(t, err)
	must(t, st.Send(&parleyv1.SendMessagesRequest{Sends: []*parleyv1.SendMessageRequest{
		{RequestId: rid().s, Conversation: "@bob", Text: "three", ReplyTo: root.Id}}}))
	res, err := st.Recv()
	must(t, err)
	if res.Results[0].GetSent() == nil {
		t.Fatalf("got %v", res)
	}
	if texts, _ = r.page(t, alice, &parleyv1.ReadMessagesRequest{Conversation: "@bob", ThreadId: root.Id}); texts != "one two three" {
		t.Fatalf("the thread is %q", texts)
	}
	_, err = r.chat.SendMessage(alice.ctx, &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: "@bob", Text: "x",
		ReplyTo: 999})
	wantError(t, err, codes.NotFound, "MESSAGE_NOT_FOUND")
}

func TestWindowsAndMoments(t *testing.T) {
	r := newRig3(t)
	alice, bob := r.user(t, "alice"), r.user(t, "bob")
	var ids []uint64
	for i := range 9 {
		ids = append(ids, r.send(t, alice, "@bob", fmt.Sprint(i+1)).Id)
	}
	q := func(q *parleyv1.ReadMessagesRequest) *parleyv1.ReadMessagesRequest {
		q.Conversation = "@alice"
		return q
	}
	for _, tc := range []struct {
		name         string
		q            *parleyv1.ReadMessagesRequest
		want         string
		more, before bool
	}{
		{"around", q(&parleyv1.ReadMessagesRequest{AroundId: ids[4], Limit: 3}), "4 5 6", true, true},
		{"around the first", q(&parleyv1.ReadMessagesRequest{AroundId: ids[0], Limit: 3}), "1 2 3", true, false},
		{"around the last", q(&parleyv1.ReadMessagesRequest{AroundId: ids[8], Limit: 3}), "7 8 9", false, true},
		{"from the beginning of time", q(&parleyv1.ReadMessagesRequest{FromTime: &timestamppb.Timestamp{Seconds: -5}, Limit: 2}),
			"1 2", true, false},
		{"from the future", q(&parleyv1.ReadMessagesRequest{FromTime: timestamppb.New(time.Now().Add(time.Hour))}), "", false, false},
	} {
		texts, page := r.page(t, bob, tc.q)
		if texts != tc.want || page.More != tc.more || page.MoreBefore != tc.before {
			t.Errorf("%s: %q, more %v, before %v; want %q, %v, %v", tc.name, texts, page.More, page.MoreBefore, tc.want, tc.more, tc.before)
		}
	}
	for _, bad := range []*parleyv1.ReadMessagesRequest{
		q(&parleyv1.ReadMessagesRequest{AroundId: 999}), q(&parleyv1.ReadMessagesRequest{ThreadId: 999}),
	} {
		_, err := r.chat.ReadMessages(bob.ctx, bad)
		wantError(t, err, codes.NotFound, "MESSAGE_NOT_FOUND")
	}
}

// TestAWindowOfLongMessagesKeepsItsMiddle: what does not fit a reply is left out at both ends, and said so.
func TestAWindowOfLongMessagesKeepsItsMiddle(t *testing.T) {
	long := strings.Repeat("x", maxTextBytes)
	var p store.Page
	for i := range 1000 {
		p.Messages = append(p.Messages, &parleyv1.Message{Id: uint64(10 + i), Text: long})
	}
	for _, around := range []uint64{10, 11, 400, 1009} {
		got := fit(p, store.MessageQuery{AroundID: around})
		size, there := 0, false
		for _, m := range got.Messages {
			size += proto.Size(m)
			there = there || m.Id == around
		}
		if !there || size > maxReplyBytes || size < maxReplyBytes-2*maxTextBytes {
			t.Errorf("around %d: %d messages of %d bytes, itself among them: %v", around, len(got.Messages), size, there)
		}
		if before, more := got.Messages[0].Id > 10, got.Messages[len(got.Messages)-1].Id < 1009; got.MoreBefore != before || got.More != more {
			t.Errorf("around %d: before %v, more %v; want %v, %v", around, got.MoreBefore, got.More, before, more)
		}
	}
}

func TestEditingKeepsTheEarlierTexts(t *testing.T) {
	r := newRig3(t)
	alice, bob, eve := r.user(t, "alice"), r.user(t, "bob"), r.user(t, "eve")
	m := r.send(t, alice, "@bob", "frist")
	st, _ := r.subscribe(t, bob, "")
	req := &parleyv1.EditMessageRequest{RequestId: rid().s, Id: m.Id, Text: "first"}
	for range 2 {
		got, err := r.chat.EditMessage(alice.ctx, req)
		must(t, err)
		if got.Message.GetText() != "first" || got.Message.Edits != 1 || got.Message.Conversation != "@bob" {
			t.Fatalf("got %v", got)
		}
	}
	if e := nextEvent(t, st).GetMessageEdited(); e.GetText() != "first" || e.GetId() != m.Id {
		t.Fatalf("the event is %v", e)
	}
	all, err := r.chat.GetMessage(bob.ctx, &parleyv1.GetMessageRequest{Id: m.Id})
	must(t, err)
	if len(all.Earlier) != 1 || all.Earlier[0].Text != "frist" {
		t.Fatalf("got %v", all)
	}
	_, err = r.chat.EditMessage(bob.ctx, &parleyv1.EditMessageRequest{RequestId: rid().s, Id: m.Id, Text: "mine"})
	wantError(t, err, codes.PermissionDenied, "NOT_ALLOWED")
	_, err = r.chat.EditMessage(eve.ctx, &parleyv1.EditMessageRequest{RequestId: rid().s, Id: m.Id, Text: "mine"})
	wantError(t, err, codes.NotFound, "MESSAGE_NOT_FOUND")
	_, err = r.chat.GetMessage(eve.ctx, &parleyv1.GetMessageRequest{Id: m.Id})
	wantError(t, err, codes.NotFound, "MESSAGE_NOT_FOUND")

	// The author deletes it, and then the answer of the edit is asked for again: it was carried out.
	_, err = r.chat.DeleteMessages(alice.ctx, &parleyv1.DeleteMessagesRequest{RequestId: rid().s, Ids: []uint64{m.Id}})
	must(t, err)
	got, err := r.chat.EditMessage(alice.ctx, req)
	must(t, err)
	if !got.Message.GetDeleted() || got.Message.Text != "" {
		t.Fatalf("got %v", got)
	}
}

// TestAnEditThatCannotBeReadBackIsUnknown: the edit was made, so nobody may hear that it was not.
func TestAnEditThatCannotBeReadBackIsUnknown(t *testing.T) {
	r := newRig3(t)
	alice := r.user(t, "alice")
	m := r.send(t, alice, "@alice", "one")
	r.set(func(r *replica) {
		r.barrierErr = &node.Error{Outcome: node.NotApplied, Cause: node.CauseNoLeader}
		r.edited = func(res *internalv1.Result) { res.GetEdit().AppliedIndex += 5 } // as if this node were behind the leader
	})
	req := &parleyv1.EditMessageRequest{RequestId: rid().s, Id: m.Id, Text: "two"}
	_, err := r.chat.EditMessage(alice.ctx, req)
	if info := wantError(t, err, codes.Unavailable, "NO_QUORUM"); info.Metadata["applied"] != appliedUnknown {
		t.Fatalf("got %v", info.Metadata)
	}
	r.set(func(r *replica) { r.barrierErr, r.edited = nil, nil })
	got, err := r.chat.EditMessage(alice.ctx, req)
	must(t, err)
	if got.Message.Text != "two" || got.Message.Edits != 1 {
		t.Fatalf("got %v", got)
	}
}

func TestReactionsAndPins(t *testing.T) {
	r := newRig3(t)
	alice, bob, eve := r.user(t, "alice"), r.user(t, "bob"), r.user(t, "eve")
	m := r.send(t, alice, "@bob", "hello")
	st, _ := r.subscribe(t, alice, "")
	annotate := func(u user, kind parleyv1.AnnotationKind, value string, present bool) error {
		_, err := r.chat.Annotate(u.ctx, &parleyv1.AnnotateRequest{RequestId: rid().s, Id: m.Id, Kind: kind, Value: value, Present: present})
		return err
	}
	const react, pin = parleyv1.AnnotationKind_ANNOTATION_KIND_REACTION, parleyv1.AnnotationKind_ANNOTATION_KIND_PIN
	must(t, annotate(bob, react, "👍🏽", true))
	must(t, annotate(alice, react, "👍🏽", true))
	must(t, annotate(bob, pin, "", true))
	for _, want := range []string{"bob", "alice", "bob"} {
		if e := nextEvent(t, st).GetMessageAnnotated(); e.GetUsername() != want || !e.Present || e.Id != m.Id {
			t.Fatalf("the event is %v, want one of %s", e, want)
		}
	}
	texts, page := r.page(t, bob, &parleyv1.ReadMessagesRequest{Conversation: "@alice", OnlyPinned: true})
	if texts != "hello" || !page.Messages[0].Pinned || len(page.Messages[0].Reactions) != 1 {
		t.Fatalf("got %v", page)
	}
	if got := page.Messages[0].Reactions[0]; got.Emoji != "👍🏽" || got.Count != 2 || !got.Mine {
		t.Fatalf("got %v", got)
	}
	all, err := r.chat.GetMessage(alice.ctx, &parleyv1.GetMessageRequest{Id: m.Id})
	must(t, err)
	if len(all.Annotations) != 3 {
		t.Fatalf("got %v", all.Annotations)
	}
	must(t, annotate(alice, react, "👍🏽", false))
	must(t, annotate(alice, pin, "", false))
	if texts, _ = r.page(t, bob, &parleyv1.ReadMessagesRequest{Conversation: "@alice", OnlyPinned: true}); texts != "" {
		t.Fatalf("pinned are %q", texts)
	}
	wantError(t, annotate(eve, react, "👀", true), codes.NotFound, "MESSAGE_NOT_FOUND")
	wantError(t, annotate(eve, pin, "", true), codes.NotFound, "MESSAGE_NOT_FOUND")
}

func TestReadMarksGoBackAndMutesAreKept(t *testing.T) {
	r := newRig3(t)
	alice, bob := r.user(t, "alice"), r.user(t, "bob")
	for i := range 3 {
		r.send(t, alice, "@bob", fmt.Sprint(i))
	}
	state := func() *parleyv1.Conversation {
		t.Helper()
		got, err := r.chat.ListConversations(bob.ctx, &parleyv1.ListConversationsRequest{})
		must(t, err)
		return got.Conversations[0]
	}
	for _, seq := range []uint64{3, 1, 0, 2} {
		_, err := r.chat.SetReadMark(bob.ctx, &parleyv1.SetReadMarkRequest{RequestId: rid().s, Conversation: "@alice", Seq: seq})
		must(t, err)
		if c := state(); c.ReadSeq != seq || c.Unread != 3-seq {
			t.Fatalf("after mark %d: %v", seq, c)
		}
	}
	for _, mute := range []parleyv1.Mute{parleyv1.Mute_MUTE_ALL, parleyv1.Mute_MUTE_MENTIONS, parleyv1.Mute_MUTE_UNSPECIFIED} {
		_, err := r.chat.SetMute(bob.ctx, &parleyv1.SetMuteRequest{RequestId: rid().s, Conversation: "@alice", Mute: mute})
		must(t, err)
		if c := state(); c.Mute != mute {
			t.Fatalf("want %v, got %v", mute, c)
		}
	}
	_, err := r.chat.SetReadMark(bob.ctx, &parleyv1.SetReadMarkRequest{RequestId: rid().s, Conversation: "@nobody", Seq: 1})
	if code, _, _, _ := details(err); code != codes.NotFound {
		t.Fatalf("got %v", err)
	}
}
