// Package syncfile makes files durable: small ones at once, and large ones so that nobody else waits for them.
package syncfile

import (
	"fmt"
	"os"
)

// pieceBytes is how much is written before it is synced: some ten milliseconds of a disk that a commit takes one or two of, and
// far below what the kernel gathers before it writes by itself.
const pieceBytes = 2 << 20

// Writer writes a large file from its beginning to its end, and syncs it every few megabytes, so that little of it is ever on its
// way to the disk. A commit of the log waits for all that the disk was given before it; a store file of hundreds of megabytes,
// given at once, is a wait that people see. It is for one goroutine.
type Writer struct {
	f       *os.File
	pending int
}

// NewWriter returns a Writer to f, which stays the caller's to sync at the end and to close.
func NewWriter(f *os.File) *Writer { return &Writer{f: f} }

// Write writes b in pieces. An error of a sync is an error of the write.
func (w *Writer) Write(b []byte) (n int, err error) {
	for len(b) > 0 {
		piece := b[:min(len(b), pieceBytes-w.pending)]
		m, err := w.f.Write(piece)
		n, w.pending, b = n+m, w.pending+m, b[m:]
		if err != nil {
			return n, err
		}
		if w.pending < pieceBytes {
			continue
		}
		w.pending = 0
		if err := Data(w.f); err != nil {
			return n, fmt.Errorf("sync %s: %w", w.f.Name(), err)
		}
	}
	return n, nil
}
