package bench

import (
	"context"
	"runtime"
	"sync"
)

// meter looks at the processes and the cluster at both ends of a window.
type meter struct {
	b             *Bench
	wg            sync.WaitGroup
	before, after sample
	err           error
}

// sample is what there is to see at one moment.
type sample struct {
	cpu     cpuSample
	rss     map[string]float64
	cluster clusterState
}

// meter begins to wait for the window. wait must be called before anything is read.
func (b *Bench) meter(ctx context.Context, w window) *meter {
	m := &meter{b: b}
	// Owned by the measurement, which waits for it; ends with the window or ctx, and alone writes the samples.
	m.wg.Go(func() {
		if waitUntil(ctx, w.from) {
			m.before, m.err = m.sample(ctx)
		}
		if m.err == nil && waitUntil(ctx, w.to) {
			m.after, m.err = m.sample(ctx)
		}
	})
	return m
}

func (m *meter) sample(ctx context.Context) (sample, error) {
	var s sample
	var err error
	ps := m.b.processes()
	s.cpu = sampleCPU(ps)
	s.rss = rssAnon(ps)
	s.cluster, err = m.b.clusterState(ctx)
	return s, err
}

// wait returns when both samples are there. An error of ctx is the run's, not the meter's.
func (m *meter) wait() error {
	m.wg.Wait()
	return m.err
}

// into puts what happened between the samples into a result whose operations are counted.
func (m *meter) into(r *Result) {
	a, z := m.before.cpu, m.after.cpu
	nodes, self := z.nodes-a.nodes, z.self-a.self
	if !a.nodesWere || !z.nodesWere {
		nodes = 0
	}
	if r.Ops > 0 && nodes > 0 {
		per := 1 / float64(r.Ops)
		r.NodeCPU, r.ClientCPU = round(float64(nodes.Microseconds())*per), round(float64(self.Microseconds())*per)
		r.CPU = round(float64((nodes + self).Microseconds()) * per)
	}
	if a.all && z.all {
		machine := z.at.Sub(a.at).Seconds() * float64(runtime.NumCPU())
		r.OtherCPU = round(max(0, 100*(z.busy-a.busy-nodes-self).Seconds()/machine))
	}
	r.RSS = m.after.rss
	if z, a := m.after.cluster, m.before.cluster; z.term > a.term {
		r.Elections = z.term - a.term
		r.LeaderChanged = z.leader != a.leader
	}
}
