package raftlog

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
)

// The file "mark" says how far the log is durable: the number of the last commit whose sync has returned. It is written
// after each, and not synced itself: the kernel writes it back within seconds, Close and the change of segments sync it.
// When a process is killed it is exact, after a power cut it may be behind, it is never ahead. So a last frame that is not
// whole was torn by a power cut when the mark is below it, and was damaged when it is not.
//
// It has two slots, written in turn, each in a page of its own:
//
//	 0  "parleywl"
//	 8  CRC32C of what follows
//	12  format version
//	16  salt: a random number of this log, with which the checksum of each frame begins. A message that contains what
//	    looks like a frame cannot know it, and neither does a frame of another log.
//	20  0
//	24  commit number
const (
	markSlotBytes = 32
	markSlotGap   = 4096
	markMagic     = "parleywl"
)

// walMark is what a slot says.
type walMark struct {
	salt   uint32
	number uint64
}

func (m walMark) slot() []byte {
	b := make([]byte, markSlotBytes)
	copy(b, markMagic)
	binary.LittleEndian.PutUint32(b[12:], formatVersion)
	binary.LittleEndian.PutUint32(b[16:], m.salt)
	binary.LittleEndian.PutUint64(b[24:], m.number)
	binary.LittleEndian.PutUint32(b[8:], crc32.Checksum(b[12:], castagnoli))
	return b
}

// write puts the mark into its slot. The other one keeps the mark before.
func (m walMark) write(f *os.File) error {
	_, err := f.WriteAt(m.slot(), int64(m.number%2)*markSlotGap)
	return err
}

// readMark reads the newer slot. One is enough: the older one is no more than a commit behind.
func readMark(path string, b []byte) (m walMark, err error) {
	found := false
	for i := range 2 {
		if len(b) < i*markSlotGap+markSlotBytes {
			break
		}
		s := b[i*markSlotGap:][:markSlotBytes]
		if string(s[:8]) != markMagic || crc32.Checksum(s[12:], castagnoli) != binary.LittleEndian.Uint32(s[8:]) {
			continue
		}
		if v := binary.LittleEndian.Uint32(s[12:]); v != formatVersion {
			return m, unknownFormat(path, v, formatVersion)
		}
		if n := binary.LittleEndian.Uint64(s[24:]); !found || n > m.number {
			m = walMark{salt: binary.LittleEndian.Uint32(s[16:]), number: n}
		}
		found = true
	}
	if !found {
		return m, damagedFile(path, "file: "+markFile, errChecksum)
	}
	return m, nil
}

func unknownFormat(path string, v, known uint32) error {
	return fmt.Errorf("%w %d in %s: this program reads %d; upgrade this node to the version that wrote it, or a later one",
		ErrFormat, v, path, known)
}
