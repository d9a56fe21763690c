package store

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

// A backup is a store file and a seal, which covers every byte: a store file's own checksums cover what it holds, and not
// the space between. bbolt reads a sealed file as it would the file alone.
//
//	seal: magic, 16 bytes; bytes before the seal, 8; their CRC-32C, 4; CRC-32C of the seal so far, 4. Big-endian.
const (
	sealMagic = "parley backup 1\n"
	sealBytes = len(sealMagic) + 8 + 4 + 4
	// pageBytes divides the size of every store file, and no sealed one's.
	pageBytes = 4096
)

var (
	errUnsealed  = errors.New("it is cut short, or its seal is damaged")
	errSealWrong = errors.New("its bytes do not have the checksum in its seal")
)

// Seal returns what comes after the bytes of a store file to make it a backup.
func Seal(size int64, crc uint32) []byte {
	b := append(make([]byte, 0, sealBytes), sealMagic...)
	b = binary.BigEndian.AppendUint64(b, uint64(size))
	b = binary.BigEndian.AppendUint32(b, crc)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// VerifyBackup checks all of a backup: its seal, every checksum inside, and the state hash against the recorded one. A store
// file without a seal passes too, with sealed false.
func VerifyBackup(path string) (info Info, sealed bool, err error) {
	if sealed, err = checkSeal(path); err != nil {
		return Info{}, false, fmt.Errorf("store: backup: %w", err)
	}
	if info, err = Describe(path); err == nil {
		err = Verify(path)
	}
	if err != nil {
		return Info{}, false, err
	}
	return info, sealed, nil
}

// checkSeal is false for a file that has the size of a store file.
func checkSeal(path string) (sealed bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return false, err
	}
	size := st.Size() - int64(sealBytes)
	if st.Size()%pageBytes == 0 && st.Size() > 0 {
		return false, nil
	}
	damaged := func(err error) (bool, error) { return false, &DamageError{Path: path, Err: err, Hint: hintBackup} }
	if size < 0 {
		return damaged(errUnsealed)
	}
	seal := make([]byte, sealBytes)
	if _, err := f.ReadAt(seal, size); err != nil {
		return false, err
	}
	if !bytes.HasPrefix(seal, []byte(sealMagic)) || binary.BigEndian.Uint64(seal[len(sealMagic):]) != uint64(size) ||
		!bytes.Equal(seal, Seal(size, binary.BigEndian.Uint32(seal[len(sealMagic)+8:]))) {
		return damaged(errUnsealed)
	}
	sum := crc32.New(castagnoli)
	if _, err := io.Copy(sum, bufio.NewReaderSize(io.LimitReader(f, size), 1<<20)); err != nil {
		return false, err
	}
	if !bytes.Equal(seal, Seal(size, sum.Sum32())) {
		return damaged(errSealWrong)
	}
	return true, nil
}

const hintBackup = "use another backup"
