package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"parley/local"
)

// TestMain lets this test binary also be parley: scripts, and the clusters that tests start, run it by that name.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"parley": main})
}

// TestScripts runs testdata/*.txtar: whole sessions of the real binary against a real cluster. All scripts share one cluster
// of three nodes, so each uses account names of its own; one that kills nodes starts another with own-cluster.
func TestScripts(t *testing.T) {
	shared := startTestCluster(t, 3)
	servers := strings.Join(shared.Addresses(), ",")
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		// A script takes seconds; one that hangs should say where, and not wait for the end of all tests.
		Deadline: time.Now().Add(6 * time.Minute),
		Setup: func(e *testscript.Env) error {
			e.Setenv("PARLEY_SERVERS", servers)
			e.Setenv("PARLEY_PASSWORD", "correct horse")
			e.Setenv("PARLEY_CLUSTER", shared.Dir())
			// Under the race detector every process would otherwise sleep for a second before it ends.
			e.Setenv("GORACE", "atexit_sleep_ms=0")
			e.Setenv("XDG_STATE_HOME", e.WorkDir+"/state")
			e.Setenv("XDG_DATA_HOME", e.WorkDir+"/share")
			e.Values[scriptState{}] = &scriptState{}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":       cmdExits,
			"outboxed":    cmdOutboxed,
			"own-cluster": cmdOwnCluster,
			"kill-node":   cmdKillNode,
			"restart":     cmdRestart,
			"save":        cmdSave,
			"lines":       cmdLines,
			"accounts":    cmdAccounts,
			"free-ports":  cmdFreePorts,
			"eventually":  cmdEventually,
			"resets":      cmdResets,
			"mode":        cmdMode,
		},
	})
}

// parleyBinary is the copy of this test binary that testscript.Main put into PATH.
func parleyBinary(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("parley")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func startTestCluster(t testing.TB, nodes int) *local.Cluster {
	t.Helper()
	c, err := local.Start(local.Options{Dir: t.TempDir(), Nodes: nodes, Binary: parleyBinary(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.StopNow)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := c.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	return c
}

// scriptState is what one script owns.
type scriptState struct{ cluster *local.Cluster }

func ownCluster(ts *testscript.TestScript) *local.Cluster {
	s, _ := ts.Value(scriptState{}).(*scriptState)
	if s == nil || s.cluster == nil {
		ts.Fatalf("this script has no own-cluster")
	}
	return s.cluster
}

// own-cluster N starts a cluster for this script alone.
func cmdOwnCluster(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: own-cluster NODES")
	}
	n := 0
	_, err := fmt.Sscan(args[0], &n)
	ts.Check(err)
	binary, err := exec.LookPath("parley")
	ts.Check(err)
	c, err := local.Start(local.Options{Dir: ts.MkAbs("cluster"), Nodes: n, Binary: binary})
	ts.Check(err)
	ts.Defer(c.StopNow)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ts.Check(c.WaitReady(ctx))
	ts.Value(scriptState{}).(*scriptState).cluster = c
	ts.Setenv("PARLEY_SERVERS", strings.Join(c.Addresses(), ","))
	ts.Setenv("PARLEY_CLUSTER", c.Dir())
	var peers []string
	for _, node := range c.Nodes() {
		ts.Setenv("ADDRESS_"+node.Name, node.Address)
		ts.Setenv("PEER_"+node.Name, node.PeerAddress)
		peers = append(peers, node.Name+"="+node.PeerAddress)
	}
	ts.Setenv("PEERS", strings.Join(peers, ","))
}

// kill-node NAME|leader kills with SIGKILL and returns when the process is gone. $KILLED names it.
func cmdKillNode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: kill-node NAME|leader")
	}
	c := ownCluster(ts)
	name := args[0]
	if name == "leader" {
		cmd := exec.Command("parley", "cluster", "status", "-o", "json", "--data", c.Dir())
		out, err := cmd.Output()
		ts.Check(err)
		var st clusterStatusJSON
		ts.Check(json.Unmarshal(out, &st))
		if st.Leader == nil {
			ts.Fatalf("no leader: %s", out)
		}
		name = *st.Leader
	}
	_, err := c.Kill(name)
	ts.Check(err)
	ts.Setenv("KILLED", name)
}

// restart NAME... starts killed nodes and returns when all serve.
func cmdRestart(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: restart NAME...")
	}
	c := ownCluster(ts)
	for _, name := range args {
		ts.Check(c.Restart(name))
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, name := range args {
		ts.Check(c.WaitNodeReady(ctx, name))
	}
}

// save VAR FIELD sets a variable to a field of the last JSON line of stdout.
func cmdSave(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: save VAR FIELD")
	}
	lines := strings.Split(strings.TrimSpace(ts.ReadFile("stdout")), "\n")
	var object map[string]any
	dec := json.NewDecoder(strings.NewReader(lines[len(lines)-1]))
	dec.UseNumber()
	ts.Check(dec.Decode(&object))
	v, ok := object[args[1]]
	if !ok {
		ts.Fatalf("%s has no field %s", lines[len(lines)-1], args[1])
	}
	ts.Setenv(args[0], fmt.Sprint(v))
}

// lines N asserts how many lines stdout had, each a JSON object when it begins like one.
func cmdLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: lines N")
	}
	out := ts.ReadFile("stdout")
	if got := fmt.Sprint(strings.Count(out, "\n")); got != args[0] {
		ts.Fatalf("%s lines on stdout, want %s:\n%s", got, args[0], out)
	}
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "{") && !json.Valid([]byte(line)) {
			ts.Fatalf("not JSON: %s", line)
		}
	}
}

// accounts NAME... makes accounts and logs them in; the last one is the current one.
func cmdAccounts(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: accounts NAME...")
	}
	for _, name := range args {
		ts.Check(ts.Exec("parley", "account", "create", name))
		ts.Check(ts.Exec("parley", "login", "--user", name))
	}
}

// free-ports VAR... sets variables to free ports.
func cmdFreePorts(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: free-ports VAR...")
	}
	ports, err := local.FreePorts(len(args))
	ts.Check(err)
	for i, name := range args {
		ts.Setenv(name, fmt.Sprint(ports[i]))
	}
}

// [!] eventually PATTERN COMMAND... runs a command again and again until its stdout matches, or does not.
func cmdEventually(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: [!] eventually PATTERN COMMAND...")
	}
	re, err := regexp.Compile(args[0])
	ts.Check(err)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; <-tick.C {
		err := ts.Exec(args[1], args[2:]...)
		if err == nil && re.MatchString(ts.ReadFile("stdout")) != neg {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s: waited in vain for %s (negated: %v)", strings.Join(args[1:], " "), args[0], neg)
		}
	}
}

// exits CODE COMMAND... asserts an exit code, and that an error is one line on stderr.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	stderr := ts.ReadFile("stderr")
	if fmt.Sprint(got) != args[0] {
		ts.Fatalf("exit %d, want %s; stderr: %s", got, args[0], stderr)
	}
	if got != 0 && !strings.HasPrefix(stderr[strings.LastIndex(strings.TrimSpace(stderr), "\n")+1:], "parley: ") {
		ts.Fatalf("the last line on stderr does not say why: %s", stderr)
	}
}

// resets CURSOR USER asserts that a tail from a cursor of another cluster says so.
func cmdResets(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: resets CURSOR USER")
	}
	cmd := exec.Command("parley", "tail", "--from", args[0], "--user", args[1])
	for _, name := range []string{"PATH", "PARLEY_SERVERS", "XDG_STATE_HOME"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	stderr, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	line, err := bufio.NewReader(stderr).ReadString('\n') // bounded by the script's own deadline
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if !strings.Contains(line, "from another cluster") {
		ts.Fatalf("the first line on stderr is %q, %v", line, err)
	}
}

// mode FILE BITS asserts who may do what with a file.
func cmdMode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: mode FILE BITS")
	}
	st, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := fmt.Sprintf("%o", st.Mode().Perm()); got != args[1] {
		ts.Fatalf("%s has mode %s, want %s", args[0], got, args[1])
	}
}
