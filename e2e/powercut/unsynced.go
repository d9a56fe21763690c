package main

import (
	"path/filepath"

	"parley/e2e/cluster"
)

// unsynced takes the syncs out of both files' commits.
var unsynced = []cluster.Edit{
	{File: "raftlog/sync_linux.go", Old: "for {\n", New: "for f == nil {\n"},
	{File: "raftlog/sync_linux.go", Old: "\t\t}\n\t}\n", New: "\t\t}\n\t}\n\treturn nil\n"},
	{File: "store/disk_bolt.go", Old: "ReadOnly: readOnly,", New: "ReadOnly: readOnly, NoSync: true, NoGrowSync: true,"},
}

// buildUnsynced builds a parley that acknowledges what is in the page cache only.
func buildUnsynced(t *cluster.Program) string {
	dir := t.TempDir()
	list, err := cluster.WriteOverlay(dir, unsynced)
	if err != nil {
		t.Fatalf("%v", err)
	}
	to := filepath.Join(dir, "parley")
	if err := cluster.Build(to, "-overlay", list); err != nil {
		t.Fatalf("%v", err)
	}
	return to
}
