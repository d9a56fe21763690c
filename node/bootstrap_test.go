package node

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"parley/raftlog"
)

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
