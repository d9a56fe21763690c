package bench

import (
	"math"
	"slices"
	"time"
)

// Result is one measurement, printed as one JSON object. The fields up to p99_ms are part of the contract with scripts.
type Result struct {
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
	Senders int     `json:"senders"`
	Convs   int     `json:"conversations"`
	Size    int     `json:"message_bytes"`
	// Verified is left out where nothing was written.
	Verified bool `json:"verified,omitempty"`
	// Unknown counts the errors whose outcome is unknown: those messages may be there.
	Unknown int `json:"unknown"`
	// CPU is that of all nodes and of this process, per operation; NodeCPU of the nodes alone. OtherCPU is the share of the
	// machine that everything else took meanwhile: well above zero, and the figures are not this program's alone.
	CPU      float64 `json:"cpu_us_per_op,omitempty"`
	NodeCPU  float64 `json:"node_cpu_us_per_op,omitempty"`
	OtherCPU float64 `json:"other_cpu_pct"`
	// CallerP50MS, CallerP99MS and CallerMaxMS are set for failover: from the kill to the next acknowledgement of each caller.
	CallerP50MS float64 `json:"caller_p50_ms,omitempty"`
	CallerP99MS float64 `json:"caller_p99_ms,omitempty"`
	CallerMaxMS float64 `json:"caller_max_ms,omitempty"`
}

// fill sets counts and quantiles from the latencies, which it sorts.
func (r *Result) fill(latencies []time.Duration, span time.Duration) {
	slices.Sort(latencies)
	r.Seconds = round(span.Seconds())
	r.Ops = len(latencies)
	if span > 0 {
		r.OpsPerS = round(float64(len(latencies)) / span.Seconds())
	}
	r.P50MS = ms(quantile(latencies, 0.50))
	r.P90MS = ms(quantile(latencies, 0.90))
	r.P99MS = ms(quantile(latencies, 0.99))
	r.MaxMS = ms(quantile(latencies, 1))
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

// round keeps three digits behind the point: more would be noise.
func round(f float64) float64 { return math.Round(f*1000) / 1000 }
