package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"parley/e2e/cluster"
)

// memory samples the nodes' anonymous resident memory.
type memory struct {
	done, ended chan struct{}
	max, last   map[string]int64
}

func watchMemory(t *cluster.Program, c *cluster.Cluster) *memory {
	m := &memory{done: make(chan struct{}), ended: make(chan struct{}), max: map[string]int64{}, last: map[string]int64{}}
	// Owned by the program: ends at stop, and touches m only until then.
	go func() {
		defer close(m.ended)
		tick := time.NewTicker(sampleInterval)
		defer tick.Stop()
		for {
			for _, n := range c.Nodes {
				pid, ok := n.Running()
				if !ok {
					continue
				}
				mb, err := rssAnonMB(pid)
				if err != nil {
					t.Errorf("%s: %v", n.Name, err)
					return
				}
				m.last[n.Name], m.max[n.Name] = mb, max(mb, m.max[n.Name])
			}
			select {
			case <-m.done:
				return
			case <-tick.C:
			}
		}
	}()
	return m
}

// stop ends the sampling and returns the highest and the last sample of each node.
func (m *memory) stop() (highest, last map[string]int64) {
	close(m.done)
	<-m.ended
	return m.max, m.last
}

// rssAnonMB reads what Linux says of the process: heap and stacks, without the mapped store file.
func rssAnonMB(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		var kb int64
		if n, _ := fmt.Sscanf(line, "RssAnon: %d kB", &kb); n == 1 {
			return kb >> 10, nil
		}
	}
	return 0, fmt.Errorf("pid %d: no RssAnon in its status", pid)
}
