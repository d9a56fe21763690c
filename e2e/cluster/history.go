package cluster

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
)

// BuildAt builds parley as it was at a commit, from the history of this checkout, with constants patched, and returns its
// path. It fails the test when the checkout has no such commit.
func BuildAt(t TB, commit string, patches ...Patch) string {
	t.Helper()
	root, err := exec.Command("git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		t.Fatalf("the source of commit %s comes from git's history, and this is no git checkout: %v", commit, err)
	}
	archive := exec.Command("git", "archive", commit)
	archive.Dir = string(bytes.TrimSpace(root))
	var stdout, stderr bytes.Buffer
	archive.Stdout, archive.Stderr = &stdout, &stderr
	if err := archive.Run(); err != nil {
		t.Fatalf("commit %s is not in this checkout's history; fetch it in full (git fetch --unshallow): %v: %s", commit, err,
			stderr.Bytes())
	}
	dir := t.TempDir()
	if err := untar(&stdout, dir); err != nil {
		t.Fatalf("unpack commit %s: %v", commit, err)
	}
	for _, p := range patches {
		file := filepath.Join(dir, filepath.FromSlash(p.File))
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatalf("%v", err)
		}
		if err := os.WriteFile(file, []byte(p.apply(t, string(src))), 0o600); err != nil {
			t.Fatalf("%v", err)
		}
	}
	to := filepath.Join(dir, "parley-"+commit)
	build := exec.Command("go", "build", "-buildvcs=false", "-o", to, "./cmd/parley")
	build.Dir = dir
	build.Env = append(os.Environ(), "GOFLAGS=") // an overlay is for today's source
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build commit %s: %v\n%s", commit, err, out)
	}
	return to
}
