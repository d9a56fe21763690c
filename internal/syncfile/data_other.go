//go:build !linux

package syncfile

import "os"

// Data makes what was written to f durable.
func Data(f *os.File) error { return f.Sync() }
