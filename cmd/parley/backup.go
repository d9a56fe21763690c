package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"parley/proto/parleyv1"
	"parley/store"
)

// backupJSON is part of the contract with scripts.
type backupJSON struct {
	File      string `json:"file"`
	ClusterID string `json:"cluster_id"`
	Index     uint64 `json:"index"`
	Term      uint64 `json:"term"`
	Bytes     int64  `json:"bytes"`
	Hash      string `json:"hash"`
	// Of a backup that was made just now: by which node, of which version.
	Node    string `json:"node,omitempty"`
	Version string `json:"version,omitempty"`
}

func newBackup(a *app) *cobra.Command {
	var admin adminFlags
	c := &cobra.Command{
		Use:   "backup FILE",
		Short: "Write a verified backup of the whole cluster to FILE, while it runs (operators)",
		Long: `Write a backup of the whole cluster to FILE: everything that was acknowledged before the command began, as it was at one
index. It comes from one node, of which nothing is asked to stop, and is verified in full before FILE appears. FILE holds
every message and the hashes of passwords and session tokens: keep it as you keep the data directories.

  parley backup monday.backup --data /var/lib/parley     on a node's machine, or as an operator without --data
  parley backup verify monday.backup                     check it again, anywhere
  parley restore monday.backup --data DIR --name n1 --peer-address HOST:PORT`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := args[0]
			if err := mustNotExist(path); err != nil {
				return err
			}
			c, closeClient, err := a.dialCluster(&admin)
			if err != nil {
				return err
			}
			defer closeClient()
			sink := &backupFile{path: path + ".part"}
			defer sink.discard()
			h, crc, err := c.Backup(cmd.Context(), sink)
			if err != nil {
				return err
			}
			info, size, err := sink.finish(h, crc)
			if err != nil {
				return err
			}
			if err := mustNotExist(path); err != nil {
				return err
			}
			if err := os.Rename(sink.path, path); err != nil {
				return err
			}
			if err := syncDir(filepath.Dir(path)); err != nil {
				return err
			}
			return a.printBackup("backup", backupOf(path, info, size, h))
		},
	}
	c.Flags().StringVar(&admin.socket, "admin-socket", "", "use a node's admin socket instead of a login")
	c.Flags().StringVar(&admin.data, "data", "", "use the admin socket in this data `DIR`, of parley serve or parley up")
	c.AddCommand(newBackupVerify(a))
	return c
}

func newBackupVerify(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "verify FILE", Short: "Check every byte of a backup, without a cluster", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			info, sealed, err := verifyBackup(args[0])
			if err != nil {
				return err
			}
			if !sealed {
				return &failure{code: exitFailed, message: args[0] + " is no whole backup: it has no seal",
					hint: "it is a node's store file, or was cut short; what it holds is complete, and parley restore takes it"}
			}
			st, err := os.Stat(args[0])
			if err != nil {
				return err
			}
			return a.printBackup("good backup", backupOf(args[0], info, st.Size(), nil))
		},
	}
}

// verifyBackup words what is wrong with a backup.
func verifyBackup(path string) (store.Info, bool, error) {
	info, sealed, err := store.VerifyBackup(path)
	if err != nil {
		return store.Info{}, false, &failure{code: exitFailed, message: path + " is no good backup: " + err.Error()}
	}
	return info, sealed, nil
}

func backupOf(path string, info store.Info, size int64, h *parleyv1.BackupHeader) backupJSON {
	return backupJSON{
		File: path, ClusterID: hex.EncodeToString(info.ClusterID), Index: info.Index, Term: info.Term, Bytes: size,
		Hash: hex.EncodeToString(info.Hash), Node: h.GetNode(), Version: h.GetVersion(),
	}
}

func (a *app) printBackup(what string, b backupJSON) error {
	return a.printDone(fmt.Sprintf("%s %s: index %d, %d bytes, state hash %s", what, sanitizeLine(b.File), b.Index, b.Bytes,
		b.Hash), b)
}

func mustNotExist(path string) error {
	_, err := os.Lstat(path)
	switch {
	case err == nil:
		return &failure{code: exitFailed, message: path + " exists", hint: "choose another name; what is there is never overwritten"}
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return err
}

// backupFile is the client.BackupSink of a file that is not a backup yet.
type backupFile struct {
	path string
	f    *os.File
	size int64
}

// Begin makes the file anew.
func (b *backupFile) Begin(*parleyv1.BackupHeader) error {
	b.discard()
	f, err := os.OpenFile(b.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	b.f, b.size = f, 0
	return err
}

func (b *backupFile) Write(p []byte) (int, error) {
	n, err := b.f.Write(p)
	b.size += int64(n)
	return n, err
}

// finish seals the file, makes it durable and verifies all of it.
func (b *backupFile) finish(h *parleyv1.BackupHeader, crc uint32) (info store.Info, size int64, err error) {
	seal := store.Seal(b.size, crc)
	_, err = b.f.Write(seal)
	if err = errors.Join(err, b.f.Sync(), b.f.Close()); err != nil {
		return info, 0, err
	}
	info, sealed, err := store.VerifyBackup(b.path)
	switch {
	case err != nil:
		return info, 0, &failure{code: exitFailed, message: "the backup from node " + h.GetNode() + " is not good: " + err.Error(),
			hint: "take one from another node with --servers, and look at that node's log"}
	case !sealed || info.Index != h.GetIndex() || hex.EncodeToString(info.Hash) != h.GetStateHash() ||
		hex.EncodeToString(info.ClusterID) != h.GetClusterId():
		return info, 0, &failure{code: exitFailed, message: fmt.Sprintf(
			"node %s announced index %d with hash %s and sent index %d with hash %x", h.GetNode(), h.GetIndex(), h.GetStateHash(),
			info.Index, info.Hash)}
	}
	return info, b.size + int64(len(seal)), nil
}

// discard removes what is not a backup. After the rename there is nothing under the name.
func (b *backupFile) discard() {
	if b.f != nil {
		_ = b.f.Close() // closed twice after finish, for nothing
	}
	_ = os.Remove(b.path)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
