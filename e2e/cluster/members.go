package cluster

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// Member is a member as `parley cluster members -o json` prints it.
type Member struct {
	ID          uint64 `json:"id"`
	Name        string `json:"name"`
	Role        string `json:"role"`
	Reachable   bool   `json:"reachable"`
	Address     string `json:"address"`
	PeerAddress string `json:"peer_address"`
	Pending     string `json:"pending"`
}

// Join lays out a node that joins the cluster when it is started: `parley cluster add` comes first, with its PeerAddress.
// Members that run now are the ones that it asks. It is one of Nodes from now on.
func (c *Cluster) Join(name string) *Node {
	c.tb.Helper()
	n := c.lay(c.root, name, c.o)
	var members []string
	for _, m := range c.Running() {
		members = append(members, m.PeerAddress)
	}
	n.args = append(n.args, "--join", strings.Join(members, ","))
	c.mu.Lock()
	c.laid = append(c.laid, n)
	c.mu.Unlock()
	c.nodesMu.Lock()
	defer c.nodesMu.Unlock()
	c.Nodes = append(slices.Clone(c.Nodes), n)
	return n
}

// Forget takes a node out of Nodes: it was removed from the cluster. Its process, if it runs, still ends with the test.
func (c *Cluster) Forget(n *Node) {
	c.nodesMu.Lock()
	defer c.nodesMu.Unlock()
	c.Nodes = slices.DeleteFunc(slices.Clone(c.Nodes), func(m *Node) bool { return m == n })
}

// Redirect replaces the value of a flag for the next start.
func (n *Node) Redirect(flag, value string) {
	n.tb.Helper()
	i := slices.Index(n.args, flag)
	if i < 0 {
		n.tb.Fatalf("%s: is started without %s", n.Name, flag)
	}
	n.args[i+1] = value
}

// Move gives a stopped node new addresses: its next start listens there and finds its peers by --join.
func (c *Cluster) Move(n *Node) {
	c.tb.Helper()
	if _, ok := n.Running(); ok {
		c.tb.Fatalf("%s: moved while it runs", n.Name)
	}
	listen, peer := c.address(), c.address()
	var members []string
	for _, m := range c.Running() {
		members = append(members, m.PeerAddress)
	}
	args := []string{"serve", "--name", n.Name, "--data", n.Dir, "--listen", listen, "--peer-listen", peer, "--admin-listen",
		n.AdminAddress, "--join", strings.Join(members, ",")}
	n.args, n.Address, n.PeerAddress = append(args, c.o.Flags...), listen, peer
}

// Command runs `parley cluster ...` as the operator on the machine of a node, over its admin socket, and returns what it
// prints. The error has what it complained about.
func (c *Cluster) Command(on *Node, args ...string) ([]byte, error) {
	cmd := exec.Command(on.binary, append(append([]string{"cluster"}, args...), "--data", on.Dir, "-o", "json")...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	start := on.start
	if err := start(cmd); err != nil {
		return nil, err
	}
	kill := time.AfterFunc(stopTimeout, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	if err := cmd.Wait(); err != nil {
		return out.Bytes(), fmt.Errorf("parley cluster %s on %s: %w: %s", strings.Join(args, " "), on.Name, err,
			strings.TrimSpace(errs.String()))
	}
	return out.Bytes(), nil
}

// Change is Command for add, promote, remove and change. It fails the test when the change is refused.
func (c *Cluster) Change(on *Node, args ...string) []Member {
	c.tb.Helper()
	out, err := c.Command(on, args...)
	if err != nil {
		c.tb.Fatalf("%v", err)
	}
	ms, err := parseMembers(out)
	if err != nil {
		c.tb.Fatalf("%v", err)
	}
	return ms
}

// Members lists the members as a node knows them.
func (c *Cluster) Members(on *Node) ([]Member, error) {
	out, err := c.Command(on, "members")
	if err != nil {
		return nil, err
	}
	return parseMembers(out)
}

func parseMembers(out []byte) ([]Member, error) {
	var ms []Member
	for line := range bytes.Lines(out) {
		var m Member
		if err := json.Unmarshal(line, &m); err != nil {
			return nil, fmt.Errorf("%w in %s", err, line)
		}
		ms = append(ms, m)
	}
	return ms, nil
}

// AwaitVoters waits until a node says that exactly these are the members, all of them voters, and that nothing is pending.
func (c *Cluster) AwaitVoters(on *Node, names ...string) {
	c.tb.Helper()
	slices.Sort(names)
	Await(c.tb, Patience, "the voters to be "+strings.Join(names, ", "), func() error {
		ms, err := c.Members(on)
		if err != nil {
			return err
		}
		var got []string
		for _, m := range ms {
			if m.Role != "voter" || m.Pending != "" {
				return fmt.Errorf("%s is a %s: %s", m.Name, m.Role, m.Pending)
			}
			got = append(got, m.Name)
		}
		slices.Sort(got)
		if !slices.Equal(got, names) {
			return fmt.Errorf("they are %s", strings.Join(got, ", "))
		}
		return nil
	})
}
