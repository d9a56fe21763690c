package bench

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// clockTick is what /proc counts CPU time in; 100 Hz on every Linux that Go runs on.
const clockTick = 10 * time.Millisecond

// cpuSample is CPU time spent so far. Without /proc it is all zero, and so are the figures from it.
type cpuSample struct {
	at             time.Time
	nodes, self    time.Duration
	busy           time.Duration // by everything on the machine
	nodesWere, all bool
}

// sampleCPU reads the nodes' processes, this one, and the machine.
func sampleCPU(nodes []Process) cpuSample {
	s := cpuSample{at: time.Now()}
	s.self, s.all = processCPU(os.Getpid())
	s.nodesWere = len(nodes) > 0
	for _, n := range nodes {
		d, ok := processCPU(n.PID)
		s.nodes += d
		s.nodesWere = s.nodesWere && ok
	}
	var ok bool
	s.busy, ok = machineCPU()
	s.all = s.all && ok
	return s
}

// processCPU is utime + stime of /proc/PID/stat, fields 14 and 15 (proc(5)).
func processCPU(pid int) (time.Duration, bool) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, false
	}
	// The name in parentheses may hold anything, so count from behind it.
	i := bytes.LastIndexByte(data, ')')
	if i < 0 {
		return 0, false
	}
	fields := strings.Fields(string(data[i+1:]))
	if len(fields) < 13 {
		return 0, false
	}
	return ticks(fields[11], fields[12])
}

// machineCPU is the busy time of the first line of /proc/stat: user, nice, system, irq, softirq.
func machineCPU() (time.Duration, bool) {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, false
	}
	line, _, _ := strings.Cut(string(data), "\n")
	f := strings.Fields(line)
	if len(f) < 8 || f[0] != "cpu" {
		return 0, false
	}
	return ticks(f[1], f[2], f[3], f[6], f[7])
}

func ticks(fields ...string) (time.Duration, bool) {
	var sum time.Duration
	for _, f := range fields {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, false
		}
		sum += time.Duration(n) * clockTick
	}
	return sum, true
}

// rssAnon is the memory of its own of each process, in MB: RssAnon of /proc/PID/status, without the pages of mapped files, which
// the kernel can drop. nil without processes or /proc.
func rssAnon(ps []Process) map[string]float64 {
	var rss map[string]float64
	for _, p := range ps {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID))
		if err != nil {
			continue
		}
		_, rest, ok := strings.Cut(string(data), "\nRssAnon:")
		f := strings.Fields(rest)
		if !ok || len(f) < 2 {
			continue
		}
		kb, err := strconv.ParseFloat(f[0], 64)
		if err != nil {
			continue
		}
		if rss == nil {
			rss = make(map[string]float64, len(ps))
		}
		rss[p.Name] = round(kb / 1024)
	}
	return rss
}
