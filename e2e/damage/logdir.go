package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A log is a directory. The trials see its files as one, a blob, so that damage may come to any of them and a truncation takes
// the segments after it too. What follows the last frame is left out: nothing that is damaged there is the log's.

// part is one file in the blob.
type part struct {
	Name  string
	Bytes int
}

const markName = "mark"

// joinLog makes the blob: the mark, then the segments in order.
func joinLog(dir string) (blob []byte, parts []part, err error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.wal")) // sorted
	if err != nil {
		return nil, nil, err
	}
	for _, path := range append([]string{filepath.Join(dir, markName)}, names...) {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, nil, err
		}
		used := len(bytes.TrimRight(b, "\x00"))
		b = b[:min(len(b), (used+sectorBytes-1)/sectorBytes*sectorBytes)]
		if len(b) == 0 {
			continue // prepared, not used
		}
		blob = append(blob, b...)
		parts = append(parts, part{filepath.Base(path), len(b)})
	}
	return blob, parts, nil
}

// splitLog makes a log's directory of a blob, which may have been cut off.
func splitLog(dir string, blob []byte, parts []part) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	for _, p := range parts {
		b := blob[:min(p.Bytes, len(blob))]
		blob = blob[len(b):]
		if len(b) == 0 {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, p.Name), b, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// readLogDir reads back what splitLog wrote.
func readLogDir(dir string, parts []part) (blob []byte, err error) {
	for _, p := range parts {
		b, err := os.ReadFile(filepath.Join(dir, p.Name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		blob = append(blob, b...)
	}
	return blob, nil
}

// editLog changes the first segment of a directory that holds text.
func editLog(dir, text string, change func(text []byte)) error {
	names, err := filepath.Glob(filepath.Join(dir, "*.wal"))
	if err != nil {
		return err
	}
	for _, path := range names {
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		i := strings.LastIndex(string(b), text)
		if i < 0 {
			continue
		}
		change(b[i : i+len(text)])
		return os.WriteFile(path, b, 0o600)
	}
	return errors.New("the entry is in no segment")
}
