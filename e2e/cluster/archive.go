package cluster

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// UnpackDirs unpacks what PackDirs made below dir.
func UnpackDirs(t TB, archive, dir string) {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err == nil {
		err = untar(z, dir)
	}
	if err != nil {
		t.Fatalf("unpack %s: %v", archive, err)
	}
}

// untar unpacks directories and regular files below dir.
func untar(r io.Reader, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // nothing was written through it
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch h.Typeflag {
		case tar.TypeDir:
			err = root.MkdirAll(filepath.Clean(h.Name), 0o700)
		case tar.TypeReg, tar.TypeGNUSparse:
			err = unpack(root, h, tr)
		}
		if err != nil {
			return err
		}
	}
}

func unpack(root *os.Root, h *tar.Header, r io.Reader) error {
	if err := root.MkdirAll(filepath.Dir(h.Name), 0o700); err != nil {
		return err
	}
	f, err := root.OpenFile(h.Name, os.O_CREATE|os.O_WRONLY|os.O_EXCL, os.FileMode(h.Mode).Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(&sparse{f: f}, r)
	return errors.Join(err, f.Truncate(h.Size), f.Close())
}

// sparse writes a file and leaves out its zeros: a data directory is 64 MiB files with little in them.
type sparse struct {
	f  *os.File
	at int64
}

func (s *sparse) Write(p []byte) (int, error) {
	var err error
	if len(bytes.TrimLeft(p, "\x00")) > 0 {
		_, err = s.f.WriteAt(p, s.at)
	}
	s.at += int64(len(p))
	return len(p), err
}

// PackDirs writes the directories, named by their last element, to a compressed archive. It needs GNU tar, which leaves the
// holes out; only who makes test data calls it.
func PackDirs(t TB, archive string, dirs ...string) {
	t.Helper()
	args := []string{"--create", "--gzip", "--sparse", "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--file", archive}
	for _, d := range dirs {
		args = append(args, "--directory", filepath.Dir(d), filepath.Base(d))
	}
	if out, err := exec.Command("tar", args...).CombinedOutput(); err != nil {
		t.Fatalf("tar %s: %v: %s", archive, err, out)
	}
}
