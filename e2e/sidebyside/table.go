package main

import (
	"fmt"
	"slices"
	"strings"

	"parley/e2e/figure"
)

// entry is one system's line of a comparison.
type entry struct {
	label, system, op string
	callers           int
	colour            int
}

// comparison is what is set side by side. The entry of etcd is what the others are divided by.
type comparison struct {
	title   string
	entries []entry
	// latency is true where only the latencies say something: the rate was given, or there were a few kills.
	latency bool
}

var comparisons = []comparison{
	{title: "durable writes, 256 callers", entries: []entry{
		{"Parley, send stream", "parley", "send", 256, 0},
		{"Parley, unary call", "parley", "send-unary", 256, 1},
		{"etcd put", "etcd", "put", 256, 2},
		{"NATS publish", "nats", "publish", 256, 3},
		{"NATS publish, asynchronous", "nats", "publish-async", 256, 4},
	}},
	{title: "durable writes, one caller", entries: []entry{
		{"Parley, send stream", "parley", "send", 1, 0},
		{"Parley, unary call", "parley", "send-unary", 1, 1},
		{"etcd put", "etcd", "put", 1, 2},
		{"NATS publish", "nats", "publish", 1, 3},
	}},
	{title: "linearizable reads of one, 256 callers", entries: []entry{
		{"Parley, newest message", "parley", "read-one", 256, 0},
		{"etcd get, one key", "etcd", "get", 256, 2},
	}},
	{title: "delivery to another node, 100/s", latency: true, entries: []entry{
		{"Parley", "parley", "deliver", 16, 0},
		{"etcd watch", "etcd", "watch", 1, 2},
		{"NATS ordered consumer", "nats", "consume", 1, 3},
	}},
	{title: "kill -9 of the leader, 16 callers", latency: true, entries: []entry{
		{"Parley", "parley", "failover", 16, 0},
		{"etcd", "etcd", "failover", 16, 2},
		{"NATS", "nats", "failover", 16, 3},
	}},
}

// pick is one figure of an entry over the rounds.
func (s session) pick(e entry, value func(result) float64) figure.Spread {
	var v []float64
	for _, r := range s.Results {
		if r.System == e.system && r.Op == e.op && r.Callers == e.callers {
			v = append(v, value(r))
		}
	}
	return figure.NewSpread(v)
}

func opsPerS(r result) float64 { return r.OpsPerS }
func p50(r result) float64     { return r.P50MS }
func p99(r result) float64     { return r.P99MS }
func cpu(r result) float64     { return r.CPU }

// ratio of two medians, or a dash.
func ratio(a, b figure.Spread) string {
	if a.N == 0 || b.Median == 0 {
		return "–"
	}
	return figure.Number(a.Median / b.Median)
}

// table is the text between the markers.
func (s session) table() string {
	var rows [][]string
	for _, c := range comparisons {
		etcd := c.etcd()
		for i, e := range c.entries {
			title := ""
			if i == 0 {
				title = c.title
			}
			rate, usage, rateRatio := s.pick(e, opsPerS), s.pick(e, cpu), ratio(s.pick(e, opsPerS), s.pick(etcd, opsPerS))
			if c.latency {
				rate, rateRatio = figure.Spread{}, "–"
			}
			if usage.Median == 0 {
				usage = figure.Spread{}
			}
			rows = append(rows, []string{
				title, e.label, rate.String(), s.pick(e, p50).String(), s.pick(e, p99).String(), usage.String(),
				rateRatio, ratio(s.pick(e, p50), s.pick(etcd, p50)), ratio(s.pick(e, p99), s.pick(etcd, p99)),
			})
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s. Messages and values of %d bytes, three nodes each.\n\n", s.Where, strings.Join(s.Versions, ", "), messageBytes)
	fmt.Fprintf(&b, "Median (least–greatest) of %d rounds; %s. %s\n\n", s.rounds(), s.lengths(), s.disturbance())
	b.WriteString(figure.Table([]string{
		"", "", "ops/s", "p50 ms", "p99 ms", "CPU µs per op", "ops/s ÷ etcd's", "p50 ÷ etcd's", "p99 ÷ etcd's",
	}, rows))
	b.WriteString("\n![Bars of the table above](bench/peers.svg)\n")
	return b.String()
}

func (c comparison) etcd() entry {
	for _, e := range c.entries {
		if e.system == "etcd" {
			return e
		}
	}
	return entry{}
}

func (s session) rounds() int {
	n := 0
	for _, r := range s.Results {
		n = max(n, r.Round)
	}
	return n
}

// lengths says how much was measured in a round: a median of few kills is told as such.
func (s session) lengths() string {
	var spans, kills []string
	for _, r := range s.Results {
		switch span := num(r.Seconds) + " s"; {
		case r.Op == "failover":
			if k := fmt.Sprintf("%s %d", r.System, r.Ops); !slices.Contains(kills, k) {
				kills = append(kills, k)
			}
		case !slices.Contains(spans, span):
			spans = append(spans, span)
		}
	}
	return fmt.Sprintf("%s each, kills in a round: %s", strings.Join(spans, " or "), strings.Join(kills, ", "))
}

// disturbance says what could make the figures less than they look.
func (s session) disturbance() string {
	other, failed := 0.0, 0
	for _, r := range s.Results {
		other = max(other, r.OtherCPU)
		if r.Op != "failover" {
			failed += r.Errors
		}
	}
	return fmt.Sprintf("Other processes took at most %.0f %% of the machine during any of them; %d operations failed where nobody was killed.",
		other, failed)
}

// picture has a panel for each comparison.
func (s session) picture() string {
	var panels []figure.Panel
	for _, c := range comparisons {
		value, unit := opsPerS, "operations per second, more is better"
		if c.latency || strings.Contains(c.title, "one caller") {
			value, unit = p50, "median in ms, less is better"
		}
		p := figure.Panel{Title: c.title + ": " + unit}
		for _, e := range c.entries {
			if v := s.pick(e, value); v.N > 0 {
				p.Bars = append(p.Bars, figure.Bar{Label: e.label, Value: v, Colour: e.colour})
			}
		}
		panels = append(panels, p)
	}
	return figure.Bars("Parley, etcd and NATS JetStream side by side", panels)
}
