package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"

	"parley/proto/internalv1"
)

// Info is what a store file says of itself.
type Info struct {
	Mark
	ClusterID []byte
	// Hash is the state hash that was recorded with Mark.
	Hash []byte
}

// Describe opens a store file that nobody else has open and returns what it says of itself, unverified.
func Describe(path string) (Info, error) {
	meta, err := inspect(path)
	if err != nil {
		return Info{}, err
	}
	return infoOf(meta), nil
}

func infoOf(meta *internalv1.FlushRecord) Info {
	return Info{
		Mark:      Mark{Index: meta.GetIndex(), Term: meta.GetTerm(), ConfState: meta.GetConfState()},
		ClusterID: meta.GetClusterId(), Hash: meta.GetHash(),
	}
}

// Copy writes the state of a store file that nobody else has open to a new file, synced. It checks what Verify checks and
// builds the new file from the pairs that passed, so that nothing of the old one's pages gets into it: not its free list,
// which no checksum covers. A file that Copy did not finish is no store file; os.ErrExist when something is at dst.
func Copy(src, dst string) error {
	if _, err := os.Lstat(dst); err == nil {
		return fmt.Errorf("store: copy to %s: %w", dst, os.ErrExist)
	}
	db, err := bbolt.Open(dst, 0o600, &bbolt.Options{Timeout: time.Second, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return fmt.Errorf("store: copy: %w", err)
	}
	db.AllocSize = fileGrowBytes
	err = readFile(src, func(tx Tx) error { return copyState(tx, src, db) })
	if cerr := db.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return errors.Join(fmt.Errorf("store: copy: %w", err), removeIfThere(dst))
	}
	return syncDir(filepath.Dir(dst))
}

// copyState writes all pairs, copyBatchBytes in a commit, and last of all the flush record, which makes the file one.
func copyState(tx Tx, src string, db *bbolt.DB) error {
	meta, err := decodeMeta(tx.Meta())
	if err != nil {
		return err
	}
	var sum, e multiset
	var scratch []byte
	var batch Batch
	size := 0
	it := (&layers{path: src, base: func() (Tx, error) { return tx, nil }}).scan(nil, nil, false)
	for it.next() {
		e, scratch = element(scratch, it.key, it.value)
		sum.add(e)
		key := bytes.Clone(it.key)
		batch.Writes = append(batch.Writes, Write{Key: key, Value: appendFramed(nil, key, it.value)})
		if size += len(key) + len(it.value); size >= copyBatchBytes {
			if err := commitPart(db, batch); err != nil {
				return err
			}
			batch.Writes, size = nil, 0
		}
	}
	if it.err != nil {
		return it.err
	}
	if !bytes.Equal(sum.bytes(), meta.GetHash()) {
		return &DamageError{Path: src, Err: errHashDiffers, Hint: hintRestore}
	}
	if batch.Meta, err = encodeMeta(meta); err != nil {
		return err
	}
	return commitPart(db, batch)
}

// commitPart stores some pairs, and with a flush record both buckets that a store file has.
func commitPart(db *bbolt.DB, b Batch) error {
	return db.Update(func(tx *bbolt.Tx) error {
		if _, err := tx.CreateBucketIfNotExists(bucketState); err != nil {
			return err
		}
		if b.Meta != nil {
			if _, err := tx.CreateBucket(bucketLocal); err != nil {
				return err
			}
			return putAll(tx, b)
		}
		return putState(tx, b)
	})
}
