package main

import "golang.org/x/sys/unix"

// memoryBacked tells whether a directory is on tmpfs or ramfs.
func memoryBacked(dir string) bool {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return false
	}
	return uint32(st.Type) == unix.TMPFS_MAGIC || uint32(st.Type) == unix.RAMFS_MAGIC
}
