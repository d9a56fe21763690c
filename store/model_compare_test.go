package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"parley/proto/internalv1"
)

func compareModel(t *testing.T, r *rig, m *model, viewer string, step int, rnd *rand.Rand) {
	t.Helper()
	q := MessageQuery{Limit: 1 + rnd.IntN(12), OnlyUnread: rnd.IntN(3) == 0}
	if rnd.IntN(2) == 0 {
		q.Conversation = "@" + m.users[rnd.IntN(len(m.users))]
	}
	if rnd.IntN(3) == 0 {
		q.BeforeID = uint64(1 + rnd.IntN(len(m.msgs)+2))
	}
	if rnd.IntN(3) == 0 {
		q.AfterID = uint64(1 + rnd.IntN(len(m.msgs)+2))
	}
	if rnd.IntN(4) == 0 {
		q.FromMS = startMS + rnd.Int64N(r.nowMS-startMS+20)
	}
	q.OnlyPinned = rnd.IntN(5) == 0
	if c := m.seenBy(viewer, q.Conversation); len(c) > 0 && rnd.IntN(3) == 0 {
		q.ThreadID = c[rnd.IntN(len(c))].id
		if x := m.msgs[q.ThreadID-1]; x.thread != nil && !x.thread.hidden[viewer] && !x.thread.removed {
			q.ThreadID = x.thread.id
		}
	}
	v, ses := r.as(viewer)
	defer v.Close()
	page, err := v.Messages(ses, q)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range page.Messages {
		got = append(got, lineOf(x))
	}
	want, wantMore := m.query(viewer, q)
	if !slices.Equal(got, want) || page.More != wantMore {
		t.Fatalf("step %d: %s reads %+v:\n got %q, more=%v\nwant %q, more=%v", step, viewer, q, got, page.More, want,
			wantMore)
	}
	cs, next, err := v.Conversations(ses, MaxPage, "")
	if err != nil || next != "" {
		t.Fatal(err, next)
	}
	var gotC, wantC []string
	for _, c := range cs {
		gotC = append(gotC, fmt.Sprintf("%s last=%d unread=%d %s", c.GetName(), c.GetLastSeq(), c.GetUnread(),
			lineOf(c.GetLastMessage())))
	}
	type head struct {
		id   uint64
		line string
	}
	var heads []head
	for _, u := range m.users {
		c := m.conv(viewer, u)
		if len(c) == 0 {
			continue
		}
		n, last := 0, ""
		for _, x := range c {
			if m.unread(x, viewer) {
				n++
			}
			if !x.hidden[viewer] && !x.removed {
				last = m.line(x, viewer)
			}
		}
		if last == "" {
			last = "none"
		}
		heads = append(heads, head{c[len(c)-1].id, fmt.Sprintf("@%s last=%d unread=%d %s", u, len(c), n, last)})
	}
	slices.SortFunc(heads, func(a, b head) int { return int(b.id) - int(a.id) })
	for _, h := range heads {
		wantC = append(wantC, h.line)
	}
	if !slices.Equal(gotC, wantC) {
		t.Fatalf("step %d: conversations of %s:\n got %q\nwant %q", step, viewer, gotC, wantC)
	}
	checkReadState(t, v, ses.AccountID)
}

// checkReadState checks the numbered invariants of readstate.go.
func checkReadState(t *testing.T, v *View, account uint64) {
	t.Helper()
	err := v.memberships(account, func(conv uint64, r *internalv1.MemberRecord) error {
		c, err := v.conversation(conv)
		if err != nil {
			return err
		}
		end := r.GetReadSeq()
		for i := 0; i < len(r.Ranges); i += 2 {
			if r.Ranges[i] <= end+1 || r.Ranges[i+1] < r.Ranges[i] || r.Ranges[i+1] > c.GetLastSeq() {
				t.Fatalf("conversation %d: read up to %d, ranges %v, last seq %d", conv, r.GetReadSeq(), r.Ranges, c.GetLastSeq())
			}
			end = r.Ranges[i+1]
		}
		if r.GetUnread() == 0 && (r.GetReadSeq() != c.GetLastSeq() || len(r.Ranges) != 0) {
			t.Fatalf("conversation %d: nothing unread, but read up to %d of %d, ranges %v", conv, r.GetReadSeq(),
				c.GetLastSeq(), r.Ranges)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestRangeOverflow marks every other message, so that the ranges overflow, and checks after each mark that the count
// is the number of messages that an unread read returns, and that no message became read that was not marked.
func TestRangeOverflow(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob")
	const n = 700
	for i := range n {
		from, to := "ann", "@bob"
		if i%5 == 0 {
			from, to = "bob", "@ann"
		}
		r.send(from, to, fmt.Sprint(i))
	}
	marked := make(map[uint64]bool)
	rnd := rand.New(rand.NewPCG(3, 3))
	for step := range 400 {
		seq := uint64(1 + rnd.IntN(n))
		r.ok(r.markCmd("bob", "@ann", seq, seq))
		marked[seq] = true
		if step%20 == 0 {
			id := uint64(1 + rnd.IntN(n))
			r.do(r.deleteCmd("ann", id))
		}
		if step%7 != 0 && step < 390 {
			continue
		}
		v, ses := r.as("bob")
		page, err := v.Messages(ses, MessageQuery{OnlyUnread: true, Limit: MaxPage})
		if err != nil {
			t.Fatal(err)
		}
		cs, _, err := v.Conversations(ses, 1, "")
		if err != nil {
			t.Fatal(err)
		}
		if int(cs[0].GetUnread()) != len(page.Messages) {
			t.Fatalf("step %d: unread count %d, unread messages %d", step, cs[0].GetUnread(), len(page.Messages))
		}
		all, err := v.Messages(ses, MessageQuery{Limit: MaxPage})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range all.Messages {
			if !m.GetUnread() && !m.GetDeleted() && m.GetSender() == "ann" && !marked[m.GetSeq()] {
				t.Fatalf("step %d: seq %d is read, but was never marked", step, m.GetSeq())
			}
		}
		checkReadState(t, v, ses.AccountID)
		v.Close()
	}
	r.ok(r.markCmd("bob", "@ann", 1, n))
	if got := r.read("bob", MessageQuery{OnlyUnread: true}); len(got) != 0 {
		t.Fatalf("all are marked, unread are %q", got)
	}
}
