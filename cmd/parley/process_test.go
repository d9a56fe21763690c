package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"parley/local"
)

// patience is how long a process may take for anything here; it bounds waits and is never measured.
const patience = time.Minute

// running is parley as a child of the test.
type running struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines *bufio.Reader
	errs  *lockedBuffer
	ended chan error
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// startParley runs parley without a terminal in an environment of its own.
func startParley(t *testing.T, env []string, args ...string) *running {
	t.Helper()
	r := &running{t: t, cmd: exec.Command(parleyBinary(t), args...), errs: &lockedBuffer{}, ended: make(chan error, 1)}
	r.cmd.Env = append(cleanEnv(t), env...)
	r.cmd.Stderr = r.errs
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.cmd.Stdout = in
	r.lines = bufio.NewReader(out)
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = in.Close()
	go func() { r.ended <- r.cmd.Wait() }()
	t.Cleanup(func() { _ = r.cmd.Process.Kill(); _ = out.Close() })
	return r
}

func cleanEnv(t *testing.T) []string {
	home := t.TempDir()
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + t.TempDir(), "TERM=xterm-256color"}
}

// line is the next line of stdout.
func (r *running) line() string {
	r.t.Helper()
	got := make(chan string, 1)
	go func() {
		s, _ := r.lines.ReadString('\n')
		got <- s
	}()
	select {
	case s := <-got:
		if s == "" {
			r.t.Fatalf("parley ended without the expected line; stderr: %s", r.errs)
		}
		return s
	case <-time.After(patience):
		r.t.Fatalf("no line within %s; stderr: %s", patience, r.errs)
	}
	return ""
}

// exit waits for the end and returns the code.
func (r *running) exit() int {
	r.t.Helper()
	select {
	case err := <-r.ended:
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return exit.ExitCode()
		}
		if err != nil {
			r.t.Fatal(err)
		}
		return 0
	case <-time.After(patience):
		r.t.Fatalf("did not end within %s; stderr: %s", patience, r.errs)
	}
	return -1
}

func (r *running) signal(sig syscall.Signal) {
	r.t.Helper()
	if err := r.cmd.Process.Signal(sig); err != nil {
		r.t.Fatal(err)
	}
}

// awaitErr waits until stderr says so.
func (r *running) awaitErr(what string) {
	r.t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !strings.Contains(r.errs.String(), what) {
		select {
		case <-tick.C:
		case <-deadline:
			r.t.Fatalf("stderr never said %q: %s", what, r.errs)
		}
	}
}

func processIsThere(pid int) bool { return syscall.Kill(pid, 0) == nil }

func TestUpRunsUntilItIsToldAndStartsTheSameClusterAgain(t *testing.T) {
	data := filepath.Join(t.TempDir(), strings.Repeat("deep", 30)) // too deep for a socket's address
	up := startParley(t, nil, "up", "--nodes", "3", "--data", data, "--base-port", "0", "-o", "json")
	var first upJSON
	if err := json.Unmarshal([]byte(up.line()), &first); err != nil || len(first.Nodes) != 3 {
		t.Fatalf("%+v, %v", first, err)
	}
	second := startParley(t, nil, "up", "--data", data)
	if code := second.exit(); code != exitFailed || !strings.Contains(second.errs.String(), "in use") {
		t.Errorf("a second up: exit %d, %s", code, second.errs)
	}
	env := []string{"PARLEY_SERVERS=" + first.Nodes[0].Address, "PARLEY_PASSWORD=correct horse"}
	if create := startParley(t, env, "account", "create", "ann"); create.exit() != 0 {
		t.Errorf("account create: %s", create.errs)
	}
	if op := startParley(t, nil, "cluster", "operator", "ann", "--data", data); op.exit() != 0 {
		t.Errorf("operator over a socket in a deep directory: %s", op.errs)
	}

	// A crash is told and not mended.
	if err := syscall.Kill(first.Nodes[1].PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	up.awaitErr("node n2")
	up.awaitErr("2 of 3 nodes go on")

	up.signal(syscall.SIGTERM)
	if code := up.exit(); code != 0 {
		t.Errorf("up ended with %d: %s", code, up.errs)
	}
	for _, n := range first.Nodes {
		if processIsThere(n.PID) {
			t.Errorf("node %s (pid %d) outlived up", n.Name, n.PID)
		}
	}

	again := startParley(t, nil, "up", "--data", data, "-o", "json")
	var next upJSON
	if err := json.Unmarshal([]byte(again.line()), &next); err != nil || len(next.Nodes) != 3 {
		t.Fatalf("%+v, %v", next, err)
	}
	if next.Nodes[0].Address != first.Nodes[0].Address {
		t.Errorf("the address changed from %s to %s", first.Nodes[0].Address, next.Nodes[0].Address)
	}
	if login := startParley(t, env, "login", "--user", "ann"); login.exit() != 0 {
		t.Errorf("the account is gone after a restart: %s", login.errs)
	}
}

func TestDemoWithoutATerminalSaysHowToAttachAndCleansUp(t *testing.T) {
	demo := startParley(t, nil, "demo", "-o", "json")
	var info demoJSON
	if err := json.Unmarshal([]byte(demo.line()), &info); err != nil || len(info.Nodes) != demoNodes {
		t.Fatalf("%+v, %v", info, err)
	}
	env := []string{"XDG_STATE_HOME=" + info.State, "PARLEY_SERVERS=" + strings.Join(addresses(info.Nodes), ",")}
	read := startParley(t, env, "read", "@bob", "-o", "json")
	text := ""
	for code := -1; code != 0; {
		line, err := read.lines.ReadString('\n')
		text += line
		if err != nil {
			if code = read.exit(); code != 0 {
				t.Fatalf("read as alice: exit %d: %s", code, read.errs)
			}
		}
	}
	if !strings.Contains(text, "kill -9") {
		t.Errorf("alice's conversation with bob: %s", text)
	}
	dir := filepath.Dir(info.Data)
	if _, err := os.Stat(dir); err != nil {
		t.Fatal(err)
	}
	demo.signal(syscall.SIGINT)
	if code := demo.exit(); code != 0 {
		t.Errorf("demo ended with %d: %s", code, demo.errs)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is left: %v", dir, err)
	}
	for _, n := range info.Nodes {
		if processIsThere(n.PID) {
			t.Errorf("node %s outlived the demo", n.Name)
		}
	}
}

// TestServeWaitingForItsPeersCanBeEnded: a first start waits for all first members, and must be stoppable.
func TestServeWaitingForItsPeersCanBeEnded(t *testing.T) {
	ports, err := local.FreePorts(3)
	if err != nil {
		t.Fatal(err)
	}
	addr := func(i int) string { return "127.0.0.1:" + strconv.Itoa(ports[i]) }
	s := startParley(t, nil, "serve", "--name", "n1", "--data", filepath.Join(t.TempDir(), "d"), "--listen", addr(0),
		"--peer-listen", addr(1), "--cluster", "n1="+addr(1)+",n2="+addr(2), "--log-level", "debug")
	s.awaitErr("n2") // it says whom it waits for
	s.signal(syscall.SIGTERM)
	if code := s.exit(); code != exitFailed || !strings.Contains(s.errs.String(), "interrupted") {
		t.Errorf("exit %d: %s", code, s.errs)
	}
}

// TestPasswordIsAskedWithoutEcho runs parley on a pseudo terminal and types as it is asked.
func TestPasswordIsAskedWithoutEcho(t *testing.T) {
	c := startTestCluster(t, 1)
	home := t.TempDir()
	for _, tc := range []struct {
		name string
		args []string
		// type answers a prompt each.
		answers [][2]string
		code    int
		says    string
	}{
		{"passwords that differ", []string{"account", "create", "ann"},
			[][2]string{{"password: ", "hunter2 one\n"}, {"password again: ", "hunter2 two\n"}}, exitFailed, "differ"},
		{"create", []string{"account", "create", "ann"},
			[][2]string{{"password: ", "hunter2 one\n"}, {"password again: ", "hunter2 one\n"}}, 0, "ann"},
		{"login", []string{"login", "--user", "ann"}, [][2]string{{"password: ", "hunter2 one\n"}}, 0, "logged in as ann"},
		{"interrupted", []string{"login", "--user", "ann"}, [][2]string{{"password: ", "hunter2\x03"}}, exitFailed, "interrupted"},
		{"delete, no", []string{"account", "delete"}, [][2]string{{"[y/N] ", "n\n"}}, exitUsage, "nothing was deleted"},
		{"delete, yes", []string{"account", "delete"}, [][2]string{{"[y/N] ", "y\n"}, {"password: ", "hunter2 one\n"}}, 0, "deleted"},
	} {
		cmd := exec.Command(parleyBinary(t), tc.args...)
		cmd.Env = []string{"HOME=" + home, "PARLEY_SERVERS=" + c.Addresses()[0], "TERM=xterm"}
		term, err := pty.Start(cmd)
		if err != nil {
			t.Fatal(err)
		}
		screen := &lockedBuffer{}
		drained := make(chan struct{})
		go func() { _, _ = io.Copy(screen, term); close(drained) }()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		seen := 0
		for _, a := range tc.answers {
			for !strings.Contains(screen.String()[seen:], a[0]) {
				if ctx.Err() != nil {
					t.Fatalf("%s: no prompt %q in %q", tc.name, a[0], screen)
				}
				select {
				case <-ctx.Done():
				case <-time.After(2 * time.Millisecond):
				}
			}
			seen += strings.Index(screen.String()[seen:], a[0]) + len(a[0])
			if _, err := io.WriteString(term, a[1]); err != nil {
				t.Fatal(err)
			}
		}
		err = cmd.Wait()
		<-drained
		cancel()
		_ = term.Close()
		if code := cmd.ProcessState.ExitCode(); code != tc.code || !strings.Contains(screen.String(), tc.says) {
			t.Errorf("%s: exit %d (%v), screen %q; want %d and %q", tc.name, code, err, screen, tc.code, tc.says)
		}
		if strings.Contains(screen.String(), "hunter2") {
			t.Errorf("%s: the password is on the screen: %q", tc.name, screen)
		}
	}
}
