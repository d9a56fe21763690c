package node

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"parley/internal/cputime"
	"parley/proto/internalv1"
)

// BenchmarkPropose is what one acknowledged message costs three whole nodes, with sockets and files, without the API above
// them: every node has callers, so that two thirds of the commands are handed on. cpu-us/op is the time of all processors,
// the garbage collector's and the kernel's included; allocs/op are those of the three nodes together.
func BenchmarkPropose(b *testing.B) {
	for _, callers := range []int{16, 256} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) { benchPropose(b, callers) })
	}
}

func benchPropose(b *testing.B, callers int) {
	const people = 64
	c := startCluster(b, 3)
	lead := c.leader()
	for k := range people {
		c.account(lead, fmt.Sprint("user", k))
	}
	cmds := make([][]byte, b.N)
	for k := range cmds {
		from, to := fmt.Sprint("user", k%people), fmt.Sprint("user", (k*7+1)%people)
		m, err := proto.Marshal(message(from, to, "a message of the usual length, which is one hundred bytes when it is written by a person who types"))
		must(b, err)
		cmds[k] = m
	}
	first := c.nodes[lead].Status().Committed
	appends := c.appends()
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	cpu := cputime.Process()
	for i := range callers {
		n := c.nodes[i%3]
		wg.Go(func() {
			for k := next.Add(1) - 1; k < int64(b.N); k = next.Add(1) - 1 {
				data, err := n.Propose(b.Context(), cmds[k])
				if err != nil {
					b.Errorf("command %d: %v", k, err)
					return
				}
				res := new(internalv1.Result)
				if err := proto.Unmarshal(data, res); err != nil || res.GetSend() == nil {
					b.Errorf("command %d: %v %v", k, res, err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64((cputime.Process()-cpu).Nanoseconds())/1e3/float64(b.N), "cpu-us/op")
	b.ReportMetric(float64(b.N)/float64(c.nodes[lead].Status().Committed-first), "cmds/entry")
	b.ReportMetric(float64(b.N)*3/float64(c.appends()-appends), "cmds/tx")
	var raft, raftFrames, handed, handFrames uint64
	for _, n := range c.nodes {
		for _, st := range n.transport.Stats() {
			raft, raftFrames = raft+st.MessagesSent, raftFrames+st.FramesSent
			handed, handFrames = handed+st.HandOnCommands, handFrames+st.HandOnFrames
		}
	}
	b.ReportMetric(float64(raft)/float64(raftFrames), "msgs/frame")
	b.ReportMetric(float64(handed)/float64(max(handFrames, 1)), "cmds/frame")
}

// appends counts the transactions of the nodes' logs.
func (c *testCluster) appends() (n uint64) {
	c.t.Helper()
	for _, node := range c.nodes {
		r := prometheus.NewRegistry()
		r.MustRegister(node.metrics.appendSeconds)
		families, err := r.Gather()
		must(c.t, err)
		n += families[0].GetMetric()[0].GetHistogram().GetSampleCount()
	}
	return n
}
