package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"parley/api/client"
	"parley/bench"
	"parley/local"
	"parley/proto/parleyv1"
)

// benchFlags are the flags of bench.
type benchFlags struct {
	ops                        []string
	callers, subscribers       []int
	nodes, rounds              int
	seconds, warmup, rate      float64
	senders, connections       int
	conversations, users, size int
	messages                   int
	via, data, profile         string
}

var benchOps = []string{"send", "send-unary", "read", "read-local", "read-one", "read-deep", "search", "deliver", "fanout", "room", "idle", "failover"}

// streamOps are those whose amounts are subscribers.
var streamOps = []string{"fanout", "room", "idle"}

func newBench(a *app) *cobra.Command {
	var f benchFlags
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure a cluster: one JSON object for each measurement",
		Long: `Measure a cluster, one JSON object for each measurement: a throwaway one of --nodes on this machine, or that of --servers.

  send        acknowledged messages, durable on a majority; send-unary: with a gRPC call of its own for each
  read        linearizable reads of a conversation's newest 50 messages; read-local: from one node alone
  read-one    linearizable reads of the newest message alone
  read-deep   opening a conversation of --messages at a random place: 50 messages around one of them
  search      searches for two words in such a conversation
  deliver     to a message's arrival at the receiver's stream, on another node than the one that took it
  fanout      one sender's messages to --subscribers streams on all nodes; an operation is a delivery
  room        one sender's messages to a room of --subscribers members with a stream each, on all nodes: to the last one's arrival
  idle        --subscribers streams on one node and no messages: its memory and CPU; an operation is a heartbeat
  failover    kill -9 of the leader under load: to the next acknowledged write (idle and failover: a throwaway cluster only)

Each caller is an account with a session and a client of its own; with --connections the sessions share so many clients'
connections, as behind a gateway. Everything that was acknowledged is read back from two nodes, and the state hashes are
compared, before a figure is printed. The nodes run as always: authentication, deduplication, checksums and fsync are on, and
nothing is set for the measurement.

Without --rate a caller begins when it has its last answer. With it, operations begin on a fixed schedule, whether the cluster
keeps up or not, at most as many at once as there are callers, and latencies count from when an operation was to begin.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			own := !cmd.Flags().Changed("servers") && a.env("PARLEY_SERVERS") == ""
			if err := f.check(own); err != nil {
				return err
			}
			return a.bench(cmd.Context(), f, own)
		},
	}
	fs := c.Flags()
	fs.StringSliceVar(&f.ops, "ops", []string{"send"}, "what to measure: "+strings.Join(benchOps, ", "))
	fs.IntSliceVar(&f.callers, "callers", []int{1, 16, 64, 256}, "how many callers at once, one measurement each")
	fs.IntSliceVar(&f.subscribers, "subscribers", nil,
		"streams of fanout, room and idle, one measurement each; 16 a node for fanout and 1000 for the others when left out")
	fs.Float64Var(&f.rate, "rate", 0, "operations begun in a second, whatever their answers take; 0: one after another")
	fs.StringVar(&f.via, "via", "", "nodes that callers go through: leader, followers or all; their clients' choice when left out")
	fs.Float64Var(&f.seconds, "seconds", 8, "how long each measurement counts")
	fs.Float64Var(&f.warmup, "warmup", 2, "seconds of load before that")
	fs.IntVar(&f.rounds, "rounds", 20, "kills of a failover measurement")
	fs.IntVar(&f.nodes, "nodes", 3, "nodes of the throwaway cluster")
	fs.StringVar(&f.data, "data", "", "where its directory is made; else the system's place for temporary files")
	fs.IntVar(&f.senders, "senders", 0, "accounts that send, each with a client of its own; as many as callers when left out")
	fs.IntVar(&f.connections, "connections", 0, "clients whose connections the senders' sessions share; 0: each has its own")
	fs.IntVar(&f.conversations, "conversations", bench.DefaultConversations,
		"conversations they write to; more when there are more than two callers for each")
	fs.IntVar(&f.users, "users", 0, "accounts that are imported beside them and do nothing (operators)")
	fs.IntVar(&f.messages, "messages", bench.DefaultMessages, "messages of the conversation that read-deep and search make")
	fs.IntVar(&f.size, "size", bench.DefaultSize, "bytes of a message")
	fs.StringVar(&f.profile, "cpu-profile", "", "write this process's CPU profile to the `FILE`")
	return c
}

// check refuses what no cluster has to be started for.
func (f *benchFlags) check(own bool) error {
	for _, op := range f.ops {
		if !slices.Contains(benchOps, op) {
			return usageError("--ops %s: choose from %s", op, strings.Join(benchOps, ", "))
		}
		if !own && (op == "failover" || op == "idle") {
			return usageError("%s needs the nodes' processes, so a throwaway cluster: leave out --servers and PARLEY_SERVERS", op)
		}
	}
	if f.nodes < 1 || f.nodes > local.MaxNodes {
		return usageError("--nodes %d: choose 1 to %d", f.nodes, local.MaxNodes)
	}
	if f.seconds <= 0 || f.warmup < 0 {
		return usageError("--seconds and --warmup: give times")
	}
	if !slices.Contains([]string{"", "leader", "followers", "all"}, f.via) {
		return usageError("--via %s: choose leader, followers or all", f.via)
	}
	for _, n := range f.callers {
		if n < 1 || n > bench.MaxCallers {
			return usageError("--callers %d: choose 1 to %d", n, bench.MaxCallers)
		}
	}
	if f.senders == 0 {
		f.senders = 1 // enough for fanout, room and idle
		for _, op := range f.ops {
			if !slices.Contains(streamOps, op) {
				f.senders = max(f.senders, min(slices.Max(append(f.callers, 1)), bench.MaxSenders))
			}
		}
	}
	return nil
}

func (a *app) bench(ctx context.Context, f benchFlags, own bool) (err error) {
	progress := func(line string) { fmt.Fprintln(a.err, "bench: "+oneLine(line)) }
	o := bench.Options{
		Servers: a.flags.servers, Senders: f.senders, Connections: f.connections, Conversations: f.conversations, Users: f.users, Size: f.size, Messages: f.messages,
		Span: time.Duration(f.seconds * float64(time.Second)), Warmup: time.Duration(f.warmup * float64(time.Second)),
		Rate: f.rate, Via: bench.Via(f.via), Timeout: a.flags.timeout, Version: versionAndRevision(), Progress: progress,
	}
	var admin *adminFlags
	if own {
		dir, err := os.MkdirTemp(f.data, "parley-bench-")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		if memoryBacked(dir) {
			progress(dir + " is memory, where nothing is durable and writes cost nothing: give --data on a disk for figures that mean something")
		}
		progress(fmt.Sprintf("starting %d nodes in %s", f.nodes, dir))
		admin = &adminFlags{data: filepath.Join(dir, "cluster")}
		c, err := startCluster(ctx, local.Options{Dir: admin.data, Nodes: f.nodes})
		if err != nil {
			return err
		}
		defer c.Stop()
		o.Servers, o.Control = c.Addresses(), control{c}
	} else {
		opts, err := a.clientOptions(nil)
		if err != nil {
			return err
		}
		o.TLS = opts.TLS
	}
	operator, release, err := a.benchOperator(ctx, admin)
	if err != nil {
		return err
	}
	defer release()
	o.Operator = operator
	b, err := bench.New(ctx, o)
	if err != nil {
		return err
	}
	defer b.Close()
	stop, err := profile(f.profile)
	if err != nil {
		return err
	}
	defer stop()
	for _, op := range f.ops {
		for _, n := range f.amounts(op) {
			r, err := measure(ctx, b, op, n, f.rounds)
			if err != nil {
				return fmt.Errorf("%s with %d: %w", op, n, err)
			}
			if err := a.printJSON(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// amounts are the callers or subscribers of an operation's measurements.
func (f *benchFlags) amounts(op string) []int {
	switch {
	case !slices.Contains(streamOps, op):
		return f.callers
	case len(f.subscribers) > 0:
		return f.subscribers
	case op == "fanout":
		return []int{16 * f.nodes}
	default:
		return []int{1000}
	}
}

// benchOperator is a client that may import accounts: over the admin socket of a cluster of our own, else with the session of a
// user who is an operator; nil when there is none.
func (a *app) benchOperator(ctx context.Context, admin *adminFlags) (*client.Client, func(), error) {
	if admin != nil {
		return a.dialCluster(admin)
	}
	nobody := func() {}
	token, _, err := a.token()
	if noSession := err != nil || len(token) == 0; noSession {
		return nil, nobody, nil
	}
	c, err := a.dialWith(token)
	if err != nil {
		return nil, nil, err
	}
	if who, err := c.WhoAmI(ctx, &parleyv1.WhoAmIRequest{}); err == nil && who.GetUser().GetOperator() {
		return c, func() { _ = c.Close() }, nil
	}
	_ = c.Close()
	return nil, nobody, nil
}

// profile writes a CPU profile until stop; nothing without a path.
func profile(path string) (stop func(), err error) {
	if path == "" {
		return func() {}, nil
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		_ = file.Close()
		return nil, err
	}
	return func() { pprof.StopCPUProfile(); _ = file.Close() }, nil
}

func measure(ctx context.Context, b *bench.Bench, op string, n, rounds int) (bench.Result, error) {
	switch op {
	case "send":
		return b.Send(ctx, n)
	case "send-unary":
		return b.SendUnary(ctx, n)
	case "read":
		return b.Read(ctx, n, bench.ReadScreen)
	case "read-local":
		return b.Read(ctx, n, bench.ReadLocal)
	case "read-one":
		return b.Read(ctx, n, bench.ReadOne)
	case "read-deep":
		return b.ReadDeep(ctx, n)
	case "search":
		return b.Search(ctx, n)
	case "deliver":
		return b.Deliver(ctx, n)
	case "fanout":
		return b.Fanout(ctx, n)
	case "room":
		return b.Room(ctx, n)
	case "idle":
		return b.Idle(ctx, n)
	default:
		return b.Failover(ctx, n, rounds)
	}
}

// control lets the load generator kill and restart the nodes of a local cluster, and look at their processes.
type control struct{ c *local.Cluster }

func (k control) Processes() []bench.Process {
	var ps []bench.Process
	for _, n := range k.c.Nodes() {
		ps = append(ps, bench.Process{Name: n.Name, PID: n.PID})
	}
	return ps
}

func (k control) Kill(name string) (time.Time, error) { return k.c.Kill(name) }

func (k control) Restart(ctx context.Context, name string) error {
	if err := k.c.Restart(name); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	return k.c.WaitNodeReady(ctx, name)
}
