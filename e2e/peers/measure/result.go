package measure

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"time"
)

// Result is one measurement. The fields are those of `parley bench`, and System says whose they are.
type Result struct {
	System  string  `json:"system"`
	Version string  `json:"version"`
	Op      string  `json:"op"`
	Callers int     `json:"callers"`
	Seconds float64 `json:"seconds"`
	Ops     int     `json:"ops"`
	Errors  int     `json:"errors"`
	OpsPerS float64 `json:"ops_per_s"`
	P50MS   float64 `json:"p50_ms"`
	P99MS   float64 `json:"p99_ms"`
	P90MS   float64 `json:"p90_ms"`
	MaxMS   float64 `json:"max_ms"`
	Nodes   int     `json:"nodes"`
	Conns   int     `json:"connections"`
	Size    int     `json:"message_bytes"`
	// CPU is left out where processes came and went.
	CPU      float64 `json:"cpu_us_per_op,omitempty"`
	NodeCPU  float64 `json:"node_cpu_us_per_op,omitempty"`
	OtherCPU float64 `json:"other_cpu_pct"`
}

// Print writes the line to standard output.
func (r Result) Print() {
	line, err := json.Marshal(r)
	if err != nil {
		panic(err) // numbers and strings only
	}
	fmt.Fprintln(os.Stdout, string(line))
}

// fill sets counts and quantiles. It sorts the latencies.
func (r *Result) fill(latencies []time.Duration, span time.Duration) {
	slices.Sort(latencies)
	r.Ops, r.Seconds = len(latencies), round(span.Seconds())
	r.OpsPerS = round(float64(r.Ops) / span.Seconds())
	r.P50MS, r.P90MS = ms(quantile(latencies, 0.5)), ms(quantile(latencies, 0.9))
	r.P99MS, r.MaxMS = ms(quantile(latencies, 0.99)), ms(quantile(latencies, 1))
}

// quantile of sorted durations: the smallest that at least a share q of them does not exceed.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	i := int(math.Ceil(q*float64(len(sorted)))) - 1
	return sorted[min(max(i, 0), len(sorted)-1)]
}

func ms(d time.Duration) float64 { return round(float64(d) / float64(time.Millisecond)) }

func round(f float64) float64 { return math.Round(f*1000) / 1000 }
