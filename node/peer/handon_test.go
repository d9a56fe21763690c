package peer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"parley/proto/internalv1"
)

// reply is what became of a command.
type reply struct {
	answer Answer
	err    error
}

// handTo hands a command on. A second reply would be found in the channel.
func handTo(t *Transport, to uint64, cmd string) chan reply {
	done := make(chan reply, 2)
	t.HandOn(to, []byte(cmd), func(a Answer, err error) { done <- reply{a, err} })
	return done
}

// held is a leader that keeps its commands until the test answers them.
type held struct{ cmds chan heldCommand }

type heldCommand struct {
	cmd    string
	answer func(Answer)
}

func hold(n *fakeNode) *held {
	h := &held{cmds: make(chan heldCommand, 10000)}
	n.handOn = func(_ context.Context, cmds []Command, answer func(uint64, Answer)) {
		for _, c := range cmds {
			h.cmds <- heldCommand{string(c.Bytes), func(a Answer) { answer(c.ID, a) }}
		}
	}
	return h
}

// Each command gets its own answer, whatever the order of the answers; each outcome arrives as it was given.
func TestHandOnAnswers(t *testing.T) {
	one, two := newNode(), newNode()
	leader := hold(two)
	pair(t, one, two)
	given := []Answer{
		{Outcome: Result, Result: []byte("r"), Index: 9},
		{Outcome: NotApplied},
		{Outcome: Unknown},
		{Outcome: Overloaded},
		{Outcome: Overloaded, DiskLow: true},
	}
	var asked []chan reply
	for i := range given {
		asked = append(asked, handTo(one.t, 2, fmt.Sprint(i)))
	}
	got := map[string]heldCommand{}
	for range given {
		c := wait(t, "a command", leader.cmds)
		got[c.cmd] = c
	}
	for i := len(given) - 1; i >= 0; i-- { // pipelined: the last is answered while the others wait
		got[fmt.Sprint(i)].answer(given[i])
		got[fmt.Sprint(i)].answer(Answer{Outcome: Unknown}) // a second answer is nothing
		r := wait(t, "an answer", asked[i])
		if r.err != nil || r.answer.Outcome != given[i].Outcome || r.answer.DiskLow != given[i].DiskLow ||
			string(r.answer.Result) != string(given[i].Result) || r.answer.Index != given[i].Index {
			t.Errorf("answer %d is %v, %v; expected %v", i, r.answer, r.err, given[i])
		}
	}
	if r := <-handTo(one.t, 9, ""); r.answer.Outcome != NotApplied || !errors.Is(r.err, ErrUnknownPeer) {
		t.Errorf("to nobody: %v, %v", r.answer, r.err)
	}
}

// Many callers share few frames, and none is lost.
func TestHandOnPipelines(t *testing.T) {
	one, two := newNode(), newNode()
	two.handOn = func(_ context.Context, cmds []Command, answer func(uint64, Answer)) {
		for _, c := range cmds {
			answer(c.ID, Answer{Outcome: Result, Result: c.Bytes})
		}
	}
	pair(t, one, two)
	const callers, each = 64, 100
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for j := range each {
				cmd := fmt.Sprintf("%d/%d", i, j)
				r := <-handTo(one.t, 2, cmd)
				if r.err != nil || r.answer.Outcome != Result || string(r.answer.Result) != cmd {
					t.Errorf("command %s was answered %v, %v", cmd, r.answer, r.err)
					return
				}
			}
		})
	}
	wg.Wait()
	s := one.t.Stats()[2]
	if s.HandOnCommands != callers*each || s.HandOnFrames >= s.HandOnCommands {
		t.Errorf("%d commands in %d frames; expected %d in fewer", s.HandOnCommands, s.HandOnFrames, callers*each)
	}
}

// When the stream breaks, what was written is unknown; what is handed on while nobody listens is not applied; a new
// leader at the address is served by a new stream.
func TestHandOnBrokenStream(t *testing.T) {
	one, two := newNode(), newNode()
	leader := hold(two)
	pair(t, one, two)
	written := handTo(one.t, 2, "written")
	c := wait(t, "the command", leader.cmds)
	two.stop()
	if r := wait(t, "an answer", written); r.answer.Outcome != Unknown || !errors.Is(r.err, errLinkLost) {
		t.Errorf("a written command ended as %v, %v; expected unknown", r.answer, r.err)
	}
	c.answer(Answer{Outcome: Result}) // too late: nothing happens
	if r := wait(t, "the end", handTo(one.t, 2, "nobody")); r.answer.Outcome != NotApplied || r.err == nil {
		t.Errorf("a command to a dead peer ended as %v, %v; expected not applied", r.answer, r.err)
	}

	again := newNode()
	leader = hold(again)
	id := identity(2)
	id.Boot, id.BootNonce = 11, []byte{11}
	again.start(t, id, listen(t, two.addr), nil)
	wait(t, "the link", one.ups)
	asked := handTo(one.t, 2, "again")
	wait(t, "the command", leader.cmds).answer(Answer{Outcome: Result})
	if r := wait(t, "an answer", asked); r.answer.Outcome != Result {
		t.Errorf("after the restart: %v, %v", r.answer, r.err)
	}
	stopped := handTo(one.t, 2, "stopped")
	wait(t, "the command", leader.cmds)
	one.stop()
	if r := wait(t, "an answer", stopped); r.answer.Outcome != Unknown || r.err == nil {
		t.Errorf("a written command ended as %v, %v when this side closed; expected unknown", r.answer, r.err)
	}
	if r := wait(t, "the refusal", handTo(one.t, 2, "")); r.answer.Outcome != NotApplied || !errors.Is(r.err, ErrClosed) {
		t.Errorf("after Close: %v, %v", r.answer, r.err)
	}
}

// added is a call with a channel for its answer.
type added struct {
	*call
	done chan reply
}

// addTo queues a command; nil when too much is under way.
func addTo(h *handOn, cmd []byte) *added {
	done := make(chan reply, 1)
	c, err := h.add(cmd, func(a Answer, err error) { done <- reply{a, err} })
	if c == nil || err != nil {
		return nil
	}
	return &added{c, done}
}

// A caller that is given up learns whether its command was written. What waits for a stuck stream is not.
func TestHandOnGivenUp(t *testing.T) {
	one, two := newNode(), newNode()
	leader := hold(two)
	pair(t, one, two)
	written := handTo(one.t, 2, "written")
	c := wait(t, "the command", leader.cmds)
	one.t.GiveUpHandOns(2)()
	if r := wait(t, "the end", written); r.answer.Outcome != Unknown || !errors.Is(r.err, errGivenUp) {
		t.Errorf("a written command ended as %v, %v; expected unknown", r.answer, r.err)
	}
	c.answer(Answer{Outcome: Result})

	// Not written: taken into the queue while its goroutine is elsewhere.
	h := newHandOn()
	queued, next := addTo(&h, []byte("queued")), addTo(&h, []byte("next"))
	h.giveUp(queued.id, errGivenUp)
	if r := wait(t, "the end", queued.done); r.answer.Outcome != NotApplied || !errors.Is(r.err, errGivenUp) {
		t.Errorf("a queued command ended as %v, %v; expected not applied", r.answer, r.err)
	}
	var req internalv1.HandOnRequest
	if !h.take(&req) || len(req.Commands) != 1 || string(req.Commands[0].Command) != "next" {
		t.Errorf("the frame holds %v; expected only the command that was not given up", req.Commands)
	}
	addTo(&h, []byte("late"))
	h.fail(errLinkLost)
	if r := <-next.done; r.answer.Outcome != Unknown {
		t.Errorf("a written command ended as %v", r.answer)
	}
	if h.count != 0 || h.bytes != 0 || len(h.inflight) != 0 {
		t.Errorf("left over: %d calls, %d bytes, %d in flight", h.count, h.bytes, len(h.inflight))
	}
}

// A caller gets its answer exactly once: the leader's, the end of its reign's, the end of the link's.
func TestHandOnEnds(t *testing.T) {
	one, two := newNode(), newNode()
	leader := hold(two)
	pair(t, one, two)
	answered := handTo(one.t, 2, "answered")
	wait(t, "the command", leader.cmds).answer(Answer{Outcome: Result, Index: 7})
	if r := wait(t, "the answer", answered); r.answer.Outcome != Result || r.answer.Index != 7 || r.err != nil {
		t.Errorf("got %+v, want the leader's answer", r)
	}

	old := handTo(one.t, 2, "old")
	held := wait(t, "the command", leader.cmds)
	giveUp := one.t.GiveUpHandOns(2)
	young := handTo(one.t, 2, "young")
	c := wait(t, "the command", leader.cmds)
	giveUp()
	if r := wait(t, "the end", old); r.answer.Outcome != Unknown || !errors.Is(r.err, errGivenUp) {
		t.Errorf("got %+v, want unknown", r)
	}
	held.answer(Answer{Outcome: Result}) // too late
	c.answer(Answer{Outcome: Result, Index: 8})
	if r := wait(t, "the answer", young); r.answer.Index != 8 {
		t.Errorf("got %+v: a younger call was given up, or an answer went astray", r)
	}

	cut := handTo(one.t, 2, "cut")
	wait(t, "the command", leader.cmds)
	one.t.Close()
	if r := wait(t, "the end", cut); r.answer.Outcome != Unknown || r.err == nil {
		t.Errorf("got %+v, want unknown", r)
	}
	if r := wait(t, "the refusal", handTo(one.t, 2, "late")); r.answer.Outcome != NotApplied || !errors.Is(r.err, ErrClosed) {
		t.Errorf("got %+v, want not applied", r)
	}
	for _, ch := range []chan reply{answered, old, young, cut} {
		if len(ch) != 0 {
			t.Errorf("a second answer: %+v", <-ch)
		}
	}
}

// What is under way is bounded, by number and by bytes; the bound is an answer, not a wait.
func TestHandOnIsBounded(t *testing.T) {
	h := newHandOn()
	for i := range maxHandOnCommands {
		if addTo(&h, nil) == nil {
			t.Fatalf("command %d was refused", i)
		}
	}
	if addTo(&h, nil) != nil {
		t.Error("one more than the bound was taken")
	}
	h.fail(errLinkLost)
	if addTo(&h, make([]byte, maxHandOnBytes)) == nil || addTo(&h, []byte{1}) != nil {
		t.Error("the bound in bytes does not hold")
	}
	a := &answers{pending: map[uint64]struct{}{}, wake: make(chan struct{}, 1)}
	in := make([]*internalv1.HandOnCommand, 2*maxHandOnCommands+1)
	for i := range in {
		in[i] = &internalv1.HandOnCommand{Id: uint64(i)}
	}
	if n := len(a.take(in)); n != 2*maxHandOnCommands || len(a.out) != 1 || a.out[0].Outcome != Overloaded {
		t.Errorf("the acceptor took %d commands and turned away %v", n, a.out)
	}
	a.put(5, Answer{Outcome: Result})
	a.put(5, Answer{Outcome: Unknown})
	if len(a.out) != 2 || a.out[1].Outcome != Result {
		t.Errorf("two answers to one command became %v", a.out)
	}

	var frames int
	var req internalv1.HandOnRequest
	h.fail(errLinkLost)
	for range 3 * maxHandOnFrameCommands {
		addTo(&h, make([]byte, 1))
	}
	for h.take(&req) {
		frames++
	}
	if frames != 3 {
		t.Errorf("%d frames, expected 3", frames)
	}
}

// A leader whose handler waits slows its followers down; the wait ends with the stream.
func TestHandOnBackPressureEnds(t *testing.T) {
	one, two := newNode(), newNode()
	entered, left := make(chan struct{}, 1), make(chan struct{}, 1)
	two.handOn = func(ctx context.Context, _ []Command, _ func(uint64, Answer)) {
		entered <- struct{}{}
		<-ctx.Done()
		left <- struct{}{}
	}
	pair(t, one, two)
	asked := handTo(one.t, 2, "x")
	wait(t, "the handler", entered)
	one.stop()
	wait(t, "the handler's end", left)
	if r := wait(t, "the answer", asked); r.answer.Outcome != Unknown {
		t.Errorf("ended as %v, %v; expected unknown", r.answer, r.err)
	}
}

// A follower that reads no answers does not hold up the leader's handler.
func TestHandOnAnswerNeverBlocks(t *testing.T) {
	two := newNode()
	leader := hold(two)
	two.start(t, identity(2), listen(t, "127.0.0.1:0"), nil)
	cc, err := two.t.dial(two.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer cc.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patienceOfTests)
	defer cancel()
	stream, err := internalv1.NewPeerServiceClient(cc).HandOn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&internalv1.HandOnRequest{Hello: identity(1), To: 2}); err != nil {
		t.Fatal(err)
	}
	const n = 64 // answers of 256 KiB: more than the window
	for i := range uint64(n) {
		err := stream.Send(&internalv1.HandOnRequest{Commands: []*internalv1.HandOnCommand{{Id: i}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		for range n {
			(<-leader.cmds).answer(Answer{Outcome: Result, Result: make([]byte, 256<<10)})
		}
	}()
	wait(t, "all answers to be given", answered)
	got := 0
	for got < n {
		resp, err := stream.Recv()
		if err != nil {
			t.Fatalf("after %d answers: %v", got, err)
		}
		got += len(resp.GetAnswers())
	}
	cancel()
	if _, err := stream.Recv(); status.Code(err) != codes.Canceled {
		t.Errorf("the stream ended with %v", err)
	}
}
