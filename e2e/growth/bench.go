package main

import (
	"context"
	"fmt"
	"strconv"

	"parley/bench"
	"parley/e2e/figure"
)

// bench lets `parley bench` measure an axis, each size on a cluster of its own.
func (p *points) bench(o options, binary, axis string) error {
	sizes := map[string][]int{"users": o.users, "subscribers": o.subscribers, "nodes": o.nodes}[axis]
	for _, n := range sizes {
		var args []string
		switch axis {
		case "users":
			args = []string{"--ops", "send", "--callers", strconv.Itoa(callers), "--users", strconv.Itoa(n)}
		case "nodes":
			args = []string{"--ops", "send,read-one", "--callers", strconv.Itoa(callers), "--nodes", strconv.Itoa(n)}
		case "subscribers":
			args = []string{"--ops", "idle", "--callers", "1", "--subscribers", strconv.Itoa(n)}
		}
		results, err := parleyBench(o, binary, args)
		if err != nil {
			return err
		}
		if axis == "subscribers" {
			fan, err := parleyBench(o, binary, []string{"--ops", "fanout", "--callers", "1", "--subscribers", strconv.Itoa(min(n, bench.MaxFanout(historyNodes)))})
			if err != nil {
				return err
			}
			results = append(results, fan...)
		}
		for _, r := range results {
			at := n
			if r.Op == "fanout" {
				at = r.Subscribers
			}
			note := func(figure string, value float64) { p.add(axis, at, figure, value) }
			switch r.Op {
			case "send":
				addSend(r, note)
				note("RssAnon MB, greatest of the nodes", greatest(r.RSS))
			case "read-one":
				note("read of one, CPU µs", r.CPU)
			case "fanout":
				note("fan-out, CPU µs per delivery", r.CPU)
				note("fan-out, deliveries/s", r.OpsPerS)
				note("fan-out, p50 ms", r.P50MS)
			case "idle":
				note("idle, RssAnon MB of their node", r.Idle.AfterMB)
				note("idle, KB each", r.Idle.EachKB)
				note("idle, % of a core", r.Idle.CPUPct)
			}
		}
	}
	return p.failed
}

func parleyBench(o options, binary string, args []string) ([]bench.Result, error) {
	args = append([]string{"bench", "--seconds", fmt.Sprint(o.seconds), "--warmup", fmt.Sprint(warmup.Seconds()), "--data", o.dir}, args...)
	return figure.Measure[bench.Result](context.Background(), binary, args...)
}
