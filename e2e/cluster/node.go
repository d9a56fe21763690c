package cluster

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Node is one member: its addresses, its directory, and its process while that runs.
type Node struct {
	Name string
	// Dir is the data directory; LogPath collects stderr and stdout over all starts.
	Dir, LogPath string
	// Address is where clients reach it; PeerAddress and AdminAddress are its other listeners.
	Address, PeerAddress, AdminAddress string
	// Front stands before the client listener when the cluster was started with Fronts; its address is Address then.
	Front *Front

	tb     TB
	binary string
	args   []string
	start  func(*exec.Cmd) error

	mu     sync.Mutex
	cmd    *exec.Cmd
	exited chan struct{}
	// code is the exit code of the last process that ended; -1 when a signal ended it.
	code int
}

// startMark begins the log of each start.
const startMark = "---- start of "

// Use has the next start run another binary, as an upgrade does.
func (n *Node) Use(binary string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.binary = binary
}

// Start starts the process; it must not run. It does not wait until the node serves.
func (n *Node) Start() {
	n.tb.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd != nil {
		n.tb.Fatalf("%s: started while it runs as pid %d", n.Name, n.cmd.Process.Pid)
	}
	log, err := os.OpenFile(n.LogPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		n.tb.Fatalf("%s: %v", n.Name, err)
	}
	defer log.Close()
	fmt.Fprintf(log, startMark+"%s %s\n", n.binary, strings.Join(n.args, " "))
	cmd := exec.Command(n.binary, n.args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = procAttr()
	if err := n.start(cmd); err != nil {
		n.tb.Fatalf("%s: %v", n.Name, err)
	}
	exited := make(chan struct{})
	n.cmd, n.exited = cmd, exited
	// Owned by the node: ends when the process ends, and touches nothing but its exit.
	go func() {
		_ = cmd.Wait() // the exit code is read below; a signal is what the tests do
		n.mu.Lock()
		n.code = cmd.ProcessState.ExitCode()
		n.cmd = nil
		n.mu.Unlock()
		close(exited)
	}()
}

// Running tells whether the process runs, and its pid.
func (n *Node) Running() (pid int, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil {
		return 0, false
	}
	return n.cmd.Process.Pid, true
}

// Kill ends the process with SIGKILL and waits until it is gone. It returns when the signal was sent.
func (n *Node) Kill() time.Time {
	n.tb.Helper()
	at := n.signal(syscall.SIGKILL)
	n.AwaitExit(stopTimeout)
	return at
}

// Terminate asks the process to stop gracefully, waits, and returns when it was asked and the exit code.
func (n *Node) Terminate() (time.Time, int) {
	n.tb.Helper()
	at := n.signal(syscall.SIGTERM)
	return at, n.AwaitExit(stopTimeout)
}

// Pause stops the process as a hung machine would: the kernel still accepts connections, nothing answers.
func (n *Node) Pause() time.Time { return n.signal(syscall.SIGSTOP) }

// Resume ends a Pause.
func (n *Node) Resume() time.Time { return n.signal(syscall.SIGCONT) }

// End ends the process, whatever state it is in, if it runs.
func (n *Node) End() {
	n.tb.Helper()
	n.mu.Lock()
	cmd := n.cmd
	n.mu.Unlock()
	if cmd == nil {
		return
	}
	_ = cmd.Process.Signal(syscall.SIGKILL) // it may have ended; a paused process keeps the signal
	_ = cmd.Process.Signal(syscall.SIGCONT) // not everywhere does that one end at once
	n.AwaitExit(stopTimeout)
}

// AwaitExit waits until the process has ended and returns its exit code.
func (n *Node) AwaitExit(patience time.Duration) int {
	n.tb.Helper()
	n.mu.Lock()
	exited := n.exited
	n.mu.Unlock()
	if exited != nil {
		select {
		case <-exited:
		case <-time.After(patience):
			n.tb.Fatalf("%s: still runs %s after it was told to end", n.Name, patience)
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.code
}

func (n *Node) signal(s syscall.Signal) time.Time {
	n.tb.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil {
		n.tb.Fatalf("%s: got %s but does not run", n.Name, s)
	}
	at := time.Now()
	if err := n.cmd.Process.Signal(s); err != nil {
		n.tb.Fatalf("%s: %s: %v", n.Name, s, err)
	}
	return at
}

// Log returns everything the node has logged, over all starts.
func (n *Node) Log() string {
	b, err := os.ReadFile(n.LogPath)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// LastStart returns what the node has logged since it was started last.
func (n *Node) LastStart() string {
	log := n.Log()
	return log[strings.LastIndex(log, startMark)+len(startMark):]
}

// Logged says whether the node has logged the text since it was started last.
func (n *Node) Logged(text string) error {
	if log := n.LastStart(); !strings.Contains(log, text) {
		return fmt.Errorf("%s has not logged %q", n.Name, text)
	}
	return nil
}

// Metric returns the sum over all label sets of a metric of the node's /metrics page.
func (n *Node) Metric(name string) (float64, error) {
	page, err := n.Admin("/metrics")
	if err != nil {
		return 0, err
	}
	sum, found := 0.0, false
	for line := range strings.Lines(page) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || rest == "" || (rest[0] != ' ' && rest[0] != '{') {
			continue
		}
		fields := strings.Fields(rest[strings.LastIndexByte(rest, '}')+1:])
		if len(fields) == 0 {
			continue
		}
		v, err := strconv.ParseFloat(fields[0], 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
		sum, found = sum+v, true
	}
	if !found {
		return 0, fmt.Errorf("%s has no metric %s", n.Name, name)
	}
	return sum, nil
}

// Admin gets a page of the node's admin address, such as /readyz.
func (n *Node) Admin(path string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.AdminAddress+path, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s%s: %s: %s", n.Name, path, resp.Status, strings.TrimSpace(string(body)))
	}
	return string(body), nil
}

// Wipe empties the data directory, as a replaced disk would be.
func (n *Node) Wipe() {
	n.tb.Helper()
	if _, ok := n.Running(); ok {
		n.tb.Fatalf("%s: wiped while it runs", n.Name)
	}
	entries, err := os.ReadDir(n.Dir)
	if err != nil {
		n.tb.Fatalf("%s: %v", n.Name, err)
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(n.Dir, e.Name())); err != nil {
			n.tb.Fatalf("%s: %v", n.Name, err)
		}
	}
}

// CopyDir copies the data directory of a stopped node to a fresh one and returns its path.
func (n *Node) CopyDir() string {
	n.tb.Helper()
	to := n.tb.TempDir()
	if err := os.CopyFS(to, regularFiles{os.DirFS(n.Dir)}); err != nil {
		n.tb.Fatalf("%s: copy %s: %v", n.Name, n.Dir, err)
	}
	return to
}

// ReplaceDir puts the files of from in place of the data directory's.
func (n *Node) ReplaceDir(from string) {
	n.tb.Helper()
	n.Wipe()
	if err := os.CopyFS(n.Dir, regularFiles{os.DirFS(from)}); err != nil {
		n.tb.Fatalf("%s: copy %s: %v", n.Name, from, err)
	}
}
