package raftlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// A frame is one commit in a segment, written by one write:
//
//	 0  CRC32C of the log's salt, and of all that follows up to the values
//	 4  bytes of the table
//	 8  commit number: 1 for the first of a log, then rising by one
//	16  bytes of the values
//	24  flags: 1 = Tx.Clear
//	28  0
//	32  table: count and {key length, value length, key, value} of all meta records; count and {Lo, Hi} of the deletions;
//	    count and {key, value length, the value's own CRC} of the log records
//	    values of the log records, one after the other, each with its CRC in front as everywhere
//	    zeros up to a multiple of frameAlign
//
// Integers are little-endian. The table holds the checksum of each value, so that its own covers the whole frame, and each
// value is summed once. Every frame has all meta records: whichever is the last, it says who this node is and what it
// promised, and no older segment is needed for that.
const (
	frameHeader = 32
	frameAlign  = 8
	flagClear   = 1
	tableRecord = keyBytes + 4 + crcBytes
)

var errTorn = errors.New("no whole frame")

// appendFrame appends tx as the frame with the given number to buf, which must end aligned. meta is all of the meta bucket
// as it is after tx.
func appendFrame(buf []byte, salt uint32, number uint64, meta []Record, tx *Tx) []byte {
	start := len(buf)
	buf = append(buf, make([]byte, frameHeader)...)
	le := binary.LittleEndian
	buf = le.AppendUint32(buf, uint32(len(meta)))
	for _, r := range meta {
		buf = le.AppendUint16(buf, uint16(len(r.Key)))
		buf = le.AppendUint16(buf, uint16(len(r.Value)))
		buf = append(append(buf, r.Key...), r.Value...)
	}
	buf = le.AppendUint32(buf, uint32(len(tx.Delete)))
	for _, r := range tx.Delete {
		buf = le.AppendUint64(le.AppendUint64(buf, r.Lo), r.Hi)
	}
	buf = le.AppendUint32(buf, uint32(len(tx.Log)))
	values := uint64(0)
	for _, r := range tx.Log {
		buf = append(buf, r.Key...)
		buf = le.AppendUint32(buf, uint32(len(r.Value)))
		buf = append(buf, r.Value[:crcBytes]...)
		values += uint64(len(r.Value))
	}
	table := buf[start:]
	le.PutUint32(table[4:], uint32(len(table)-frameHeader))
	le.PutUint64(table[8:], number)
	le.PutUint64(table[16:], values)
	if tx.Clear {
		le.PutUint32(table[24:], flagClear)
	}
	le.PutUint32(table, crc32.Update(salt, castagnoli, table[4:]))
	for _, r := range tx.Log {
		buf = append(buf, r.Value...)
	}
	if n := (len(buf) - start) % frameAlign; n > 0 {
		buf = append(buf, make([]byte, frameAlign-n)...)
	}
	return buf
}

// frame is a frame whose header and table are whole. Its slices alias what it was parsed from.
type frame struct {
	number uint64
	size   int // bytes, with the padding
	meta   []Record
	tx     Tx
	// damaged is the first value that is not what was written, or nil.
	damaged error
}

// frameNumber reads the number of what may be a frame at the start of b, unchecked. ok is false when it cannot be one.
func frameNumber(b []byte) (number uint64, ok bool) {
	if len(b) < frameHeader {
		return 0, false
	}
	table := uint64(binary.LittleEndian.Uint32(b[4:]))
	values := binary.LittleEndian.Uint64(b[16:])
	left := uint64(len(b) - frameHeader)
	return binary.LittleEndian.Uint64(b[8:]), table <= left && values <= left-table
}

// parseFrame reads the frame at the start of b. errTorn when its header or table is not whole; a damaged value is told by
// frame.damaged, since the others are still good.
func parseFrame(b []byte, salt uint32) (f frame, err error) {
	number, ok := frameNumber(b)
	if !ok {
		return f, errTorn
	}
	le := binary.LittleEndian
	table := frameHeader + int(le.Uint32(b[4:]))
	if crc32.Update(salt, castagnoli, b[4:table]) != le.Uint32(b) {
		return f, errTorn
	}
	end := table + int(le.Uint64(b[16:]))
	f.number, f.size = number, (end+frameAlign-1)/frameAlign*frameAlign
	if f.size > len(b) {
		return frame{}, errTorn // cut in the padding
	}
	f.tx.Clear = le.Uint32(b[24:])&flagClear != 0
	c := cursor{b: b[frameHeader:table]}
	for range c.count(4) {
		k, v := c.uint16(), c.uint16()
		f.meta = append(f.meta, Record{Key: c.take(int(k)), Value: c.take(int(v))})
	}
	for range c.count(16) {
		f.tx.Delete = append(f.tx.Delete, Range{Lo: c.uint64(), Hi: c.uint64()})
	}
	values := cursor{b: b[table:end]}
	n := c.count(tableRecord)
	f.tx.Log = make([]Record, 0, n)
	for range n {
		key := c.take(keyBytes)
		v := values.take(int(c.uint32()))
		sum := c.take(crcBytes)
		if c.bad || values.bad {
			break
		}
		if _, err := unseal(key, v); err != nil || string(v[:crcBytes]) != string(sum) {
			if f.damaged == nil {
				f.damaged = fmt.Errorf("entry %d: %w", binary.BigEndian.Uint64(key), errChecksum)
			}
			v = nil // also when it is whole in itself: then it is an older write's
		}
		f.tx.Log = append(f.tx.Log, Record{Key: key, Value: v})
	}
	if c.bad || values.bad || len(c.b) > 0 || len(values.b) > 0 {
		return frame{}, errTorn // the checksum holds: written by nobody, or a collision
	}
	return f, nil
}

// cursor takes a byte string apart. Once it was too short, bad stays set and everything is zero.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) take(n int) []byte {
	if c.bad || n < 0 || n > len(c.b) {
		c.bad = true
		return nil
	}
	v := c.b[:n:n]
	c.b = c.b[n:]
	return v
}

func (c *cursor) uint16() uint16 {
	if b := c.take(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (c *cursor) uint32() uint32 {
	if b := c.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (c *cursor) uint64() uint64 {
	if b := c.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// count reads how many items of at least size bytes follow; 0 and bad when so many cannot.
func (c *cursor) count(size int) int {
	n := int(c.uint32())
	if n > len(c.b)/size {
		c.bad = true
		return 0
	}
	return n
}
