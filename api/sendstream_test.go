package api

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
	"parley/proto/parleyv1"
)

// sendRig is a rig with ann, who sends on a stream to bob.
type sendRig struct {
	*rig
	t      *testing.T
	ann    user
	stream parleyv1.ChatService_SendMessagesClient
}

func newSendRig(t *testing.T, tune ...func(*Server)) *sendRig {
	t.Helper()
	r := newRig(t, tune...)
	ann := r.user(t, "ann")
	r.user(t, "bob")
	st, err := r.chat.SendMessages(ann.ctx)
	must(t, err)
	return &sendRig{r, t, ann, st}
}

func toBob(text string) *parleyv1.SendMessageRequest {
	return &parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: "@bob", Text: text}
}

func (r *sendRig) send(sends ...*parleyv1.SendMessageRequest) {
	r.t.Helper()
	must(r.t, r.stream.Send(&parleyv1.SendMessagesRequest{Sends: sends}))
}

// answers reads n results, by request id.
func (r *sendRig) answers(n int) map[string]*parleyv1.SendResult {
	r.t.Helper()
	got := map[string]*parleyv1.SendResult{}
	for len(got) < n {
		f, err := r.stream.Recv()
		if err != nil {
			r.t.Fatalf("after %d of %d answers: %v", len(got), n, err)
		}
		for _, res := range f.Results {
			if got[res.RequestId] != nil {
				r.t.Fatalf("two answers to %q", res.RequestId)
			}
			got[res.RequestId] = res
		}
	}
	return got
}

// end reads what the stream ends with; an answer before it is a failure.
func (r *sendRig) end() error {
	r.t.Helper()
	f, err := r.stream.Recv()
	if err == nil {
		r.t.Fatalf("an answer instead of the end: %v", f)
	}
	return err
}

func errorIn(t *testing.T, res *parleyv1.SendResult) error {
	t.Helper()
	p := new(spb.Status)
	must(t, proto.Unmarshal(res.GetError(), p))
	return status.FromProto(p).Err()
}

// held keeps commands until the test answers them.
type held struct {
	mu      sync.Mutex
	answers []func()
	came    chan struct{}
}

func (r *sendRig) hold() *held {
	h := &held{came: make(chan struct{}, 4096)}
	r.set(func(r *replica) {
		r.hold = func(answer func()) {
			h.mu.Lock()
			h.answers = append(h.answers, answer)
			h.mu.Unlock()
			h.came <- struct{}{}
		}
	})
	return h
}

// await waits until n more commands came.
func (h *held) await(n int) {
	for range n {
		<-h.came
	}
}

// release answers what is held, the last first.
func (h *held) release() {
	h.mu.Lock()
	as := h.answers
	h.answers = nil
	h.mu.Unlock()
	for i := range as {
		as[len(as)-1-i]()
	}
}

// P2 and P4: what is in one frame is stored in its order, each once; answers come in whatever order they are ready, by
// request id; and a repeated id gets the first answer.
func TestSendStreamAnswersByRequestID(t *testing.T) {
	r := newSendRig(t)
	var sends []*parleyv1.SendMessageRequest
	for i := range 3 {
		sends = append(sends, toBob(fmt.Sprint(i)))
	}
	r.send(sends...)
	got := r.answers(3)
	for i, s := range sends {
		m := got[s.RequestId].GetSent()
		if m.GetSeq() != uint64(i+1) || m.GetConversation() != "@bob" || m.GetCursor() == "" || m.GetTime().GetSeconds() == 0 {
			t.Errorf("send %d was answered with %v", i, got[s.RequestId])
		}
	}
	r.send(sends[1])
	if again := r.answers(1)[sends[1].RequestId]; !proto.Equal(again, got[sends[1].RequestId]) {
		t.Errorf("the repeated send got %v, the first %v", again, got[sends[1].RequestId])
	}
	h := r.hold()
	late, later := toBob("late"), toBob("later")
	r.send(late, later)
	h.await(2)
	h.release()
	var order []string
	for len(order) < 2 { // in one frame or two
		f, err := r.stream.Recv()
		must(t, err)
		for _, res := range f.Results {
			order = append(order, res.RequestId)
		}
	}
	if order[0] != later.RequestId || order[1] != late.RequestId {
		t.Errorf("answers to %v, want the one that was ready first before the other", order)
	}
	must(t, r.stream.CloseSend())
	if err := r.end(); !errors.Is(err, io.EOF) {
		t.Errorf("the stream that the client closed ended with %v", err)
	}
}

// An answer to one send is that send's alone, with the same details as a unary call's.
func TestSendStreamErrorsHurtNoNeighbour(t *testing.T) {
	r := newSendRig(t)
	bad := []struct {
		r      *parleyv1.SendMessageRequest
		code   codes.Code
		reason string
	}{
		{&parleyv1.SendMessageRequest{RequestId: "no uuid", Conversation: "@bob", Text: "x"}, codes.InvalidArgument, reasonInvalidField},
		{&parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: "bob", Text: "x"}, codes.InvalidArgument, reasonInvalidField},
		{&parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: "@bob", Text: strings.Repeat("x", maxTextBytes+1)}, codes.InvalidArgument, reasonInvalidField},
		{&parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: "@bob", Text: "a\x1bb"}, codes.InvalidArgument, reasonInvalidField},
		{&parleyv1.SendMessageRequest{RequestId: rid().s, Conversation: "@nobody", Text: "x"}, codes.NotFound, "USER_NOT_FOUND"},
	}
	var sends, good []*parleyv1.SendMessageRequest
	for i, b := range bad {
		good = append(good, toBob(fmt.Sprint(i)))
		sends = append(sends, b.r, good[i])
	}
	r.send(sends...)
	got := r.answers(len(sends))
	for _, b := range bad {
		err := errorIn(t, got[b.r.RequestId])
		info := wantError(t, err, b.code, b.reason)
		_, uerr := r.chat.SendMessage(r.ann.ctx, b.r)
		if info.Metadata["applied"] != appliedNo || status.Convert(err).Message() != status.Convert(uerr).Message() {
			t.Errorf("the stream answers %v, a unary call %v", err, uerr)
		}
	}
	for i, s := range good {
		if got[s.RequestId].GetSent().GetSeq() != uint64(i+1) {
			t.Errorf("the neighbour %d was answered with %v", i, got[s.RequestId])
		}
	}
}

// A send that does not even decode is answered by itself.
func TestSendStreamMalformedSend(t *testing.T) {
	one, two := toBob("one"), toBob("two")
	id := rid().s
	item := func(m proto.Message) []byte { b, err := proto.Marshal(m); must(t, err); return b }
	broken := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), id)
	broken = protowire.AppendString(protowire.AppendTag(broken, 3, protowire.BytesType), "\xff\xfe")
	var raw []byte
	for _, b := range [][]byte{item(one), broken, item(two)} {
		raw = protowire.AppendBytes(protowire.AppendTag(raw, 1, protowire.BytesType), b)
	}
	var f parleyv1.SendMessagesRequest
	if proto.Unmarshal(raw, &f) == nil || !sendsOneByOne(raw, &f) {
		t.Fatal("the frame should not decode as a whole, and should one by one")
	}
	if len(f.Sends) != 3 || !proto.Equal(f.Sends[0], one) || !proto.Equal(f.Sends[2], two) || malformed(f.Sends[0]) != nil {
		t.Fatalf("decoded %v", &f)
	}
	if f.Sends[1].RequestId != id {
		t.Errorf("the broken send lost its request id: %v", f.Sends[1])
	}
	wantError(t, malformed(f.Sends[1]), codes.InvalidArgument, reasonInvalidField)
	if sendsOneByOne([]byte{0x0a, 0x05, 1}, &f) {
		t.Error("a frame that is cut off was taken")
	}
}

// A frame that is none ends the stream, after the answers to what was under way: the end then speaks for the rest alone.
func TestSendStreamBadFrame(t *testing.T) {
	for name, sends := range map[string][]*parleyv1.SendMessageRequest{"empty": nil, "crowded": make([]*parleyv1.SendMessageRequest, maxSendsPerFrame+1)} {
		t.Run(name, func(t *testing.T) {
			r := newSendRig(t)
			h := r.hold()
			first := toBob("first")
			r.send(first)
			h.await(1)
			for i := range sends {
				sends[i] = toBob("x")
			}
			r.send(sends...)
			h.release()
			if res := r.answers(1)[first.RequestId]; res.GetSent() == nil {
				t.Errorf("the send before the frame was answered with %v", res)
			}
			if info := wantError(t, r.end(), codes.InvalidArgument, reasonInvalidField); info.Metadata["applied"] != appliedNo {
				t.Errorf("the end says %v", info)
			}
			if n := r.proposed(); n != 5 { // two accounts, one session each and ann's message
				t.Errorf("%d commands reached the log", n)
			}
		})
	}
}

// gRPC ends the stream itself for a frame above the limit; nothing of it is applied.
func TestSendStreamOversizeFrame(t *testing.T) {
	r := newSendRig(t)
	before := r.proposed()
	var sends []*parleyv1.SendMessageRequest
	for range 9 {
		sends = append(sends, toBob(strings.Repeat("x", maxTextBytes)))
	}
	r.send(sends...)
	if err := r.end(); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("the stream ended with %v", err)
	}
	if n := r.proposed(); n != before {
		t.Errorf("%d commands of the frame reached the log", n-before)
	}
}

// An id that is longer than any UUID is refused and not kept: unread answers would fill the memory with it.
func TestSendStreamKeepsNoLongID(t *testing.T) {
	r := newSendRig(t)
	long := toBob("x")
	long.RequestId = strings.Repeat("9", maxRequestIDBytes+1)
	r.send(long)
	wantError(t, errorIn(t, r.answers(1)[""]), codes.InvalidArgument, reasonInvalidField)
}

// Above its bound the node stops reading the stream, and goes on when it has answered.
func TestSendStreamBackPressure(t *testing.T) {
	r := newSendRig(t)
	h := r.hold()
	const frames, each = 2 * maxSendsInFlight / 128, 128
	go func() { // ends with the stream, or when all is sent
		for range frames {
			f := &parleyv1.SendMessagesRequest{}
			for range each {
				f.Sends = append(f.Sends, toBob(strings.Repeat("x", 300)))
			}
			if r.stream.Send(f) != nil {
				return
			}
		}
	}()
	h.await(maxSendsInFlight)
	if n := r.server.calls.Load(); n < maxSendsInFlight || n >= maxSendsInFlight+each {
		t.Errorf("%d sends under way, want the bound %d", n, maxSendsInFlight)
	}
	stop := make(chan struct{})
	go func() { // ends with the test's answers
		defer close(stop)
		for left := frames*each - maxSendsInFlight; ; left-- {
			h.release()
			if left == 0 {
				return
			}
			h.await(1)
		}
	}()
	r.answers(frames * each)
	<-stop
	if n := r.server.calls.Load(); n != 0 {
		t.Errorf("%d sends are still counted", n)
	}
}

// A draining node finishes and answers what is under way, takes nothing more, and sends the client away.
func TestSendStreamDrains(t *testing.T) {
	r := newSendRig(t)
	h := r.hold()
	under := toBob("under way")
	r.send(under)
	h.await(1)
	drained := make(chan struct{})
	go func() { defer close(drained); r.server.Drain() }()
	<-r.server.drained.Done()
	<-drained
	h.release()
	if res := r.answers(1)[under.RequestId]; res.GetSent() == nil {
		t.Errorf("what was under way was answered with %v", res)
	}
	if info := wantError(t, r.end(), codes.Unavailable, reasonDraining); info.Metadata["applied"] != appliedNo {
		t.Errorf("the end says %v", info)
	}
}

// A session that ends ends its stream, idle or not, and no answer is lost; another session's stream goes on.
func TestSendStreamEndsWithTheSession(t *testing.T) {
	r := newSendRig(t)
	other, err := r.chat.SendMessages(r.session(t, "ann").ctx)
	must(t, err)
	h := r.hold()
	before := toBob("before")
	r.send(before)
	h.await(1)
	h.release()
	if r.answers(1)[before.RequestId].GetSent() == nil {
		t.Fatal("the first send failed")
	}
	late := toBob("late")
	r.send(late)
	h.await(1)
	r.apply(t, &internalv1.Command{RequestId: rid().raw, Session: sha(r.ann.token),
		Body: &internalv1.Command_Logout{Logout: &internalv1.Logout{}}})
	h.release()
	wantError(t, errorIn(t, r.answers(1)[late.RequestId]), codes.Unauthenticated, reasonSessionInvalid)
	wantError(t, r.end(), codes.Unauthenticated, reasonSessionInvalid)

	r.set(func(r *replica) { r.hold = nil })
	r.stream = other
	more := toBob("more")
	r.send(more)
	if r.answers(1)[more.RequestId].GetSent() == nil {
		t.Error("another session's stream ended too")
	}
}

// P7: a node that cannot propose says so for each send, with what became of it, and keeps the stream.
func TestSendStreamWithoutQuorum(t *testing.T) {
	r := newSendRig(t)
	first := toBob("first")
	r.send(first)
	r.answers(1)
	r.loseQuorum(0)
	lost := toBob("lost")
	r.send(lost)
	info := wantError(t, errorIn(t, r.answers(1)[lost.RequestId]), codes.Unavailable, "NO_QUORUM")
	if info.Metadata["applied"] != appliedNo {
		t.Errorf("the answer says %v", info)
	}
	r.set(func(r *replica) { r.proposeErr, r.barrierErr = nil, nil })
	r.send(lost)
	if r.answers(1)[lost.RequestId].GetSent() == nil {
		t.Error("the stream did not go on")
	}
}

// The account's rate holds for streams, and one account's streams are bounded.
func TestSendStreamLimits(t *testing.T) {
	r := newSendRig(t, func(s *Server) {
		s.sends = newBuckets(0.001, 1, maxBuckets, time.Now)
		s.sendStreams = newCounts(2, 1)
	})
	one, two := toBob("one"), toBob("two")
	r.send(one, two)
	got := r.answers(2)
	if got[one.RequestId].GetSent() == nil {
		t.Errorf("the first got %v", got[one.RequestId])
	}
	wantError(t, errorIn(t, got[two.RequestId]), codes.ResourceExhausted, reasonTooFast)
	st, err := r.chat.SendMessages(r.ann.ctx)
	must(t, err)
	_, err = st.Recv()
	wantError(t, err, codes.ResourceExhausted, reasonTooManyStreams)
}

// What is written by hand is what the generated code writes: the digest of a retry over either path is the same.
func TestSendCommandIsTheGeneratedOne(t *testing.T) {
	id, token := rid().raw, sha([]byte("t"))
	for _, text := range []string{"x", strings.Repeat("ü", 200), strings.Repeat("x", maxTextBytes)} {
		want, err := proto.Marshal(&internalv1.Command{RequestId: id, Session: token, Body: &internalv1.Command_SendMessage{
			SendMessage: &internalv1.SendMessage{Conversation: "@bob", Text: text}}})
		must(t, err)
		if got := sendCommand(id, token, "@bob", text); string(got) != string(want) || cap(got) != len(got) {
			t.Errorf("%d bytes of text: %d bytes of command in %d, want %d", len(text), len(got), cap(got), len(want))
		}
	}
}
