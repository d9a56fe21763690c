package cluster

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
)

// Build builds parley to a path, with more flags if need be.
func Build(to string, flags ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), buildTimeout)
	defer cancel()
	args := append([]string{"build", "-buildvcs=false", "-o", to}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, "parley/cmd/parley")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	return nil
}

// Patch gives a constant of the product another value for one build. File is relative to the module.
type Patch struct {
	File, Constant, Value string
}

// apply gives the constant its other value in a source. One that is not there fails the test, so that a patch cannot silently
// stop to do anything.
func (p Patch) apply(t TB, src string) string {
	t.Helper()
	constant := regexp.MustCompile(`(?m)^(\s*` + p.Constant + `\s*=).*$`)
	if n := len(constant.FindAllString(src, -1)); n != 1 {
		t.Fatalf("%s: want one constant %s to patch, got %d", p.File, p.Constant, n)
	}
	return constant.ReplaceAllString(src, "${1} "+p.Value)
}

// BuildPatched builds a parley in which constants have other values, and returns its path. A scenario needs that where a
// default is right for users and too large for a test, or where the test asks what happens without a timer.
func BuildPatched(t TB, patches ...Patch) string {
	t.Helper()
	s, err := openSources()
	if err != nil {
		t.Fatalf("%v", err)
	}
	for _, p := range patches {
		src, err := s.read(p.File)
		if err != nil {
			t.Fatalf("%v", err)
		}
		s.edited[s.path(p.File)] = p.apply(t, src)
	}
	dir := t.TempDir()
	list, err := s.write(dir)
	if err != nil {
		t.Fatalf("%v", err)
	}
	to := filepath.Join(dir, "parley")
	if err := Build(to, "-overlay", list); err != nil {
		t.Fatalf("%v", err)
	}
	return to
}
