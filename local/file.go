package local

import "parley/internal/syncfile"

// WriteFile replaces a file whole and durably: another process sees the old bytes or the new ones, and so does the next
// boot. The file is readable by its owner only.
func WriteFile(path string, data []byte) error { return syncfile.Replace(path, data) }
