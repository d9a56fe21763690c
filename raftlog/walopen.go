package raftlog

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"parley/internal/syncfile"
)

// createWAL makes a log whose first commit is tx. It appears at path whole or not at all.
func createWAL(path string, tx *Tx) (err error) {
	tmp := path + ".tmp"
	if err := os.RemoveAll(tmp); err != nil {
		return err
	}
	if err := os.Mkdir(tmp, 0o700); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(tmp) // best effort: the next Create removes it too
		}
	}()
	dir, err := os.OpenRoot(tmp)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }() // nothing is written by it
	var salt [4]byte
	rand.Read(salt[:])
	m := walMark{salt: binary.LittleEndian.Uint32(salt[:]), number: 1}
	meta := mergeMeta(nil, tx.Meta)
	first, err := makeSegment(dir, 1, firstSegmentBytes, appendFrame(nil, m.salt, m.number, meta, tx))
	if err != nil {
		return err
	}
	both := make([]byte, 2*markSlotGap)
	copy(both, m.slot())
	copy(both[markSlotGap:], m.slot())
	for name, content := range map[string][]byte{markFile: both, lockFile: nil} {
		err = errors.Join(err, writeSynced(dir, name, content))
	}
	if err := errors.Join(err, first.file.Close(), syncRoot(dir)); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return syncPath(filepath.Dir(path))
}

func writeSynced(dir *os.Root, name string, content []byte) error {
	f, err := dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}

// openWAL opens the log in the directory path. Nothing is written when it fails.
func openWAL(path string) (_ *walDisk, err error) {
	dir, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("raftlog: open: %w", err)
	}
	d := &walDisk{path: path, dir: dir, room: segmentBytes}
	defer func() {
		if err != nil {
			_ = d.release() // the first error matters
		}
	}()
	if d.lock, err = dir.OpenFile(lockFile, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, fmt.Errorf("raftlog: open %s: %w", path, err)
	}
	if err := flock(d.lock); err != nil {
		return nil, fmt.Errorf("%w: %s", err, path)
	}
	d.mark, err = dir.OpenFile(markFile, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, damagedFile(path, "file: "+markFile, errMissing)
	} else if err != nil {
		return nil, fmt.Errorf("raftlog: open %s: %w", path, err)
	}
	slots, err := dir.ReadFile(markFile)
	if err != nil {
		return nil, fmt.Errorf("raftlog: open %s: %w", path, err)
	}
	mark, err := readMark(path, slots)
	if err != nil {
		return nil, err
	}
	d.salt = mark.salt
	seqs, err := listSegments(dir.FS())
	if err != nil {
		return nil, fmt.Errorf("raftlog: open %s: %w", path, err)
	}
	for _, seq := range seqs {
		f, err := dir.OpenFile(segmentName(seq), os.O_RDWR, 0)
		if err != nil {
			return nil, fmt.Errorf("raftlog: open %s: %w", path, err)
		}
		d.segments = append(d.segments, &segment{seq: seq, file: f})
		info, err := f.Stat()
		if err != nil {
			return nil, fmt.Errorf("raftlog: open %s: %w", path, err)
		}
		d.segments[len(d.segments)-1].size = info.Size()
	}
	img, err := scanSegments(path, d.salt, d.segments, mark.number)
	if err != nil {
		return nil, err
	}
	d.segments, d.spares = d.segments[:img.active+1], slices.Clone(d.segments[img.active+1:])
	d.off, d.number, d.floor, d.img = img.end, img.number, img.floor, img
	d.meta = mergeMeta(nil, img.meta)
	// A process that was killed may have written the last frame and not synced it: what is read here is built upon.
	if err := syncfile.Data(d.last().file); err != nil {
		return nil, fmt.Errorf("raftlog: open %s: %w", path, err)
	}
	return d, nil
}

// confirm marks what Open found as durable, which it is: a last frame whose process was killed before it could say so is built
// upon from now on.
func (d *walDisk) confirm() error {
	if err := (walMark{salt: d.salt, number: d.number}).write(d.mark); err != nil {
		return fmt.Errorf("raftlog: open %s: %w", d.path, err)
	}
	return nil
}

// flock takes the lock of a log, which ends with its process.
func flock(f *os.File) error {
	for deadline := time.Now().Add(lockTimeout); ; time.Sleep(lockRetry) {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("raftlog: lock: %w", err)
		}
		if time.Now().After(deadline) {
			return ErrLocked
		}
	}
}
