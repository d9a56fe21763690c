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

// addingFields are those fields of Command's body that add to the state, message by message or account by account. What else there
// is replaces, removes, or says who may do what, and is taken also when space is short.
var addingFields = map[protowire.Number]bool{
	10: true, // create_user
	11: true, // login
	15: true, // send_message
	19: true, // post_message
	20: true, // edit_message
	21: true, // annotate
	24: true, // create_room
	35: true, // create_invite
	37: true, // register_user
	38: true, // create_bot
}

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
