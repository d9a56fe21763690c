package node

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/encoding/protowire"
)

// diskWatch knows whether the data directory's file system is short of space. A leader then refuses what adds, long
// before a commit fails: deletions, reads and membership still work, so that an operator can help.
type diskWatch struct {
	low  atomic.Bool
	free atomic.Uint64
}

func (d *diskWatch) check(dir string, logger *slog.Logger) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		logger.Warn("the free disk space is not known", "err", err)
		return
	}
	free := fs.Bavail * uint64(fs.Bsize)
	d.free.Store(free)
	low := free < minFreeDiskBytes
	if d.low.Swap(low) != low {
		if low {
			logger.Error("disk space is low: commands that add are refused", "free_bytes", free)
		} else {
			logger.Info("disk space is back", "free_bytes", free)
		}
	}
}

// ErrNoRoom is returned by Backup, and is why a store file is neither sent nor received, when the data directory's file
// system has no room for it beside what a node keeps back.
var ErrNoRoom = errors.New("node: no room for a copy of the store")

// room looks at the disk before a file of so many bytes is made: one that filled the disk would stop the node.
func (n *Node) room(size int64) error {
	n.disk.check(n.cfg.Dir, n.logger)
	return roomFor(size, n.disk.free.Load())
}

// roomForCopy looks at the disk before a copy of the store is made.
func (n *Node) roomForCopy() error {
	info, err := os.Stat(filepath.Join(n.cfg.Dir, storeFile))
	if err != nil {
		return err
	}
	return n.room(info.Size())
}

// roomFor says whether a file of so many bytes leaves the space free that a node keeps back.
func roomFor(size int64, free uint64) error {
	if free >= uint64(size)+minFreeDiskBytes {
		return nil
	}
	return fmt.Errorf("%w: it needs %d bytes, and %d of %d bytes free are kept back", ErrNoRoom, size,
		int64(minFreeDiskBytes), free)
}

// The fields of Command's body that add to the state: create_user, login, send_message.
var addingFields = map[protowire.Number]bool{10: true, 11: true, 15: true}

// commandAdds looks at a command's outermost field numbers only.
func commandAdds(cmd []byte) bool {
	for len(cmd) > 0 {
		num, typ, n := protowire.ConsumeTag(cmd)
		if n < 0 {
			return false
		}
		if addingFields[num] {
			return true
		}
		m := protowire.ConsumeFieldValue(num, typ, cmd[n:])
		if m < 0 {
			return false
		}
		cmd = cmd[n+m:]
	}
	return false
}
