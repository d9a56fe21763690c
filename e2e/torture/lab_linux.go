package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// fillTries bounds how often the space is taken while a node writes.
const fillTries = 100

// mountSmall mounts a file system of that size; the mount namespace ends it with the program.
func mountSmall(dir string, bytes int64) error {
	if err := unix.Mount("torture", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", bytes)); err != nil {
		return fmt.Errorf("mount a small file system: %w", err)
	}
	return nil
}

// fill takes all space of a file system but so many bytes, until the returned function gives it back.
func fill(mount string, leave int64) (free func() error, err error) {
	balloon := filepath.Join(mount, "balloon")
	f, err := os.Create(balloon)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for range fillTries {
		var fs unix.Statfs_t
		if err = unix.Statfs(mount, &fs); err != nil {
			break
		}
		size := int64(fs.Bavail)*fs.Bsize - leave
		if size <= 0 {
			err = nil
			break
		}
		if err = unix.Fallocate(int(f.Fd()), 0, 0, size); !errors.Is(err, unix.ENOSPC) {
			break
		} // the node has written meanwhile
	}
	if err != nil {
		os.Remove(balloon)
		return nil, fmt.Errorf("take the space of %s: %w", mount, err)
	}
	return func() error { return os.Remove(balloon) }, nil
}
