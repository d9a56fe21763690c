package measure

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of /proc: USER_HZ is 100 on every Linux that Go runs on.
const clockTick = 10 * time.Millisecond

// sample is the CPU time used up to one moment. Without /proc all is zero, and the figures are left out.
type sample struct {
	at                  time.Time
	nodes, self, others time.Duration
}

func (c *Cluster) sample() sample {
	s := sample{at: time.Now(), self: processCPU(os.Getpid())}
	for _, n := range c.Nodes {
		s.nodes += processCPU(n.PID())
	}
	s.others = machineCPU() - s.self - s.nodes
	return s
}

// addCPU puts into the result what was spent between two samples.
func (r *Result) addCPU(a, b sample) {
	nodes, self := b.nodes-a.nodes, b.self-a.self
	if r.Ops > 0 && nodes > 0 {
		r.NodeCPU = round(float64(nodes.Microseconds()) / float64(r.Ops))
		r.CPU = round(float64((nodes + self).Microseconds()) / float64(r.Ops))
	}
	machine := b.at.Sub(a.at).Seconds() * float64(runtime.NumCPU())
	r.OtherCPU = round(max(0, 100*(b.others-a.others).Seconds()/machine))
}

// processCPU is utime + stime of /proc/PID/stat, counted from behind the name, which may hold anything (proc(5)).
func processCPU(pid int) time.Duration {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if len(f) < 13 {
		return 0
	}
	return ticks(f[11], f[12])
}

// machineCPU is what was busy in /proc/stat: user, nice, system, irq, softirq.
func machineCPU() time.Duration {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(data), "\n")
	f := strings.Fields(line)
	if len(f) < 8 {
		return 0
	}
	return ticks(f[1], f[2], f[3], f[6], f[7])
}

func ticks(fields ...string) time.Duration {
	var sum time.Duration
	for _, f := range fields {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0
		}
		sum += time.Duration(n) * clockTick
	}
	return sum
}
