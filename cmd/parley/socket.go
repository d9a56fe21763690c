package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// adminSocket is the admin socket's name in a data directory.
const adminSocket = "admin.sock"

// searchDir is the search index's name there. It may be removed while the node is down.
const searchDir = "search"

// maxSocketPath leaves room, below the 103 bytes of the smallest system, for the private directory in which the socket is
// made before it is moved into place.
const maxSocketPath = 85

// findSockets are the admin sockets that were named: the socket, the one of a node's data directory, or those of all nodes
// in a directory of `parley up`.
func findSockets(admin *adminFlags) ([]string, error) {
	if admin.socket != "" {
		if admin.data != "" {
			return nil, usageError("--admin-socket and --data: give one")
		}
		return []string{admin.socket}, nil
	}
	own := filepath.Join(admin.data, adminSocket)
	if _, err := os.Stat(own); err == nil {
		return []string{own}, nil
	}
	sockets, err := filepath.Glob(filepath.Join(admin.data, "*", adminSocket))
	if err != nil || len(sockets) == 0 {
		return nil, &failure{code: exitUnavailable, message: "no admin socket in " + admin.data,
			hint: "name the data directory of a node that runs on this machine"}
	}
	return sockets, nil
}

// shortSocketPath gives a path to the same socket that fits into a socket address. A data directory may lie too deep for
// that: then the path goes through a descriptor of its directory, where the system has such paths. release ends its use.
func shortSocketPath(path string) (short string, release func(), err error) {
	if len(path) <= maxSocketPath {
		return path, func() {}, nil
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, err
	}
	short = fmt.Sprintf("/proc/self/fd/%d", dir.Fd())
	if _, err := os.Stat(short); err != nil {
		_ = dir.Close()
		return "", nil, fmt.Errorf("admin socket %s: the path is too long for a socket; use a shorter data directory", path)
	}
	return filepath.Join(short, filepath.Base(path)), func() { _ = dir.Close() }, nil
}
