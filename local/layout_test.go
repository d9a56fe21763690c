package local

import (
	"os"
	"strings"
	"testing"
)

// A cluster.json of a later parley is refused, and stays as it is.
func TestUnknownLayoutIsRefused(t *testing.T) {
	dir := t.TempDir()
	l := layout{Version: layoutVersion + 1, Nodes: []layoutNode{{Name: "n1"}}}
	if err := l.write(dir); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(layoutPath(dir))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := readLayout(dir); err == nil || !strings.Contains(err.Error(), "upgrade") {
		t.Errorf("want it refused, with what to do, got %v", err)
	}
	if after, err := os.ReadFile(layoutPath(dir)); err != nil || string(after) != string(before) {
		t.Errorf("it changed (%v)", err)
	}
}
