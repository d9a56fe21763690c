package raftlog

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// oldLog leaves a log of an earlier release beside path, as a stop leaves it, and returns what it holds.
func oldLog(t *testing.T, path string) (want string) {
	t.Helper()
	must(t, createBolt(OldPath(path), testIdentity()))
	l := mustOpenOld(t, OldPath(path))
	must(t, l.Append(Batch{Entries: append(entries(1, 50, 1), entries(51, 90, 2)...), HardState: state(2, 1, 60)}))
	l.Compact(10)
	must(t, l.Append(Batch{Entries: entries(85, 120, 3), HardState: state(3, 2, 70)}))
	want = content(t, l)
	must(t, l.Close())
	return want
}

// mustBeRetired: what is left of the old file tells a program of that release to give way, and leaves nothing to turn.
func mustBeRetired(t *testing.T, path string) {
	t.Helper()
	for _, p := range []string{OldPath(path) + ".tmp", path + ".tmp"} {
		if _, err := os.Lstat(p); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("%s is there, %v", p, err)
		}
	}
	d, err := openBolt(OldPath(path))
	must(t, err)
	_, _, err = replay(d, mark{})
	must(t, d.Close())
	if !errors.Is(err, ErrFormat) {
		t.Fatalf("the old file is read as %v, want an unknown format", err)
	}
	if old, err := oldExists(path); err != nil || old {
		t.Fatalf("there is an old log: %v, %v", old, err)
	}
}

// TestMigrate: a log of an earlier release is the same log afterwards, and its file says so; cut short anywhere, the next start
// ends it.
func TestMigrate(t *testing.T) {
	whole := func(t *testing.T, path string) { // the new log, complete
		t.Helper()
		kept, err := os.ReadFile(OldPath(path))
		must(t, err)
		_, err = migrate(path, mark{})
		must(t, err)
		must(t, os.WriteFile(OldPath(path), kept, 0o600))
	}
	for _, tc := range []struct {
		name string
		cut  func(t *testing.T, path string) // what a crash left
	}{
		{"not begun", func(*testing.T, string) {}},
		{"an empty directory", func(t *testing.T, path string) { must(t, os.Mkdir(path+".tmp", 0o700)) }},
		{"half of the new files", func(t *testing.T, path string) {
			whole(t, path)
			must(t, os.Rename(path, path+".tmp"))
			must(t, os.Truncate(filepath.Join(path+".tmp", segmentName(1)), 100))
			must(t, os.Remove(filepath.Join(path+".tmp", markFile)))
		}},
		{"not renamed", func(t *testing.T, path string) {
			whole(t, path)
			must(t, os.Rename(path, path+".tmp"))
		}},
		{"the old file not replaced", whole},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "raft")
			want := oldLog(t, path)
			tc.cut(t, path)
			for range 2 {
				l := mustOpen(t, path)
				if got := content(t, l); got != want {
					t.Fatalf("got %s\nwant %s", got, want)
				}
				must(t, l.check())
				must(t, l.Close())
				mustBeRetired(t, path)
			}
			if there, err := Exists(path); err != nil || !there {
				t.Fatalf("Exists: %v, %v", there, err)
			}
		})
	}
}

// TestMigrateNotTwice: a log that another process has open is not turned into a new one, nor is one made beside it.
func TestMigrateNotTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "raft")
	oldLog(t, path)
	mustOpenOld(t, OldPath(path))
	if _, err := Open(path, Options{}); !errors.Is(err, ErrLocked) {
		t.Fatalf("got %v, want ErrLocked", err)
	}
	if err := Create(path, testIdentity()); !errors.Is(err, fs.ErrExist) {
		t.Fatalf("got %v, want ErrExist", err)
	}
}

// TestMigrateDamage: damage in the old file is refused, or healed, as it was, and a refused one stays as it is.
func TestMigrateDamage(t *testing.T) {
	for _, flushed := range []uint64{0, 60} {
		path := filepath.Join(t.TempDir(), "raft")
		oldLog(t, path)
		edit(t, OldPath(path), damageEntry(40))
		before, err := os.ReadFile(OldPath(path))
		must(t, err)
		l, err := Open(path, Options{FlushedIndex: flushed, FlushedTerm: 2})
		if flushed == 0 {
			var damage *DamageError
			if !errors.As(err, &damage) || damage.Index != 40 || damage.Path != OldPath(path) {
				t.Fatalf("got %v, want damage of entry 40", err)
			}
			after, err := os.ReadFile(OldPath(path))
			if err != nil || string(after) != string(before) {
				t.Fatalf("the refused file was changed, %v", err)
			}
			if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("a log was made of it, %v", err)
			}
			continue
		}
		must(t, err)
		if index, _ := l.Compacted(); index != flushed || l.Healed() == nil {
			t.Fatalf("compacted to %d, healed %v", index, l.Healed())
		}
		must(t, l.check())
		must(t, l.Close())
		mustBeRetired(t, path)
		must(t, mustOpen(t, path).check())
	}
}
