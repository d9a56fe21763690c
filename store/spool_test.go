package store

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// failingDisk's copies end with an error.
type failingDisk struct {
	*MemDisk
	err error
}

type failingTx struct {
	Tx
	err error
}

func (d failingDisk) Begin() (Tx, error) {
	tx, err := d.MemDisk.Begin()
	return failingTx{tx, d.err}, err
}

func (t failingTx) WriteTo(io.Writer) (int64, error) { return 0, t.err }

// A part of the store file that cannot be read is damage; a copy that cannot be written is not.
func TestSpoolTellsWhoseDiskFailed(t *testing.T) {
	for name, tc := range map[string]struct {
		err    error
		damage bool
	}{
		"a bad sector":    {&os.PathError{Op: "read", Path: "store.db", Err: syscall.EIO}, true},
		"a file cut off":  {io.EOF, true},
		"in the middle":   {io.ErrUnexpectedEOF, true},
		"a full disk":     {&os.PathError{Op: "write", Path: "send-1.tmp", Err: syscall.ENOSPC}, false},
		"nobody waits":    {context.Canceled, false},
		"a disk that bit": {&os.PathError{Op: "write", Path: "send-1.tmp", Err: syscall.EIO}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s, d := memStore(t, Options{})
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s, err := OpenDisk(failingDisk{d, tc.err}, Options{Manual: true})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			_, _, err = s.Spool(filepath.Join(t.TempDir(), "spool"))
			if _, damage := errors.AsType[*DamageError](err); damage != tc.damage || !errors.Is(err, tc.err) {
				t.Errorf("%v", err)
			}
		})
	}
}

// What reads or copies a whole file ends with its context, and that is no damage.
func TestWholeFileReadsEndWithTheirContext(t *testing.T) {
	s, path := fileStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob")
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	copied := filepath.Join(t.TempDir(), "spool")
	_, _, spoolErr := s.SpoolContext(ctx, copied)
	if _, err := os.Stat(copied); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a copy that was given up is there: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{"spool": spoolErr, "verify": VerifyContext(ctx, path)} {
		if _, damage := errors.AsType[*DamageError](err); damage || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
