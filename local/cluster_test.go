package local

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// TestMain lets the test binary stand in for parley: as `serve` it is a node that only answers health checks, and as
// `starter` it is a process that starts a cluster and waits to be killed.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "serve":
			os.Exit(fakeServe(os.Args[2:]))
		case "starter":
			os.Exit(fakeStarter(os.Args[2]))
		}
	}
	os.Exit(m.Run())
}

func fakeServe(args []string) int {
	fs := flag.NewFlagSet("serve", flag.ContinueOnError)
	name := fs.String("name", "", "")
	_ = fs.String("data", "", "")
	listen := fs.String("listen", "", "")
	_ = fs.String("peer-listen", "", "")
	_ = fs.String("cluster", "", "")
	crash := fs.String("crash", "", "the node that refuses to start")
	deaf := fs.Bool("deaf", false, "ignore SIGTERM")
	if err := fs.Parse(args); err != nil {
		return 2
	}
	if *crash == *name {
		fmt.Println("the disk is on fire")
		return 1
	}
	term := make(chan os.Signal, 1)
	if *deaf {
		signal.Ignore(syscall.SIGTERM)
	} else {
		signal.Notify(term, syscall.SIGTERM)
	}
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	g := grpc.NewServer()
	h := health.NewServer()
	h.SetServingStatus(chatService, healthpb.HealthCheckResponse_SERVING)
	healthpb.RegisterHealthServer(g, h)
	go func() { _ = g.Serve(l) }()
	fmt.Println("password in the environment:", os.Getenv("PARLEY_PASSWORD"))
	<-term
	fmt.Println("drained")
	return 0
}

func fakeStarter(dir string) int {
	c, err := Start(Options{Dir: dir, Nodes: 3})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	if err := c.WaitReady(context.Background()); err != nil {
		fmt.Println(err)
		return 1
	}
	for _, n := range c.Nodes() {
		fmt.Println(n.PID)
	}
	select {}
}

func start(t *testing.T, o Options) *Cluster {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	c, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.StopNow)
	return c
}

func shortly(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// gone waits until no process has this id; it is how one sees the end of a process that is not one's own child.
func gone(ctx context.Context, pid int) bool {
	for ctx.Err() == nil {
		if err := syscall.Kill(pid, 0); errors.Is(err, syscall.ESRCH) {
			return true
		}
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
	return false
}

func TestStartServesAndStopDrainsEveryNode(t *testing.T) {
	t.Setenv("PARLEY_PASSWORD", "hunter2-hunter2")
	c := start(t, Options{Nodes: 3})
	if err := c.WaitReady(shortly(t)); err != nil {
		t.Fatal(err)
	}
	nodes := c.Nodes()
	if len(nodes) != 3 || nodes[0].Name != "n1" || nodes[2].Name != "n3" || c.Running() != 3 {
		t.Fatalf("nodes %+v, %d running; want n1, n2, n3 and 3", nodes, c.Running())
	}
	c.Stop()
	for _, n := range nodes {
		out, err := os.ReadFile(n.Log)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(string(out), "drained\n") {
			t.Errorf("%s ended without draining; its log: %q", n.Name, out)
		}
		if strings.Contains(string(out), "hunter2") {
			t.Errorf("%s was given the password in its environment", n.Name)
		}
	}
	select {
	case e := <-c.Exits():
		t.Errorf("an asked-for end was reported as a crash: %v", e)
	default:
	}
}

func TestDirectoryStartsTheSameClusterAgain(t *testing.T) {
	dir := t.TempDir()
	c := start(t, Options{Dir: dir, Nodes: 3})
	first := c.Addresses()
	if _, err := Start(Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second start on a running directory: %v, want a refusal that says it is in use", err)
	}
	c.Stop()
	if _, err := Start(Options{Dir: dir, Nodes: 5}); err == nil || !strings.Contains(err.Error(), "3 nodes") {
		t.Errorf("another number of nodes on the same directory: %v, want a refusal naming 3 nodes", err)
	}
	again := start(t, Options{Dir: dir})
	if err := again.WaitReady(shortly(t)); err != nil {
		t.Fatal(err)
	}
	if got := again.Addresses(); strings.Join(got, " ") != strings.Join(first, " ") {
		t.Errorf("addresses %v after a restart, %v before", got, first)
	}
}

func TestBusyPortIsNamedBeforeAnythingStarts(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	port := l.Addr().(*net.TCPAddr).Port
	if port+PeerPortOffset+2 > 65535 {
		port -= PeerPortOffset // then it is the peer port that collides
	}
	dir := t.TempDir()
	_, err = Start(Options{Dir: dir, Nodes: 3, BasePort: port})
	var busy *PortBusyError
	if !errors.As(err, &busy) || busy.Node != "n1" {
		t.Fatalf("got %v, want a PortBusyError for n1", err)
	}
	if Exists(dir) {
		t.Error("cluster.json was written although nothing could start: the directory is stuck with a busy port")
	}
}

func TestCrashedNodeIsReportedAndNotRestarted(t *testing.T) {
	c := start(t, Options{Nodes: 3})
	if err := c.WaitReady(shortly(t)); err != nil {
		t.Fatal(err)
	}
	victim := c.Nodes()[1]
	if err := syscall.Kill(victim.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	select {
	case e := <-c.Exits():
		if e.Node.Name != "n2" || !strings.Contains(e.Error(), "signal: killed") {
			t.Errorf("got %v, want n2 and signal: killed", e)
		}
	case <-shortly(t).Done():
		t.Fatal("the crash was not reported")
	}
	if c.Running() != 2 {
		t.Errorf("%d nodes run, want 2", c.Running())
	}
}

func TestKillAndRestartOnTheSameAddress(t *testing.T) {
	c := start(t, Options{Nodes: 3})
	if err := c.WaitReady(shortly(t)); err != nil {
		t.Fatal(err)
	}
	before := c.Nodes()[2]
	if _, err := c.Kill("n3"); err != nil {
		t.Fatal(err)
	}
	if err := c.Restart("n3"); err != nil {
		t.Fatal(err)
	}
	if err := c.WaitNodeReady(shortly(t), "n3"); err != nil {
		t.Fatal(err)
	}
	after := c.Nodes()[2]
	if after.Address != before.Address || after.PID == before.PID {
		t.Errorf("before %+v, after %+v: want the same address and another pid", before, after)
	}
	select {
	case e := <-c.Exits():
		t.Errorf("a kill that was asked for was reported: %v", e)
	default:
	}
}

func TestWaitReadySaysWhyANodeEnded(t *testing.T) {
	c := start(t, Options{Nodes: 3, ServeArgs: []string{"--crash", "n2"}})
	err := c.WaitReady(shortly(t))
	var exit Exit
	if !errors.As(err, &exit) || exit.Node.Name != "n2" || exit.LastLine != "the disk is on fire" {
		t.Errorf("got %v, want n2's exit with the last line of its log", err)
	}
}

func TestDeafNodeIsKilledAfterAWhile(t *testing.T) {
	c := start(t, Options{Nodes: 1, ServeArgs: []string{"--deaf"}})
	if err := c.WaitReady(shortly(t)); err != nil {
		t.Fatal(err)
	}
	c.end(syscall.SIGTERM, 50*time.Millisecond)
	if c.Running() != 0 {
		t.Error("the node outlived Stop")
	}
}

func TestNodesEndWithAStarterThatWasKilled(t *testing.T) {
	if !killsOrphans {
		t.Log("this kernel cannot end children with their parent; nothing to check")
		return
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	starter := exec.Command(exe, "starter", filepath.Join(t.TempDir(), "c"))
	out, err := starter.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := starter.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = starter.Process.Kill(); _ = starter.Wait() })
	var pids []int
	for lines := bufio.NewScanner(out); len(pids) < 3 && lines.Scan(); {
		pid, err := strconv.Atoi(lines.Text())
		if err != nil {
			t.Fatalf("the starter said %q", lines.Text())
		}
		pids = append(pids, pid)
	}
	if len(pids) != 3 {
		t.Fatalf("the starter named %d nodes, want 3", len(pids))
	}
	// A stopped node must go as well.
	if err := syscall.Kill(pids[0], syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := starter.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for _, pid := range pids {
		if !gone(shortly(t), pid) {
			t.Errorf("node process %d outlived its starter", pid)
		}
	}
}

func TestPlanCountsPortsFromTheBase(t *testing.T) {
	l, err := plan(5, DefaultBasePort)
	if err != nil {
		t.Fatal(err)
	}
	last := l.Nodes[4]
	if last.Name != "n5" || last.Address != "127.0.0.1:50055" || last.PeerAddress != "127.0.0.1:51055" {
		t.Errorf("the fifth node is %+v", last)
	}
	if _, err := plan(3, 65000); err == nil {
		t.Error("base port 65000 was accepted though the peer ports lie above 65535")
	}
}
