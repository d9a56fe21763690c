package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"parley/local"
)

// upJSON is part of the contract with scripts.
type upJSON struct {
	Nodes []local.Node `json:"nodes"`
	Data  string       `json:"data"`
}

func newUp(a *app) *cobra.Command {
	var nodes, basePort int
	var data string
	c := &cobra.Command{
		Use:   "up",
		Short: "Run a cluster on this machine until ^C",
		Long: `Run a cluster on this machine, one process for each node, until ^C. The data directory keeps it: the next ` + "`parley up`" + `
on the same directory starts the same cluster again. A node that crashes is reported and not restarted.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if data == "" {
				dir, err := a.dataDir()
				if err != nil {
					return err
				}
				data = filepath.Join(dir, "cluster")
			}
			if cmd.Flags().Changed("nodes") && (nodes < 1 || nodes > local.MaxNodes) {
				return usageError("--nodes %d: choose 1 to %d", nodes, local.MaxNodes)
			}
			if basePort < 0 {
				return usageError("--base-port %d: choose a port, or 0 for free ones", basePort)
			}
			if !cmd.Flags().Changed("nodes") {
				nodes = 0 // what the directory holds, or the default
			}
			return a.up(cmd.Context(), local.Options{Dir: data, Nodes: nodes, BasePort: basePort})
		},
	}
	c.Flags().IntVar(&nodes, "nodes", local.DefaultNodes, "how many nodes")
	c.Flags().StringVar(&data, "data", "", "directory of the cluster; else in XDG_DATA_HOME/parley")
	c.Flags().IntVar(&basePort, "base-port", local.DefaultBasePort,
		"client port of the first node, for a new directory; peers use the ports 1000 above; 0 takes free ports")
	return c
}

// dataDir is $XDG_DATA_HOME/parley, or ~/.local/share/parley.
func (a *app) dataDir() (string, error) {
	if base := a.env("XDG_DATA_HOME"); filepath.IsAbs(base) {
		return filepath.Join(base, "parley"), nil
	}
	home := a.env("HOME")
	if !filepath.IsAbs(home) {
		return "", usageError("no place for the data: give --data, or set HOME")
	}
	return filepath.Join(home, ".local", "share", "parley"), nil
}

func (a *app) up(ctx context.Context, o local.Options) error {
	c, err := startCluster(ctx, o)
	if err != nil {
		return err
	}
	defer c.Stop()
	if err := a.printCluster(c); err != nil {
		return err
	}
	return a.watch(ctx, c, "start the cluster again on "+c.Dir())
}

// watch tells of nodes that crash, until ctx ends or none is left; hint says what to do then.
func (a *app) watch(ctx context.Context, c *local.Cluster, hint string) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case exit := <-c.Exits():
			a.warn(fmt.Sprintf("%s; %d of %d nodes go on", exit.Error(), c.Running(), len(c.Nodes())))
			if c.Running() == 0 {
				return &failure{code: exitFailed, message: "no node is left", hint: hint}
			}
		}
	}
}

// startCluster starts the processes and returns when every node serves.
func startCluster(ctx context.Context, o local.Options) (*local.Cluster, error) {
	c, err := local.Start(o)
	var busy *local.PortBusyError
	if errors.As(err, &busy) {
		return nil, &failure{code: exitFailed, message: busy.Error(),
			hint: "stop what listens there, or choose another --base-port (and --data, for a cluster beside the first)"}
	}
	if err != nil {
		return nil, err
	}
	readyCtx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if err := c.WaitReady(readyCtx); err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

func (a *app) printCluster(c *local.Cluster) error {
	nodes := c.Nodes()
	if a.json() {
		return a.printJSON(upJSON{Nodes: nodes, Data: c.Dir()})
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d nodes serve, their data is in %s\n", len(nodes), c.Dir())
	for _, n := range nodes {
		fmt.Fprintf(&b, "  %-4s pid %-8d %-22s peers %s\n", n.Name, n.PID, n.Address, n.PeerAddress)
	}
	me := ownName()
	servers := ""
	if strings.Join(c.Addresses(), ",") != strings.Join(defaultServers()[:min(len(nodes), local.DefaultNodes)], ",") {
		servers = "export PARLEY_SERVERS=" + strings.Join(c.Addresses(), ",") + "\n  "
	}
	fmt.Fprintf(&b, "In another terminal:\n  %s%s account create alice\n  %s login --user alice\n  %s\n", servers, me, me, me)
	fmt.Fprintf(&b, "Then kill a node (kill -9 %d) and go on chatting. ^C ends the cluster.\n", nodes[0].PID)
	return a.printf("%s", b.String())
}

// ownName is how a person calls this binary again.
func ownName() string {
	exe, err := os.Executable()
	if err != nil {
		return "parley"
	}
	if strings.Contains(exe, string(filepath.Separator)+"go-build") {
		return "go run ./cmd/parley"
	}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if filepath.Dir(exe) == filepath.Clean(dir) {
			return filepath.Base(exe)
		}
	}
	return exe
}
