package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/proto/parleyv1"
)

func TestQuantileIsTheSmallestThatCoversTheShare(t *testing.T) {
	var d []time.Duration
	for i := 1; i <= 100; i++ {
		d = append(d, time.Duration(i))
	}
	for _, tc := range []struct {
		q    float64
		want time.Duration
	}{{0.5, 50}, {0.9, 90}, {0.99, 99}, {1, 100}, {0, 1}} {
		if got := quantile(d, tc.q); got != tc.want {
			t.Errorf("quantile %v of 1..100 is %d, want %d", tc.q, got, tc.want)
		}
	}
	if got := quantile(nil, 0.5); got != 0 {
		t.Errorf("quantile of nothing is %d", got)
	}
}

func TestResultHasTheFieldsThatScriptsRelyOn(t *testing.T) {
	r := Result{Op: "send", Callers: 64}
	r.fill([]time.Duration{3 * time.Millisecond, time.Millisecond}, 8*time.Second)
	line, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"op":"send","callers":64,"seconds":8,"ops":2,"errors":0,"ops_per_s":0.25,"p50_ms":1,"p99_ms":3,`
	if !strings.HasPrefix(string(line), want) {
		t.Errorf("got  %s\nwant %s…", line, want)
	}
}

func TestLabelNamesOneMessage(t *testing.T) {
	b := &Bench{o: Options{Size: 200}, run: "cafe0123", began: time.Now()}
	at := b.began.Add(5 * time.Millisecond)
	want := label{measurement: 3, caller: 17, op: 4711, intended: at, began: at.Add(7 * time.Microsecond)}
	text := b.text(want)
	if len(text) != 200 {
		t.Errorf("the message has %d bytes, want 200", len(text))
	}
	if got, ok := b.parse(text, 3); !ok || got.caller != 17 || got.op != 4711 || !got.intended.Equal(want.intended) ||
		!got.began.Equal(want.began) {
		t.Errorf("read back %+v, %v; want %+v", got, ok, want)
	}
	if _, ok := b.parse(text, 4); ok {
		t.Error("a message of measurement 3 was taken for one of 4")
	}
	for _, strange := range []string{"", "hello", "cafe0123", "cafe0123 3 17 4711 5", "cafe0123 3 x 4711 5 6 ", "cafe01233 1 2 3 4 5 "} {
		if l, ok := b.parse(strange, 3); ok {
			t.Errorf("%q was taken for one of ours: %+v", strange, l)
		}
	}
}

func TestHistogramIsCloseFromAbove(t *testing.T) {
	var h hist
	var exact []time.Duration
	for i := range 100_000 {
		d := time.Duration(mix(uint64(i)) % uint64(3*time.Second) >> (mix(uint64(i)+1e6) % 24))
		exact = append(exact, d)
		h.record(d)
	}
	slices.Sort(exact)
	for _, q := range []float64{0.001, 0.5, 0.9, 0.99, 0.999, 1} {
		want := quantile(exact, q)
		if got := h.quantile(q); got < want || float64(got-want) > float64(want)/histSub+1 {
			t.Errorf("quantile %v is %d, exactly %d", q, got, want)
		}
	}
	if h.quantile(1) != exact[len(exact)-1] {
		t.Errorf("the longest is %d, want %d", h.quantile(1), exact[len(exact)-1])
	}
	for d := time.Duration(0); d < 1<<40; d = d*9/8 + 1 {
		if i := histBucket(d); histTop(i) < d || (i > 0 && histTop(i-1) >= d) {
			t.Fatalf("%d is in bucket %d, which ends at %d", d, i, histTop(i))
		}
	}
	if i := histBucket(1 << 62); i != histBuckets-1 {
		t.Errorf("the longest durations are in bucket %d of %d", i, histBuckets)
	}
}

// TestPlanGivesEachConversationTwoPeople over all shapes: fewer senders than conversations, and more.
func TestPlanGivesEachConversationTwoPeople(t *testing.T) {
	for _, senders := range []int{1, 2, 3, 16, 99, 100, 101, 150, 200, 201, 256, 512} {
		for _, conversations := range []int{1, 2, 100, 300} {
			pool := poolFor(senders, conversations)
			p := newPlan(senders, conversations, pool, func(i int) string { return fmt.Sprint(i) })
			seen := make(map[pair]int)
			for k, c := range p.convs {
				key := pair{first: min(c.first, c.second), second: max(c.first, c.second)}
				if before, twice := seen[key]; twice || c.first == c.second || key.second >= pool || c.first >= senders {
					t.Fatalf("%d senders, %d conversations: %d is %+v, as is %d", senders, conversations, k, c, before)
				}
				seen[key] = k
			}
			if len(p.places) != senders {
				t.Fatalf("%d senders have %d lists", senders, len(p.places))
			}
			for i, places := range p.places {
				if len(places) == 0 {
					t.Fatalf("%d senders, %d conversations: sender %d has none", senders, conversations, i)
				}
				for _, pl := range places {
					c := p.convs[pl.conv]
					if (c.first != i || c.second != pl.to) && (c.second != i || c.first != pl.to) || pl.name != fmt.Sprint(pl.to) {
						t.Fatalf("sender %d has %+v, which is %+v", i, pl, c)
					}
				}
			}
		}
	}
}

func TestAcknowledgementsThatContradictEachOtherAreFound(t *testing.T) {
	b := &Bench{plan: newPlan(1, 1, 5, func(int) string { return "@b" })}
	acks := func(pairs ...uint64) []*callerLog {
		l := &callerLog{ledgers: make([]ledger, 1)}
		for i := 0; i < len(pairs); i += 2 {
			l.acknowledge(0, i/2, 0, &parleyv1.SendMessageResponse{Seq: pairs[i], Id: pairs[i+1]})
		}
		return []*callerLog{l}
	}
	e, err := b.expectations(acks(1, 10, 3, 12))
	if want := ackHash(0, 1, 3, 12) + ackHash(0, 0, 1, 10); err != nil || e[0].after != 9 || e[0].count != 2 || e[0].sum != want {
		t.Errorf("good: %+v, %v", e, err)
	}
	for name, logs := range map[string][]*callerLog{"seq": acks(2, 10, 1, 11), "id": acks(1, 11, 2, 10), "both": acks(1, 10, 1, 10)} {
		if _, err := b.expectations(logs); err == nil || !strings.Contains(err.Error(), "reversed") {
			t.Errorf("%s reversed: got %v", name, err)
		}
	}
}

// TestReadingBackFindsWhatIsWrong drives the verifier with messages as a node could answer them.
func TestReadingBackFindsWhatIsWrong(t *testing.T) {
	log := &callerLog{unknown: map[int]bool{2: true}}
	log.acked.set(0)
	log.acked.set(1)
	for _, tc := range []struct {
		name string
		ops  []int
		want string
	}{
		{"all", []int{0, 1}, ""}, {"an unknown one is there", []int{0, 2, 1}, ""}, {"twice", []int{0, 1, 0}, "twice"},
		{"an unknown one twice", []int{2, 2}, "twice"}, {"a refused one", []int{0, 3}, "refused"},
	} {
		v := &verifier{logs: []*callerLog{log}, seen: make([]bitset, 1)}
		var err error
		for _, op := range tc.ops {
			if _, e := v.message(label{op: op}, &parleyv1.Message{Seq: 1}); e != nil {
				err = e
			}
		}
		if (tc.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v", tc.name, err)
		}
	}
	if _, err := (&verifier{logs: []*callerLog{log}, seen: make([]bitset, 1)}).message(label{caller: 1}, nil); err == nil {
		t.Error("a message of a caller that there is not was accepted")
	}
}

func TestOutageCountsOnlyWritesThatBeganAfterTheKill(t *testing.T) {
	o := &outage{next: make(map[int]time.Time), over: make(chan struct{}), callers: 2}
	kill := time.Now()
	at := func(d time.Duration) time.Time { return kill.Add(d) }
	o.report(done{0, at(-9), at(-5)}) // before anything: not armed
	o.arm()
	o.report(done{0, at(-4), at(1)}) // in flight at the kill
	o.report(done{0, at(2), at(30)}) // after it, though its time is not known yet
	o.at(kill)
	o.report(done{0, at(31), at(40)})
	select {
	case <-o.over:
		t.Fatal("over although caller 1 has no acknowledgement yet")
	default:
	}
	o.report(done{1, at(3), at(20)})
	select {
	case <-o.over:
	default:
		t.Fatal("not over although both callers have gone on")
	}
	if o.first != at(20) || o.next[0] != at(30) || o.next[1] != at(20) {
		t.Errorf("first %s, caller 0 %s, caller 1 %s after the kill; want 20, 30, 20",
			o.first.Sub(kill), o.next[0].Sub(kill), o.next[1].Sub(kill))
	}
}

func TestStreamsMustBringEachMessageOnceAndInOrder(t *testing.T) {
	fresh := func() *subscriber {
		return &subscriber{arrived: make(map[int]*bitset), seqs: make(map[string]uint64), news: make(chan struct{}, 1)}
	}
	now := time.Now()
	w := &window{from: now.Add(-time.Second), to: now.Add(time.Second)}
	u := fresh()
	for i, op := range []int{0, 1, 3} {
		if err := u.take("@a", uint64(i+1), label{op: op, intended: now, began: now}, true, now, w); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		due  []due
		want int
	}{{[]due{{0, 0}, {0, 3}}, 0}, {[]due{{0, 0}, {0, 2}, {0, 3}}, 1}, {[]due{{1, 0}}, 1}, {make([]due, 5), 2}} {
		if missing, err := u.missing(tc.due); missing != tc.want || err != nil {
			t.Errorf("%v: %d are missing, want %d, %v", tc.due, missing, tc.want, err)
		}
	}
	if u.waited.n != 3 {
		t.Errorf("%d of 3 deliveries were counted", u.waited.n)
	}
	if err := u.take("@a", 4, label{op: 1}, true, now, w); err == nil {
		t.Error("a message that arrived twice was accepted")
	}
	if err := u.take("@a", 6, label{op: 7}, true, now, w); err == nil {
		t.Error("a gap was accepted")
	}
	if err := fresh().take("@a", 6, label{}, false, now, w); err != nil {
		t.Errorf("the first message of a stream may have any seq: %v", err)
	}
}

// TestRateIsKeptWhateverTheAnswersTake: the beginnings follow the clock, what nobody takes is missed, and none before the window
// counts.
func TestRateIsKeptWhateverTheAnswersTake(t *testing.T) {
	start := time.Now().Add(-2 * time.Second) // all of it is due already
	w := window{from: start.Add(time.Second), to: start.Add(2 * time.Second)}
	p := newPacer(t.Context(), maxBacklog, start, w)
	last := start.Add(-1)
	got := 0
	for at := range eventually(t, p) {
		if !at.After(last) || !at.Before(w.to) {
			t.Fatalf("due %s after %s", at.Sub(start), last.Sub(start))
		}
		last = at
		got++
	}
	if missed := int(p.missed.Load()); got != maxBacklog || missed != maxBacklog {
		t.Errorf("%d were queued and %d of the window missed, want %d of each", got, missed, maxBacklog)
	}
}

// eventually waits until the pacer has handed out everything, and then gives the queue.
func eventually(t *testing.T, p *pacer) <-chan time.Time {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); p.missed.Load() < maxBacklog; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("only %d were missed", p.missed.Load())
		}
	}
	return p.due
}

func TestOptionsAreChecked(t *testing.T) {
	good := Options{Span: time.Second}
	if o, err := good.withDefaults(); err != nil || o.Senders != DefaultSenders {
		t.Errorf("defaults: %+v, %v", o, err)
	}
	for _, bad := range []Options{
		{}, {Span: 1, Senders: -1}, {Span: 1, Conversations: MaxConversations + 1}, {Span: 1, Size: 5},
		{Span: 1, Size: MaxSize + 1}, {Span: 1, Users: 1}, {Span: 1, Rate: -1}, {Span: 1, Connections: -1}, {Span: 1, Senders: 257, Connections: 1},
		{Span: 1, Via: "somewhere"},
	} {
		if _, err := bad.withDefaults(); err == nil {
			t.Errorf("%+v was accepted", bad)
		}
	}
}

func TestCPUOfThisProcessIsSeen(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Log("no /proc here: the figures are left out")
		return
	}
	self := []Process{{"n1", os.Getpid()}}
	if rss := rssAnon(self)["n1"]; rss <= 0 {
		t.Errorf("this process has %v MB", rss)
	}
	m := &meter{before: sample{cpu: sampleCPU(self)}}
	for { // until the kernel has counted a tick for us
		m.after.cpu = sampleCPU(self)
		if m.after.cpu.nodes > m.before.cpu.nodes {
			r := Result{Ops: 1}
			m.into(&r)
			if r.NodeCPU <= 0 || r.CPU < r.NodeCPU || r.Elections != 0 {
				t.Errorf("%+v", r)
			}
			return
		}
		if time.Since(m.before.cpu.at) > 10*time.Second {
			t.Fatal("10 s of work cost no CPU time")
		}
	}
}
