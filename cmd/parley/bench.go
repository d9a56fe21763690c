package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"parley/bench"
	"parley/local"
)

// benchFlags are the flags of bench.
type benchFlags struct {
	ops                          []string
	callers                      []int
	nodes, rounds                int
	seconds, warmup              float64
	senders, conversations, size int
	data                         string
}

var benchOps = []string{"send", "read", "read-local", "deliver", "failover"}

func newBench(a *app) *cobra.Command {
	var f benchFlags
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure a cluster: one JSON object for each measurement",
		Long: `Measure a cluster, one JSON object for each measurement: a throwaway one of --nodes on this machine, or that of --servers.

  send        acknowledged messages, durable on a majority
  read        linearizable reads of a conversation's newest messages; read-local: from one node alone
  deliver     from the beginning of a send to its arrival at the receiver's stream
  failover    kill -9 of the leader under load: to the next acknowledged write (a throwaway cluster only)

Everything that was acknowledged is read back from two nodes, and the state hashes are compared, before a figure is printed.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, op := range f.ops {
				if !slices.Contains(benchOps, op) {
					return usageError("--ops %s: choose from %s", op, strings.Join(benchOps, ", "))
				}
			}
			if f.nodes < 1 || f.nodes > local.MaxNodes {
				return usageError("--nodes %d: choose 1 to %d", f.nodes, local.MaxNodes)
			}
			if f.seconds <= 0 || f.warmup < 0 {
				return usageError("--seconds and --warmup: give times")
			}
			own := !cmd.Flags().Changed("servers") && a.env("PARLEY_SERVERS") == ""
			if !own && slices.Contains(f.ops, "failover") {
				return usageError("failover kills nodes: it needs a throwaway cluster, so leave out --servers and PARLEY_SERVERS")
			}
			return a.bench(cmd.Context(), f, own)
		},
	}
	fs := c.Flags()
	fs.StringSliceVar(&f.ops, "ops", []string{"send"}, "what to measure: "+strings.Join(benchOps, ", "))
	fs.IntSliceVar(&f.callers, "callers", []int{1, 16, 64, 256}, "how many callers at once, one measurement each")
	fs.Float64Var(&f.seconds, "seconds", 8, "how long each measurement counts")
	fs.Float64Var(&f.warmup, "warmup", 2, "seconds of load before that")
	fs.IntVar(&f.rounds, "rounds", 20, "kills of a failover measurement")
	fs.IntVar(&f.nodes, "nodes", 3, "nodes of the throwaway cluster")
	fs.StringVar(&f.data, "data", "", "where its directory is made; else the system's place for temporary files")
	fs.IntVar(&f.senders, "senders", bench.DefaultSenders, "accounts that send, each with a client of its own")
	fs.IntVar(&f.conversations, "conversations", bench.DefaultConversations, "conversations they send to")
	fs.IntVar(&f.size, "size", bench.DefaultSize, "bytes of a message")
	return c
}

func (a *app) bench(ctx context.Context, f benchFlags, own bool) (err error) {
	progress := func(line string) { fmt.Fprintln(a.err, "bench: "+oneLine(line)) }
	o := bench.Options{
		Servers: a.flags.servers, Senders: f.senders, Conversations: f.conversations, Size: f.size,
		Span:   time.Duration(f.seconds * float64(time.Second)),
		Warmup: time.Duration(f.warmup * float64(time.Second)), Timeout: a.flags.timeout, Progress: progress,
	}
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
		c, err := startCluster(ctx, local.Options{Dir: filepath.Join(dir, "cluster"), Nodes: f.nodes})
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
	b, err := bench.New(ctx, o)
	if err != nil {
		return err
	}
	defer b.Close()
	for _, op := range f.ops {
		for _, callers := range f.callers {
			r, err := measure(ctx, b, op, callers, f.rounds)
			if err != nil {
				return fmt.Errorf("%s with %d callers: %w", op, callers, err)
			}
			if err := a.printJSON(r); err != nil {
				return err
			}
		}
	}
	return nil
}

func measure(ctx context.Context, b *bench.Bench, op string, callers, rounds int) (bench.Result, error) {
	switch op {
	case "send":
		return b.Send(ctx, callers)
	case "deliver":
		return b.Deliver(ctx, callers)
	case "failover":
		return b.Failover(ctx, callers, rounds)
	default:
		return b.Read(ctx, callers, op == "read-local")
	}
}

// control lets the load generator kill and restart the nodes of a local cluster.
type control struct{ c *local.Cluster }

func (k control) PIDs() []int {
	var pids []int
	for _, n := range k.c.Nodes() {
		pids = append(pids, n.PID)
	}
	return pids
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
