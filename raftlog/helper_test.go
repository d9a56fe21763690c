package raftlog

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/raft/v3/raftpb"
)

func testIdentity() Identity {
	return Identity{ID: 1, Name: "n1", Incarnation: bytes.Repeat([]byte{7}, identityBytes), Boot: 1}
}

func entry(index, term uint64, data string) *raftpb.Entry {
	return &raftpb.Entry{Index: &index, Term: &term, Type: raftpb.EntryNormal.Enum(), Data: []byte(data)}
}

// entries returns the entries lo..hi of one term.
func entries(lo, hi, term uint64) []*raftpb.Entry {
	var es []*raftpb.Entry
	for i := lo; i <= hi; i++ {
		es = append(es, entry(i, term, fmt.Sprintf("entry %d of term %d", i, term)))
	}
	return es
}

func state(term, vote, commit uint64) *raftpb.HardState {
	return hardState{term: term, vote: vote, commit: commit}.pb()
}

// newFile returns the path of a new log.
func newFile(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "raft")
	must(t, Create(path, testIdentity()))
	return path
}

func mustOpen(t testing.TB, path string) *Log {
	t.Helper()
	l, err := Open(path, Options{})
	must(t, err)
	t.Cleanup(func() { _ = l.Close() }) // a test that cares closes itself
	return l
}

func mustOpenDisk(t testing.TB, d Disk) *Log {
	t.Helper()
	l, err := OpenDisk(d, Options{})
	must(t, err)
	return l
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// content is all that a log has to say, for comparison and to be shown.
func content(t testing.TB, l *Log) string {
	t.Helper()
	return snapshot(t, l).String()
}

func snapshot(t testing.TB, l *Log) modelState {
	t.Helper()
	first, _ := l.FirstIndex()
	last, _ := l.LastIndex()
	es, err := l.Entries(first, last+1, 1<<62)
	must(t, err)
	index, term := l.Compacted()
	return modelState{compacted: mark{index: index, term: term}, hs: fromPB(l.HardState()), ents: es}
}

// copyFile copies only what holds data: the file is sparse.
func copyFile(t testing.TB, from, to string) {
	t.Helper()
	src, err := os.Open(from)
	must(t, err)
	defer src.Close()
	info, err := src.Stat()
	must(t, err)
	dst, err := os.Create(to)
	must(t, err)
	buf := make([]byte, 64<<10)
	zero := make([]byte, len(buf))
	for off := int64(0); ; {
		n, err := src.Read(buf)
		if n > 0 && !bytes.Equal(buf[:n], zero[:n]) {
			_, werr := dst.WriteAt(buf[:n], off)
			must(t, werr)
		}
		off += int64(n)
		if err == io.EOF {
			break
		}
		must(t, err)
	}
	must(t, dst.Truncate(info.Size()))
	must(t, dst.Close())
}

// copyDir copies a log as a power cut leaves it, or keeps it: what was written, synced or not.
func copyDir(t testing.TB, from, to string) {
	t.Helper()
	must(t, os.Mkdir(to, 0o700))
	names, err := os.ReadDir(from)
	must(t, err)
	for _, e := range names {
		copyFile(t, filepath.Join(from, e.Name()), filepath.Join(to, e.Name()))
	}
}

// dirBytes is the size of all files of a log.
func dirBytes(t testing.TB, path string) (n int) {
	t.Helper()
	names, err := os.ReadDir(path)
	must(t, err)
	for _, e := range names {
		info, err := e.Info()
		must(t, err)
		n += int(info.Size())
	}
	return n
}
