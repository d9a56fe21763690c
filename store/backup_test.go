package store

import (
	"bytes"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"
)

// sealedBackup is a backup of a state in which people talked.
func sealedBackup(t *testing.T) (path string, content []byte) {
	t.Helper()
	src, r, _, _ := livedIn(t)
	reopen(t, r, src)
	path = filepath.Join(t.TempDir(), "backup")
	if _, _, err := r.s.Spool(path); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b = append(b, Seal(int64(len(b)), crc32.Checksum(b, castagnoli))...)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, b
}

func TestVerifyBackup(t *testing.T) {
	path, content := sealedBackup(t)
	info, sealed, err := VerifyBackup(path)
	if err != nil || !sealed || info.Index == 0 || !bytes.Equal(info.ClusterID, testCluster) {
		t.Fatalf("%+v, sealed %v, %v", info, sealed, err)
	}
	dst := filepath.Join(t.TempDir(), "copy.db")
	if err := Copy(path, dst); err != nil {
		t.Fatal(err)
	}
	if err := Verify(dst); err != nil {
		t.Fatal(err)
	}
	plain := filepath.Join(t.TempDir(), "store.db")
	if err := os.WriteFile(plain, content[:len(content)-sealBytes], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, sealed, err := VerifyBackup(plain); err != nil || sealed {
		t.Errorf("a store file alone: sealed %v, %v", sealed, err)
	}
}

// Every byte of a backup is covered: one that is flipped anywhere, and a file that is cut anywhere, is noticed. One that is
// cut between two pages may hold the whole state all the same; it has no seal.
func TestVerifyBackupNoticesDamage(t *testing.T) {
	path, content := sealedBackup(t)
	notices := func(what string, at int, b []byte) {
		t.Helper()
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if info, sealed, err := VerifyBackup(path); err == nil && sealed {
			t.Fatalf("%s at byte %d of %d: %+v, sealed %v, %v", what, at, len(content), info, sealed, err)
		}
	}
	for at := range content {
		if at%61 != 0 && at < len(content)-sealBytes {
			continue // all of the seal, and a sample of the rest
		}
		b := bytes.Clone(content)
		b[at] ^= 1 << (at % 8)
		notices("a flip", at, b)
	}
	for at := 0; at < len(content); at += 509 {
		notices("a cut", at, content[:at])
	}
	for at := 0; at < len(content)-sealBytes; at += pageBytes {
		notices("a cut between pages", at, content[:at])
	}
	notices("an addition", len(content), append(bytes.Clone(content), 0))
}
