package store

import (
	"fmt"
	"slices"
	"testing"

	"parley/proto/internalv1"
)

// A window has the message in its middle, and what one side has not got the other side fills.
func TestWindowAroundAMessage(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob", "eve")
	ids := []uint64{0}
	var between uint64
	for i := range 10 {
		ids = append(ids, r.send("ann", "@bob", fmt.Sprint(i+1)).GetId())
		between = r.send("ann", "@eve", fmt.Sprint(i+1)).GetId() // ids have gaps
	}
	r.ok(r.deleteCmd("bob", ids[5]))
	r.ok(r.deleteCmd("ann", ids[6]))
	for _, tt := range []struct {
		seq, limit int
		want       string
	}{
		{4, 1, "< 4 >"}, {4, 2, "< 4 6 >"}, {4, 3, "< 3 4 6 >"}, {6, 3, "< 4 6 7 >"}, {6, 4, "< 4 6 7 8 >"},
		{1, 4, "1 2 3 4 >"}, {10, 4, "< 7 8 9 10"}, {9, 4, "< 7 8 9 10"}, {8, 5, "< 6 7 8 9 10"}, {2, 5, "1 2 3 4 6 >"},
		{3, 9, "1 2 3 4 6 7 8 9 10"}, {3, 50, "1 2 3 4 6 7 8 9 10"}, {10, 1, "< 10"}, {1, 1, "1 >"},
		{5, 3, ErrNoMessage.Error()}, // hidden
	} {
		q := MessageQuery{Conversation: "@ann", AroundID: ids[tt.seq], Limit: tt.limit}
		if got := r.page("bob", q); got != tt.want {
			t.Errorf("%d around %d: %q, want %q", tt.limit, tt.seq, got, tt.want)
		}
		q.OnlyUnread, q.BeforeID, q.AfterID, q.FromMS = true, ids[2], ids[1], r.nowMS // it takes the place of all of them
		if got := r.page("bob", q); got != tt.want {
			t.Errorf("%d around %d with other bounds: %q, want %q", tt.limit, tt.seq, got, tt.want)
		}
	}
	for q, want := range map[MessageQuery]error{
		{Conversation: "@ann", AroundID: between}:   ErrNoMessage,
		{Conversation: "@ann", AroundID: 99}:        ErrNoMessage,
		{Conversation: "@eve", AroundID: ids[1]}:    ErrNoMessage,
		{Conversation: "@nobody", AroundID: ids[1]}: ErrNotFound,
		{AroundID: ids[1]}:                          ErrNotFound,
	} {
		if got := r.page("bob", q); got != want.Error() {
			t.Errorf("%+v: %q, want %q", q, got, want)
		}
	}
}

// A moment is found by the times of the messages, which ascend but for a clock that went back.
func TestReadFromAMoment(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob", "eve")
	var times []int64
	for i := range 60 {
		if i == 30 {
			r.nowMS -= 55 // five messages
		}
		r.send("ann", "@bob", fmt.Sprint(i+1))
		times = append(times, r.nowMS)
		if i%7 == 0 {
			r.send("eve", "@bob", "beside")
		}
	}
	for _, from := range []int64{1, times[0], times[0] + 1, times[10], times[24], times[29], times[31], times[50], times[59]} {
		q := MessageQuery{Conversation: "@ann", FromMS: from, Limit: 3}
		v, ses := r.as("bob")
		p, err := v.Messages(ses, q)
		v.Close()
		if err != nil || len(p.Messages) == 0 {
			t.Fatalf("from %d: %v, %v", from, p, err)
		}
		first := p.Messages[0]
		if at := first.GetTime().AsTime().UnixMilli(); at < from {
			t.Errorf("from %d: begins with seq %d, which was sent %d ms earlier", from, first.GetSeq(), from-at)
		}
		// Nothing older than the clock's fall belongs before it.
		if n := slices.IndexFunc(times, func(at int64) bool { return at >= from }); first.GetSeq()-1 > uint64(n)+6 {
			t.Errorf("from %d: begins with seq %d, seq %d was sent at %d", from, first.GetSeq(), n+1, times[n])
		}
		if more := int(p.Messages[len(p.Messages)-1].GetSeq()) < len(times); p.More != more {
			t.Errorf("from %d: more is %v", from, p.More)
		}
	}
	if got := r.page("bob", MessageQuery{Conversation: "@ann", FromMS: r.nowMS + 1}); got != "" {
		t.Errorf("from the future: %q", got)
	}
	if got := r.page("bob", MessageQuery{FromMS: times[59], Limit: 2}); got != "60" {
		t.Errorf("of all conversations: %q", got)
	}
}

// Pinned messages, and those that mention the caller, are found by an index, in every direction.
func TestReadByAnIndex(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob")
	r.ok(raise(3))
	var ids []uint64
	for i := range 40 {
		from, to := "ann", "@bob"
		if i%3 == 0 {
			from, to = "bob", "@ann"
		}
		ids = append(ids, r.send(from, to, fmt.Sprint(i+1)).GetId())
		if i%4 == 1 {
			r.ok(r.pinCmd("ann", ids[i], true))
		}
	}
	r.ok(r.pinCmd("bob", ids[17], false))
	r.ok(r.deleteCmd("ann", ids[13])) // seq 14
	r.ok(r.deleteCmd("bob", ids[5]))  // seq 6
	for q, want := range map[MessageQuery]string{
		{}:                                     "2 10 22 26 30 34 38",
		{Limit: 3}:                             "30 34 38 >",
		{Limit: 3, BeforeID: ids[29]}:          "10 22 26 >",
		{Limit: 3, AfterID: ids[1]}:            "10 22 26 >",
		{Limit: 5, AfterID: ids[21]}:           "26 30 34 38",
		{Limit: 3, AroundID: ids[21]}:          "< 10 22 26 >",
		{OnlyUnread: true}:                     "2 26 30 38",
		{OnlyUnread: true, Limit: 2}:           "2 26 >",
		{FromMS: r.nowMS - 60, Limit: MaxPage}: "38",
	} {
		q.Conversation, q.OnlyPinned = "@ann", true
		if got := r.page("bob", q); got != want {
			t.Errorf("%+v: %q, want %q", q, got, want)
		}
		q.Conversation = ""
		if q.AroundID != 0 {
			continue
		}
		if got := r.page("bob", q); got != want {
			t.Errorf("%+v: %q, want %q", q, got, want)
		}
	}
	if got := r.page("bob", MessageQuery{OnlyMentions: true}); got != "" {
		t.Errorf("a direct conversation mentions nobody, got %q", got)
	}
	finalHash(t, s)
}

// Two tables of marks are gone through in order, each seq once, in both directions.
func TestSeqMerge(t *testing.T) {
	s, _ := memStore(t, Options{})
	m := s.machine
	m.over = [2]overlayAt{m.active.all()}
	put := func(account uint64, seqs ...uint64) {
		for _, seq := range seqs {
			if err := m.put(keyMention(m.key(), account, 7, seq), &internalv1.MarkRecord{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	put(0, 2, 5, 9)
	put(3, 1, 2, 6, 9, 10)
	put(4, 3)
	for desc, want := range map[bool][]uint64{false: {2, 5, 6, 9}, true: {9, 6, 5, 2}} {
		set := func(account uint64) *seqSet {
			x := &seqSet{desc: desc, it: m.scan(keyMention(nil, account, 7, 2), keyMention(nil, account, 7, 10), desc)}
			x.advance()
			return x
		}
		merge := mergeSeqs(set(3), set(0))
		var got []uint64
		for {
			seq, ok, err := merge.next()
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			got = append(got, seq)
		}
		if !slices.Equal(got, want) {
			t.Errorf("descending %v: %v, want %v", desc, got, want)
		}
	}
	if err := s.endBase(); err != nil {
		t.Fatal(err)
	}
}
