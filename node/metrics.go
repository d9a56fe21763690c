package node

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics have etcd's names, under parley_, where they mean the same.
type metrics struct {
	appendSeconds      prometheus.Histogram
	proposalsFailed    prometheus.Counter
	proposalsPending   prometheus.Gauge
	handedOn           prometheus.Counter
	leaderChanges      prometheus.Counter
	snapshotsSent      prometheus.Counter
	snapshotsInstalled prometheus.Counter
	storeHealed        prometheus.Counter
	scrubs, scrubsBad  prometheus.Counter
	scrubSeconds       prometheus.Gauge
	hashesCompared     prometheus.Counter
	readRounds         atomic.Uint64 // written by the loop
	clockOffset        prometheus.Gauge
}

func newMetrics() *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "parley_" + name, Help: help})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "parley_" + name, Help: help})
	}
	return &metrics{
		appendSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "parley_disk_wal_fsync_duration_seconds",
			Help:    "Time to make one batch of log entries durable.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2, 16),
		}),
		proposalsFailed:  counter("server_proposals_failed_total", "Proposals that ended without a result."),
		proposalsPending: gauge("server_proposals_pending", "Proposals that wait for their result."),
		handedOn:         counter("server_proposals_handed_on_total", "Commands handed to the leader."),
		leaderChanges:    counter("server_leader_changes_seen_total", "Changes of leader seen."),
		snapshotsSent:    counter("network_snapshot_send_total", "Store files sent to members that lagged."),
		snapshotsInstalled: counter("network_snapshot_receive_success_total",
			"Store files received and installed."),
		storeHealed:    counter("store_healed_total", "Damaged store files replaced by a peer's."),
		scrubs:         counter("scrub_total", "Complete reads of this node's files, for damage."),
		scrubsBad:      counter("scrub_damage_total", "Reads of this node's files that found damage."),
		scrubSeconds:   gauge("scrub_duration_seconds", "How long the last complete read of the files took."),
		hashesCompared: counter("state_hash_compared_total", "State hashes compared with a majority of the members."),
		clockOffset:    gauge("server_clock_offset_seconds", "This leader's clock against the quorum's median."),
	}
}

// register adds the metrics, and those that are read off the node when they are asked for.
func (m *metrics) register(r prometheus.Registerer, n *Node) {
	if r == nil {
		return
	}
	r.MustRegister(m.appendSeconds, m.proposalsFailed, m.proposalsPending, m.handedOn, m.leaderChanges, m.snapshotsSent,
		m.snapshotsInstalled, m.storeHealed, m.scrubs, m.scrubsBad, m.scrubSeconds,
		m.hashesCompared, m.clockOffset, prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "parley_server_read_indexes_total",
			Help: "ReadIndex rounds started; one serves every reader that waits.",
		}, func() float64 { return float64(m.readRounds.Load()) }))
	read := func(name, help string, f func(Status) float64) {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "parley_" + name, Help: help},
			func() float64 { return f(n.Status()) }))
	}
	read("server_has_leader", "1 when a leader with a quorum is known.", func(s Status) float64 { return flag(s.Quorum) })
	read("server_is_leader", "1 on the leader.", func(s Status) float64 { return flag(s.Leader == s.ID) })
	read("server_term", "Raft term.", func(s Status) float64 { return float64(s.Term) })
	read("server_proposals_committed_total", "Highest committed log index known.", func(s Status) float64 { return float64(s.Committed) })
	read("server_proposals_applied_total", "Highest applied log index.", func(s Status) float64 { return float64(s.Applied) })
	read("server_flushed_index", "Highest index in the store file.", func(s Status) float64 { return float64(s.Flushed) })
	read("server_compacted_index", "Index the log starts after.", func(s Status) float64 { return float64(s.Compacted) })
	r.MustRegister(prometheus.NewGaugeFunc(
		prometheus.GaugeOpts{Name: "parley_disk_free_bytes", Help: "Free space for the data directory."},
		func() float64 { return float64(n.disk.free.Load()) }))
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
