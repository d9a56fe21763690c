package search

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are this package's.
type metrics struct {
	seconds  prometheus.Histogram
	looked   prometheus.Counter
	indexed  prometheus.Counter
	merges   prometheus.Counter
	rebuilds prometheus.Counter
	all      []prometheus.Collector
}

func newMetrics(x *Index) *metrics {
	const ns, sub = "parley", "search"
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: ns, Subsystem: sub, Name: name, Help: help})
	}
	gauge := func(name, help string, f func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: ns, Subsystem: sub, Name: name, Help: help}, f)
	}
	sum := func(f func(*segment) uint64) (n uint64) {
		s := x.snapshot()
		defer s.close()
		for _, seg := range s.segs {
			n += f(seg)
		}
		return n
	}
	m := &metrics{
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: ns, Subsystem: sub, Name: "seconds",
			Help:    "Time of a page of a search in the index, without the wait for it.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1}}),
		looked:   counter("looked_total", "Messages that searches read to see whether they match."),
		indexed:  counter("indexed_total", "Messages and edits that were indexed."),
		merges:   counter("merges_total", "Merges of segments of the index."),
		rebuilds: counter("rebuilds_total", "Times that the index was begun from nothing."),
	}
	m.all = []prometheus.Collector{m.seconds, m.looked, m.indexed, m.merges, m.rebuilds,
		gauge("indexed_index", "Raft index up to which the index is complete.",
			func() float64 { n, _ := x.CompleteTo(0); return float64(n) }),
		gauge("behind_entries", "Log entries that are applied and not indexed.", func() float64 {
			applied := x.o.Store.Applied()
			n, _ := x.CompleteTo(0)
			return float64(applied - min(n, applied))
		}),
		gauge("segments", "Files of the index.", func() float64 { return float64(sum(func(*segment) uint64 { return 1 })) }),
		gauge("segment_documents", "Messages in the files of the index, with those that are no more.",
			func() float64 { return float64(sum(func(s *segment) uint64 { return s.docs })) }),
		gauge("segment_bytes", "Size of the files of the index.",
			func() float64 { return float64(sum(func(s *segment) uint64 { return s.size })) }),
	}
	if x.o.Registerer != nil {
		x.o.Registerer.MustRegister(m.all...)
	}
	return m
}

func (m *metrics) unregister(r prometheus.Registerer) {
	for _, c := range m.all {
		if r != nil {
			r.Unregister(c)
		}
	}
}

func (m *metrics) searched(took time.Duration, looked int) {
	m.seconds.Observe(took.Seconds())
	m.looked.Add(float64(looked))
}
