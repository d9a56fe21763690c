package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"parley/e2e/check"
	"parley/e2e/cluster"
)

// report is the result of a run.
type report struct {
	options  options
	began    time.Time
	rounds   int
	findings check.Findings
	// first and every are, by kind of fault, when the next write was acknowledged: to whoever was first, and to each writer.
	first, every map[string][]time.Duration

	result result
}

// result is the JSON object.
type result struct {
	Began      string         `json:"began"`
	Command    string         `json:"command"`
	Slice      int            `json:"slice"`
	Seed       uint64         `json:"seed"`
	Nodes      int            `json:"nodes"`
	Seconds    float64        `json:"seconds"`
	Rounds     int            `json:"rounds"`
	Faults     map[string]int `json:"faults"`
	Totals     totals         `json:"totals"`
	Snapshots  int            `json:"snapshots_installed"`
	LeftOut    []string       `json:"left_out,omitempty"`
	Operations int            `json:"operations"`
	Acked      int            `json:"acked"`
	Reads      int            `json:"reads"`
	SentAgain  int            `json:"sent_again"`
	NotApplied int            `json:"not_applied"`
	Unknown    int            `json:"unknown_outcomes"`
	Resolved   int            `json:"unknown_resolved"`
	Lost       int            `json:"lost"`
	Duplicated int            `json:"duplicated"`
	Reordered  int            `json:"reordered"`
	Illegal    int            `json:"illegal"`
	Unverified int            `json:"porcupine_unknown"`
	Crashed    int            `json:"ended_by_itself"`
	Terms      uint64         `json:"terms"`
	CalmTerms  uint64         `json:"terms_in_calm"`
	// FailOver is from the fault to the next write that anybody got acknowledged, Stall to each writer's next one, both of
	// sends that began after the fault, in milliseconds.
	FailOver map[string]figures `json:"fail_over_ms"`
	Stall    map[string]figures `json:"stall_ms"`
	Clean    bool               `json:"clean"`
}

// figures are percentiles in milliseconds.
type figures struct {
	N   int     `json:"n"`
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

func figuresOf(ds []time.Duration) figures {
	ds = slices.Sorted(slices.Values(ds))
	at := func(percent int) float64 {
		i := max(1, (len(ds)*percent+99)/100)
		return float64(ds[i-1].Microseconds()) / 1000
	}
	return figures{len(ds), at(50), at(99), at(100)}
}

// add takes one measured fail-over: ascending stalls of all writers.
func (r *report) add(kind string, stalls []time.Duration) {
	if len(stalls) == 0 {
		return
	}
	if r.first == nil {
		r.first, r.every = map[string][]time.Duration{}, map[string][]time.Duration{}
	}
	r.first[kind] = append(r.first[kind], stalls[0])
	r.every[kind] = append(r.every[kind], stalls...)
}

// finish computes the result.
func (r *report) finish(p *party, n *nemesis) {
	f, o := r.findings, r.options
	r.result = result{
		Began: r.began.UTC().Format(time.RFC3339), Command: o.command(), Slice: o.slice, Seed: o.seed, Nodes: o.nodes,
		Seconds: time.Since(r.began).Seconds(), Rounds: r.rounds, Faults: n.counts, Totals: n.totals, Snapshots: n.installed(),
		LeftOut:    n.lab.leftOut,
		Operations: p.tally.acked + p.tally.reads + p.tally.notApplied + p.tally.unknown, Acked: p.tally.acked,
		Reads: p.tally.reads, SentAgain: p.tally.again, NotApplied: p.tally.notApplied, Unknown: p.tally.unknown,
		Resolved: p.tally.resolved, Lost: f.Lost, Duplicated: f.Duplicated, Reordered: f.Reordered, Illegal: f.Illegal,
		Unverified: f.Unverified, Crashed: n.crashed, Terms: n.terms, CalmTerms: n.calmTerms,
		FailOver: map[string]figures{}, Stall: map[string]figures{},
	}
	for kind, ds := range r.first {
		r.result.FailOver[kind] = figuresOf(ds)
	}
	for kind, ds := range r.every {
		r.result.Stall[kind] = figuresOf(ds)
	}
}

func (r *report) clean() bool { return r.findings.Clean() && r.result.Crashed == 0 }

// print prints the table to stderr and the JSON object to stdout, and appends that to --out.
func (r *report) print(t *cluster.Program) error {
	res := &r.result
	res.Clean = r.clean() && !t.Failed()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
	total := 0
	row("fault\tcount")
	for _, kind := range slices.Sorted(maps.Keys(res.Faults)) {
		row("%s\t%d", kind, res.Faults[kind])
		total += res.Faults[kind]
	}
	row("all\t%d", total)
	row("\t")
	row("processes killed\t%d", res.Totals.Kills)
	row("processes paused\t%d", res.Totals.Pauses)
	row("processes restarted gracefully\t%d", res.Totals.Restarts)
	row("partitions\t%d", res.Totals.Partitions)
	row("membership changes\t%d", res.Totals.Members)
	row("snapshots installed under load\t%d", res.Snapshots)
	row("\t")
	row("seconds\t%.0f", res.Seconds)
	row("operations\t%d", res.Operations)
	row("acked\t%d", res.Acked)
	row("reads\t%d", res.Reads)
	row("sent again after the ack\t%d", res.SentAgain)
	row("not applied\t%d", res.NotApplied)
	row("unknown outcomes, resolved\t%d, %d", res.Unknown, res.Resolved)
	row("lost\t%d", res.Lost)
	row("duplicated\t%d", res.Duplicated)
	row("reordered\t%d", res.Reordered)
	row("illegal\t%d", res.Illegal)
	row("porcupine unknown\t%d", res.Unverified)
	row("nodes that ended by themselves\t%d", res.Crashed)
	row("terms begun, of them in calm\t%d, %d", res.Terms, res.CalmTerms)
	row("\t")
	row("fail-over (ms)\tn\tp50\tp99\tmax\tevery writer: p50\tp99\tmax")
	for _, kind := range slices.Sorted(maps.Keys(res.FailOver)) {
		f, s := res.FailOver[kind], res.Stall[kind]
		row("%s\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f", kind, f.N, f.P50, f.P99, f.Max, s.P50, s.P99, s.Max)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	t.Logf("\n%s", b.String())
	for _, left := range res.LeftOut {
		t.Logf("left out: %s", left)
	}
	line, err := json.Marshal(res)
	if err != nil {
		return err
	}
	fmt.Println(string(line))
	if r.options.out == "" {
		return nil
	}
	f, err := os.OpenFile(r.options.out, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
