package api

import (
	"errors"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"google.golang.org/grpc/codes"

	"parley/node"
)

// metrics are this package's. What the node knows of Raft and its disk it registers itself, on the same registry, under
// etcd's names. gRPC's are the names of go-grpc-prometheus, which etcd uses.
type metrics struct {
	handled     *prometheus.CounterVec
	seconds     *prometheus.HistogramVec
	messages    *prometheus.CounterVec
	readsFailed prometheus.Counter
	delivered   prometheus.Counter
	resets      prometheus.Counter
	hashSeconds prometheus.Histogram
	refused     *prometheus.CounterVec

	// Looked up once: they are counted for each message.
	sent        map[string]prometheus.Counter // of messages, by result
	sendSeconds prometheus.Observer           // of seconds, for sends on streams
	methods     map[string]*methodMetrics     // of handled and seconds, for the methods of the table
}

// methodMetrics are one method's.
type methodMetrics struct {
	name string // the label
	// ok counts the calls that ended well; it is made with the first of them, so that /metrics shows what was called.
	ok func() prometheus.Counter
	// seconds is nil for a method whose time says nothing.
	seconds func() prometheus.Observer
}

func newMethodMetrics(m *metrics, method string) *methodMetrics {
	name := strings.TrimPrefix(method, "/")
	mm := &methodMetrics{name: name}
	mm.ok = sync.OnceValue(func() prometheus.Counter { return m.handled.WithLabelValues(name, codes.OK.String()) })
	if !streaming[method] {
		mm.seconds = sync.OnceValue(func() prometheus.Observer { return m.seconds.WithLabelValues(name) })
	}
	return mm
}

// unknownMethod is the label of what is not in the table: an unknown path must not make a series.
const unknownMethod = "unknown"

// Results of a send, the label of messages_total.
const (
	sendOK         = "ok"
	sendRefused    = "refused"
	sendNotApplied = "not_applied"
	sendUnknown    = "unknown"
)

func newMetrics(s *Server) *metrics {
	const ns = "parley"
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: ns, Name: name, Help: help})
	}
	m := &metrics{
		handled: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: ns, Name: "grpc_server_handled_total",
			Help: "Calls and streams that ended, by method and code."}, []string{"grpc_method", "grpc_code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: ns, Name: "grpc_server_handling_seconds",
			Help:    "Time from the arrival of a unary call, or of a send on a stream, to its answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}}, []string{"grpc_method"}),
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: ns, Name: "messages_total",
			Help: "Messages that clients sent through this node, by result."}, []string{"result"}),
		readsFailed: counter("server_read_indexes_failed_total", "Reads that could not be made linearizable."),
		delivered:   counter("events_delivered_total", "Events sent to subscribers."),
		resets:      counter("subscription_resets_total", "Subscriptions whose cursor could not be continued."),
		hashSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: ns, Name: "password_hash_seconds",
			Help:    "Time of a password check or hash, with the wait for a slot.",
			Buckets: prometheus.ExponentialBuckets(.02, 2, 10)}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: ns, Name: "refused_total",
			Help: "Refused for a limit of this node, by what."}, []string{"limit"}),
	}
	m.sent = make(map[string]prometheus.Counter)
	for _, r := range []string{sendOK, sendRefused, sendNotApplied, sendUnknown} {
		m.sent[r] = m.messages.WithLabelValues(r) // a rate needs the zero
	}
	m.sendSeconds = m.seconds.WithLabelValues(strings.TrimPrefix(chatPath, "/") + "SendMessages")
	m.methods = map[string]*methodMetrics{unknownMethod: newMethodMetrics(m, unknownMethod)}
	for method := range rules {
		m.methods[method] = newMethodMetrics(m, method)
	}
	gauge := func(name, help string, f func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: ns, Name: name, Help: help}, f)
	}
	status := func(name, help string, f func(node.Status) float64) prometheus.Collector {
		return gauge(name, help, func() float64 { return f(s.replica.Status()) })
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: ns, Name: "build_info", Help: "Always 1.",
		ConstLabels: prometheus.Labels{"version": s.opts.Version, "go_version": runtime.Version()}})
	build.Set(1)
	for _, c := range []prometheus.Collector{
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		var already prometheus.AlreadyRegisteredError
		if err := s.opts.Registry.Register(c); err != nil && !errors.As(err, &already) {
			panic(err) // two metrics of one name: a bug in this program, found by its first test
		}
	}
	s.opts.Registry.MustRegister(m.handled, m.seconds, m.messages, m.readsFailed, m.delivered, m.resets, m.hashSeconds,
		m.refused, build, members{s.replica},
		gauge("subscribers", "Open subscriptions.", func() float64 { return float64(s.subscriptions.now()) }),
		gauge("connections", "Open connections of the client port.", func() float64 { return float64(s.connections.now()) }),
		gauge("send_streams", "Open streams of sends.", func() float64 { return float64(s.sendStreams.now()) }),
		gauge("server_calls", "Unary calls and sends of streams under way.", func() float64 { return float64(s.calls.Load()) }),
		status("server_ready", "1 while this node has a quorum, has caught up and is not draining.",
			func(st node.Status) float64 { return flag(ready(st) && !s.draining()) }),
		status("server_age_seconds", "Time since this node last knew itself to be current.",
			func(st node.Status) float64 { return st.Age.Seconds() }),
		status("server_is_learner", "1 while this node does not vote.", func(st node.Status) float64 {
			for _, m := range st.Members {
				if m.ID == st.ID {
					return flag(m.Learner)
				}
			}
			return 0
		}))
	if s.opts.CertNotAfter != nil {
		s.opts.Registry.MustRegister(gauge("certificate_not_after_seconds", "End of the certificate in use, Unix time.",
			func() float64 {
				if t := s.opts.CertNotAfter(); !t.IsZero() {
					return float64(t.Unix())
				}
				return 0
			}))
	}
	return m
}

// call counts one call.
func (m *metrics) call(method string, code codes.Code, took time.Duration) {
	mm := m.methods[method]
	if mm == nil {
		mm = m.methods[unknownMethod]
	}
	if code == codes.OK {
		mm.ok().Inc()
	} else {
		m.handled.WithLabelValues(mm.name, code.String()).Inc()
	}
	if mm.seconds != nil {
		mm.seconds().Observe(took.Seconds())
	}
}

// streaming are the methods whose time says nothing.
var streaming = map[string]bool{
	chatPath + "SendMessages":                                        true,
	chatPath + "Subscribe":                                           true,
	clusterPath + "Backup":                                           true,
	"/grpc.health.v1.Health/Watch":                                   true,
	"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo":      true,
	"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": true,
}

// members collects one series a member; they come and go with the configuration.
type members struct{ r Replica }

var memberReachable = prometheus.NewDesc("parley_network_member_reachable",
	"1 while this node has a working link to the member.", []string{"member"}, nil)

func (m members) Describe(ch chan<- *prometheus.Desc) { ch <- memberReachable }

func (m members) Collect(ch chan<- prometheus.Metric) {
	for _, mem := range m.r.Status().Members {
		if mem.Name != "" {
			ch <- prometheus.MustNewConstMetric(memberReachable, prometheus.GaugeValue, flag(mem.Reachable), mem.Name)
		}
	}
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
