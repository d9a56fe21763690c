package store

import (
	"encoding/hex"
	"fmt"
	"slices"
	"testing"

	"parley/proto/internalv1"
)

// An account with as many conversations as there may be: one more is refused, and everything that goes over all of them
// still answers, in order and in pages.
func TestMaxConversations(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("hub", "last")
	batch := make([]*internalv1.Command, 0, 200)
	for i := range MaxConversations {
		batch = append(batch, r.createCmd(fmt.Sprintf("u%d", i)), r.sendCmd("hub", fmt.Sprintf("@u%d", i), "hello"))
		if len(batch) == cap(batch) {
			r.entry(batch...)
			batch = batch[:0]
		}
	}
	r.log = nil
	r.refused(r.sendCmd("hub", "@last", "one more"), internalv1.Reason_REASON_LIMIT_REACHED)
	r.refused(r.sendCmd("last", "@hub", "one more"), internalv1.Reason_REASON_LIMIT_REACHED)
	r.send("hub", "@u77", "again")
	v, ses := r.as("hub")
	defer v.Close()
	var names []string
	for token := ""; ; {
		cs, next, err := v.Conversations(ses, MaxPage, token)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range cs {
			names = append(names, c.GetName())
		}
		if token = next; token == "" {
			break
		}
	}
	if len(names) != MaxConversations || names[0] != "@u77" || names[1] != fmt.Sprintf("@u%d", MaxConversations-1) {
		t.Fatalf("%d conversations: %v ...", len(names), names[:2])
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) != MaxConversations {
		t.Fatalf("%d different conversations", len(names))
	}
	page, err := v.Messages(ses, MessageQuery{Limit: 3})
	if err != nil || !page.More || len(page.Messages) != 3 || page.Messages[2].GetText() != "again" ||
		page.Messages[0].GetConversation() != "@u9998" {
		t.Fatalf("%v, %v, %v", page.Messages, page.More, err)
	}
	page, err = v.Messages(ses, MessageQuery{Limit: 2, AfterID: 1})
	if err != nil || !page.More || page.Messages[0].GetId() != 2 || page.Messages[1].GetId() != 3 {
		t.Fatalf("%v, %v, %v", page.Messages, page.More, err)
	}
	// A stream from the beginning gets all of them, in order, in bounded batches.
	want := uint64(1)
	for from := (position{}); ; {
		es, upTo, more, err := v.events(ses.AccountID, from, MaxWatchBatch)
		if err != nil || len(es) > MaxWatchBatch {
			t.Fatal(len(es), err)
		}
		for _, e := range es {
			if e.message != want {
				t.Fatalf("told message %d, want %d", e.message, want)
			}
			want++
		}
		if from = upTo; !more {
			break
		}
	}
	if want != MaxConversations+2 {
		t.Fatalf("told %d messages", want-1)
	}
}

// An unread message behind a hundred thousand own ones is found without reading them all.
func TestUnreadBehindOwnMessages(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob")
	r.send("bob", "@ann", "first")
	const own = 20_000
	batch := make([]*internalv1.Command, 0, 500)
	for range own {
		batch = append(batch, r.sendCmd("ann", "@bob", "x"))
		if len(batch) == cap(batch) {
			r.entry(batch...)
			batch = batch[:0]
		}
	}
	r.log = nil
	r.send("bob", "@ann", "second")
	v, ses := r.as("ann")
	defer v.Close()
	c, err := v.openConv(ses.AccountID, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := &walk{v: v, c: c, q: MessageQuery{OnlyUnread: true}}
	for _, want := range []uint64{1, own + 2} {
		if ok, err := w.next(); err != nil || !ok || w.seq != want {
			t.Fatalf("seq %d, %v, %v; want %d", w.seq, ok, err, want)
		}
	}
	if w.passed > 10*maxMisses {
		t.Fatalf("%d messages were passed one by one", w.passed)
	}
	if got := r.read("ann", MessageQuery{OnlyUnread: true}); !slices.Equal(got, []string{
		"@bob 1 bob: first new", fmt.Sprintf("@bob %d bob: second new", own+2)}) {
		t.Fatalf("read %q", got)
	}
}

// The hash of the state that a fixed log makes. When this test fails, nodes of two versions would disagree: either
// the change to keys, values or Apply is a mistake, or it needs a cluster version of its own.
func TestStateHashOfAFixedLog(t *testing.T) {
	const want = "b1df3589a18c0f9a8c7767ba1ac9b6e489f327f7409409afb1fc409445bc9c97"
	_, hash := reference(t, newGen(2026).entries(500))
	if got := hex.EncodeToString(hash); got != want {
		t.Fatalf("the state hash is %s, it was %s", got, want)
	}
}
