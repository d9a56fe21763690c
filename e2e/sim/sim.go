package sim

import (
	crand "crypto/rand"
	"errors"
	"fmt"
	"hash"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"sync"
	"time"
)

// Options say what to run.
type Options struct {
	// Seed decides everything that is random.
	Seed uint64
	// Nodes is how many first members there are.
	Nodes int
	// Time is how long the cluster lives, by its own clock; at least MinTime.
	Time time.Duration
	// Log gets every event in words; nil for none.
	Log io.Writer
}

// Result is what a run came to.
type Result struct {
	// Trace is a hash of every event: equal for equal seeds.
	Trace uint64
	Counts
}

// Counts are what happened.
type Counts struct {
	Events, Messages, Dropped, Repeated  int
	Crashes, Pauses, Cuts, Jumps, Resets int
	Elections, Snapshots, Changes, Joint int
	Sent, Acked, Unknown, Reads, Retold  int
	Posted, Refused, Told                int
}

// Add adds another run's.
func (c *Counts) Add(o Counts) {
	for _, p := range [][2]*int{
		{&c.Events, &o.Events}, {&c.Messages, &o.Messages}, {&c.Dropped, &o.Dropped}, {&c.Repeated, &o.Repeated},
		{&c.Crashes, &o.Crashes}, {&c.Pauses, &o.Pauses}, {&c.Cuts, &o.Cuts}, {&c.Jumps, &o.Jumps}, {&c.Resets, &o.Resets},
		{&c.Elections, &o.Elections}, {&c.Snapshots, &o.Snapshots}, {&c.Changes, &o.Changes}, {&c.Joint, &o.Joint},
		{&c.Sent, &o.Sent}, {&c.Acked, &o.Acked}, {&c.Unknown, &o.Unknown}, {&c.Reads, &o.Reads}, {&c.Retold, &o.Retold},
		{&c.Posted, &o.Posted}, {&c.Refused, &o.Refused}, {&c.Told, &o.Told},
	} {
		*p[0] += *p[1]
	}
}

// Violation is a promise that was broken.
type Violation struct {
	Options
	At   time.Duration
	Text string
}

// Error names the promise and how to see it broken again.
func (v *Violation) Error() string {
	return fmt.Sprintf("seed %d, %d nodes, at %v: %s\nreplay: go run ./e2e/simulate --first %d --seeds 1 --nodes %d --time %v --log",
		v.Seed, v.Nodes, v.At, v.Text, v.Seed, v.Nodes, v.Time)
}

// running keeps two runs from sharing crypto/rand.
var running sync.Mutex

// world is one run.
type world struct {
	agenda
	o        Options
	rng      *rand.Rand
	trace    hash.Hash64
	dir      string
	temps    int
	counts   Counts
	weather  weather
	replicas []*replica // by id, from 1
	clients  []*client
	operator *operator // nil when the membership stays
	law      law
}

// Run lives through a seed. The error is a *Violation, or says why there was no run.
func Run(o Options) (res Result, err error) {
	if o.Nodes < 1 || o.Time < MinTime {
		return res, fmt.Errorf("sim: %d nodes for %v; there must be a node, and %v at least", o.Nodes, o.Time, MinTime)
	}
	running.Lock()
	defer running.Unlock()
	dir, err := tempDir()
	if err != nil {
		return res, err
	}
	defer os.RemoveAll(dir)
	random := crand.Reader
	defer func() { crand.Reader = random }()
	crand.Reader = rand.NewChaCha8([32]byte{byte(o.Seed), byte(o.Seed >> 8), byte(o.Seed >> 16), byte(o.Seed >> 24), 1})

	w := &world{o: o, rng: rand.New(rand.NewPCG(o.Seed, uint64(o.Nodes))), trace: fnv.New64a(), dir: dir}
	w.law.init()
	err = w.live()
	res = Result{Trace: w.trace.Sum64(), Counts: w.counts}
	return res, err
}

// tempDir is where store files travel: in memory where that can be had.
func tempDir() (string, error) {
	if fi, err := os.Stat("/dev/shm"); err == nil && fi.IsDir() {
		if dir, err := os.MkdirTemp("/dev/shm", "parley-sim-"); err == nil {
			return dir, nil
		}
	}
	return os.MkdirTemp("", "parley-sim-")
}

// live is the run. A panic of the product is a violation like any other.
func (w *world) live() (err error) {
	defer func() {
		if p := recover(); p != nil {
			if v, ok := p.(*Violation); ok {
				err = v
				return
			}
			err = w.violation("panic: %v\n%s", p, debug.Stack())
		}
	}()
	w.weather = w.drawWeather()
	w.birth()
	w.planFaults(w.o.Time - calmTime)
	w.at(w.o.Time-calmTime, w.calm)
	w.at(w.o.Time-settleTime, w.law.aim)
	w.after(hashInterval, w.fixHash)
	for w.next(w.o.Time) {
		w.counts.Events++
	}
	return w.judge()
}

// violation makes one at the present time.
func (w *world) violation(format string, args ...any) *Violation {
	return &Violation{Options: w.o, At: w.now, Text: fmt.Sprintf(format, args...)}
}

// fail ends the run.
func (w *world) fail(format string, args ...any) {
	panic(w.violation(format, args...))
}

// errCrash is what a disk answers when its node dies in the middle of a commit.
var errCrash = errors.New("sim: the node died in this commit")

// note adds an event to the trace, and tells it when somebody listens.
func (w *world) note(what string, args ...uint64) {
	var b [8]byte
	put := func(v uint64) {
		for i := range b {
			b[i] = byte(v >> (8 * i))
		}
		w.trace.Write(b[:])
	}
	put(uint64(w.now))
	w.trace.Write([]byte(what))
	for _, a := range args {
		put(a)
	}
	if w.o.Log != nil {
		fmt.Fprintf(w.o.Log, "%12v %s %v\n", w.now, what, args)
	}
}

// between draws a duration.
func (w *world) between(lo, hi time.Duration) time.Duration {
	return lo + time.Duration(w.rng.Int64N(int64(hi-lo)+1))
}

// chance is true with a probability.
func (w *world) chance(p float64) bool { return p > 0 && w.rng.Float64() < p }
