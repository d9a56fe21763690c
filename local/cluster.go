package local

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Options says what to start.
type Options struct {
	// Dir holds cluster.json, one data directory and one log per node. It is made when missing.
	Dir string
	// Nodes is how many; 0 means what the directory holds, or DefaultNodes.
	Nodes int
	// BasePort is the first node's client port when the directory is new; 0 takes free ports.
	BasePort int
	// Binary is the parley binary; the running one when empty.
	Binary string
	// ServeArgs are added to every node's `parley serve`.
	ServeArgs []string
}

// Node is one node of the cluster. PID changes when it is restarted.
type Node struct {
	Name        string `json:"name"`
	PID         int    `json:"pid"`
	Address     string `json:"address"`
	PeerAddress string `json:"peer_address"`
	DataDir     string `json:"data"`
	Log         string `json:"log"`
}

// Exit is a node that ended though nobody asked it to.
type Exit struct {
	Node Node
	// Err is how, such as "signal: killed" or "exit status 1".
	Err error
	// LastLine is the last line of its log.
	LastLine string
}

func (e Exit) Error() string {
	how := "it ended by itself"
	if e.Err != nil {
		how = e.Err.Error()
	}
	s := fmt.Sprintf("node %s (pid %d) ended: %s", e.Node.Name, e.Node.PID, how)
	if e.LastLine != "" {
		s += "; the last line of its log: " + e.LastLine
	}
	return s
}

// Cluster is a running cluster. Its methods may be called from any goroutine.
type Cluster struct {
	o       Options
	layout  *layout
	lock    *os.File
	spawner *spawner
	exits   chan Exit

	mu       sync.Mutex
	procs    []*process // by node; the latest run of each
	expected []bool     // by node: Kill or Stop asked for the end of this run
	stopping bool
	waiters  sync.WaitGroup
}

// Start starts the cluster and returns as soon as all its processes run; see WaitReady. A directory that holds a cluster
// is started again with its own addresses; asking for another number of nodes is an error then. *PortBusyError when an
// address is taken.
func Start(o Options) (*Cluster, error) {
	if o.Nodes < 0 || o.Nodes > MaxNodes {
		return nil, fmt.Errorf("%d nodes: choose 1 to %d", o.Nodes, MaxNodes)
	}
	if o.Binary == "" {
		exe, err := os.Executable()
		if err != nil {
			return nil, err
		}
		o.Binary = exe
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	o.Dir = dir
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := lockDir(o.Dir)
	if err != nil {
		return nil, err
	}
	c := &Cluster{o: o, lock: lock}
	if err := c.prepare(); err != nil {
		_ = lock.Close()
		return nil, err
	}
	c.spawner = newSpawner()
	for i := range c.layout.Nodes {
		if err := c.launch(i); err != nil {
			c.Stop()
			return nil, err
		}
	}
	return c, nil
}

// prepare reads or makes the layout and checks that its ports are free.
func (c *Cluster) prepare() error {
	l, err := readLayout(c.o.Dir)
	if err != nil {
		return err
	}
	if l != nil && c.o.Nodes != 0 && c.o.Nodes != len(l.Nodes) {
		return fmt.Errorf("%s holds a cluster of %d nodes: leave the number out to start it again, or choose another directory",
			c.o.Dir, len(l.Nodes))
	}
	fresh := l == nil
	if fresh {
		n := c.o.Nodes
		if n == 0 {
			n = DefaultNodes
		}
		if l, err = plan(n, c.o.BasePort); err != nil {
			return err
		}
	}
	if err := l.checkFree(); err != nil {
		return err
	}
	if fresh {
		// Before the first node starts: a data directory without the layout beside it could not be started again.
		if err := l.write(c.o.Dir); err != nil {
			return err
		}
	}
	c.layout = l
	c.procs = make([]*process, len(l.Nodes))
	c.expected = make([]bool, len(l.Nodes))
	// One exit a run, and a run more only after Restart, which needs the run before to have been asked to end.
	c.exits = make(chan Exit, len(l.Nodes))
	return nil
}

// launch starts node i, and a goroutine that collects it when it ends.
func (c *Cluster) launch(i int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopping {
		return fmt.Errorf("the cluster is stopping")
	}
	n := c.layout.Nodes[i]
	p, err := startProcess(c.spawner, c.o.Binary, c.serveArgs(n), c.logPath(n.Name))
	if err != nil {
		return err
	}
	c.procs[i] = p
	c.expected[i] = false
	c.waiters.Add(1)
	// Owned by the cluster, ends with the process; touches the process and, when nobody asked for the end, exits.
	go func() {
		defer c.waiters.Done()
		p.wait()
		c.mu.Lock()
		report := !c.stopping && c.procs[i] == p && !c.expected[i]
		node := c.node(i)
		c.mu.Unlock()
		if report {
			select {
			case c.exits <- Exit{Node: node, Err: p.err, LastLine: lastLine(node.Log)}:
			default: // nobody reads: nothing is lost that Nodes and the logs do not show
			}
		}
	}()
	return nil
}

func (c *Cluster) serveArgs(n layoutNode) []string {
	var members []string
	for _, m := range c.layout.Nodes {
		members = append(members, m.Name+"="+m.PeerAddress)
	}
	args := []string{
		"serve", "--name", n.Name, "--data", filepath.Join(c.o.Dir, n.Name),
		"--listen", n.Address, "--peer-listen", n.PeerAddress, "--cluster", strings.Join(members, ","),
	}
	return append(args, c.o.ServeArgs...)
}

func (c *Cluster) logPath(name string) string { return filepath.Join(c.o.Dir, name+".log") }

// node is called with mu held.
func (c *Cluster) node(i int) Node {
	l := c.layout.Nodes[i]
	n := Node{
		Name: l.Name, Address: l.Address, PeerAddress: l.PeerAddress,
		DataDir: filepath.Join(c.o.Dir, l.Name), Log: c.logPath(l.Name),
	}
	if p := c.procs[i]; p != nil {
		n.PID = p.pid
	}
	return n
}

// Dir is the cluster's directory.
func (c *Cluster) Dir() string { return c.o.Dir }

// Nodes lists the nodes in the order of their names.
func (c *Cluster) Nodes() []Node {
	c.mu.Lock()
	defer c.mu.Unlock()
	var nodes []Node
	for i := range c.layout.Nodes {
		nodes = append(nodes, c.node(i))
	}
	return nodes
}

// Addresses are the client addresses of all nodes.
func (c *Cluster) Addresses() []string {
	var as []string
	for _, n := range c.layout.Nodes {
		as = append(as, n.Address)
	}
	return as
}

// Running is how many nodes run now.
func (c *Cluster) Running() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	running := 0
	for _, p := range c.procs {
		if p != nil && p.running() {
			running++
		}
	}
	return running
}

// Exits delivers nodes that ended by themselves.
func (c *Cluster) Exits() <-chan Exit { return c.exits }

func (c *Cluster) index(name string) (int, error) {
	for i, n := range c.layout.Nodes {
		if n.Name == name {
			return i, nil
		}
	}
	return 0, fmt.Errorf("no node is named %q", name)
}

// Kill ends a node with SIGKILL and returns when it is gone; gone is when the signal was sent.
func (c *Cluster) Kill(name string) (sent time.Time, err error) {
	i, err := c.index(name)
	if err != nil {
		return time.Time{}, err
	}
	c.mu.Lock()
	p := c.procs[i]
	c.expected[i] = true
	c.mu.Unlock()
	sent = time.Now()
	p.signal(syscall.SIGKILL)
	<-p.ended
	return sent, nil
}

// Pause stops a node's process with SIGSTOP: it keeps its connections and answers nothing. Resume lets it go on.
func (c *Cluster) Pause(name string) error { return c.tell(name, syscall.SIGSTOP) }

// Resume is Pause undone.
func (c *Cluster) Resume(name string) error { return c.tell(name, syscall.SIGCONT) }

func (c *Cluster) tell(name string, sig syscall.Signal) error {
	i, err := c.index(name)
	if err != nil {
		return err
	}
	c.mu.Lock()
	p := c.procs[i]
	c.mu.Unlock()
	if !p.running() {
		return fmt.Errorf("node %s does not run", name)
	}
	p.signal(sig)
	return nil
}

// Restart starts a node that was killed, on its own directory and addresses.
func (c *Cluster) Restart(name string) error {
	i, err := c.index(name)
	if err != nil {
		return err
	}
	c.mu.Lock()
	running := c.procs[i].running()
	c.mu.Unlock()
	if running {
		return fmt.Errorf("node %s runs", name)
	}
	return c.launch(i)
}

// Stop ends every node and returns when all are gone: SIGTERM to all at once, SIGKILL to those that do not drain in time.
// It may be called again; later calls wait as well.
func (c *Cluster) Stop() {
	c.end(syscall.SIGTERM, stopTimeout)
}

// StopNow ends every node with SIGKILL.
func (c *Cluster) StopNow() {
	c.end(syscall.SIGKILL, 0)
}

func (c *Cluster) end(first syscall.Signal, patience time.Duration) {
	c.mu.Lock()
	already := c.stopping
	c.stopping = true
	procs := append([]*process(nil), c.procs...)
	c.mu.Unlock()

	for _, p := range procs {
		if p != nil {
			p.signal(first)
			p.signal(syscall.SIGCONT) // a paused one could not drain
		}
	}
	timer := time.AfterFunc(patience, func() {
		for _, p := range procs {
			if p != nil {
				p.signal(syscall.SIGKILL)
			}
		}
	})
	defer timer.Stop()
	c.waiters.Wait()
	if !already {
		c.spawner.close()
		_ = c.lock.Close()
	}
}
