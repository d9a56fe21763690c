package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"parley/proto/internalv1"
	"parley/store"
)

// restoredID is the node id of a restored directory: it is the first member of its cluster.
const restoredID = 1

// RestoreOptions say what a backup becomes.
type RestoreOptions struct {
	// File is the backup, or any store file that no node has open.
	File string
	// Dir is the data directory to make; it may exist when it is empty.
	Dir string
	// Name of the node, and where other nodes will reach it.
	Name, PeerAddress string
}

// Restore makes a data directory from a backup: the only voter of a new cluster, in which every session has ended. All of
// the backup is verified on the way. Until it returns, a node does not start on the directory.
func Restore(o RestoreOptions) (*Reborn, error) {
	old, err := store.Describe(o.File)
	if err != nil {
		return nil, err
	}
	if err := makeEmpty(o.Dir); err != nil {
		return nil, err
	}
	staging := filepath.Join(o.Dir, rebornNew)
	if err := os.Mkdir(staging, 0o700); err != nil {
		return nil, err
	}
	r, err := restore(o, filepath.Join(staging, storeFile))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(staging))
	}
	if err := finishReborn(o.Dir); err != nil {
		return nil, err
	}
	r.OldClusterID = old.ClusterID
	return r, nil
}

func restore(o RestoreOptions, staged string) (*Reborn, error) {
	if err := store.Copy(o.File, staged); err != nil {
		return nil, err
	}
	// A state that this program is too old for is told now, not by the first start.
	st, err := store.Open(staged, store.Options{})
	if err != nil {
		return nil, err
	}
	if err := st.Close(); err != nil {
		return nil, err
	}
	return makeReborn(parentage{dir: o.Dir, endLogins: true, member: &internalv1.AnnounceMember{
		Id: restoredID, Name: o.Name, PeerAddress: o.PeerAddress,
	}})
}

// makeEmpty makes a directory, or accepts one in which there is nothing, or nothing but what a restore that was cut short
// left there.
func makeEmpty(dir string) error {
	if err := makeDir(dir); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		switch e.Name() {
		case rebornNew, rebornReady, "lost+found": // the last is in the root of every ext4
		default:
			return fmt.Errorf("%s is not empty (%s is there); name a directory that does not exist", dir, e.Name())
		}
	}
	return errors.Join(os.RemoveAll(filepath.Join(dir, rebornNew)), os.RemoveAll(filepath.Join(dir, rebornReady)), syncDir(dir))
}
