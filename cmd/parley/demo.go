package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"parley/demo"
	"parley/local"
)

// demoNodes survive two kills at once, which is what the demo invites to; maxDemoNodes have room in its panel.
const (
	demoNodes    = 5
	maxDemoNodes = 7
)

// demoUser is who sits at the screen; the bots of package demo are the others.
const demoUser, demoDisplay = "alice", "Alice"

func newDemo(a *app) *cobra.Command {
	nodes, basePort := demoNodes, 0
	c := &cobra.Command{
		Use:   "demo",
		Short: "Run a throwaway cluster with a few chatting bots, and open the client on it",
		Long: `Run a throwaway cluster of five nodes in a temporary directory, with a room in which bob, carol and dave chat, and open the
client as alice. The panel under the room (F6) kills and revives nodes. Without a terminal it prints what runs and how to
attach, and stays until it is interrupted. Everything is gone when it ends.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if nodes < 1 || nodes > maxDemoNodes {
				return usageError("--nodes %d: choose 1 to %d", nodes, maxDemoNodes)
			}
			if basePort < 0 {
				return usageError("--base-port %d: choose a port, or 0 for free ones", basePort)
			}
			return a.demo(cmd.Context(), nodes, basePort)
		},
	}
	c.Flags().IntVar(&nodes, "nodes", demoNodes, "how many nodes")
	c.Flags().IntVar(&basePort, "base-port", 0, "client port of the first node; peers use the ports 1000 above; 0 takes free ports")
	return c
}

// demoJSON is what a script needs to attach.
type demoJSON struct {
	upJSON
	State    string   `json:"state"`
	Users    []string `json:"users"`
	Password string   `json:"password"`
}

func (a *app) demo(ctx context.Context, nodes, basePort int) (err error) {
	dir, err := os.MkdirTemp("", "parley-demo-")
	if err != nil {
		return err
	}
	defer func() {
		if rerr := os.RemoveAll(dir); err == nil {
			err = rerr
		}
	}()
	fmt.Fprintf(a.err, "starting %d nodes in %s\n", nodes, dir)
	c, err := startCluster(ctx, local.Options{Dir: filepath.Join(dir, "cluster"), Nodes: nodes, BasePort: basePort})
	if err != nil {
		return err
	}
	defer c.Stop()

	// From here on the demo is its own world: its servers, its logins.
	d := *a
	d.flags.servers = c.Addresses()
	d.flags.user = demoUser
	stateHome := filepath.Join(dir, "state")
	d.env = func(name string) string {
		switch name {
		case "XDG_STATE_HOME":
			return stateHome
		case "PARLEY_TOKEN":
			return ""
		}
		return a.env(name)
	}
	secret := make([]byte, 6)
	_, _ = rand.Read(secret) // never fails
	info := demoJSON{upJSON: upJSON{Nodes: c.Nodes(), Data: c.Dir()}, State: stateHome, Password: "demo-" + hex.EncodeToString(secret)}
	info.Users = []string{demoUser}
	for _, b := range demo.Names {
		info.Users = append(info.Users, b.Name)
	}
	house, err := d.seed(ctx, info)
	if err != nil {
		return fmt.Errorf("make the demo's conversation: %w", err)
	}
	defer house.close()
	show := a.inTTY >= 0 && a.outTTY
	o := demo.Options{Cluster: c, Bots: house.bots(), SeenTo: house.last, User: demoUser}
	if !show {
		o.Cluster = unwatched{c} // stay hears of nodes that end
	}
	run := demo.Start(ctx, o)
	defer run.Stop()
	if show {
		d.panel = run
		return d.openChat(ctx, demo.Room)
	}
	return d.stay(ctx, c, info)
}

// unwatched is a cluster whose ends somebody else hears of.
type unwatched struct{ *local.Cluster }

func (unwatched) Exits() <-chan local.Exit { return nil }

// stay is the demo without a terminal.
func (a *app) stay(ctx context.Context, c *local.Cluster, info demoJSON) error {
	var err error
	if a.json() {
		err = a.printJSON(info)
	} else {
		err = a.printf("%s", demoText(info))
	}
	if err != nil {
		return err
	}
	return a.watch(ctx, c, "start another demo")
}

func attachCommand(info demoJSON, user, command string) string {
	return strings.TrimSpace(fmt.Sprintf("XDG_STATE_HOME=%s PARLEY_SERVERS=%s %s --user %s %s",
		info.State, strings.Join(addresses(info.Nodes), ","), ownName(), user, command))
}

func demoText(info demoJSON) string {
	var b strings.Builder
	fmt.Fprintf(&b, "A throwaway cluster runs:\n")
	for _, n := range info.Nodes {
		fmt.Fprintf(&b, "  %-4s pid %-8d %s\n", n.Name, n.PID, n.Address)
	}
	fmt.Fprintf(&b, "Accounts: %s (logged in already; their password is %s)\n", strings.Join(info.Users, ", "), info.Password)
	fmt.Fprintf(&b, "The others chat in %s. This is no terminal. In one, the client attaches with:\n  %s\n", demo.Room, attachCommand(info, demoUser, ""))
	fmt.Fprintf(&b, "or by script:\n  %s\n", attachCommand(info, demoUser, "read"))
	fmt.Fprintf(&b, "It runs until it is interrupted (^C, or kill %d), and leaves nothing behind.\n", os.Getpid())
	return b.String()
}

func addresses(nodes []local.Node) []string {
	var as []string
	for _, n := range nodes {
		as = append(as, n.Address)
	}
	return as
}
