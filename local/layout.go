package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// layoutVersion is raised when cluster.json changes in a way that an older parley cannot read.
const layoutVersion = 1

// layout is DIR/cluster.json: what was decided at the first start.
type layout struct {
	Version int          `json:"version"`
	Nodes   []layoutNode `json:"nodes"`
}

type layoutNode struct {
	Name        string `json:"name"`
	Address     string `json:"address"`
	PeerAddress string `json:"peer_address"`
}

func layoutPath(dir string) string { return filepath.Join(dir, "cluster.json") }

// Exists tells whether dir holds a cluster that Start would start again.
func Exists(dir string) bool {
	_, err := os.Stat(layoutPath(dir))
	return err == nil
}

// readLayout returns nil without an error when there is none yet.
func readLayout(dir string) (*layout, error) {
	data, err := os.ReadFile(layoutPath(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var l layout
	if err := json.Unmarshal(data, &l); err != nil {
		return nil, fmt.Errorf("%s: %w", layoutPath(dir), err)
	}
	if l.Version != layoutVersion {
		return nil, fmt.Errorf("%s has version %d, this parley knows %d: upgrade to the parley that made it",
			layoutPath(dir), l.Version, layoutVersion)
	}
	if len(l.Nodes) == 0 || len(l.Nodes) > MaxNodes {
		return nil, fmt.Errorf("%s names %d nodes, expected 1 to %d", layoutPath(dir), len(l.Nodes), MaxNodes)
	}
	return &l, nil
}

// write replaces cluster.json whole: a crash leaves the old file or the new one.
func (l *layout) write(dir string) error {
	data, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return err
	}
	return WriteFile(layoutPath(dir), append(data, '\n'))
}

// lockDir takes the directory for this process; closing the file, or dying, gives it back.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "cluster.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s is in use: a cluster runs on it already; stop that one or choose another directory", dir)
		}
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return f, nil
}
