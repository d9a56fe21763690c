package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"parley/api/client"
	"parley/e2e/cluster"
	"parley/e2e/load"
	"parley/proto/parleyv1"
	"parley/store"
)

// v1Commit is the last commit whose programs know cluster version 1 only.
const v1Commit = "af95feb6db3d67fd3c586adfa91521522d4d40c9"

// v2Commit is the last commit whose programs know cluster versions up to 2.
const v2Commit = "7642d8553f1e68967d399514ef00f71b9844090f"

// makeData makes the directories of a release instead of only reading them:
//
//	go test ./e2e -run TestOldDirectories -make-data v2=COMMIT
var makeData = flag.String("make-data", "", "make testdata/NAME with the program of a commit: NAME=COMMIT")

// oldData is a set of data directories that an earlier program left behind, and what they hold.
type oldData struct {
	name string // such as v1/clean
	want oldState
}

// TestOldDirectories starts today's program on the data directories of every earlier release, left by a clean stop and by
// kill -9: all of it is there, sessions and cursors go on, a retry gets its first answer, the members agree, and the cluster
// version rises by itself. What is on the disk of a user must never be lost to an upgrade.
func TestOldDirectories(t *testing.T) {
	lockOldPlaces(t)
	if *makeData != "" {
		makeOldData(t)
	}
	lists, err := filepath.Glob("testdata/v*/*.json")
	if err != nil || len(lists) < 2 {
		t.Fatalf("want at least two sets of old directories, got %v (%v)", lists, err)
	}
	for _, list := range lists {
		d := oldData{name: strings.TrimSuffix(filepath.ToSlash(list), ".json")}
		b, err := os.ReadFile(list)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &d.want); err != nil {
			t.Fatalf("%s: %v", list, err)
		}
		t.Run(strings.TrimPrefix(d.name, "testdata/"), d.serve)
	}
}

func (d oldData) serve(t *testing.T) {
	dir := t.TempDir()
	cluster.UnpackDirs(t, d.name+".tar.gz", dir)
	for _, name := range []string{"n1", "n2", "n3"} {
		file := filepath.Join(dir, name, "store.db")
		if err := store.Verify(file); err != nil {
			t.Errorf("%s: the file does not have the state hash that the old program recorded: %v", name, err)
		}
	}
	c := cluster.New(t, cluster.Options{Binary: binary, Nodes: 3, Dir: dir, Place: oldPlace})
	for _, n := range c.Nodes {
		n.Start()
	}
	c.AwaitServing(c.Nodes...)
	d.verify(t, c)
	awaitVersion(t, c, store.MaxClusterVersion)
	d.verify(t, c)

	// What today's program writes beside it is read back as well, also after a restart.
	p := d.want.People[0]
	cl := load.Dial(t, client.Options{Servers: c.Addresses(0), Token: p.Token})
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	sent, err := cl.SendMessage(ctx, &parleyv1.SendMessageRequest{Conversation: "@bob", Text: "from today"})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range c.Nodes {
		n.Kill()
	}
	for _, n := range c.Nodes {
		n.Start()
	}
	c.AwaitServing(c.Nodes...)
	for _, n := range c.Nodes {
		history, err := load.History(n, p.Token)
		if err != nil {
			t.Fatal(err)
		}
		if last := history[len(history)-1]; last.GetId() != sent.GetId() || last.GetText() != "from today" {
			t.Errorf("%s: want message %d last, got %v", n.Name, sent.GetId(), last)
		}
	}
	load.VerifyHashes(t, c)
}

// verify holds each node by itself to what the old program served.
func (d oldData) verify(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	for _, n := range c.Nodes {
		for _, p := range d.want.People {
			got, err := readPerson(n, p.Name, p.Token)
			if err != nil {
				t.Errorf("%s: %v", n.Name, err)
				continue
			}
			want, have := pretty(t, p), pretty(t, got)
			if want != have {
				t.Errorf("%s: what %s reads is not what the old program served: want\n%s\ngot\n%s", n.Name, p.Name, want, have)
			}
		}
		for _, problem := range d.want.goesOn(n) {
			t.Errorf("%s: %s", n.Name, problem)
		}
	}
	load.VerifyHashes(t, c)
}

// awaitVersion waits until every running node has applied a cluster version, and no other.
func awaitVersion(t *testing.T, c *cluster.Cluster, version uint32) {
	t.Helper()
	for _, n := range c.Running() {
		cluster.Await(t, cluster.Patience, fmt.Sprintf("%s to be at cluster version %d", n.Name, version), func() error {
			st, err := c.Status(n)
			if err == nil && st.GetClusterVersion() != version {
				err = fmt.Errorf("%s is at %d", n.Name, st.GetClusterVersion())
			}
			return err
		})
	}
}

// oldPlace is where a node of the old directories lives. Members know each other's address from their records, so the
// directories only work at the addresses that they were made at; those are out of everybody's way.
func oldPlace(name string) cluster.Place {
	return cluster.Place{IP: "127.83.1." + strings.TrimPrefix(name, "n"), Start: (*exec.Cmd).Start}
}

// lockOldPlaces keeps two test runs on one machine from using those addresses at the same time.
func lockOldPlaces(t *testing.T) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(os.TempDir(), "parley-e2e-old-places.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	cluster.Await(t, 4*cluster.Patience, "another run of this test to end", func() error {
		return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	})
	l, err := net.Listen("tcp", oldPlace("n1").IP+":0")
	if err != nil {
		t.Fatalf("the old directories need the loopback address %s (on macOS: ifconfig lo0 alias, for each of n1 to n3): %v",
			oldPlace("n1").IP, err)
	}
	l.Close()
}

// makeOldData runs a cluster of the commit's program, writes to it, and keeps its directories and what they hold.
func makeOldData(t *testing.T) {
	name, commit, ok := strings.Cut(*makeData, "=")
	if !ok {
		t.Fatalf("-make-data %s: want NAME=COMMIT", *makeData)
	}
	// A log that is cut early: the directories shall be small and hold no log from the beginning.
	old := cluster.BuildAt(t, commit, cluster.Patch{File: "node/limits.go", Constant: "DefaultRetainEntries", Value: "20"})
	dir := filepath.Join("testdata", name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	c := cluster.Start(t, cluster.Options{Binary: old, Nodes: 3, Dir: t.TempDir(), Place: oldPlace})
	awaitVersion(t, c, store.MaxClusterVersion)
	w := newWorld(t, c)
	w.live()
	w.restarts()
	w.live()
	w.fillLog()
	w.live()
	w.sendOnce()
	clean := w.state()
	for _, n := range c.Nodes {
		if _, code := n.Terminate(); code != 0 {
			t.Fatalf("%s: exit code %d", n.Name, code)
		}
	}
	keep(t, filepath.Join(dir, "clean"), clean, c)

	for _, n := range c.Nodes {
		n.Start()
	}
	c.AwaitServing(c.Nodes...)
	w.live()
	w.settle()
	w.sendOnce()
	st, err := c.Status(c.Leader())
	if err != nil {
		t.Fatal(err)
	}
	crashed := w.state()
	w.crash(st.GetCommitted())
	keep(t, filepath.Join(dir, "crashed"), crashed, c)
}

func keep(t *testing.T, to string, s oldState, c *cluster.Cluster) {
	t.Helper()
	var dirs []string
	for _, n := range c.Nodes {
		for _, extra := range []string{"admin.sock"} {
			if err := os.Remove(filepath.Join(n.Dir, extra)); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
		}
		dirs = append(dirs, n.Dir)
	}
	cluster.PackDirs(t, to+".tar.gz", dirs...)
	if err := os.WriteFile(to+".json", []byte(pretty(t, s)), 0o644); err != nil {
		t.Fatal(err)
	}
}

func pretty(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
