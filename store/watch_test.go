package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"parley/proto/internalv1"
	"parley/proto/parleyv1"
)

// eventLine says an event in a line that is the same whenever it is told; whether a message was read or deleted since
// is left out.
func eventLine(e *parleyv1.Event) string {
	switch c := e.GetChange().(type) {
	case *parleyv1.Event_Message:
		return fmt.Sprintf("%s message %d", e.GetCursor(), c.Message.GetId())
	case *parleyv1.Event_MessageDeleted:
		return fmt.Sprintf("%s deleted %d %v", e.GetCursor(), c.MessageDeleted.GetId(), c.MessageDeleted.GetOnlyForMe())
	case *parleyv1.Event_MessageEdited:
		return fmt.Sprintf("%s edited %d", e.GetCursor(), c.MessageEdited.GetId())
	case *parleyv1.Event_MessageAnnotated:
		return fmt.Sprintf("%s annotated %d %s", e.GetCursor(), c.MessageAnnotated.GetId(), annotatedLine(c.MessageAnnotated))
	case *parleyv1.Event_UserDeleted:
		return fmt.Sprintf("%s user %s", e.GetCursor(), c.UserDeleted.GetUsername())
	case *parleyv1.Event_ReadMarked:
		return fmt.Sprintf("%s read %s", e.GetCursor(), c.ReadMarked.GetConversation())
	}
	return "?"
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// P4: whatever cursor a stream resumes from, live or from the index, fast or slow, it has no gap and no duplicate, and
// what it says is what a stream that was there from the beginning said.
func TestWatchResumesWithoutGapOrDuplicate(t *testing.T) {
	s, _ := fileStore(t, Options{OverlayBytes: 16 << 10, FlushInterval: time.Millisecond})
	r := newRig(t, s)
	names := []string{"ann", "bob", "cat"}
	r.people(names...)
	r.ok(raise(MaxClusterVersion))
	start := make(map[string]string)
	for _, n := range names {
		v := r.view()
		start[n] = v.Cursor()
		v.Close()
	}
	ctx := testContext(t)
	const last = "the last message"
	// follow reads until the last message; it resumes from its own cursor now and then, and dawdles.
	follow := func(name string, seed uint64, cursor string) (lines []string, err error) {
		rnd := rand.New(rand.NewPCG(seed, 5))
		for {
			w, err := s.Watch(WatchOptions{Session: token(name), Cursor: cursor})
			if err != nil {
				return nil, err
			}
			if _, reset := w.Start(); reset != "" {
				return nil, errors.New("reset: " + reset)
			}
			for range 1 + rnd.IntN(40) {
				es, err := w.Next(ctx)
				if err != nil {
					return lines, err
				}
				for _, e := range es {
					if e.GetReadMarked() == nil { // superseded ones are not kept
						lines = append(lines, eventLine(e.Event))
					}
					if e.GetMessage().GetText() == last {
						w.Close()
						return lines, nil
					}
				}
				if len(es) == 0 {
					return nil, errors.New("Next returned nothing")
				}
				for n := rnd.IntN(200); n > 0; n-- { // a reader that dawdles
					runtime.Gosched()
				}
			}
			cursor = w.Cursor()
			w.Close()
		}
	}
	type out struct {
		name  string
		lines []string
	}
	var mu sync.Mutex
	var outs []out
	var wg sync.WaitGroup
	run := func(name string, seed uint64, cursor string) {
		wg.Go(func() {
			lines, err := follow(name, seed, cursor)
			if err != nil {
				t.Errorf("%s, seed %d: %v after %d events", name, seed, err, len(lines))
			}
			mu.Lock()
			outs = append(outs, out{name, lines})
			mu.Unlock()
		})
	}
	for i, n := range names {
		run(n, uint64(10+i), start[n])
		run(n, uint64(20+i), start[n])
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range 1500 {
		from, to := names[rnd.IntN(3)], names[rnd.IntN(3)]
		switch {
		case i > 20 && rnd.IntN(8) == 0:
			r.do(r.deleteCmd(from, 1+rnd.Uint64N(uint64(i/2))))
		case i > 20 && rnd.IntN(6) == 0:
			r.do(r.editCmd(from, 1+rnd.Uint64N(uint64(i/2)), fmt.Sprint("edit ", i)))
		case i > 20 && rnd.IntN(6) == 0:
			r.do(r.reactCmd(from, 1+rnd.Uint64N(uint64(i/2)), "👍", rnd.IntN(3) > 0))
		case i > 20 && rnd.IntN(8) == 0:
			r.do(r.postCmd(from, "@"+to, fmt.Sprint(i), 1+rnd.Uint64N(uint64(i/2))))
		case i > 20 && rnd.IntN(8) == 0:
			r.do(r.markCmd(from, "@"+to, uint64(1+rnd.IntN(40)), uint64(40+rnd.IntN(100))))
		default:
			r.send(from, "@"+to, fmt.Sprint(i))
		}
	}
	for _, n := range names {
		r.send(n, "@"+n, last)
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	// A stream that is opened now, from the beginning, reads the index alone.
	for _, n := range names {
		want, err := follow(n, 99, start[n])
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range outs {
			// A message that was hidden before it was read is not told.
			if o.name == n && !slices.Equal(withoutHidden(o.lines), withoutHidden(want)) {
				t.Errorf("%s: %d events, want %d:\n got %q\nwant %q", n, len(o.lines), len(want), o.lines, want)
			}
		}
	}
}

// withoutHidden leaves out the messages that the reader hid from itself, with what became of them: whether that was told
// depends on when.
func withoutHidden(lines []string) (out []string) {
	hidden := make(map[string]bool)
	for _, l := range lines {
		var cursor, id string
		if n, _ := fmt.Sscanf(l, "%s deleted %s true", &cursor, &id); n == 2 && l == cursor+" deleted "+id+" true" {
			hidden[id] = true
		}
	}
	for _, l := range lines {
		var cursor, what, id string
		if n, _ := fmt.Sscanf(l, "%s %s %s", &cursor, &what, &id); n == 3 && what != "deleted" && hidden[id] {
			continue
		}
		out = append(out, l)
	}
	return out
}

// Both sides and every session of the sender see a message, live, with their own view of it.
func TestWatchTellsEachSideItsOwnView(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob", "eve")
	ctx := testContext(t)
	var ws []*Watcher
	for _, n := range []string{"ann", "bob", "eve"} {
		w, err := s.Watch(WatchOptions{Session: token(n)})
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		ws = append(ws, w)
	}
	cmd := r.sendCmd("ann", "@bob", "hi")
	sent := r.ok(cmd).GetSend()
	for i, want := range []*parleyv1.Message{
		{Conversation: "@bob", RequestId: formatUUID(cmd.GetRequestId())},
		{Conversation: "@ann", Unread: true},
	} {
		es, err := ws[i].Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		got := es[0].GetMessage()
		if len(es) != 1 || got.GetConversation() != want.GetConversation() || got.GetRequestId() != want.GetRequestId() ||
			got.GetUnread() != want.GetUnread() || got.GetText() != "hi" || got.GetSender() != "ann" ||
			es[0].GetCursor() != sent.GetCursor() {
			t.Fatalf("told %v, want like %v", es, want)
		}
	}
	r.send("bob", "@eve", "for eve")
	es, err := ws[2].Next(ctx)
	if err != nil || es[0].GetMessage().GetText() != "for eve" {
		t.Fatalf("eve is told %v, %v", es, err)
	}
}

func TestWatchEndsWithItsSession(t *testing.T) {
	for how, end := range map[string]func(r *rig) *internalv1.Command{
		"logout":   func(r *rig) *internalv1.Command { return r.logoutCmd("ann") },
		"password": func(r *rig) *internalv1.Command { return r.passwordCmd("other", 1) },
		"deletion": func(r *rig) *internalv1.Command { return r.deleteUserCmd("other", 1) },
		"revoke": func(r *rig) *internalv1.Command {
			return &internalv1.Command{RequestId: r.id(), Session: token("other"), Body: &internalv1.Command_RevokeSession{
				RevokeSession: &internalv1.RevokeSession{SessionId: "1"}}}
		},
	} {
		t.Run(how, func(t *testing.T) {
			s, _ := memStore(t, Options{})
			r := newRig(t, s)
			r.people("ann")
			r.ok(r.loginCmd("ann", "other", 1))
			ctx := testContext(t)
			done := make(chan error, 2)
			for _, tok := range []string{"ann", "other"} {
				w, err := s.Watch(WatchOptions{Session: token(tok)})
				if err != nil {
					t.Fatal(err)
				}
				defer w.Close()
				go func() { // ends with the watcher
					for {
						es, err := w.Next(ctx)
						if err != nil {
							done <- fmt.Errorf("%s: %w", tok, err)
							return
						}
						if es[0].GetMessage() != nil {
							done <- fmt.Errorf("%s: still told", tok)
							return
						}
					}
				}()
			}
			r.ok(end(r))
			if how != "deletion" {
				r.send("other", "@ann", "still here")
			}
			got := []string{(<-done).Error(), (<-done).Error()}
			slices.Sort(got)
			want := []string{"ann: " + ErrSessionEnded.Error(), "other: still told"}
			if how == "deletion" {
				want[1] = "other: " + ErrSessionEnded.Error()
			}
			if !slices.Equal(got, want) {
				t.Fatalf("got %q, want %q", got, want)
			}
			if _, err := s.Watch(WatchOptions{Session: token("ann")}); !errors.Is(err, ErrNoSession) {
				t.Fatalf("a new watch: %v", err)
			}
		})
	}
}

func TestWatchCursors(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann")
	v := r.view()
	now := v.Cursor()
	v.Close()
	for name, tt := range map[string]struct {
		cursor string
		reset  bool
	}{
		"none":          {"", false},
		"now":           {now, false},
		"start":         {encodeCursor(testCluster, position{}), false},
		"a bit ahead":   {encodeCursor(testCluster, position{index: 1000}), false},
		"far ahead":     {encodeCursor(testCluster, position{index: 1 << 40}), true},
		"garbage":       {"!!", true},
		"other cluster": {encodeCursor([]byte("another-cluster!"), position{}), true},
		"truncated":     {now[:10], true},
	} {
		w, err := s.Watch(WatchOptions{Session: token("ann"), Cursor: tt.cursor})
		if err != nil {
			t.Fatal(err)
		}
		cursor, reset := w.Start()
		if (reset != "") != tt.reset || tt.reset && cursor != now {
			t.Errorf("%s: starts at %q, reset %q", name, cursor, reset)
		}
		w.Close()
	}
	// Below what is kept.
	s.machine.globals.EventFloor = 3
	s.machine.globalsDirty = true
	r.entry()
	w, err := s.Watch(WatchOptions{Session: token("ann"), Cursor: encodeCursor(testCluster, position{index: 2})})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, reset := w.Start(); reset == "" {
		t.Error("a cursor below the kept events was accepted")
	}
}

// A slow reader's queue is bounded and does not hold up Apply; what it missed comes from the index.
func TestSlowWatcherFallsBackToTheIndex(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob")
	w, err := s.Watch(WatchOptions{Session: token("bob")})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	ctx := testContext(t)
	r.send("ann", "@bob", "first")
	if _, err := w.Next(ctx); err != nil {
		t.Fatal(err)
	}
	const n = 3 * maxWatchQueue
	for range n {
		r.send("ann", "@bob", "x")
	}
	w.mu.Lock()
	queued, lagging := len(w.queue), w.lagging
	w.mu.Unlock()
	if queued > maxWatchQueue || !lagging {
		t.Fatalf("%d queued, lagging %v", queued, lagging)
	}
	want := uint64(2)
	for want < n+2 {
		es, err := w.Next(ctx)
		if err != nil || len(es) > MaxWatchBatch {
			t.Fatal(len(es), err)
		}
		for _, e := range es {
			if e.GetMessage().GetSeq() != want {
				t.Fatalf("seq %d, want %d", e.GetMessage().GetSeq(), want)
			}
			want++
		}
	}
	// The cursor moves on while nothing happens to this account.
	r.ok(r.createCmd("eve"))
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if es, err := w.Next(ended); !errors.Is(err, context.Canceled) {
		t.Fatal(es, err)
	}
	if v := r.view(); w.Cursor() != v.Cursor() {
		t.Fatalf("the cursor is %s, the state's %s", w.Cursor(), v.Cursor())
	} else {
		v.Close()
	}
}
