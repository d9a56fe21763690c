package store

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// Only what the file did is damage: a mistake of this program stays a panic, which the API answers, and does not make the node
// ask its peers for their file.
func TestOnlyTheFileIsDamaged(t *testing.T) {
	guarded := func(f func()) (err error, panicked any) {
		defer func() { panicked = recover() }()
		v := &View{damaged: func(error) {}}
		defer v.guard(&err)()
		f()
		return nil, nil
	}
	var missing *DamageError
	for name, f := range map[string]func(){
		"a nil pointer": func() { _ = missing.Path },
		"an index":      func() { _ = []int{1}[len(t.Name())] },
		"a panic":       func() { panic("a mistake") },
	} {
		if err, p := guarded(f); err != nil || p == nil {
			t.Errorf("%s: error %v, panic %v", name, err, p)
		}
	}
	// A mapped page beyond the end of the file, which is what a damaged page number leads to.
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := unix.Mmap(int(f.Fd()), 0, os.Getpagesize(), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Munmap(m) }()
	err, p := guarded(func() { fmt.Fprint(os.Stderr, m[0]) })
	if _, ok := errors.AsType[*DamageError](err); !ok || p != nil {
		t.Errorf("a fault: error %v, panic %v", err, p)
	}
}

// A missing record is told to whoever watches, as what it is.
func TestMissingRecordIsNoDamage(t *testing.T) {
	s, d := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob")
	r.send("ann", "@bob", "first")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	id := s.machine.globals.GetLastAccount()
	d.tree.Delete(Write{Key: keyAccount(nil, id)})
	s, err := OpenDisk(d, Options{Manual: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var told []error
	s.OnDamage(func(err error) { told = append(told, err) })
	v, err := s.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	_, err = v.Session(token("bob"))
	_, doubt := errors.AsType[*ContradictionError](err)
	_, damage := errors.AsType[*DamageError](err)
	if !doubt || damage || len(told) != 1 {
		t.Errorf("read: %v; told: %v", err, told)
	}
}
