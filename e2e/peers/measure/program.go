package measure

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Program is one of the two that load a system. Its servers are the same program, started with arguments that make it serve.
type Program struct {
	System string
	// Ops are the operations that can be measured, the first of them by default.
	Ops []string
	// Serve is one server, until it is killed.
	Serve func(Serving) error
	// Load starts the servers and measures.
	Load func(context.Context, Flags) error
}

// Serving is what a server is told.
type Serving struct {
	Name, Dir  string
	Port, Peer int
	// Peers are all servers of the cluster, in the form that the system wants.
	Peers string
}

// Main is the main function of the program.
func (p Program) Main() {
	var f Flags
	f.register(p.Ops)
	var s Serving
	flag.StringVar(&s.Name, "serve", "", "for the program's own use: be the node of this name")
	flag.StringVar(&s.Dir, "node-data", "", "of that node")
	flag.IntVar(&s.Port, "node-port", 0, "of that node")
	flag.IntVar(&s.Peer, "node-peer-port", 0, "of that node")
	flag.StringVar(&s.Peers, "node-peers", "", "of that node")
	flag.Parse()
	var err error
	if s.Name != "" {
		err = p.Serve(s)
	} else if err = f.finish(p.Ops); err == nil {
		err = p.Load(context.Background(), f)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", p.System, err)
		os.Exit(1)
	}
}

// Start runs all servers; address is how one is named in the list that each is given.
func (c *Cluster) Start(address func(*Node) string) error {
	var peers []string
	for _, n := range c.Nodes {
		peers = append(peers, address(n))
	}
	for _, n := range c.Nodes {
		if err := n.Start("-serve", n.Name, "-node-data", n.Dir, "-node-port", strconv.Itoa(n.Port),
			"-node-peer-port", strconv.Itoa(n.Peer), "-node-peers", strings.Join(peers, ",")); err != nil {
			return err
		}
	}
	return nil
}

// Each measures every operation with every number of callers and prints a line for each.
func (f Flags) Each(measure func(op string, callers int) (Result, error)) error {
	for _, op := range f.Ops {
		for _, callers := range f.Callers {
			r, err := measure(op, callers)
			if err != nil {
				return fmt.Errorf("%s with %d callers: %w", op, callers, err)
			}
			r.Print()
		}
	}
	return nil
}
