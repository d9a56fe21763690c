package syncfile

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Data makes what was written to f durable, and of its metadata what is needed to read it again. Where the space was allocated
// and written before, that is none, and it does not wait for the file system's journal.
func Data(f *os.File) error {
	for {
		if err := unix.Fdatasync(int(f.Fd())); !errors.Is(err, unix.EINTR) {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
