//go:build unix

package store

import (
	"os"
	"syscall"
)

// unlock lets go of a file that bbolt locked and mapped and then lost. Closing it is not enough: its mapping, to which
// nobody has the address any more, keeps the lock.
func unlock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }
