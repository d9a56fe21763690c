// Command sidebyside measures Parley, etcd and NATS JetStream in turn on this machine and writes the table and the plot of
// docs/performance.md. The order rotates from round to round, each system has the machine to itself while it is measured,
// and each begins with empty directories in every round. Parley is the shipped binary under its own `parley bench`; the others
// are the programs of e2e/peers.
//
//	task bench:peers              or: go run ./e2e/sidebyside       three rounds, about 12 minutes, writes docs/
//	task bench:peers -- --quick                                     one round of short runs, only printed
//	go run ./e2e/sidebyside --from docs/bench/peers.jsonl           the table and plot again, from the lines of a run
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"parley/e2e/figure"
)

const (
	document = "docs/performance.md"
	plot     = "docs/bench/peers.svg"
	raw      = "docs/bench/peers.jsonl"
	marker   = "peers"
)

// options are the lengths of a run.
type options struct {
	rounds                int
	seconds, warmup       float64
	kills, peerKills      int
	connections           int
	quick                 bool
	from, data, only, out string
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 3, "how often each system is measured")
	flag.Float64Var(&o.seconds, "seconds", 6, "how long each measurement counts")
	flag.Float64Var(&o.warmup, "warmup", 1.5, "seconds of load before that")
	flag.IntVar(&o.kills, "kills", 10, "kills of Parley's leader in a round")
	flag.IntVar(&o.peerKills, "peer-kills", 3, "kills of the other systems' leaders in a round: each takes seconds")
	flag.IntVar(&o.connections, "connections", 8, "clients whose connections the sessions of Parley's 256 callers share; 0: each its own")
	flag.BoolVar(&o.quick, "quick", false, "one round of 3 s each, printed and not written")
	flag.StringVar(&o.from, "from", "", "measure nothing: use the lines of an earlier run")
	flag.StringVar(&o.data, "data", "", "where the data directories are made; else the system's place for temporary files")
	flag.StringVar(&o.only, "only", "", "one of parley, etcd, nats alone")
	flag.StringVar(&o.out, "lines", raw, "where the lines of the run are kept")
	flag.Parse()
	if o.quick {
		o.rounds, o.seconds, o.warmup, o.kills, o.peerKills = 1, 3, 1, 3, 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "sidebyside:", err)
		os.Exit(1)
	}
}

// session is all that one run measured; its lines are kept as they came.
type session struct {
	Where    string   `json:"where"`
	Versions []string `json:"versions"`
	Results  []result `json:"-"`
}

// result is the part of a measurement's line that the table needs.
type result struct {
	System   string  `json:"system"`
	Version  string  `json:"version,omitempty"`
	Round    int     `json:"round"`
	Op       string  `json:"op"`
	Callers  int     `json:"callers"`
	Seconds  float64 `json:"seconds"`
	Ops      int     `json:"ops"`
	Errors   int     `json:"errors"`
	OpsPerS  float64 `json:"ops_per_s"`
	P50MS    float64 `json:"p50_ms"`
	P90MS    float64 `json:"p90_ms"`
	P99MS    float64 `json:"p99_ms"`
	MaxMS    float64 `json:"max_ms"`
	CPU      float64 `json:"cpu_us_per_op,omitempty"`
	NodeCPU  float64 `json:"node_cpu_us_per_op,omitempty"`
	OtherCPU float64 `json:"other_cpu_pct"`
}

func run(ctx context.Context, o options) error {
	var s session
	var err error
	if o.from != "" {
		s, err = load(o.from)
	} else {
		s, err = measure(ctx, o)
	}
	if err != nil {
		return err
	}
	text, svg := s.table(), s.picture()
	if o.quick || o.only != "" {
		fmt.Println(text)
		return nil
	}
	if o.from == "" {
		if err := s.save(o.out); err != nil {
			return err
		}
	}
	if err := os.WriteFile(plot, []byte(svg), 0o644); err != nil {
		return err
	}
	return figure.Between(document, marker, text)
}

// save writes the head, then one line for each measurement.
func (s session) save(file string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(f)
	err = enc.Encode(s)
	for _, r := range s.Results {
		err = errors.Join(err, enc.Encode(r))
	}
	return errors.Join(err, f.Close())
}

func load(file string) (session, error) {
	var s session
	f, err := os.Open(file)
	if err != nil {
		return s, err
	}
	defer f.Close()
	d := json.NewDecoder(f)
	if err := d.Decode(&s); err != nil {
		return s, fmt.Errorf("%s: %w", file, err)
	}
	if s.Results, err = figure.Decode[result](io.MultiReader(d.Buffered(), f)); err != nil {
		return s, fmt.Errorf("%s: %w", file, err)
	}
	return s, nil
}
