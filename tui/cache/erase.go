package cache

import (
	"errors"
	"os"
	"path/filepath"
)

// Erase closes the file and removes it, what was set aside of it, and the account's other files that no client holds. A held
// one is its client's to erase. The locks stay, empty: a removed one could be held twice.
func (c *Cache) Erase() error {
	err := errors.Join(c.db.Close(), remove(c.path))
	for slot := 1; slot <= maxSlots && c.user != ""; slot++ {
		path := slotPath(c.dir, c.user, slot)
		if path == c.path || !exists(path+".lock") { // without a lock nothing was ever there
			continue
		}
		if lock, lerr := hold(path); lerr == nil {
			err = errors.Join(err, remove(path), lock.Close())
		} else if !errors.Is(lerr, ErrBusy) {
			err = errors.Join(err, lerr)
		}
	}
	return errors.Join(err, c.lock.Close())
}

// remove removes a file and what was set aside of it. A missing one is no error.
func remove(path string) error {
	aside, err := filepath.Glob(path + ".damaged-*")
	for _, p := range append(aside, path) {
		if exists(p) {
			err = errors.Join(err, os.Remove(p))
		}
	}
	return err
}
