package node

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"parley/raftlog"
)

// A first member that was cut short before it had formed the cluster goes on with one other that has; it does not wait for the
// rest, who may be down for long.
func TestInterruptedFirstStartNeedsOneFormedMember(t *testing.T) {
	c := startCluster(t, 3)
	c.leader()
	c.await("a record of every member", func() bool {
		ms, err := c.nodes[0].Store().Members()
		return err == nil && len(ms) == 3
	})
	want := c.nodes[0].Store().ClusterID()
	for i := range c.nodes { // also n1: a leader of now would remember what the log that is made anew below has acknowledged
		c.stop(i)
	}
	path := filepath.Join(c.cfgs[2].Dir, logFile)
	log, err := raftlog.Open(path, raftlog.Options{})
	must(t, err)
	id := log.Identity()
	id.ClusterID = nil
	must(t, errors.Join(log.Close(), os.RemoveAll(path), raftlog.Create(path, id)))
	c.restart(0)
	c.restart(2)
	c.leader()
	if got := c.nodes[2].Store().ClusterID(); !bytes.Equal(got, want) {
		t.Errorf("cluster %x, want %x", got, want)
	}
}

// A second process on a directory in use removes nothing of the first one's.
func TestSecondStartLeavesTheDirectoryAlone(t *testing.T) {
	c := startCluster(t, 1)
	c.leader()
	received := filepath.Join(c.cfgs[0].Dir, "receive-1.tmp")
	must(t, os.WriteFile(received, []byte("on its way in"), 0o600))
	second := c.cfgs[0]
	second.PeerListener = listen(t, "127.0.0.1:0")
	defer second.PeerListener.Close()
	if _, err := Start(t.Context(), second); !errors.Is(err, raftlog.ErrLocked) {
		t.Errorf("a second start: %v", err)
	}
	_, err := os.Stat(received)
	must(t, err)
	must(t, c.nodes[0].Stop(t.Context()))
	c.nodes[0] = nil
	c.restart(0)
	if _, err := os.Stat(received); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the next start leaves what the last one left: %v", err)
	}
}
