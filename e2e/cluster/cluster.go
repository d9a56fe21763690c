package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// Options say what to start.
type Options struct {
	// Binary is the path of the parley binary.
	Binary string
	// Nodes is how many members, n1, n2, ...
	Nodes int
	// Flags are added to every `parley serve`.
	Flags []string
	// Fronts puts a Front before every client listener.
	Fronts bool
	// Dir holds the data directories; a temporary directory when empty.
	Dir string
	// Place puts a node elsewhere than on loopback; nil: loopback.
	Place func(name string) Place
}

// Place is where a node lives, as something like a machine of its own.
type Place struct {
	// IP is its only address; its ports are fixed then.
	IP string
	// Dir is its data directory; one below Options.Dir when empty.
	Dir string
	// Start starts a command there.
	Start func(*exec.Cmd) error
}

// Cluster is a set of nodes that know each other as first members.
type Cluster struct {
	// Nodes are the members; Join adds one and Forget takes one out. Who reads them while that may happen calls All.
	Nodes []*Node

	tb   TB
	o    Options
	root string

	nodesMu sync.Mutex

	mu sync.Mutex
	// token is the probe account's session, once there is one.
	token []byte
	// laid are all nodes that ever were.
	laid []*Node
}

// Start starts all nodes and waits until each serves with a quorum.
func Start(t TB, o Options) *Cluster {
	t.Helper()
	c := New(t, o)
	for _, n := range c.Nodes {
		n.Start()
	}
	c.AwaitServing(c.Nodes...)
	return c
}

// New lays the cluster out without starting a process.
func New(t TB, o Options) *Cluster {
	t.Helper()
	c := &Cluster{tb: t, o: o}
	root := o.Dir
	if root == "" {
		root = t.TempDir()
	}
	c.root = root
	var first []string
	for i := range o.Nodes {
		n := c.lay(root, fmt.Sprintf("n%d", i+1), o)
		first = append(first, n.Name+"="+n.PeerAddress)
		c.Nodes = append(c.Nodes, n)
	}
	for _, n := range c.Nodes {
		n.args = append(n.args, "--cluster", strings.Join(first, ","))
	}
	c.laid = append(c.laid, c.Nodes...)
	t.Cleanup(c.cleanUp)
	return c
}

// lay makes a node and its directory, without a process.
func (c *Cluster) lay(root, name string, o Options) *Node {
	c.tb.Helper()
	n := &Node{tb: c.tb, binary: o.Binary, Name: name, start: (*exec.Cmd).Start}
	n.Dir = filepath.Join(root, n.Name)
	n.LogPath = filepath.Join(root, n.Name+".log")
	if o.Place != nil {
		p := o.Place(name)
		n.start = p.Start
		if p.Dir != "" {
			n.Dir = p.Dir
		}
		n.Address, n.PeerAddress, n.AdminAddress = p.IP+":50051", p.IP+":51051", p.IP+":52051"
	} else {
		n.Address, n.PeerAddress, n.AdminAddress = c.address(), c.address(), c.address()
	}
	if err := os.MkdirAll(n.Dir, 0o700); err != nil {
		c.tb.Fatalf("%v", err)
	}
	listen := n.Address
	n.args = []string{
		"serve", "--name", n.Name, "--data", n.Dir, "--listen", listen, "--peer-listen", n.PeerAddress,
		"--admin-listen", n.AdminAddress,
	}
	if o.Fronts {
		front, err := newFront(c.address(), listen)
		if err != nil {
			c.tb.Fatalf("%v", err)
		}
		c.tb.Cleanup(front.Close)
		n.Front, n.Address = front, front.Address
		n.args = append(n.args, "--advertise", n.Address)
	}
	n.args = append(n.args, o.Flags...)
	return n
}

func (c *Cluster) address() string {
	c.tb.Helper()
	a, err := FreeAddress()
	if err != nil {
		c.tb.Fatalf("%v", err)
	}
	return a
}

// All are the Nodes of this moment; the caller does not change them.
func (c *Cluster) All() []*Node {
	c.nodesMu.Lock()
	defer c.nodesMu.Unlock()
	return c.Nodes[:len(c.Nodes):len(c.Nodes)]
}

// Addresses are the client addresses of the nodes, beginning with the from-th.
func (c *Cluster) Addresses(from int) []string {
	var as []string
	nodes := c.All()
	for i := range nodes {
		as = append(as, nodes[(from+i)%len(nodes)].Address)
	}
	return as
}

// Running are the nodes whose process runs.
func (c *Cluster) Running() []*Node {
	var ns []*Node
	for _, n := range c.All() {
		if _, ok := n.Running(); ok {
			ns = append(ns, n)
		}
	}
	return ns
}

// Others are all nodes but these.
func (c *Cluster) Others(but ...*Node) []*Node {
	var ns []*Node
	for _, n := range c.Nodes {
		other := true
		for _, b := range but {
			other = other && n != b
		}
		if other {
			ns = append(ns, n)
		}
	}
	return ns
}

// Node returns the node of that name.
func (c *Cluster) Node(name string) *Node {
	c.tb.Helper()
	for _, n := range c.Nodes {
		if n.Name == name {
			return n
		}
	}
	c.tb.Fatalf("there is no node %q", name)
	return nil
}

// cleanUp ends every process by its pid and, when the test failed, prints the end of their logs and how to run it again.
func (c *Cluster) cleanUp() {
	for _, n := range c.laid {
		if _, ok := n.Running(); !ok {
			continue
		}
		n.Resume() // a paused process keeps its SIGKILL, but not everywhere at once
		n.Kill()
	}
	if !c.tb.Failed() {
		return
	}
	for _, n := range c.laid {
		log := n.Log()
		if len(log) > logTailBytes {
			log = "... " + log[len(log)-logTailBytes:]
		}
		c.tb.Logf("log of %s (client %s, peer %s):\n%s", n.Name, n.Address, n.PeerAddress, log)
	}
	if p, ok := c.tb.(interface{ Replay() string }); ok {
		c.tb.Logf("replay: %s", p.Replay())
		return
	}
	c.tb.Logf("replay: go test ./e2e -count=1 -v -run '^%s$'", strings.ReplaceAll(c.tb.Name(), "/", "$/^"))
}
