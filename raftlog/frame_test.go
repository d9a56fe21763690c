package raftlog

import (
	"bytes"
	"errors"
	"testing"
)

// FuzzFrame: whatever stands there, parsing neither panics nor takes more than there is.
func FuzzFrame(f *testing.F) {
	tx := &Tx{Delete: []Range{{1, 5}}, Log: []Record{{appendKey(nil, 6), seal(string(appendKey(nil, 6)), []byte("v"))}}}
	f.Add(appendFrame(nil, 7, 3, birthRecords(testIdentity()), tx), uint32(7))
	f.Add(appendFrame(nil, 0, 1, nil, &Tx{Clear: true}), uint32(0))
	f.Add(make([]byte, 64), uint32(0))
	f.Fuzz(func(t *testing.T, b []byte, salt uint32) {
		fr, err := parseFrame(b, salt)
		if err != nil {
			return
		}
		if fr.size < frameHeader || fr.size > len(b) {
			t.Fatalf("a frame of %d bytes in %d", fr.size, len(b))
		}
		if fr.damaged == nil && !bytes.HasPrefix(appendFrame(nil, salt, fr.number, fr.meta, &fr.tx), b[:4]) {
			t.Fatal("it is encoded in another way")
		}
	})
}

// TestFrameCutInItsPadding: every value is there, and yet not the frame.
func TestFrameCutInItsPadding(t *testing.T) {
	tx := &Tx{Log: []Record{{Key: appendKey(nil, 1), Value: seal(string(appendKey(nil, 1)), []byte("ab"))}}}
	b := appendFrame(nil, 7, 1, nil, tx)
	for cut := 1; cut < len(b); cut++ {
		if _, err := parseFrame(b[:len(b)-cut], 7); !errors.Is(err, errTorn) {
			t.Errorf("a frame without its last %d bytes: %v, want %v", cut, err, errTorn)
		}
	}
}
