package measure

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

const (
	// Nodes of a cluster, as many as Parley has in the same table.
	Nodes = 3
	// Ports lie below Linux's ephemeral range, where a redial cannot connect to itself.
	minPort, maxPort = 15000, 30000
	portTries        = 1000
)

// Node is one server process: this program again, with arguments that make it serve.
type Node struct {
	Name, Dir  string
	Port, Peer int
	args       []string
	cmd        *exec.Cmd
}

// Cluster is the servers and the directory that holds all they write. Its methods are called by one goroutine at a time.
type Cluster struct {
	Nodes []*Node
	dir   string
}

// NewCluster makes the directory, below parent when that is not empty, and chooses ports. It starts nothing.
func NewCluster(parent, prefix string) (*Cluster, error) {
	dir, err := os.MkdirTemp(parent, prefix)
	if err != nil {
		return nil, err
	}
	c := &Cluster{dir: dir}
	ports, err := freePorts(2 * Nodes)
	if err != nil {
		c.Stop()
		return nil, err
	}
	for i := range Nodes {
		name := fmt.Sprintf("n%d", i+1)
		c.Nodes = append(c.Nodes, &Node{Name: name, Dir: filepath.Join(dir, name), Port: ports[2*i], Peer: ports[2*i+1]})
	}
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM)
	// Owned by the program, ends with it: an interrupted run leaves no process and no file.
	go func() {
		<-ch
		c.Stop()
		os.Exit(1)
	}()
	return c, nil
}

// freePorts finds ports that nobody listens on.
func freePorts(n int) ([]int, error) {
	var ports []int
	seen := map[int]bool{}
	for range portTries {
		p := minPort + rand.IntN(maxPort-minPort)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p))
		if err != nil || seen[p] {
			continue
		}
		l.Close()
		seen[p] = true
		if ports = append(ports, p); len(ports) == n {
			return ports, nil
		}
	}
	return nil, fmt.Errorf("found %d of %d free ports", len(ports), n)
}

// Start runs this program with the arguments as the node. What it logs goes to a file beside its data.
func (n *Node) Start(args ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	logs, err := os.OpenFile(n.Dir+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer logs.Close()
	n.args = args
	n.cmd = exec.Command(self, args...)
	n.cmd.Stdout, n.cmd.Stderr = logs, logs
	dieWithParent(n.cmd)
	return n.cmd.Start()
}

// PID is 0 for a node that does not run.
func (n *Node) PID() int {
	if n.cmd == nil {
		return 0
	}
	return n.cmd.Process.Pid
}

// Kill sends SIGKILL, tells when, and reaps the process.
func (n *Node) Kill() (time.Time, error) {
	at := time.Now()
	if n.cmd == nil {
		return at, nil
	}
	err := n.cmd.Process.Kill()
	_ = n.cmd.Wait() // it was killed, and says so
	n.cmd = nil
	return at, err
}

// Restart starts a killed node as it was started before.
func (n *Node) Restart() error { return n.Start(n.args...) }

// Stop kills all nodes and removes the directory.
func (c *Cluster) Stop() {
	for _, n := range c.Nodes {
		_, _ = n.Kill()
	}
	_ = os.RemoveAll(c.dir)
}
