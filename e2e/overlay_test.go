package e2e

import (
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// patch gives a constant of the product another value for one build.
type patch struct {
	file, constant, value string
}

// buildPatched builds a parley in which constants have other values, and returns its path. A scenario needs that where a
// default is right for users and too large for a test, or where the test asks what happens without a timer. A constant that
// is not there fails the test, so that a patch cannot silently stop to do anything.
func buildPatched(t *testing.T, patches ...patch) string {
	t.Helper()
	dir := t.TempDir()
	overlay := outerOverlay(t)
	sources := map[string][]byte{}
	for _, p := range patches {
		file, err := filepath.Abs(p.file)
		if err != nil {
			t.Fatal(err)
		}
		src, ok := sources[file]
		if !ok {
			if src, err = os.ReadFile(cmp.Or(overlay["Replace"][file], file)); err != nil {
				t.Fatal(err)
			}
		}
		constant := regexp.MustCompile(`(?m)^(\s*` + p.constant + `\s*=).*$`)
		if n := len(constant.FindAll(src, -1)); n != 1 {
			t.Fatalf("%s: want one constant %s to patch, got %d", p.file, p.constant, n)
		}
		sources[file] = constant.ReplaceAll(src, []byte("${1} "+p.value))
	}
	for file, src := range sources {
		patched := filepath.Join(dir, regexp.MustCompile(`\W`).ReplaceAllString(file, "_")+".go")
		if err := os.WriteFile(patched, src, 0o600); err != nil {
			t.Fatal(err)
		}
		overlay["Replace"][file] = patched
	}
	b, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, b, 0o600); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(dir, "parley")
	if err := build(to, "-overlay", list); err != nil {
		t.Fatal(err)
	}
	return to
}

// outerOverlay is the overlay that this test itself was built with: the program in mutants runs it on a broken product.
func outerOverlay(t *testing.T) map[string]map[string]string {
	t.Helper()
	overlay := map[string]map[string]string{"Replace": {}}
	for flag := range strings.FieldsSeq(os.Getenv("GOFLAGS")) {
		list, ok := strings.CutPrefix(flag, "-overlay=")
		if !ok {
			continue
		}
		b, err := os.ReadFile(list)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &overlay); err != nil {
			t.Fatal(err)
		}
	}
	return overlay
}
