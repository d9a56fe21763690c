package local

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
)

// spawner starts every child on one thread, which lives as long as the cluster: the kernel's "parent died" signal is tied
// to the thread that forked, and Go ends idle threads at will.
//
// Its goroutine is owned by the Cluster and ends when requests is closed; it touches only the commands it is given.
type spawner struct {
	requests chan spawnRequest
	done     chan struct{}
}

type spawnRequest struct {
	cmd   *exec.Cmd
	reply chan error
}

func newSpawner() *spawner {
	s := &spawner{requests: make(chan spawnRequest), done: make(chan struct{})}
	go s.run()
	return s
}

func (s *spawner) run() {
	defer close(s.done)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for r := range s.requests {
		r.reply <- r.cmd.Start()
	}
}

func (s *spawner) start(cmd *exec.Cmd) error {
	r := spawnRequest{cmd: cmd, reply: make(chan error, 1)}
	s.requests <- r
	return <-r.reply
}

// close must come after every child has ended.
func (s *spawner) close() {
	close(s.requests)
	<-s.done
}

// process is one run of one node.
type process struct {
	pid int
	cmd *exec.Cmd
	// ended is closed after err was set.
	ended chan struct{}
	err   error
}

// startProcess starts binary with its output appended to logPath.
func startProcess(s *spawner, binary string, args []string, logPath string) (*process, error) {
	if fi, err := os.Stat(logPath); err == nil && fi.Size() > maxLogBytes {
		if err := os.Rename(logPath, logPath+".old"); err != nil {
			return nil, err
		}
	}
	logFile, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = logFile.Close() }()

	cmd := exec.Command(binary, args...)
	cmd.Args[0] = "parley"
	cmd.Stdout = logFile
	cmd.Stderr = logFile
	cmd.Env = childEnv(os.Environ())
	cmd.SysProcAttr = childAttr()
	if err := s.start(cmd); err != nil {
		return nil, fmt.Errorf("start %s: %w", binary, err)
	}
	return &process{pid: cmd.Process.Pid, cmd: cmd, ended: make(chan struct{})}, nil
}

// wait collects the child and closes ended; it is called once, by the goroutine that owns this process.
func (p *process) wait() {
	p.err = p.cmd.Wait()
	close(p.ended)
}

func (p *process) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// signal may come too late; that is no error.
func (p *process) signal(sig syscall.Signal) {
	if p.running() {
		_ = p.cmd.Process.Signal(sig)
	}
}

// childEnv leaves out what a node has no business knowing (invariant 5).
func childEnv(env []string) []string {
	var kept []string
	for _, kv := range env {
		name, _, _ := strings.Cut(kv, "=")
		switch name {
		case "PARLEY_PASSWORD", "PARLEY_NEW_PASSWORD", "PARLEY_TOKEN":
		default:
			kept = append(kept, kv)
		}
	}
	return kept
}

// lastLine is the last line of a node's log that is not empty; usually the reason why it ended.
func lastLine(logPath string) string {
	f, err := os.Open(logPath)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	fi, err := f.Stat()
	if err != nil {
		return ""
	}
	offset := max(0, fi.Size()-logTailBytes)
	buf := make([]byte, fi.Size()-offset)
	n, _ := f.ReadAt(buf, offset)
	lines := bytes.Split(bytes.TrimSpace(buf[:n]), []byte("\n"))
	return string(bytes.TrimSpace(lines[len(lines)-1]))
}
