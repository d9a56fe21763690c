package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/bbolt"

	"parley/boltcheck"
)

// ErrBusy is returned when every slot of an account is held by a running client, or the one that was asked for is.
var ErrBusy = errors.New("a running client holds the file")

var userForm = regexp.MustCompile(`^[a-z0-9._-]{1,32}$`)

// Cache is one open file. It implements common.Store; its methods may be called by several goroutines at once.
type Cache struct {
	path  string
	dir   string // with user: where the account's other files are; empty for one that was opened alone
	user  string
	lock  *os.File
	db    *bbolt.DB
	notes []string
}

// Open takes the first file of user in dir that no other client holds, makes it when there is none, and moves the outboxes of
// files that nobody holds into it. dir is made with mode 0700, files with 0600. The error is ErrBusy when all slots are held.
func Open(dir, user string, now time.Time) (*Cache, error) {
	if !userForm.MatchString(user) {
		return nil, fmt.Errorf("cache: %q is not an account name", user)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	for slot := 1; slot <= maxSlots; slot++ {
		c, err := openFile(slotPath(dir, user, slot), now)
		if errors.Is(err, ErrBusy) {
			continue
		}
		if err != nil {
			return nil, err
		}
		c.dir, c.user = dir, user
		for other := 1; other <= maxSlots; other++ {
			if other != slot {
				c.adopt(slotPath(dir, user, other), now)
			}
		}
		return c, nil
	}
	return nil, fmt.Errorf("cache: %d clients of %s run here: %w", maxSlots, user, ErrBusy)
}

// Files are the paths of user's files in dir that exist, whoever holds them.
func Files(dir, user string) []string {
	var out []string
	for slot := 1; slot <= maxSlots; slot++ {
		if path := slotPath(dir, user, slot); exists(path) {
			out = append(out, path)
		}
	}
	return out
}

// OpenFile opens one existing file, for a program that looks after it while no client runs. The error is ErrBusy when one
// does, and fs.ErrNotExist when there is no such file.
func OpenFile(path string, now time.Time) (*Cache, error) {
	if !exists(path) {
		return nil, fmt.Errorf("cache: %s: %w", path, fs.ErrNotExist)
	}
	return openFile(path, now)
}

func slotPath(dir, user string, slot int) string {
	if slot == 1 {
		return filepath.Join(dir, user+".db")
	}
	return filepath.Join(dir, fmt.Sprintf("%s.%d.db", user, slot))
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// hold locks a file against other clients until the lock is closed. The error is ErrBusy when one has it.
func hold(path string) (*os.File, error) {
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("cache: %s: %w", path, ErrBusy)
		}
		return nil, fmt.Errorf("cache: lock %s: %w", path, err)
	}
	return lock, nil
}

func openFile(path string, now time.Time) (*Cache, error) {
	lock, err := hold(path)
	if err != nil {
		return nil, err
	}
	c := &Cache{path: path, lock: lock}
	if err := c.open(); err != nil {
		if err = c.setAside(err, now); err == nil {
			err = c.open()
		}
		if err != nil {
			_ = lock.Close()
			return nil, fmt.Errorf("cache: %s: %w", path, err)
		}
	}
	return c, nil
}

// ErrFormat is returned for a file that another parley wrote in a form that this one does not know. It stays as it is.
var ErrFormat = errors.New("another format than this program knows: use the newer parley, or move the file away")

// errDamaged is returned by open for a file whose content does not hold up.
var errDamaged = errors.New("damaged")

// open opens the file under the lock. Pages are checked first: bbolt goes astray on wrong ones in ways that nobody could
// recover from.
func (c *Cache) open() (err error) {
	if exists(c.path) {
		if err := boltcheck.Pages(c.path, true); err != nil {
			if _, system := errors.AsType[syscall.Errno](err); system {
				return err
			}
			return fmt.Errorf("%w: %w", errDamaged, err)
		}
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errDamaged, p)
		}
	}()
	db, err := bbolt.Open(c.path, 0o600, &bbolt.Options{Timeout: time.Millisecond, FreelistType: bbolt.FreelistMapType, NoStatistics: true})
	if err != nil {
		if _, system := errors.AsType[syscall.Errno](err); system {
			return err
		}
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	missing := false
	err = db.View(func(tx *bbolt.Tx) error {
		for _, b := range buckets {
			missing = missing || tx.Bucket(b) == nil
		}
		if meta := tx.Bucket(bucketMeta); meta != nil {
			if f := meta.Get(keyFormat); f != nil && string(f) != format {
				return fmt.Errorf("%w (%q)", ErrFormat, f)
			}
		}
		return nil
	})
	if err == nil && missing {
		err = db.Update(func(tx *bbolt.Tx) error {
			for _, b := range buckets {
				if _, err := tx.CreateBucketIfNotExists(b); err != nil {
					return err
				}
			}
			return tx.Bucket(bucketMeta).Put(keyFormat, []byte(format))
		})
	}
	if err != nil {
		return errors.Join(err, db.Close())
	}
	c.db = db
	return nil
}

// setAside renames a damaged file, so that a new one can be begun and the old one be looked at.
func (c *Cache) setAside(cause error, now time.Time) error {
	if !errors.Is(cause, errDamaged) {
		return cause
	}
	aside := c.path + ".damaged-" + strconv.FormatInt(now.Unix(), 10)
	if err := os.Rename(c.path, aside); err != nil {
		return errors.Join(cause, err)
	}
	if old, err := filepath.Glob(c.path + ".damaged-*"); err == nil && len(old) > maxDamaged {
		slices.Sort(old)
		for _, path := range old[:len(old)-maxDamaged] {
			os.Remove(path)
		}
	}
	c.notes = append(c.notes, "what was kept here could not be read and was set aside as "+filepath.Base(aside)+
		"; messages that waited in it are not sent: "+reason(cause))
	return nil
}

// reason is an error in one short line.
func reason(err error) string {
	s := strings.TrimPrefix(err.Error(), errDamaged.Error()+": ")
	return strings.ReplaceAll(s, "\n", "; ")
}

// adopt moves the outbox of another file into ours, unless a client holds it, and says so. Drafts that we lack come along.
// What goes wrong is said and stays there for the next start.
func (c *Cache) adopt(path string, now time.Time) {
	if !exists(path) {
		return
	}
	o, err := openFile(path, now)
	if errors.Is(err, ErrBusy) {
		return
	}
	if err == nil {
		c.notes = append(c.notes, o.notes...)
		err = c.takeOver(o)
		err = errors.Join(err, o.Close())
	}
	if err != nil {
		c.notes = append(c.notes, "the outbox of "+filepath.Base(path)+" was left alone: "+reason(err))
	}
}

func (c *Cache) takeOver(o *Cache) error {
	saved, err := o.Load()
	if err != nil || len(saved.Outbox) == 0 {
		return err
	}
	mine, err := c.Load()
	if err != nil {
		return err
	}
	next := uint64(1)
	for _, m := range mine.Outbox {
		next = max(next, m.Order+1)
	}
	ids := make([]string, 0, len(saved.Outbox))
	for _, m := range saved.Outbox {
		if len(mine.Outbox)+len(ids) >= MaxOutbox {
			break // the rest stays there
		}
		m.Order = next
		next++
		if err := c.Put(m); err != nil {
			return err
		}
		ids = append(ids, m.ID)
	}
	if err := o.Drop(ids...); err != nil {
		return err
	}
	c.notes = append(c.notes, fmt.Sprintf("%d of another window that ended were taken over into the outbox", len(ids)))
	return nil
}

// Close lets go of the file.
func (c *Cache) Close() error {
	err := c.db.Close()
	return errors.Join(err, c.lock.Close())
}
