package node

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"parley/node/peer"
	"parley/proto/internalv1"
	"parley/store"
)

// P8: a node whose store is damaged, gone, or known to be bad, and whose log is whole, takes the store of a peer before it
// serves, replays its own log on top, and ends with the same state. Without --cluster it learns who its peers are from those
// that call it.
func TestDamagedStoreIsHealedFromAPeer(t *testing.T) {
	for _, tc := range []struct {
		name   string
		damage func(t *testing.T, path string)
		kept   bool
		alone  bool // the node is not told of its peers
	}{
		{name: "meta pages zeroed", damage: func(t *testing.T, p string) { overwrite(t, p, 0, make([]byte, 8192)) }, kept: true},
		{name: "cut off", damage: func(t *testing.T, path string) { must(t, os.Truncate(path, 8192)) }, kept: true, alone: true},
		{name: "gone", damage: func(t *testing.T, path string) { must(t, os.Remove(path)) }},
		{name: "noted by an earlier run", damage: func(t *testing.T, path string) {
			must(t, os.WriteFile(filepath.Join(filepath.Dir(path), healNote), []byte("diverged\nat index 7\n"), 0o600))
		}, kept: true},
		{name: "noted, and whole", damage: func(t *testing.T, path string) {
			must(t, os.WriteFile(filepath.Join(filepath.Dir(path), healNote), []byte("damaged\nkey 0c01\n"), 0o600))
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := startCluster(t, 3)
			c.leader()
			c.account(0, "alice")
			c.account(1, "bob")
			c.propose(0, message("alice", "bob", "before"))
			down := (c.leader() + 1) % 3
			must(t, c.nodes[down].Stop(t.Context()))
			c.nodes[down] = nil
			c.propose(c.leader(), message("alice", "bob", "while it was down"))
			dir := c.cfgs[down].Dir
			tc.damage(t, filepath.Join(dir, storeFile))
			if tc.alone {
				c.cfgs[down].FirstMembers = nil
			}
			c.restart(down)
			if t.Failed() {
				t.FailNow()
			}
			if got := strings.Join(c.texts(down, "bob", "alice"), ","); got != "before,while it was down" {
				t.Errorf("the healed node reads %q", got)
			}
			c.sameHashes()
			must(t, store.Verify(filepath.Join(c.copyOf(down), storeFile)))
			if _, err := os.Stat(filepath.Join(dir, damagedFile)); tc.kept != (err == nil) {
				t.Errorf("the damaged file is kept: %v, want %v", err == nil, tc.kept)
			}
			if _, err := os.Stat(filepath.Join(dir, healNote)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the note is still there: %v", err)
			}
		})
	}
}

// A node that is alone and stopped for what it took for damage opens a store that is whole.
func TestNotedStoreThatIsWholeIsUsed(t *testing.T) {
	c := startCluster(t, 1)
	c.leader()
	c.account(0, "alice")
	c.account(0, "bob")
	c.propose(0, message("alice", "bob", "before"))
	c.nodes[0].ail(&store.DamageError{Err: errors.New("a read says so")})
	if err := c.awaitStop(0); !storeDamage(err) {
		t.Fatalf("the node stopped with %v", err)
	}
	note := filepath.Join(c.cfgs[0].Dir, healNote)
	_, err := os.Stat(note)
	must(t, err)
	c.restart(0)
	if got := strings.Join(c.texts(0, "bob", "alice"), ","); got != "before" {
		t.Errorf("the node reads %q", got)
	}
	if _, err := os.Stat(note); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the note is still there: %v", err)
	}
}

// Records that contradict each other are a reason to verify the files, and none to stop.
func TestContradictionIsVerified(t *testing.T) {
	c := startCluster(t, 1)
	c.leader()
	n := c.nodes[0]
	reg := prometheus.NewRegistry()
	reg.MustRegister(n.metrics.scrubs)
	n.readFailed(&store.ContradictionError{Err: errors.New("a record is missing")})
	c.await("the scrub", func() bool {
		found, err := reg.Gather()
		must(t, err)
		return found[0].GetMetric()[0].GetCounter().GetValue() > 0
	})
	must(t, n.Err())
}

// Who is of another cluster says nothing about a node that heals and has old addresses.
func TestStalePeerDoesNotEndHealing(t *testing.T) {
	n := &Node{
		cfg: Config{Dir: t.TempDir()}, logger: slog.New(slog.DiscardHandler), self: &internalv1.Identity{ClusterId: []byte("one")},
	}
	n.refusedBy(2, &peer.Refusal{Reason: peer.ReasonOtherCluster, Text: "of another cluster"})
	must(t, n.Err())
	must(t, checkNotRefused(n.cfg.Dir))
}

// A log that is gone beside a store is no damage that a peer heals: this node's votes are lost.
func TestMissingLogIsRefused(t *testing.T) {
	c := startCluster(t, 3)
	down := (c.leader() + 1) % 3
	must(t, c.nodes[down].Stop(t.Context()))
	c.nodes[down] = nil
	must(t, os.RemoveAll(filepath.Join(c.cfgs[down].Dir, logFile)))
	c.cfgs[down].PeerListener = listen(t, c.cfgs[down].PeerAddress)
	defer c.cfgs[down].PeerListener.Close()
	if _, err := Start(t.Context(), c.cfgs[down]); err == nil || !strings.Contains(err.Error(), "missing beside") {
		t.Fatalf("started with %v", err)
	}
}

func overwrite(t *testing.T, path string, off int64, b []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt(b, off)
	must(t, errors.Join(err, f.Close()))
}

// sameHashes fails unless every running node has the same state hash at one index.
func (c *testCluster) sameHashes() {
	c.t.Helper()
	hashes, _, err := c.nodes[c.leader()].StateHashes(c.t.Context())
	must(c.t, err)
	for _, h := range hashes {
		if h.Err != nil || string(h.Hash) != string(hashes[0].Hash) {
			c.t.Errorf("%s has state hash %x (%v), %s has %x", h.Name, h.Hash, h.Err, hashes[0].Name, hashes[0].Hash)
		}
	}
}

// copyOf copies a running node's store into a directory of its own.
func (c *testCluster) copyOf(i int) string {
	c.t.Helper()
	dir := c.t.TempDir()
	must(c.t, c.nodes[i].Store().Flush())
	_, _, err := c.nodes[i].Store().Spool(filepath.Join(dir, storeFile))
	must(c.t, err)
	return dir
}
