package node

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"parley/raftlog"
	"parley/store"
)

// livedIn is a stopped cluster of one in which alice wrote to bob, and what its directory holds.
func livedIn(t *testing.T) (c *testCluster, dir string) {
	t.Helper()
	c = startCluster(t, 1)
	c.leader()
	c.account(0, "alice")
	c.account(0, "bob")
	c.propose(0, message("alice", "bob", "one"))
	c.stop(0)
	return c, c.cfgs[0].Dir
}

func (c *testCluster) stop(i int) {
	c.t.Helper()
	must(c.t, c.nodes[i].Stop(c.t.Context()))
	c.nodes[i] = nil
}

// readBack starts the only node and returns what bob has from alice.
func (c *testCluster) readBack() string {
	c.t.Helper()
	c.restart(0)
	if c.t.Failed() {
		c.t.FailNow()
	}
	c.leader()
	return strings.Join(c.texts(0, "bob", "alice"), ",")
}

// appendUncommitted adds entries to a stopped node's log: a change of the configuration, then a message.
func appendUncommitted(t *testing.T, dir, text string) {
	t.Helper()
	log, err := raftlog.Open(filepath.Join(dir, logFile), raftlog.Options{})
	must(t, err)
	last, err := log.LastIndex()
	must(t, err)
	term, err := log.Term(last)
	must(t, err)
	cmd, err := proto.Marshal(message("alice", "bob", text))
	must(t, err)
	change, err := proto.Marshal(&pb.ConfChangeV2{})
	must(t, err)
	one, two := last+1, last+2
	must(t, log.Append(raftlog.Batch{Entries: []*pb.Entry{
		{Index: &one, Term: &term, Type: pb.EntryConfChangeV2.Enum(), Data: change},
		{Index: &two, Term: &term, Data: appendCommand(appendEnvelopeHeader(nil, 1), cmd)},
	}}))
	must(t, log.Close())
}

// A recover keeps everything that the log holds, says how much of it was not known to be committed, and makes a cluster with
// one member in which nobody was logged out.
func TestRecover(t *testing.T) {
	c, dir := livedIn(t)
	appendUncommitted(t, dir, "two")
	old, err := store.Describe(filepath.Join(dir, storeFile))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, refusedFile), []byte("of an earlier life"), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, healNote), []byte("diverged\n"), 0o600))
	r, err := Recover(dir, RecoverOptions{AcceptDiverged: true})
	must(t, err)
	if r.Index != r.Known+2 || r.Name != "n1" || r.ID != 1 || !bytes.Equal(r.OldClusterID, old.ClusterID) ||
		bytes.Equal(r.ClusterID, old.ClusterID) || r.Finished {
		t.Fatalf("recovered %+v from %+v", r, old)
	}
	must(t, store.Verify(filepath.Join(dir, storeFile)))
	if got := c.readBack(); got != "one,two" {
		t.Errorf("read %q", got)
	}
	n := c.nodes[0]
	if st := n.Status(); len(st.Members) != 1 || st.Applied < r.Index || string(st.ClusterID) != string(r.ClusterID) {
		t.Errorf("status %+v", st)
	}
	c.propose(0, message("alice", "bob", "three"))
	c.stop(0)
	if _, err := Recover(dir, RecoverOptions{}); err == nil || !strings.Contains(err.Error(), "recovered before") {
		t.Errorf("again: %v", err)
	}
	if got := c.readBack(); got != "one,two,three" {
		t.Errorf("after a refused recover, read %q", got)
	}
}

// What stands in the way of a recover is told, and the directory is as it was.
func TestRecoverRefused(t *testing.T) {
	c := startCluster(t, 1)
	c.leader()
	c.account(0, "alice")
	c.account(0, "bob")
	c.propose(0, message("alice", "bob", "one"))
	dir := c.cfgs[0].Dir
	if _, err := Recover(dir, RecoverOptions{}); !errors.Is(err, ErrInUse) {
		t.Errorf("under a running node: %v", err)
	}
	c.stop(0)
	if _, err := Recover(t.TempDir(), RecoverOptions{}); err == nil || !strings.Contains(err.Error(), "no data directory") {
		t.Errorf("an empty directory: %v", err)
	}
	note := filepath.Join(dir, healNote)
	must(t, os.WriteFile(note, []byte("diverged\nat index 7 a majority has 0c01\n"), 0o600))
	if _, err := Recover(dir, RecoverOptions{}); !errors.Is(err, ErrDiverged) || !strings.Contains(err.Error(), "0c01") {
		t.Errorf("a diverged state: %v", err)
	}
	must(t, os.Remove(note))
	good, err := os.ReadFile(filepath.Join(dir, storeFile))
	must(t, err)
	must(t, os.Truncate(filepath.Join(dir, storeFile), 8192))
	if _, err := Recover(dir, RecoverOptions{}); err == nil {
		t.Error("a damaged store was recovered")
	}
	for _, name := range []string{rebornNew, rebornReady, storeFile + beforeRecover, logFile + beforeRecover} {
		if there, err := exists(filepath.Join(dir, name)); err != nil || there {
			t.Errorf("%s is there, %v", name, err)
		}
	}
	must(t, os.WriteFile(filepath.Join(dir, storeFile), good, 0o600))
	if got := c.readBack(); got != "one" {
		t.Errorf("read %q", got)
	}
}

// A recover that was cut short anywhere leaves the directory as it was, or one on which no node starts until the recover was
// run again, which finishes it.
func TestRecoverCutShort(t *testing.T) {
	c, dir := livedIn(t)
	oldStore, err := os.ReadFile(filepath.Join(dir, storeFile))
	must(t, err)

	// While the new files were being made.
	must(t, os.Mkdir(filepath.Join(dir, rebornNew), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, rebornNew, storeFile), oldStore[:len(oldStore)/2], 0o600))
	if got := c.readBack(); got != "one" {
		t.Fatalf("read %q", got)
	}
	if there, err := exists(filepath.Join(dir, rebornNew)); err != nil || there {
		t.Errorf("the start left %s, %v", rebornNew, err)
	}
	c.stop(0)
	oldStore, err = os.ReadFile(filepath.Join(dir, storeFile))
	must(t, err)
	must(t, os.Mkdir(filepath.Join(dir, rebornNew), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, rebornNew, logFile), []byte("half"), 0o600))
	r, err := Recover(dir, RecoverOptions{})
	must(t, err)

	// While the new files were moved into place: go back from the end, one move at a time, and finish from each.
	ready := filepath.Join(dir, rebornReady)
	back := func(from, to string) {
		t.Helper()
		must(t, os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)))
	}
	steps := []func(){
		func() {},
		func() { back(logFile, filepath.Join(rebornReady, logFile)) },
		func() { back(logFile+beforeRecover, logFile) },
		func() { back(storeFile, filepath.Join(rebornReady, storeFile)) },
		func() { back(storeFile+beforeRecover, storeFile) },
	}
	for k := range steps {
		must(t, os.Mkdir(ready, 0o700))
		for _, undo := range steps[:k+1] {
			undo()
		}
		cfg := c.cfgs[0]
		cfg.PeerListener = listen(t, "127.0.0.1:0")
		if n, err := Start(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "recover --force-new-cluster") {
			t.Fatalf("step %d: started %v, %v", k, n, err)
		}
		cfg.PeerListener.Close()
		again, err := Recover(dir, RecoverOptions{})
		if err != nil || !again.Finished || again.Index != r.Index || !bytes.Equal(again.ClusterID, r.ClusterID) ||
			!bytes.Equal(again.Hash, r.Hash) {
			t.Fatalf("step %d: finished as %+v, %v", k, again, err)
		}
		kept, err := os.ReadFile(filepath.Join(dir, storeFile+beforeRecover))
		if err != nil || !bytes.Equal(kept, oldStore) {
			t.Fatalf("step %d: the old store was not kept, %v", k, err)
		}
	}
	if got := c.readBack(); got != "one" {
		t.Errorf("read %q", got)
	}
}

// Files of two lives do not start together.
func TestMixedFilesDoNotStart(t *testing.T) {
	c, dir := livedIn(t)
	_, err := Recover(dir, RecoverOptions{})
	must(t, err)
	must(t, os.RemoveAll(filepath.Join(dir, logFile)))
	must(t, os.Rename(filepath.Join(dir, logFile+beforeRecover), filepath.Join(dir, logFile)))
	cfg := c.cfgs[0]
	cfg.PeerListener = listen(t, "127.0.0.1:0")
	if n, err := Start(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "do not belong together") {
		t.Fatalf("started %v, %v", n, err)
	}
}

// backupTo writes a backup of a node to a file.
func (c *testCluster) backupTo(i int) string {
	c.t.Helper()
	b, err := c.nodes[i].Backup(c.t.Context())
	must(c.t, err)
	data, err := io.ReadAll(b)
	must(c.t, errors.Join(err, b.Close()))
	if int64(len(data)) != b.SizeBytes {
		c.t.Fatalf("%d bytes of %d", len(data), b.SizeBytes)
	}
	path := filepath.Join(c.t.TempDir(), "backup")
	must(c.t, os.WriteFile(path, data, 0o600))
	return path
}

// A backup has everything that was acknowledged before it, on any node; the same state has the same hash; one at a time is
// made, and nothing of it stays.
func TestBackup(t *testing.T) {
	c := startCluster(t, 3)
	c.leader()
	c.account(0, "alice")
	c.account(1, "bob")
	var hash []byte
	var index uint64
	for k := range 6 {
		if k < 3 {
			c.propose(0, message("alice", "bob", "text"))
		}
		n := c.nodes[k%3]
		b, err := n.Backup(t.Context())
		must(t, err)
		if _, err := n.Backup(t.Context()); !errors.Is(err, ErrBackupBusy) {
			t.Errorf("a second one: %v", err)
		}
		must(t, b.Close())
		path := c.backupTo(k % 3)
		must(t, store.Verify(path))
		info, err := store.Describe(path)
		must(t, err)
		if info.Index == index && !bytes.Equal(info.Hash, hash) {
			t.Errorf("node %d at index %d: hash %x, another node has %x", k%3+1, index, info.Hash, hash)
		}
		index, hash = info.Index, info.Hash
		st, err := store.Open(path, store.Options{Manual: true})
		must(t, err)
		v, err := st.View()
		must(t, err)
		s, err := v.Session(token("bob"))
		must(t, err)
		page, err := v.Messages(s, store.MessageQuery{Conversation: "@alice", Limit: 10})
		v.Close()
		if want := min(k+1, 3); err != nil || len(page.Messages) != want {
			t.Errorf("backup %d has %d messages, want %d, %v", k, len(page.Messages), want, err)
		}
		must(t, st.Close())
		if left, err := filepath.Glob(filepath.Join(c.cfgs[k%3].Dir, "*.tmp")); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
}

// A copy never takes the space that the node keeps back.
func TestBackupLeavesRoom(t *testing.T) {
	if err := roomFor(1000, minFreeDiskBytes+1000); err != nil {
		t.Error(err)
	}
	if err := roomFor(1000, minFreeDiskBytes+999); !errors.Is(err, ErrNoRoom) {
		t.Error(err)
	}
}

// A restore makes a directory that starts as the only member of a new cluster, or none that starts at all.
func TestRestore(t *testing.T) {
	c, dir := livedIn(t)
	c.restart(0)
	c.leader()
	file := c.backupTo(0)
	c.stop(0)
	to := filepath.Join(t.TempDir(), "new")
	o := RestoreOptions{File: file, Dir: to, Name: "r1", PeerAddress: "127.0.0.1:1"}

	used := o
	used.Dir = dir
	if _, err := Restore(used); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("over a data directory: %v", err)
	}
	bad := o
	bad.File = filepath.Join(t.TempDir(), "bad")
	data, err := os.ReadFile(file)
	must(t, err)
	must(t, os.WriteFile(bad.File, data[:len(data)/2], 0o600))
	if _, err := Restore(bad); err == nil {
		t.Error("half a backup was restored")
	}
	bad = o
	bad.Name = strings.Repeat("x", 200)
	if _, err := Restore(bad); !errors.Is(err, raftlog.ErrIdentity) {
		t.Errorf("a name that no log takes: %v", err)
	}
	cfg := Config{Name: "r1", Dir: to, Address: "127.0.0.1:2", PeerAddress: "127.0.0.1:1", Logger: testLogger(t)}
	cfg.FirstMembers = map[string]string{"r1": "127.0.0.1:1"}
	must(t, os.Mkdir(filepath.Join(to, rebornNew), 0o700)) // of a try that was cut short
	cfg.PeerListener = listen(t, "127.0.0.1:0")
	if n, err := Start(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "cut short") {
		t.Fatalf("started %v, %v", n, err)
	}
	r, err := Restore(o)
	must(t, err)
	must(t, store.Verify(filepath.Join(to, storeFile)))
	if r.Name != "r1" || r.ID != 1 || bytes.Equal(r.ClusterID, r.OldClusterID) {
		t.Errorf("restored %+v", r)
	}
	cfg.PeerListener, cfg.FirstMembers = listen(t, "127.0.0.1:0"), nil
	c.cfgs, c.nodes = []Config{cfg}, []*Node{nil}
	c.start(0)
	if t.Failed() {
		t.FailNow()
	}
	c.leader()
	v, err := c.nodes[0].Store().View()
	must(t, err)
	if _, err := v.Session(token("bob")); !errors.Is(err, store.ErrNoSession) {
		t.Errorf("an old session: %v", err)
	}
	v.Close()
	ms, err := c.nodes[0].Store().Members()
	must(t, err)
	if len(ms) != 1 || ms[0].GetName() != "r1" {
		t.Errorf("members %v", ms)
	}
}
