package node

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"parley/raftlog"
	"parley/store"
)

// awaitStop waits until a node has stopped by itself and returns why.
func (c *testCluster) awaitStop(i int) error {
	c.t.Helper()
	n := c.nodes[i]
	c.await("the sick node to stop", func() bool {
		select {
		case <-n.Done():
			return true
		default:
			return false
		}
	})
	c.nodes[i] = nil
	return n.Err()
}

// P8: what the scrub finds in the store stops the node, which gave leadership away first, and the next start heals it.
func TestScrubFindsRotInTheStore(t *testing.T) {
	c := startCluster(t, 3)
	sick := c.leader()
	c.account(sick, "alice")
	c.account(sick, "bob")
	c.propose(sick, message("alice", "bob", "a text that is found in the file"))
	must(t, c.nodes[sick].Store().Flush())
	path := filepath.Join(c.cfgs[sick].Dir, storeFile)
	rot(t, path, "a text that is found in the file")
	c.nodes[sick].scrubOnce()
	err := c.awaitStop(sick)
	if !storeDamage(err) || !strings.Contains(err.Error(), path) {
		t.Fatalf("the node stopped with %v", err)
	}
	c.restart(sick)
	if got := c.texts(sick, "bob", "alice"); len(got) != 1 || got[0] != "a text that is found in the file" {
		t.Errorf("the healed node reads %q", got)
	}
	c.sameHashes()
}

// A damaged entry that the store holds costs a restart and nothing else.
func TestScrubFindsRotInTheLog(t *testing.T) {
	c := startCluster(t, 3)
	sick := c.leader()
	c.account(sick, "alice")
	c.account(sick, "bob")
	c.propose(sick, message("alice", "bob", "a text that is found in the file"))
	c.nodes[sick].scrubOnce()
	path := filepath.Join(c.cfgs[sick].Dir, logFile)
	segments, err := filepath.Glob(filepath.Join(path, "*.wal"))
	if must(t, err); len(segments) != 1 {
		t.Fatalf("segments %v, want one", segments)
	}
	rot(t, segments[0], "a text that is found in the file")
	c.nodes[sick].scrubOnce()
	err = c.awaitStop(sick)
	if damage, ok := errors.AsType[*raftlog.DamageError](err); !ok || damage.Path != path || damage.Index == 0 {
		t.Fatalf("the node stopped with %v", err)
	}
	c.restart(sick)
	c.texts(sick, "bob", "alice")
	c.sameHashes()
}

// P6: a node whose state is not that of the majority stops by itself, and is healed.
func TestDivergedStateIsNoticed(t *testing.T) {
	c := startCluster(t, 3)
	c.leader()
	c.account(0, "alice")
	c.account(1, "bob")
	down := (c.leader() + 1) % 3
	must(t, c.nodes[down].Stop(t.Context()))
	c.nodes[down] = nil
	path := filepath.Join(c.cfgs[down].Dir, storeFile)
	st, err := store.Open(path, store.Options{Manual: true})
	must(t, err)
	cmd, err := proto.Marshal(message("alice", "bob", "said to one node only"))
	must(t, err)
	m := st.Flushed()
	_, err = st.Apply([]store.Entry{{Index: m.Index + 1, Term: m.Term, StampMS: 1, Commands: [][]byte{cmd}}})
	must(t, errors.Join(err, st.Close()))
	for len(c.texts(c.leader(), "bob", "alice")) < 2 {
		c.propose(c.leader(), message("alice", "bob", "said to all"))
	}
	c.restart(down)
	if _, _, err := c.nodes[c.leader()].StateHashes(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.awaitStop(down); err == nil || !strings.Contains(err.Error(), "diverged") {
		t.Fatalf("the node stopped with %v", err)
	}
	c.restart(down)
	if got := strings.Join(c.texts(down, "bob", "alice"), ","); got != "said to all,said to all" {
		t.Errorf("the healed node reads %q", got)
	}
	c.sameHashes()
}

// rot flips a bit in every place of the file where the text stands, behind the node's back.
func rot(t *testing.T, path, text string) {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	found := false
	for s, at := string(b), 0; ; at++ {
		i := strings.Index(s[at:], text)
		if i < 0 {
			break
		}
		at += i
		overwrite(t, path, int64(at), []byte{text[0] ^ 4})
		found = true
	}
	if !found {
		t.Fatalf("%q is not in %s", text, path)
	}
}
