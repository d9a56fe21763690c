package cluster

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
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

// BuildPatched builds a parley in which constants have other values, and returns its path. A scenario needs that where a
// default is right for users and too large for a test, or where the test asks what happens without a timer. A constant that
// is not there fails the test, so that a patch cannot silently stop to do anything.
func BuildPatched(t TB, patches ...Patch) string {
	t.Helper()
	dir := t.TempDir()
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		t.Fatalf("find the module: %v", err)
	}
	overlay := outerOverlay(t)
	sources := map[string][]byte{}
	for _, p := range patches {
		file := filepath.Join(strings.TrimSpace(string(root)), filepath.FromSlash(p.File))
		src, ok := sources[file]
		if !ok {
			if src, err = os.ReadFile(cmp.Or(overlay["Replace"][file], file)); err != nil {
				t.Fatalf("%v", err)
			}
		}
		constant := regexp.MustCompile(`(?m)^(\s*` + p.Constant + `\s*=).*$`)
		if n := len(constant.FindAll(src, -1)); n != 1 {
			t.Fatalf("%s: want one constant %s to patch, got %d", p.File, p.Constant, n)
		}
		sources[file] = constant.ReplaceAll(src, []byte("${1} "+p.Value))
	}
	for file, src := range sources {
		patched := filepath.Join(dir, regexp.MustCompile(`\W`).ReplaceAllString(file, "_")+".go")
		if err := os.WriteFile(patched, src, 0o600); err != nil {
			t.Fatalf("%v", err)
		}
		overlay["Replace"][file] = patched
	}
	b, err := json.Marshal(overlay)
	if err != nil {
		t.Fatalf("%v", err)
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, b, 0o600); err != nil {
		t.Fatalf("%v", err)
	}
	to := filepath.Join(dir, "parley")
	if err := Build(to, "-overlay", list); err != nil {
		t.Fatalf("%v", err)
	}
	return to
}

// outerOverlay is the overlay that this test itself was built with: the program in mutants runs it on a broken product.
func outerOverlay(t TB) map[string]map[string]string {
	t.Helper()
	overlay := map[string]map[string]string{"Replace": {}}
	for flag := range strings.FieldsSeq(os.Getenv("GOFLAGS")) {
		list, ok := strings.CutPrefix(flag, "-overlay=")
		if !ok {
			continue
		}
		b, err := os.ReadFile(list)
		if err != nil {
			t.Fatalf("%v", err)
		}
		if err := json.Unmarshal(b, &overlay); err != nil {
			t.Fatalf("%v", err)
		}
	}
	return overlay
}
