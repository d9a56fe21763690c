package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"parley/e2e/cluster"
	"parley/e2e/load"
)

// report is what the program prints.
type report struct {
	seed     uint64
	took     time.Duration
	cuts     map[string]int
	recover  map[string]load.Figures
	acked    int
	verified int
	// failing and stopped are the lab's.
	failing, stopped int
	failed           bool
	// noticed is what gave the control away.
	noticed string
	skipped bool
}

// run cuts and verifies.
func (r *report) run(t cluster.TB, binary string, cuts int) {
	r.cuts, r.recover, r.skipped = map[string]int{}, map[string]load.Figures{}, true
	l := newLab(t, binary)
	rnd := rand.New(rand.NewPCG(r.seed, 0))
	for round := 0; round*cutsInRound < cuts && !t.Failed(); round++ {
		w := load.Start(t, l.c, load.Options{Hub: fmt.Sprintf("hub%d", round)})
		for i := round * cutsInRound; i < min(cuts, (round+1)*cutsInRound); i++ {
			k := kinds[i%len(kinds)] // as many of each
			took, err := l.cut(k, w, rnd)
			if err != nil {
				t.Fatalf("cut %d, %s: %v", i+1, k.name, err)
			}
			r.cuts[k.name]++
			r.recover[k.name] = append(r.recover[k.name], took)
		}
		w.AwaitAcked(20)
		w.Stop()
		w.Verify()
		r.acked += w.Acked()
		if !t.Failed() {
			r.verified++
		}
	}
	r.failing, r.stopped = l.failing, l.stopped
	r.failed = t.Failed()
}

// trial stands for the program once the control's first cut is made: from then on a complaint is what is wanted.
type trial struct {
	*cluster.Program
	cut        atomic.Bool
	complaints chan string
}

func (t *trial) Failed() bool { return len(t.complaints) > 0 || t.Program.Failed() }

func (t *trial) Errorf(format string, args ...any) {
	if !t.cut.Load() {
		t.Program.Errorf(format, args...)
		return
	}
	select {
	case t.complaints <- fmt.Sprintf(format, args...):
	default: // the first one counts
	}
}

func (t *trial) Fatalf(format string, args ...any) {
	if !t.cut.Load() {
		t.Program.Fatalf(format, args...)
	}
	t.Errorf(format, args...)
	runtime.Goexit()
}

// control runs the worst cuts on a product that does not sync and expects it to be found out.
func (r *report) control(p *cluster.Program) {
	r.skipped = false
	l := newLab(p, buildUnsynced(p))
	t := &trial{Program: p, complaints: make(chan string, 1)}
	done := make(chan struct{})
	// Owned by this call, which waits for it; Fatalf ends it.
	go func() {
		defer close(done)
		rnd := rand.New(rand.NewPCG(r.seed, 1))
		for i := 0; i < controlCuts && !t.Failed(); i++ {
			w := load.Start(t, l.c, load.Options{Hub: fmt.Sprintf("control%d", i)})
			w.AwaitAcked(maxAcks)
			t.cut.Store(true)
			_, err := l.cut(kinds[len(kinds)-1], w, rnd)
			if _, ok := errors.AsType[*notBack](err); err != nil && !ok {
				p.Fatalf("control: %v", err)
			}
			if err != nil {
				t.Errorf("%v", err)
			}
			w.Stop()
			if err == nil {
				w.Verify()
			}
		}
	}()
	<-done
	select {
	case r.noticed = <-t.complaints:
	default:
		r.failed = true
		p.Errorf("the control survived %d cuts of all nodes without syncing: the cuts cut nothing", controlCuts)
	}
}

func (r *report) print(w io.Writer) {
	fmt.Fprintf(w, "\npower cuts, %d nodes on ext4, seed %d, %s\n\n", nodes, r.seed, r.took.Round(time.Second))
	fmt.Fprintf(w, "%-14s %6s   %s\n", "cut", "times", "until every node served")
	total := 0
	for _, k := range kinds {
		fmt.Fprintf(w, "%-14s %6d   %s\n", k.name, r.cuts[k.name], r.recover[k.name])
		total += r.cuts[k.name]
	}
	verdict := "0 lost, 0 doubled, 0 out of order, state hashes equal"
	if r.failed {
		verdict = "FAILED, see above"
	}
	fmt.Fprintf(w, "\n%d cuts, %d messages acknowledged, %d rounds verified on every node: %s\n", total, r.acked, r.verified, verdict)
	fmt.Fprintf(w, "nodes whose disk failed under them: %d; ended by themselves within %s: %d\n", r.failing, selfStop, r.stopped)
	if !r.skipped {
		fmt.Fprintf(w, "control, a product that does not sync, noticed: %s\n", r.noticed)
	}
}

// lastLine is what a process said last.
func lastLine(log string) string {
	log = strings.TrimSpace(log)
	return log[strings.LastIndexByte(log, '\n')+1:]
}
