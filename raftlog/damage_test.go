package raftlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"parley/boltcheck"
)

// damagedLog makes a file with a compacted head, a few hundred entries of several pages, and one that overflows a page.
func damagedLog(t *testing.T) (path, want string) {
	path = newBolt(t)
	l := mustOpenOld(t, path)
	must(t, l.Append(Batch{Entries: entries(1, 300, 1), HardState: state(1, 2, 290)}))
	l.Compact(100)
	must(t, l.Append(Batch{Entries: entries(295, 400, 2), HardState: state(2, 1, 350)}))
	must(t, l.Append(Batch{Entries: append(entries(401, 420, 3), entry(421, 3, strings.Repeat("long", 4096))),
		HardState: state(3, 3, 360)}))
	want = content(t, l)
	must(t, l.Close())
	return path, want
}

// TestRandomDamage keeps P8: any byte of the file may rot, and Open either fails or returns exactly what was stored.
func TestRandomDamage(t *testing.T) {
	if testing.Short() {
		t.Skip("long, and one goroutine")
	}
	path, want := damagedLog(t)
	whole, err := os.ReadFile(path)
	must(t, err)
	used := usedBytes(t, path)
	r := rand.New(rand.NewPCG(1, 2))
	copied := filepath.Join(t.TempDir(), "raft.db")
	refused, harmless := 0, 0
	for range 600 {
		off := r.IntN(used)
		if r.IntN(4) == 0 {
			off = off &^ 4095 // a page header: what bbolt trusts most
			off += r.IntN(80)
		}
		b := bytes.Clone(whole[:used])
		b[off] ^= byte(1 << r.IntN(8))
		if r.IntN(8) == 0 { // a whole sector
			clear(b[off&^511 : off&^511+512])
		}
		must(t, os.WriteFile(copied, b, 0o600))
		l, err := openOld(copied, Options{})
		var damage *DamageError
		switch {
		case errors.As(err, &damage):
			if damage.Path != copied || damage.Key == "" || damage.Hint == "" || damage.Err == nil {
				t.Fatalf("byte %d: a damage error must name everything: %+v", off, damage)
			}
			refused++
		case errors.Is(err, ErrFormat):
			refused++
		case err != nil:
			t.Fatalf("byte %d: unexpected error %v", off, err)
		default:
			if got := content(t, l); got != want {
				t.Fatalf("byte %d: wrong bytes were returned:\n got %s\nwant %s", off, got, want)
			}
			harmless++ // in a free page, or behind a page's last element
			must(t, l.Close())
		}
	}
	t.Logf("%d refused, %d in unused bytes", refused, harmless)
	if refused < 100 {
		t.Fatalf("only %d of 600 flips were noticed", refused)
	}
}

// usedBytes is the file's high-water mark.
func usedBytes(t *testing.T, path string) int {
	used, err := boltcheck.UsedBytes(path)
	must(t, err)
	return int(used)
}

// TestDamagedValues flips a byte in every value of the file.
func TestDamagedValues(t *testing.T) {
	path, _ := damagedLog(t)
	whole, err := os.ReadFile(path)
	must(t, err)
	whole = whole[:usedBytes(t, path)]
	type place struct {
		bucket, key string
		index       uint64
		value       []byte
	}
	var places []place
	d, err := openBolt(path)
	must(t, err)
	for _, bucket := range []string{BucketLog, BucketMeta} {
		must(t, d.Load(bucket, func(k, v []byte) error {
			p := place{bucket: bucket, key: string(k), value: bytes.Clone(v)}
			if bucket == BucketLog {
				p.index = uint64(k[6])<<8 | uint64(k[7])
				p.key = fmt.Sprintf("entry %d", p.index)
			}
			places = append(places, p)
			return nil
		}))
	}
	must(t, d.Close())
	copied := filepath.Join(t.TempDir(), "raft.db")
	for i, p := range places {
		if p.bucket == BucketLog && (p.index <= 100 || i%7 != 0) {
			continue // compacted records are ignored; the rest is sampled
		}
		// Old pages may hold the same value, so that all copies are damaged.
		b := bytes.Clone(whole)
		bad := bytes.Clone(p.value)
		bad[len(bad)/2] ^= 0x10
		b = bytes.ReplaceAll(b, p.value, bad)
		must(t, os.WriteFile(copied, b, 0o600))
		l, err := openOld(copied, Options{})
		var damage *DamageError
		if !errors.As(err, &damage) {
			t.Fatalf("%s %s: got %v, %v, want a damage error", p.bucket, p.key, l, err)
		}
		if damage.Bucket != p.bucket || damage.Key != p.key || damage.Index != p.index {
			t.Fatalf("%s %s: the error names %q %q %d", p.bucket, p.key, damage.Bucket, damage.Key, damage.Index)
		}
	}
}

// TestDamagedFile is what happens to files as a whole.
func TestDamagedFile(t *testing.T) {
	path, _ := damagedLog(t)
	whole, err := os.ReadFile(path)
	must(t, err)
	whole = whole[:usedBytes(t, path)]
	page := os.Getpagesize()
	for _, tc := range []struct {
		name   string
		damage func([]byte) []byte
		says   string
	}{
		{"empty", func([]byte) []byte { return nil }, "empty"},
		{"one byte", func(b []byte) []byte { return b[:1] }, ""},
		{"cut off at half", func(b []byte) []byte { return b[:len(b)/2] }, "cut off"},
		{"cut off in the last page", func(b []byte) []byte { return b[:len(b)-1] }, "cut off"},
		{"zeros", func(b []byte) []byte { return make([]byte, len(b)) }, "meta"},
		{"another file", func(b []byte) []byte { return bytes.Repeat([]byte("text"), len(b)/4) }, "meta"},
		{"the first meta page", func(b []byte) []byte { b[16+48] ^= 1; return b }, "meta"},
		{"the second meta page", func(b []byte) []byte { b[page+16+48] ^= 1; return b }, "meta"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "raft.db")
			must(t, os.WriteFile(path, tc.damage(bytes.Clone(whole)), 0o600))
			_, err := openOld(path, Options{})
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("got %v, want an error that says %q", err, tc.says)
			}
			if !strings.Contains(err.Error(), path) {
				t.Fatalf("the error does not name the file: %v", err)
			}
		})
	}
}

// TestDamagedStructure forges trees on which bbolt itself panics in a goroutine, or never comes back.
func TestDamagedStructure(t *testing.T) {
	path := newBolt(t)
	l := mustOpenOld(t, path)
	must(t, l.Append(Batch{Entries: entries(1, 2000, 1), HardState: state(1, 1, 0)}))
	must(t, l.Close())
	whole, err := os.ReadFile(path)
	must(t, err)
	whole = whole[:usedBytes(t, path)]
	page := os.Getpagesize()
	branch := -1
	for off := 2 * page; off < len(whole); off += page {
		if binary.NativeEndian.Uint16(whole[off+8:]) == 1 {
			branch = off
		}
	}
	if branch < 0 {
		t.Fatal("no branch page in 2000 entries")
	}
	self := binary.NativeEndian.Uint64(whole[branch:])
	for _, tc := range []struct {
		name   string
		damage func(b []byte)
		says   string
	}{
		{"a child that is its parent", func(b []byte) { binary.NativeEndian.PutUint64(b[branch+16+8:], self) }, "two references"},
		{"a child twice", func(b []byte) {
			copy(b[branch+32+8:branch+32+16], b[branch+16+8:branch+16+16])
		}, "two references"},
		{"a child beyond the end", func(b []byte) { binary.NativeEndian.PutUint64(b[branch+16+8:], 1<<40) }, "outside"},
		{"a child that is a meta page", func(b []byte) { binary.NativeEndian.PutUint64(b[branch+16+8:], 1) }, "outside"},
		{"no children", func(b []byte) { binary.NativeEndian.PutUint16(b[branch+10:], 0) }, "without children"},
		{"fewer children", func(b []byte) { binary.NativeEndian.PutUint16(b[branch+10:], 1) }, "missing"},
		{"a key out of order", func(b []byte) {
			pos := branch + 32 + int(binary.NativeEndian.Uint32(b[branch+32:]))
			b[pos] = 0xff
		}, "out of order"},
		{"an element outside its page", func(b []byte) { binary.NativeEndian.PutUint32(b[branch+32:], 1<<20) }, "lies outside"},
		{"another kind", func(b []byte) { binary.NativeEndian.PutUint16(b[branch+8:], 0x10) }, "unexpected kind"},
		{"another number", func(b []byte) { binary.NativeEndian.PutUint64(b[branch:], self+1) }, "calls itself"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := bytes.Clone(whole)
			tc.damage(b)
			path := filepath.Join(t.TempDir(), "raft.db")
			must(t, os.WriteFile(path, b, 0o600))
			_, err := openOld(path, Options{})
			var damage *DamageError
			if !errors.As(err, &damage) || !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("got %v, want a damage error that says %q", err, tc.says)
			}
		})
	}
}

// edit changes the file behind the log's back.
func edit(t *testing.T, path string, f func(log, meta *bolt.Bucket) error) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, boltOptions())
	must(t, err)
	must(t, db.Update(func(tx *bolt.Tx) error {
		return f(tx.Bucket([]byte(BucketLog)), tx.Bucket([]byte(BucketMeta)))
	}))
	must(t, db.Close())
}

func put(b *bolt.Bucket, r Record) error { return b.Put(r.Key, r.Value) }

// TestOpenAsserts lets Open meet files whose bytes are whole and whose story is not. Each is one that no crash of this
// package leaves behind.
func TestOpenAsserts(t *testing.T) {
	putEntry := func(b *bolt.Bucket, key, index, term uint64) error {
		body, err := appendEntry(nil, entry(index, term, "forged"))
		if err != nil {
			return err
		}
		k := appendKey(nil, key)
		return b.Put(k, seal(string(k), body[keyBytes+crcBytes:]))
	}
	for _, tc := range []struct {
		name  string
		edit  func(log, meta *bolt.Bucket) error
		key   string
		index uint64
	}{
		{"a hole", func(log, _ *bolt.Bucket) error { return log.Delete(appendKey(nil, 50)) }, "entry 50", 50},
		{"the first is gone", func(log, _ *bolt.Bucket) error { return log.Delete(appendKey(nil, 1)) }, "entry 1", 1},
		{"the last is gone", func(log, _ *bolt.Bucket) error { return log.Delete(appendKey(nil, 90)) }, "entry 90", 90},
		{"one too many", func(log, _ *bolt.Bucket) error { return putEntry(log, 91, 91, 3) }, "entry 91", 91},
		{"the last is another", func(log, _ *bolt.Bucket) error { return putEntry(log, 90, 90, 2) }, "entry 90", 90},
		{"another index inside", func(log, _ *bolt.Bucket) error { return putEntry(log, 40, 41, 1) }, "entry 40", 40},
		{"a term that falls", func(log, _ *bolt.Bucket) error { return putEntry(log, 85, 85, 1) }, "entry 85", 85},
		{"a key that is no index", func(log, _ *bolt.Bucket) error {
			return log.Put([]byte("x"), seal("x", nil))
		}, "entry 91", 91},
		{"commit beyond the log", func(_, meta *bolt.Bucket) error {
			return put(meta, hardStateRecord(hardState{term: 3, commit: 91}))
		}, keyHardState, 0},
		{"commit below the compaction", func(_, meta *bolt.Bucket) error {
			return errors.Join(
				put(meta, markRecord(keyCompacted, mark{60, 1})),
				put(meta, hardStateRecord(hardState{3, 1, 9})))
		}, keyHardState, 0},
		{"a term below the log's", func(_, meta *bolt.Bucket) error {
			return put(meta, hardStateRecord(hardState{term: 1, commit: 70}))
		}, keyHardState, 0},
		{"no hard state", deleteMeta(keyHardState), keyHardState, 0},
		{"no identity", deleteMeta(keyIdentity), keyIdentity, 0},
		{"no compaction point", deleteMeta(keyCompacted), keyCompacted, 0},
		{"no tail", deleteMeta(keyTail), keyTail, 0},
		{"no format", deleteMeta(keyFormat), keyFormat, 0},
		{"a value under another's key", func(_, meta *bolt.Bucket) error {
			return meta.Put([]byte(keyTail), meta.Get([]byte(keyCompacted)))
		}, keyTail, 0},
		{"an identity without incarnation", func(_, meta *bolt.Bucket) error {
			return put(meta, identityRecord(Identity{ID: 1}))
		}, keyIdentity, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := newBolt(t)
			l := mustOpenOld(t, path)
			es := append(entries(1, 80, 1), entries(81, 90, 3)...)
			must(t, l.Append(Batch{Entries: es, HardState: state(3, 1, 70)}))
			must(t, l.Close())
			edit(t, path, tc.edit)
			_, err := openOld(path, Options{})
			var damage *DamageError
			if !errors.As(err, &damage) || damage.Key != tc.key || damage.Index != tc.index {
				t.Fatalf("got %v, want damage at %q, index %d", err, tc.key, tc.index)
			}
		})
	}
}

func TestOpenRefusesNewerFormat(t *testing.T) {
	path := newBolt(t)
	edit(t, path, func(_, meta *bolt.Bucket) error { return put(meta, formatRecord(boltFormatVersion+1)) })
	if _, err := openOld(path, Options{}); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "upgrade this node") {
		t.Fatalf("got %v, want ErrFormat, and what to do", err)
	}
}

// TestHeal keeps the design's promise that damage at or below the store's flushed index costs nothing, and that above
// it the log is not touched.
func TestHeal(t *testing.T) {
	for _, tc := range []struct {
		name    string
		edit    func(log, meta *bolt.Bucket) error
		flushed uint64 // term 2 from entry 51 on
		heals   bool
	}{
		{"entry below", damageEntry(40), 60, true},
		{"entry at", damageEntry(60), 60, true},
		{"entry above", damageEntry(61), 60, false},
		{"nothing flushed", damageEntry(40), 0, false},
		{"hole below", deleteEntry(40), 60, true},
		{"tail below", deleteEntry(90), 90, true},
		{"tail above", deleteEntry(90), 89, false},
		{"flushed beyond the log", damageEntry(90), 200, true},
		{"compaction point", func(_, meta *bolt.Bucket) error {
			return meta.Put([]byte(keyCompacted), []byte("bad"))
		}, 60, true},
		{"hard state", func(_, meta *bolt.Bucket) error {
			return meta.Put([]byte(keyHardState), []byte("bad"))
		}, 90, false},
		{"tail record", func(_, meta *bolt.Bucket) error {
			return meta.Put([]byte(keyTail), []byte("bad"))
		}, 90, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := newBolt(t)
			l := mustOpenOld(t, path)
			es := append(entries(1, 50, 1), entries(51, 90, 2)...)
			must(t, l.Append(Batch{Entries: es, HardState: state(2, 1, 60)}))
			l.Compact(10)
			must(t, l.Close())
			edit(t, path, tc.edit)
			l, err := openOld(path, Options{FlushedIndex: tc.flushed, FlushedTerm: 2})
			if !tc.heals {
				var damage *DamageError
				if !errors.As(err, &damage) {
					t.Fatalf("got %v, want a damage error", err)
				}
				return
			}
			must(t, err)
			if l.Healed() == nil {
				t.Fatal("Healed does not tell")
			}
			index, term := l.Compacted()
			last, _ := l.LastIndex()
			if index != tc.flushed || term != 2 || last != max(90, tc.flushed) {
				t.Fatalf("log is (%d/%d, %d], want (%d/2, %d]", index, term, last, tc.flushed, max(90, tc.flushed))
			}
			if hs := fromPB(l.HardState()); hs != (hardState{term: 2, vote: 1, commit: max(60, tc.flushed)}) {
				t.Fatalf("hard state %+v", hs)
			}
			must(t, l.check())
			want := content(t, l)
			must(t, l.Close())

			l = mustOpenOld(t, path)
			if got := content(t, l); got != want || l.Healed() != nil {
				t.Fatalf("after the next start:\n got %s (healed %v)\nwant %s", got, l.Healed(), want)
			}
			must(t, l.check())
		})
	}
}

func damageEntry(index uint64) func(log, meta *bolt.Bucket) error {
	return func(log, _ *bolt.Bucket) error {
		v := bytes.Clone(log.Get(appendKey(nil, index)))
		v[len(v)-1] ^= 1
		return log.Put(appendKey(nil, index), v)
	}
}

func deleteEntry(index uint64) func(log, meta *bolt.Bucket) error {
	return func(log, _ *bolt.Bucket) error { return log.Delete(appendKey(nil, index)) }
}

func deleteMeta(key string) func(log, meta *bolt.Bucket) error {
	return func(_, meta *bolt.Bucket) error { return meta.Delete([]byte(key)) }
}
