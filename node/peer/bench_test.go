package peer

import (
	"context"
	"sync"
	"testing"

	"go.etcd.io/raft/v3/raftpb"
)

// benchPair starts two nodes with a Step that the benchmark owns.
func benchPair(b *testing.B, step func(m *raftpb.Message)) *Transport {
	b.Helper()
	t := &testing.T{}
	one, two := newNode(), newNode()
	two.step = step
	two.handOn = func(_ context.Context, cmds []Command, answer func(uint64, Answer)) {
		for _, c := range cmds {
			answer(c.ID, Answer{Outcome: Result, Result: c.Bytes})
		}
	}
	pair(t, one, two)
	b.Cleanup(func() { one.stop(); two.stop() })
	return one.t
}

// BenchmarkSend is one message of 1 KiB each, as fast as the peer takes them.
func BenchmarkSend(b *testing.B) {
	window := make(chan struct{}, 512)
	t := benchPair(b, func(*raftpb.Message) { <-window })
	m := appendMessage(1, 2, 1, 1<<10)
	b.SetBytes(1 << 10)
	b.ReportAllocs()
	for b.Loop() {
		window <- struct{}{}
		t.Send(m)
	}
}

// BenchmarkPing is the time of one message there, with nothing else on the way.
func BenchmarkPing(b *testing.B) {
	came := make(chan struct{})
	t := benchPair(b, func(*raftpb.Message) { came <- struct{}{} })
	m := message(1, 2, 1)
	b.ReportAllocs()
	for b.Loop() {
		t.Send(m)
		<-came
	}
}

// BenchmarkHandOn is one command and its answer, with 64 callers at once.
func BenchmarkHandOn(b *testing.B) {
	t := benchPair(b, func(*raftpb.Message) {})
	cmd := string(make([]byte, 200))
	b.ReportAllocs()
	work := make(chan struct{})
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for range work {
				if r := <-handTo(t, 2, cmd); r.err != nil || r.answer.Outcome != Result {
					b.Errorf("%v, %v", r.answer, r.err)
				}
			}
		})
	}
	for b.Loop() {
		work <- struct{}{}
	}
	close(work)
	wg.Wait()
}
