package measure

import (
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Flags are what a person may ask of both programs.
type Flags struct {
	Ops             []string
	Callers         []int
	Conns, Rounds   int
	Rate            float64
	Dir             string
	Plan            Plan
	ops, callers    string
	seconds, warmup float64
}

// register defines the flags; ops are the known operations, the first of them the default.
func (f *Flags) register(ops []string) {
	flag.StringVar(&f.ops, "ops", ops[0], "what to measure, with commas between: "+strings.Join(ops, ", "))
	flag.StringVar(&f.callers, "callers", "256", "callers at once, with commas between, one measurement each")
	flag.IntVar(&f.Conns, "connections", 8, "client connections, spread over the nodes; never more than callers")
	flag.IntVar(&f.Rounds, "rounds", 3, "kills of a failover measurement")
	flag.Float64Var(&f.Rate, "rate", 100, "sends a second of a delivery measurement")
	flag.StringVar(&f.Dir, "data", "", "where the directory is made; else the system's place for temporary files")
	flag.IntVar(&f.Plan.Size, "size", 256, "bytes of a value or message")
	flag.Float64Var(&f.seconds, "seconds", 8, "how long each measurement counts")
	flag.Float64Var(&f.warmup, "warmup", 2, "seconds of load before that")
}

// finish reads what register defined, after flag.Parse.
func (f *Flags) finish(known []string) error {
	f.Ops = strings.Split(f.ops, ",")
	for _, op := range f.Ops {
		if !slices.Contains(known, op) {
			return fmt.Errorf("-ops %s: choose from %s", op, strings.Join(known, ", "))
		}
	}
	for s := range strings.SplitSeq(f.callers, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return fmt.Errorf("-callers %s: give numbers above 0", f.callers)
		}
		f.Callers = append(f.Callers, n)
	}
	if f.seconds <= 0 || f.warmup < 0 || f.Conns < 1 || f.Rounds < 1 || f.Rate <= 0 || f.Plan.Size < 16 {
		return fmt.Errorf("-seconds, -warmup, -connections, -rounds, -rate, -size: give sizes above nothing; a size of 16 or more")
	}
	f.Plan.Span = time.Duration(f.seconds * float64(time.Second))
	f.Plan.Warmup = time.Duration(f.warmup * float64(time.Second))
	return nil
}
