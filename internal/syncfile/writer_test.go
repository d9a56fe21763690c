package syncfile

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestWriterWritesWhatItIsGiven(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := NewWriter(f)
	var want []byte
	for i, size := range []int{1, 0, pieceBytes - 1, pieceBytes, 3*pieceBytes + 7, 100} {
		b := bytes.Repeat([]byte{byte('a' + i)}, size)
		want = append(want, b...)
		if n, err := w.Write(b); n != size || err != nil {
			t.Fatalf("wrote %d of %d bytes, %v", n, size, err)
		}
		if w.pending >= pieceBytes {
			t.Errorf("%d bytes are not synced after a write of %d", w.pending, size)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("the file has %d bytes, want %d; %v", len(got), len(want), err)
	}
}

func TestWriterTellsOfAClosedFile(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := NewWriter(f).Write(make([]byte, 10)); n != 0 || err == nil {
		t.Errorf("wrote %d bytes to a closed file, %v", n, err)
	}
}
