package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"parley/e2e/cluster"
)

// unsynced takes the syncs out of both files' commits.
var unsynced = []struct{ file, old, new string }{
	{"raftlog/boltdisk.go", "NoFreelistSync:  true,", "NoFreelistSync:  true, NoSync: true, NoGrowSync: true,"},
	{"store/disk_bolt.go", "ReadOnly: readOnly,", "ReadOnly: readOnly, NoSync: true, NoGrowSync: true,"},
}

// buildUnsynced builds a parley that acknowledges what is in the page cache only. The working tree is not touched.
func buildUnsynced(t *cluster.Program) string {
	dir := t.TempDir()
	overlay := map[string]map[string]string{"Replace": {}}
	for _, e := range unsynced {
		file, err := filepath.Abs(e.file)
		if err != nil {
			t.Fatalf("%v", err)
		}
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatalf("%v", err)
		}
		if n := strings.Count(string(src), e.old); n != 1 {
			t.Fatalf("%s holds %q %d times, want once: adapt the control", e.file, e.old, n)
		}
		patched := filepath.Join(dir, filepath.Base(file))
		if err := os.WriteFile(patched, []byte(strings.Replace(string(src), e.old, e.new, 1)), 0o600); err != nil {
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
	if err := cluster.Build(to, "-overlay", list); err != nil {
		t.Fatalf("%v", err)
	}
	return to
}
