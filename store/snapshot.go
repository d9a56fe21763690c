package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"parley/boltcheck"
	"parley/internal/syncfile"
	"parley/proto/internalv1"
)

// Inspect opens a store file that nobody else has open and returns the mark and the cluster that it holds.
func Inspect(path string) (m Mark, clusterID []byte, err error) {
	meta, err := inspect(path)
	if err != nil {
		return Mark{}, nil, err
	}
	return Mark{Index: meta.GetIndex(), Term: meta.GetTerm(), ConfState: meta.GetConfState()}, meta.GetClusterId(), nil
}

// inspect reads a file's flush record. A file of a cluster version that this program does not know is refused.
func inspect(path string) (meta *internalv1.FlushRecord, err error) {
	err = readFile(path, func(tx Tx) error {
		if meta, err = decodeMeta(tx.Meta()); err != nil {
			return err
		}
		l := &layers{path: path, base: func() (Tx, error) { return tx, nil }}
		g, err := load[internalv1.GlobalsRecord](l, keyGlobals(l.key()))
		if err != nil {
			return err
		}
		return knownVersion(path, g)
	})
	return meta, err
}

// Verify reads a whole store file that nobody else has open: its pages, every checksum, and the state hash of the flush
// record.
func Verify(path string) error { return VerifyContext(context.Background(), path) }

// VerifyContext is Verify until ctx ends, whose error it then returns.
func VerifyContext(ctx context.Context, path string) error {
	return checkFile(ctx, path, math.MaxInt64)
}

// checkFile verifies a file as far as its size allows: up to wholeBytes all of it, above that what keeps bbolt from running
// astray and the flush record.
func checkFile(ctx context.Context, path string, wholeBytes int64) error {
	used, err := boltcheck.UsedBytes(path)
	if err != nil {
		return pageDamage(path, err)
	}
	return readPages(ctx, path, used > wholeBytes, func(tx Tx) error {
		meta, err := decodeMeta(tx.Meta())
		if err != nil || used > wholeBytes {
			return err
		}
		h, err := hashOf(ctx, &layers{path: path, base: func() (Tx, error) { return tx, nil }})
		if err != nil {
			return err
		}
		if !bytes.Equal(h.bytes(), meta.GetHash()) {
			return &DamageError{Path: path, Err: errHashDiffers, Hint: hintRestore}
		}
		return nil
	})
}

// pageDamage makes a damaged page a DamageError of the file.
func pageDamage(path string, err error) error {
	if _, ok := errors.AsType[*boltcheck.Error](err); ok {
		return &DamageError{Path: path, Err: err, Hint: hintRestore}
	}
	return fmt.Errorf("store: check: %w", err)
}

var errHashDiffers = errors.New("its content does not have the state hash that was recorded with it")

// readFile calls f with a read of a file, whose pages are verified before.
func readFile(path string, f func(Tx) error) error {
	return readPages(context.Background(), path, true, f)
}

func readPages(ctx context.Context, path string, branchesOnly bool, f func(Tx) error) (err error) {
	d, err := openBolt(path, true) // looks at the meta pages and the root, and locks the file
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := boltcheck.PagesContext(ctx, path, branchesOnly); err != nil {
		return pageDamage(path, err)
	}
	tx, err := d.Begin()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tx.Close()) }()
	defer guardDamage(path, &err)()
	return (&layers{path: path}).locate(f(tx))
}

// Spool writes a consistent copy of what is flushed to path, synced, and returns its mark and size. It runs at the
// disk's speed, a little at a time: while it does, the file cannot reuse what its read pins. A part of the file that cannot be read is a
// *DamageError.
func (s *Store) Spool(path string) (Mark, int64, error) {
	return s.SpoolContext(context.Background(), path)
}

// SpoolContext is Spool until ctx ends, whose error it then returns.
func (s *Store) SpoolContext(ctx context.Context, path string) (Mark, int64, error) {
	s.spoolMu.Lock()
	defer s.spoolMu.Unlock()
	m, n, err := s.spool(ctx, path)
	if err != nil {
		return Mark{}, 0, errors.Join(fmt.Errorf("store: spool: %w", err), removeIfThere(path))
	}
	return m, n, nil
}

func (s *Store) spool(ctx context.Context, path string) (m Mark, n int64, err error) {
	if err := s.usable(); err != nil {
		return Mark{}, 0, err
	}
	defer guardDamage(s.path, &err)()
	s.pubMu.Lock()
	h := s.disk
	s.pubMu.Unlock()
	if !h.acquire() {
		return Mark{}, 0, ErrClosed
	}
	defer h.release()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return Mark{}, 0, err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	tx, err := h.disk.Begin()
	if err != nil {
		return Mark{}, 0, err
	}
	closed := closeOnce(tx)
	defer func() { err = errors.Join(err, closed()) }()
	meta, err := decodeMeta(tx.Meta())
	if err == nil {
		if n, err = tx.WriteTo(spoolWriter{ctx, syncfile.NewWriter(f)}); ctx.Err() != nil {
			err = ctx.Err() // bbolt does not wrap all of what its writer returns
		} else if unreadable(err) {
			err = &DamageError{Path: s.path, Err: err, Hint: hintRestore}
		}
	}
	if err = errors.Join(err, closed()); err != nil {
		return Mark{}, 0, err
	}
	m = Mark{Index: meta.GetIndex(), Term: meta.GetTerm(), ConfState: meta.GetConfState()}
	return m, n, f.Sync()
}

// spoolWriter ends a copy with a context. It hides that it writes to a file, so that the copy is made by reads and writes, whose
// errors say which of the two failed.
type spoolWriter struct {
	ctx context.Context
	w   io.Writer
}

func (s spoolWriter) Write(b []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.w.Write(b)
}

// ReadFrom copies in larger pieces than io.Copy does.
func (s spoolWriter) ReadFrom(r io.Reader) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{s}, struct{ io.Reader }{r}, make([]byte, spoolPieceBytes))
}

// unreadable says whether a copy failed because the disk did not give what it was read from.
func unreadable(err error) bool {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return p.Op == "read"
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// Install takes over a received store file: what is in memory is dropped, the file is renamed over the store's own and
// is the state when Install returns. It belongs to Apply's goroutine. Open views finish on the old file. Watchers go on
// from their cursors. A refused file (wrong cluster, stale, damaged) changes nothing; an error after the rename leaves
// the store unusable, and the process must stop.
func (s *Store) Install(path string) (Mark, error) {
	s.spoolMu.Lock()
	defer s.spoolMu.Unlock()
	s.applyMu.Lock()
	defer s.applyMu.Unlock()
	if err := s.usable(); err != nil {
		return Mark{}, err
	}
	meta, err := inspect(path)
	switch {
	case err != nil:
		return Mark{}, err
	case !bytes.Equal(meta.GetClusterId(), s.clusterID):
		return Mark{}, ErrWrongCluster
	case meta.GetIndex() < s.mark.Index:
		return Mark{}, fmt.Errorf("%w: it is at index %d, applied is %d", ErrStale, meta.GetIndex(), s.mark.Index)
	}
	if err := syncFile(path); err != nil {
		return Mark{}, err
	}
	s.flushMu.Lock()
	defer s.flushMu.Unlock()
	s.pubMu.Lock()
	old := s.disk
	s.pubMu.Unlock()
	d, err := old.disk.Install(path)
	if err != nil {
		return Mark{}, s.fail(err)
	}
	if err := s.takeOver(newHandle(d)); err != nil {
		return Mark{}, s.fail(errors.Join(err, d.Close()))
	}
	if err := old.retire(); err != nil {
		return Mark{}, s.fail(err)
	}
	s.pubMu.Lock()
	close(s.flushDone)
	s.flushDone = make(chan struct{})
	hooks, m := s.onFlush, s.flushed
	s.pubMu.Unlock()
	for _, f := range hooks {
		f(m)
	}
	return m, nil
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("store: install: %w", err)
	}
	return errors.Join(f.Sync(), f.Close())
}

// FlushedHash returns what is flushed and the state hash that was recorded with it.
func (s *Store) FlushedHash() (Mark, []byte, error) {
	s.pubMu.Lock()
	h := s.disk
	s.pubMu.Unlock()
	if s.closed.Load() || !h.acquire() {
		return Mark{}, nil, ErrClosed
	}
	defer h.release()
	tx, err := h.disk.Begin()
	if err != nil {
		return Mark{}, nil, err
	}
	meta, err := decodeMeta(tx.Meta())
	if err = errors.Join(err, tx.Close()); err != nil {
		return Mark{}, nil, err
	}
	return Mark{Index: meta.GetIndex(), Term: meta.GetTerm(), ConfState: meta.GetConfState()}, meta.GetHash(), nil
}

// RecomputeHash reads all of what is flushed, every checksum included, and returns its mark, the state hash that was
// recorded with it and the one that it has. It holds one read of the disk for as long as that takes.
func (s *Store) RecomputeHash() (m Mark, recorded, computed []byte, err error) {
	s.pubMu.Lock()
	h := s.disk
	s.pubMu.Unlock()
	if s.closed.Load() || !h.acquire() {
		return Mark{}, nil, nil, ErrClosed
	}
	defer h.release()
	defer guardDamage(s.path, &err)()
	tx, err := h.disk.Begin()
	if err != nil {
		return Mark{}, nil, nil, err
	}
	defer func() { err = errors.Join(err, tx.Close()) }() // also after a panic: a read left open keeps the file from closing
	l := &layers{path: s.path, base: func() (Tx, error) { return tx, nil }}
	meta, err := decodeMeta(tx.Meta())
	var sum multiset
	if err == nil {
		sum, err = hashOf(context.Background(), l)
	}
	if err = l.locate(err); err != nil {
		return Mark{}, nil, nil, err
	}
	m = Mark{Index: meta.GetIndex(), Term: meta.GetTerm(), ConfState: meta.GetConfState()}
	return m, meta.GetHash(), sum.bytes(), nil
}

// closeOnce returns what closes a read, once: early where a read must not live long, and in a defer for a panic.
func closeOnce(tx Tx) func() error {
	open := true
	return func() error {
		if !open {
			return nil
		}
		open = false
		return tx.Close()
	}
}

// hashOf computes the state hash of everything that layers hold. It ends with ctx.
func hashOf(ctx context.Context, l *layers) (multiset, error) {
	var h, e multiset
	var scratch []byte
	it := l.scan(nil, nil, false)
	for n := 0; it.next(); n++ {
		if n%checkContextRecords == 0 && ctx.Err() != nil {
			return h, ctx.Err()
		}
		e, scratch = element(scratch, it.key, it.value)
		h.add(e)
	}
	return h, it.err
}
