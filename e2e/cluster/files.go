package cluster

import "io/fs"

// regularFiles hides what cannot be copied, such as the admin socket that a killed node leaves behind.
type regularFiles struct{ fs.FS }

// ReadDir implements fs.ReadDirFS.
func (r regularFiles) ReadDir(name string) ([]fs.DirEntry, error) {
	all, err := fs.ReadDir(r.FS, name)
	if err != nil {
		return nil, err
	}
	kept := all[:0]
	for _, e := range all {
		if e.IsDir() || e.Type().IsRegular() {
			kept = append(kept, e)
		}
	}
	return kept, nil
}
