package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"parley/api/client"
	"parley/local"
	"parley/proto/parleyv1"
)

// demoNodes survive one kill, which is what the demo invites to.
const demoNodes = 3

// demoUsers are the accounts of the demo; the first one is who sits at the screen.
var demoUsers = []struct{ name, display string }{{"alice", "Alice"}, {"bob", "Bob"}, {"carol", "Carol"}}

func newDemo(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Run a throwaway cluster with a little conversation, and open the client on it",
		Long: `Run a throwaway cluster of three nodes in a temporary directory, make the accounts alice, bob and carol with a little
conversation, and open the client as alice. Without a terminal it prints what runs and how to attach, and stays until it is
interrupted. Everything is gone when it ends.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context()) },
	}
}

// demoJSON is what a script needs to attach.
type demoJSON struct {
	upJSON
	State    string   `json:"state"`
	Users    []string `json:"users"`
	Password string   `json:"password"`
}

func (a *app) demo(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "parley-demo-")
	if err != nil {
		return err
	}
	defer func() {
		if rerr := os.RemoveAll(dir); err == nil {
			err = rerr
		}
	}()
	fmt.Fprintf(a.err, "starting %d nodes in %s\n", demoNodes, dir)
	c, err := startCluster(ctx, local.Options{Dir: filepath.Join(dir, "cluster"), Nodes: demoNodes})
	if err != nil {
		return err
	}
	defer c.Stop()

	// From here on the demo is its own world: its servers, its logins.
	d := *a
	d.flags.servers = c.Addresses()
	d.flags.user = demoUsers[0].name
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
	for _, u := range demoUsers {
		info.Users = append(info.Users, u.name)
	}
	if err := d.seed(ctx, info); err != nil {
		return fmt.Errorf("make the demo's conversation: %w", err)
	}
	if a.inTTY >= 0 && a.outTTY {
		return d.openChat(ctx, "@bob")
	}
	return d.stay(ctx, c, info)
}

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
	fmt.Fprintf(&b, "This is no terminal. In one, the client attaches with:\n  %s\n", attachCommand(info, "alice", ""))
	fmt.Fprintf(&b, "or by script:\n  %s\n", attachCommand(info, "alice", "read"))
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

// demoLine is one message of the little conversation.
type demoLine struct{ from, to, text string }

func demoLines(info demoJSON) []demoLine {
	n := info.Nodes
	return []demoLine{
		{"bob", "@alice", "Morning! The new chat is up, all three nodes of it."},
		{"alice", "@bob", "Nice. And when a machine dies?"},
		{"bob", "@alice", "Then you go on typing. Every message is on disk on two of them before you see the tick."},
		{"carol", "@alice", "Lunch at noon? The noodle place has a table for three."},
		{"bob", "@carol", "Does Alice know about noodles yet?"},
		{"carol", "@bob", "She does now."},
		{"bob", "@alice", fmt.Sprintf("Try it: kill -9 %d in another terminal. That is %s; the others are %s %d and %s %d.",
			n[0].PID, n[0].Name, n[1].Name, n[1].PID, n[2].Name, n[2].PID)},
		{"carol", "@alice", "And you can be me, in a second terminal:\n" + attachCommand(info, "carol", "")},
		{"bob", "@alice", "The line at the bottom shows which node you are on and who leads."},
	}
}

// seed makes the accounts, logs them in, keeps their tokens, and has them talk.
func (a *app) seed(ctx context.Context, info demoJSON) error {
	st, err := a.state()
	if err != nil {
		return err
	}
	clients := make(map[string]*client.Client)
	g, gctx := errgroup.WithContext(ctx)
	for _, u := range demoUsers {
		c, err := a.dialWith(nil)
		if err != nil {
			return err
		}
		defer func() { _ = c.Close() }()
		clients[u.name] = c
		g.Go(func() error {
			if _, err := c.CreateUser(gctx, &parleyv1.CreateUserRequest{
				Username: u.name, DisplayName: u.display, Password: info.Password,
			}); err != nil {
				return err
			}
			_, err := c.Login(gctx, u.name, info.Password, "parley demo")
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i := len(demoUsers) - 1; i >= 0; i-- { // the first one last, so that it is the current account
		name := demoUsers[i].name
		if err := st.save(name, clients[name].Token()); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, l := range demoLines(info) {
		if _, err := clients[l.from].SendMessage(ctx, &parleyv1.SendMessageRequest{Conversation: l.to, Text: l.text}); err != nil {
			return err
		}
	}
	return nil
}
