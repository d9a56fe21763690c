package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"parley/e2e/cluster"
	"parley/tui/ptytest"
)

// upLine is what `up -o json` prints once every node serves.
type upLine struct {
	Nodes []struct {
		Name        string `json:"name"`
		PID         int    `json:"pid"`
		Address     string `json:"address"`
		PeerAddress string `json:"peer_address"`
	} `json:"nodes"`
	// Data is the cluster's directory; State, of a demo, is where its people are logged in.
	Data  string `json:"data"`
	State string `json:"state"`
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

// TestDemo is the first of the README's two commands, without a terminal and with one: a conversation to look at, people who
// are logged in, and nothing left behind.
func TestDemo(t *testing.T) {
	t.Parallel()
	p := &person{t: t, name: "alice", state: t.TempDir()}
	u := launch(t, p, "demo", "-o", "json")
	for _, n := range u.line.Nodes {
		p.servers = append(p.servers, n.Address)
	}
	ctx, cancel := context.WithTimeout(context.Background(), cliTimeout)
	defer cancel()
	read := p.command(ctx, "read", "@bob", "-o", "json", "--user", "alice")
	read.Env = append(read.Env, "XDG_STATE_HOME="+u.line.State)
	out, err := read.Output()
	if err != nil || len(parseRows(t, string(out))) == 0 {
		t.Errorf("read as the demo's alice: want some messages, got %s (%v)", out, err)
	}
	u.end(syscall.SIGTERM)
	for _, dir := range []string{u.line.Data, u.line.State} {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the demo left %s behind (%v)", dir, err)
		}
	}

	s := p.open("demo")
	s.await("READY", "press F6")
	s.keys("what a nice demo", ptytest.Enter)
	s.await("✓ alice  what a nice demo")
	s.keys(ptytest.CtrlQ)
	<-s.term.Exited()
	if err := s.term.Err(); err != nil {
		t.Errorf("the demo after ^Q: want exit code 0, got %v", err)
	}
}

// up is a running `parley up`, or a demo without a terminal.
type up struct {
	t    *testing.T
	cmd  *exec.Cmd
	line upLine

	mu   sync.Mutex
	errs bytes.Buffer
	done chan struct{}
}

// startUp starts `parley up` on the directory, on ports that are free.
func startUp(t *testing.T, p *person, data string) *up {
	t.Helper()
	return launch(t, p, "up", "--nodes", "3", "--data", data, "--base-port", "0", "-o", "json")
}

// launch starts a command that runs a cluster, and returns when it has printed its line.
func launch(t *testing.T, p *person, args ...string) *up {
	t.Helper()
	u := &up{t: t, done: make(chan struct{})}
	u.cmd = p.command(context.Background(), args...)
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
		t.Fatalf("%s printed no line: %v\n%s", u.cmd, err, u.stderr())
	}
	if err := json.Unmarshal(line, &u.line); err != nil || len(u.line.Nodes) < 3 {
		t.Fatalf("%s: want one JSON line with the nodes, got %s (%v)", u.cmd, line, err)
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
