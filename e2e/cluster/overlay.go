package cluster

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// Edit replaces a text of the product's source for one build. The text must be in the file exactly once, so that an edit cannot
// silently stop to do anything. File is relative to the module.
type Edit struct {
	File, Old, New string
}

// WriteOverlay writes the edited files to a directory, and returns the list that -overlay takes. The working tree is not
// touched. What GOFLAGS overlays already is edited on top: the program in mutants runs whole tests on a broken product.
func WriteOverlay(dir string, edits []Edit) (list string, err error) {
	s, err := openSources()
	if err != nil {
		return "", err
	}
	for _, e := range edits {
		src, err := s.read(e.File)
		if err != nil {
			return "", err
		}
		if n := strings.Count(src, e.Old); n != 1 {
			return "", fmt.Errorf("%s holds %q %d times, want once: adapt the edit", e.File, e.Old, n)
		}
		s.edited[s.path(e.File)] = strings.Replace(src, e.Old, e.New, 1)
	}
	return s.write(dir)
}

// sources are the product's, as an overlay shows them.
type sources struct {
	root    string
	overlay map[string]map[string]string
	edited  map[string]string // by path
}

func openSources() (*sources, error) {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return nil, fmt.Errorf("find the module: %w", err)
	}
	s := &sources{
		root: strings.TrimSpace(string(root)), overlay: map[string]map[string]string{"Replace": {}}, edited: map[string]string{},
	}
	for flag := range strings.FieldsSeq(os.Getenv("GOFLAGS")) {
		list, ok := strings.CutPrefix(flag, "-overlay=")
		if !ok {
			continue
		}
		b, err := os.ReadFile(list)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(b, &s.overlay); err != nil {
			return nil, fmt.Errorf("%s: %w", list, err)
		}
	}
	return s, nil
}

func (s *sources) path(file string) string { return filepath.Join(s.root, filepath.FromSlash(file)) }

func (s *sources) read(file string) (string, error) {
	path := s.path(file)
	if src, ok := s.edited[path]; ok {
		return src, nil
	}
	b, err := os.ReadFile(cmp.Or(s.overlay["Replace"][path], path))
	return string(b), err
}

func (s *sources) write(dir string) (list string, err error) {
	for path, src := range s.edited {
		to := filepath.Join(dir, regexp.MustCompile(`\W`).ReplaceAllString(path, "_")+".go")
		if err := os.WriteFile(to, []byte(src), 0o600); err != nil {
			return "", err
		}
		s.overlay["Replace"][path] = to
	}
	b, err := json.Marshal(s.overlay)
	if err != nil {
		return "", err
	}
	list = filepath.Join(dir, "overlay.json")
	return list, os.WriteFile(list, b, 0o600)
}
