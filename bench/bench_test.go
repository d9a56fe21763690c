package bench

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
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
	text := b.label(3, 17, 4711, b.began.Add(5*time.Millisecond))
	if len(text) != 200 {
		t.Errorf("the message has %d bytes, want 200", len(text))
	}
	caller, op, began, ok := b.parseLabel(text, 3)
	if !ok || caller != 17 || op != 4711 || began != 5*time.Millisecond {
		t.Errorf("read back caller %d, op %d, began %s, ok %v", caller, op, began, ok)
	}
	if _, _, _, ok := b.parseLabel(text, 4); ok {
		t.Error("a message of measurement 3 was taken for one of 4")
	}
	if _, _, _, ok := b.parseLabel("hello", 3); ok {
		t.Error("a stranger's message was taken for one of ours")
	}
}

// verifyingBench has one conversation and needs no cluster.
func verifyingBench() *Bench {
	return &Bench{o: Options{Size: MinSize}, run: "cafe0123", began: time.Now(), convs: []conversation{{name: "@b"}}}
}

func TestAcknowledgementsThatContradictEachOtherAreFound(t *testing.T) {
	for _, tc := range []struct {
		name string
		logs []*callerLog
		want string
	}{
		{"good", []*callerLog{{acks: []ack{{op: 0, seq: 1, id: 10}, {op: 1, seq: 3, id: 12}}}, {acks: []ack{{caller: 1, seq: 2, id: 11}}}}, ""},
		{"one seq for two messages", []*callerLog{{acks: []ack{{seq: 1, id: 10}}}, {acks: []ack{{caller: 1, seq: 1, id: 11}}}}, "given to two"},
		{"a caller's order reversed", []*callerLog{{acks: []ack{{op: 0, seq: 2, id: 11}, {op: 1, seq: 1, id: 10}}}}, "reversed"},
	} {
		e, err := verifyingBench().expectations(tc.logs)
		switch {
		case tc.want == "" && (err != nil || e[0].after != 9 || len(e[0].acks) != 3):
			t.Errorf("%s: %+v, %v", tc.name, e, err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("%s: got %v, want an error with %q", tc.name, err, tc.want)
		}
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

func TestArrivalsMustBeExactlyOnce(t *testing.T) {
	s := &arrivals{ids: map[uint64]int{1: 1, 2: 1, 4: 2}}
	if missing, err := s.check([]uint64{1, 2, 3}); missing != 1 || err != nil {
		t.Errorf("3 of 1, 2, 3 is missing; got %d, %v", missing, err)
	}
	if _, err := s.check([]uint64{4}); err == nil {
		t.Error("a message that arrived twice was accepted")
	}
}

func TestOptionsAreChecked(t *testing.T) {
	good := Options{Span: time.Second}
	if o, err := good.withDefaults(); err != nil || o.Senders != DefaultSenders {
		t.Errorf("defaults: %+v, %v", o, err)
	}
	for _, bad := range []Options{
		{}, {Span: 1, Senders: 2}, {Span: 1, Conversations: 1000}, {Span: 1, Size: 5}, {Span: 1, Size: MaxSize + 1},
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
	before := sampleCPU([]int{os.Getpid()})
	for x := 0; ; x++ { // until the kernel has counted a tick for us
		after := sampleCPU([]int{os.Getpid()})
		if after.nodes > before.nodes {
			r := Result{Ops: 1}
			r.addCPU(before, after)
			if r.NodeCPU <= 0 || r.CPU < r.NodeCPU {
				t.Errorf("node %v us, all %v us", r.NodeCPU, r.CPU)
			}
			return
		}
		if time.Since(before.at) > 10*time.Second {
			t.Fatal("10 s of work cost no CPU time")
		}
	}
}
