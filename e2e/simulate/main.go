// Command simulate lives through many seeds of the simulated cluster (e2e/sim), several processes at a time, and prints what
// they came to. The first broken promise ends it, with the command that shows it broken again.
//
//	task sim -- --seeds 20000                                    a night
//	go run ./e2e/simulate --seeds 500 --budget 4m                as many as fit four minutes, 500 at least
//	go run ./e2e/simulate --first 17 --seeds 1 --nodes 5 --log   one seed, in words
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"parley/e2e/sim"
)

// chunk is how many seeds one process lives through: much more than it costs to start, little enough to stop soon.
const chunk = 25

type options struct {
	first, seeds uint64
	nodes        string
	time, budget time.Duration
	procs        int
	log, worker  bool
}

// report is what a process says at its end, and what is printed of all of them.
type report struct {
	Seeds   uint64 `json:"seeds"`
	First   uint64 `json:"first"`
	Last    uint64 `json:"last"`
	Nodes   string `json:"nodes"`
	Time    string `json:"simulated_time_each"`
	Seconds string `json:"seconds,omitempty"`
	sim.Counts
	Violation string `json:"violation,omitempty"`
	Error     string `json:"error,omitempty"`
}

func main() {
	var o options
	flag.Uint64Var(&o.first, "first", 1, "the first seed")
	flag.Uint64Var(&o.seeds, "seeds", 500, "how many seeds; with --budget the least")
	flag.StringVar(&o.nodes, "nodes", "3,5", "sizes of cluster; the seeds take turns")
	flag.DurationVar(&o.time, "time", time.Minute, "simulated time of each seed")
	flag.DurationVar(&o.budget, "budget", 0, "go on after --seeds until this much time is gone")
	flag.IntVar(&o.procs, "procs", runtime.NumCPU(), "processes at a time")
	flag.BoolVar(&o.log, "log", false, "print every event of the seeds, in this process")
	flag.BoolVar(&o.worker, "worker", false, "live through the seeds in this process and print a report")
	flag.Parse()
	sizes, err := parseSizes(o.nodes)
	if err != nil || flag.NArg() > 0 || o.seeds == 0 || o.procs < 1 {
		fmt.Fprintln(os.Stderr, "simulate: --nodes wants sizes such as 3,5; --seeds and --procs at least 1; see --help")
		os.Exit(2)
	}
	var r report
	if o.worker || o.log {
		r = live(o, sizes)
	} else {
		r = spread(o)
	}
	out, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(out))
	if r.Violation != "" || r.Error != "" {
		if !o.worker {
			fmt.Fprintln(os.Stderr, r.Violation+r.Error)
		}
		os.Exit(1)
	}
}

func parseSizes(s string) ([]int, error) {
	var sizes []int
	for _, f := range strings.Split(s, ",") {
		n, err := strconv.Atoi(f)
		if err != nil || n < 1 || n > 9 {
			return nil, fmt.Errorf("size %q", f)
		}
		sizes = append(sizes, n)
	}
	return sizes, nil
}

// live lives through the seeds one after the other.
func live(o options, sizes []int) report {
	r := report{First: o.first, Last: o.first, Nodes: o.nodes, Time: o.time.String()}
	var log io.Writer
	if o.log {
		log = os.Stdout
	}
	for seed := o.first; seed < o.first+o.seeds; seed++ {
		res, err := sim.Run(sim.Options{Seed: seed, Nodes: sizes[seed%uint64(len(sizes))], Time: o.time, Log: log})
		r.Seeds, r.Last = r.Seeds+1, seed
		r.Counts.Add(res.Counts)
		if v, ok := errors.AsType[*sim.Violation](err); ok {
			r.Violation = v.Error()
			return r
		}
		if err != nil {
			r.Error = err.Error()
			return r
		}
	}
	return r
}

// spread gives the seeds to processes, chunk by chunk.
func spread(o options) report {
	began := time.Now()
	total := report{First: o.first, Nodes: o.nodes, Time: o.time.String()}
	var mu sync.Mutex
	next := o.first
	take := func() (first, n uint64) {
		mu.Lock()
		defer mu.Unlock()
		left := uint64(chunk)
		if done := next - o.first; done >= o.seeds {
			if time.Since(began) > o.budget {
				left = 0
			}
		} else {
			left = min(chunk, o.seeds-done)
			if o.budget > 0 {
				left = chunk
			}
		}
		if total.Violation != "" || total.Error != "" {
			left = 0
		}
		first, next = next, next+left
		return first, left
	}
	var wg sync.WaitGroup
	for range o.procs {
		wg.Go(func() {
			for {
				first, n := take()
				if n == 0 {
					return
				}
				r := work(o, first, n)
				mu.Lock()
				total.Seeds += r.Seeds
				total.Last = max(total.Last, r.Last)
				total.Counts.Add(r.Counts)
				if total.Violation == "" && total.Error == "" {
					total.Violation, total.Error = r.Violation, r.Error
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	total.Seconds = fmt.Sprintf("%.1f", time.Since(began).Seconds())
	return total
}

// work is one process.
func work(o options, first, n uint64) report {
	cmd := exec.Command(os.Args[0], "--worker", "--first", fmt.Sprint(first), "--seeds", fmt.Sprint(n), "--nodes", o.nodes,
		"--time", o.time.String())
	// A run is short-lived garbage: to collect it seldom is a quarter faster.
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "GOGC=400")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var r report
	if jerr := json.Unmarshal(out, &r); jerr != nil {
		r.Error = fmt.Sprintf("seeds %d to %d: %v: %v\n%s", first, first+n-1, err, jerr, stderr.String())
	}
	return r
}
