package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"parley/e2e/cluster"
)

// upLine is what `up -o json` prints once every node serves.
type upLine struct {
	Nodes []struct {
		Name        string `json:"name"`
		PID         int    `json:"pid"`
		Address     string `json:"address"`
		PeerAddress string `json:"peer_address"`
	} `json:"nodes"`
}

// TestUp starts a cluster with `parley up`, uses it, kills a node, which is reported and not restarted, ends it with a
// signal, and starts the same data directory again.
func TestUp(t *testing.T) {
	t.Parallel()
	p := &person{t: t, name: "up.a", state: t.TempDir()}
	data := filepath.Join(t.TempDir(), "data")
	u := startUp(t, p, data)
	for _, n := range u.line.Nodes {
		p.servers = append(p.servers, n.Address)
	}
	p.ok("account", "create", p.name)
	p.ok("login", "--user", p.name)
	first := p.send("@up.a", "a note")

	victim := u.line.Nodes[1]
	if err := syscall.Kill(victim.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	p.send("@up.a", "with one node down")
	cluster.Await(t, cluster.Patience, "up to report the crashed node", func() error {
		if s := u.stderr(); !bytes.Contains([]byte(s), []byte(victim.Name)) {
			return fmt.Errorf("want %s named on stderr, got %q", victim.Name, s)
		}
		return nil
	})
	if conn, err := net.Dial("tcp", victim.Address); err == nil {
		conn.Close()
		t.Errorf("%s was killed and listens again: up must not restart it", victim.Name)
	}
	u.end(syscall.SIGTERM)

	u = startUp(t, p, data)
	p.servers = nil
	for _, n := range u.line.Nodes {
		p.servers = append(p.servers, n.Address)
	}
	rs := p.rows("read", "@up.a")
	wantTexts(t, "after up on the same data directory", rs, "a note", "with one node down")
	if len(rs) > 0 && rs[0].ID != first.ID {
		t.Errorf("want id %d again, got %d", first.ID, rs[0].ID)
	}
	// However up ends, its nodes end with it.
	u.end(syscall.SIGKILL)
}

// up is a running `parley up`.
type up struct {
	t    *testing.T
	cmd  *exec.Cmd
	line upLine

	mu   sync.Mutex
	errs bytes.Buffer
	done chan struct{}
}

func startUp(t *testing.T, p *person, data string) *up {
	t.Helper()
	free, err := cluster.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(free)
	if err != nil {
		t.Fatal(err)
	}
	base, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	u := &up{t: t, done: make(chan struct{})}
	u.cmd = p.command(context.Background(), "up", "--nodes", "3", "--data", data, "--base-port", strconv.Itoa(base), "-o", "json")
	out, err := u.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	u.cmd.Stderr = u
	if err := u.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if u.cmd.ProcessState == nil {
			u.end(syscall.SIGTERM)
		}
		if t.Failed() {
			t.Logf("stderr of up:\n%s", u.stderr())
		}
	})
	lines := bufio.NewReader(out)
	line, err := lines.ReadBytes('\n')
	if err != nil {
		t.Fatalf("up printed no line: %v\n%s", err, u.stderr())
	}
	if err := json.Unmarshal(line, &u.line); err != nil || len(u.line.Nodes) != 3 {
		t.Fatalf("up: want one JSON line with 3 nodes, got %s (%v)", line, err)
	}
	// Owned by the test: ends when up closes its output, and touches nothing.
	go func() {
		_, _ = io.Copy(io.Discard, lines) // nothing more is expected
		close(u.done)
	}()
	return u
}

// end ends up with the signal and awaits that none of its nodes outlives it.
func (u *up) end(s syscall.Signal) {
	u.t.Helper()
	if err := u.cmd.Process.Signal(s); err != nil {
		u.t.Fatal(err)
	}
	<-u.done
	if err := u.cmd.Wait(); err != nil && s == syscall.SIGTERM {
		u.t.Errorf("up after %s: want exit code 0, got %v\n%s", s, err, u.stderr())
	}
	for _, n := range u.line.Nodes {
		cluster.Await(u.t, cluster.Patience, n.Name+" to end with up", func() error {
			if conn, err := net.Dial("tcp", n.Address); err == nil {
				conn.Close()
				return fmt.Errorf("it listens on %s", n.Address)
			}
			return nil
		})
	}
}

// Write collects stderr.
func (u *up) Write(p []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.errs.Write(p)
}

func (u *up) stderr() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.errs.String()
}
