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
	P999MS  float64 `json:"p999_ms"`
	MaxMS   float64 `json:"max_ms"`
	Nodes   int     `json:"nodes"`
	Senders int     `json:"senders"`
	// Connections is how many clients' connections the senders' sessions shared; left out when each had its own.
	Connections int `json:"connections,omitempty"`
	Convs       int `json:"conversations"`
	Size        int `json:"message_bytes"`
	// Verified is left out where nothing was written.
	Verified bool `json:"verified,omitempty"`
	// Unknown counts the errors whose outcome is unknown: those messages may be there.
	Unknown int `json:"unknown"`
	// CPU is that of all nodes and of this process, per operation; NodeCPU of the nodes alone, ClientCPU of this process. OtherCPU
	// is the share of the machine that everything else took meanwhile: well above zero, and the figures are not this program's
	// alone.
	CPU       float64 `json:"cpu_us_per_op,omitempty"`
	NodeCPU   float64 `json:"node_cpu_us_per_op,omitempty"`
	ClientCPU float64 `json:"client_cpu_us_per_op,omitempty"`
	OtherCPU  float64 `json:"other_cpu_pct"`
	// Elections is how much the term rose between the ends of the window, LeaderChanged whether another node led at its end.
	Elections     uint64 `json:"elections"`
	LeaderChanged bool   `json:"leader_changed,omitempty"`
	// Rate, Late, Missed and Served… are set with a rate: operations a second that were to begin; how many began more than a
	// millisecond late; how many never began; latencies from the real beginning, where all others are from the intended one.
	Rate        float64 `json:"rate,omitempty"`
	Late        int     `json:"late,omitempty"`
	Missed      int     `json:"missed,omitempty"`
	ServedP50MS float64 `json:"served_p50_ms,omitempty"`
	ServedP99MS float64 `json:"served_p99_ms,omitempty"`
	// Via is through which nodes callers went, when they did not choose; ServedBy how many reads each node answered.
	Via      Via            `json:"via,omitempty"`
	ServedBy map[string]int `json:"served_by,omitempty"`
	// Subscribers and Sends are set for fanout, where Ops are deliveries, and room, where they are messages; Subscribers also for idle.
	Subscribers int `json:"subscribers,omitempty"`
	Sends       int `json:"sends,omitempty"`
	// Each… are set for room, where an operation is a message that has come to all: the latencies of each arrival.
	EachP50MS float64 `json:"each_p50_ms,omitempty"`
	EachP99MS float64 `json:"each_p99_ms,omitempty"`
	// History is how many messages the conversation has that was read or searched.
	History int `json:"history,omitempty"`
	// SameNode says that some deliveries did not leave the sender's node: there were too few nodes.
	SameNode bool `json:"same_node,omitempty"`
	// Users only exist.
	Users int `json:"users,omitempty"`
	// RSS is RssAnon of each node at the end of the window, in MB.
	RSS map[string]float64 `json:"rss_anon_mb,omitempty"`
	// Idle is set for idle.
	Idle *Idle `json:"idle,omitempty"`
	// Version is that of this program.
	Version string `json:"version,omitempty"`
	// Caller… and Failover are set for failover, where the other latencies are of the first caller that goes on after a kill:
	// from the kill to the next acknowledged write of each caller.
	CallerP50MS float64   `json:"caller_p50_ms,omitempty"`
	CallerP90MS float64   `json:"caller_p90_ms,omitempty"`
	CallerP99MS float64   `json:"caller_p99_ms,omitempty"`
	CallerMaxMS float64   `json:"caller_max_ms,omitempty"`
	Failover    *Failover `json:"failover,omitempty"`
}

// Idle is what subscriptions on one node cost that node while nothing happens.
type Idle struct {
	Node string `json:"node"`
	// BeforeMB and AfterMB are RssAnon of the node.
	BeforeMB float64 `json:"rss_anon_before_mb"`
	AfterMB  float64 `json:"rss_anon_after_mb"`
	// EachKB is the difference by subscription.
	EachKB float64 `json:"rss_anon_each_kb"`
	// CPUPct is of one core.
	CPUPct float64 `json:"node_cpu_pct"`
}

// fill sets counts and quantiles from the latencies, which it sorts.
func (r *Result) fill(latencies []time.Duration, span time.Duration) {
	slices.Sort(latencies)
	r.count(len(latencies), span)
	r.P50MS = ms(quantile(latencies, 0.50))
	r.P90MS = ms(quantile(latencies, 0.90))
	r.P99MS = ms(quantile(latencies, 0.99))
	r.P999MS = ms(quantile(latencies, 0.999))
	r.MaxMS = ms(quantile(latencies, 1))
}

// fillFrom is fill for many.
func (r *Result) fillFrom(h *hist, span time.Duration) {
	r.count(int(h.n), span)
	r.P50MS = ms(h.quantile(0.50))
	r.P90MS = ms(h.quantile(0.90))
	r.P99MS = ms(h.quantile(0.99))
	r.P999MS = ms(h.quantile(0.999))
	r.MaxMS = ms(h.max)
}

func (r *Result) count(ops int, span time.Duration) {
	r.Seconds = round(span.Seconds())
	r.Ops = ops
	if span > 0 {
		r.OpsPerS = round(float64(ops) / span.Seconds())
	}
}

func (r *Result) addNodes(nodes map[string]int) {
	for name, n := range nodes {
		if r.ServedBy == nil {
			r.ServedBy = make(map[string]int)
		}
		r.ServedBy[name] += n
	}
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
