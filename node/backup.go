package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"parley/store"
)

// ErrBackupBusy is returned by Backup when MaxBackups are under way on this node.
var ErrBackupBusy = errors.New("node: a backup is under way on this node")

// backups counts the copies that are being made or sent.
type backups struct {
	mu    sync.Mutex
	busy  int
	count uint64 // names the spool files
}

// Backup is a consistent copy of the store, at one index. Read it, a complete store file of SizeBytes, from one goroutine,
// and Close it.
type Backup struct {
	store.Info
	SizeBytes int64
	io.ReadCloser
}

// spoolFile gives its place back when it is closed.
type spoolFile struct {
	*os.File
	done func()
}

func (f spoolFile) Close() error {
	defer f.done()
	return f.File.Close()
}

// Backup copies the store as it is once everything that was acknowledged before the call is in it. The copy is made at the
// disk's speed; from then on nothing of the store is held. It has no name: its space is free again when it is closed, or
// when the process ends. The error is an *Error when no quorum confirmed what is acknowledged, ErrBackupBusy or
// ErrNoRoom, or the store's.
func (n *Node) Backup(ctx context.Context) (*Backup, error) {
	spool, done, err := n.enterBackup()
	if err != nil {
		return nil, err
	}
	b, err := n.backup(ctx, spool, done)
	if err != nil {
		done()
		return nil, err
	}
	return b, nil
}

func (n *Node) enterBackup() (spool string, done func(), err error) {
	s := &n.backups
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy >= MaxBackups {
		return "", nil, ErrBackupBusy
	}
	s.busy++
	s.count++
	return filepath.Join(n.cfg.Dir, fmt.Sprintf("backup-%d.tmp", s.count)), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.busy--
	}, nil
}

func (n *Node) backup(ctx context.Context, spool string, done func()) (*Backup, error) {
	if err := n.ReadBarrier(ctx); err != nil {
		return nil, err
	}
	if err := n.store.Flush(); err != nil {
		return nil, err
	}
	defer os.Remove(spool) // the descriptor is enough
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(n.ctx, cancel)()
	f, _, size, err := n.copyStore(ctx, n.store, spool)
	if err != nil {
		return nil, err
	}
	info, err := store.Describe(spool)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	n.logger.Info("made a copy for a backup", "index", info.Index, "bytes", size)
	return &Backup{Info: info, SizeBytes: size, ReadCloser: spoolFile{f, done}}, nil
}
