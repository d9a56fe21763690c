package node

import (
	"bytes"
	"errors"
	"testing"
)

// An entry's format is fixed from the first day: these bytes must be readable for ever.
func TestEnvelopeFormat(t *testing.T) {
	data := appendEnvelopeHeader(nil, 0x0102030405060708)
	data = appendCommand(data, []byte("ab"))
	data = appendCommand(data, nil)
	want := []byte{1, 1, 2, 3, 4, 5, 6, 7, 8, 2, 'a', 'b', 0}
	if !bytes.Equal(data, want) {
		t.Fatalf("envelope is %v, want %v", data, want)
	}
	stamp, cmds, err := parseEnvelope(data)
	if err != nil || stamp != 0x0102030405060708 || len(cmds) != 2 || string(cmds[0]) != "ab" || len(cmds[1]) != 0 {
		t.Fatalf("parsed %x, %q, %v", stamp, cmds, err)
	}
}

// A node that cannot read an entry stops instead of skipping what others apply.
func TestEnvelopeRefusesWhatItDoesNotKnow(t *testing.T) {
	whole := appendCommand(appendEnvelopeHeader(nil, 1), bytes.Repeat([]byte("x"), 300))
	for name, data := range map[string][]byte{
		"another format": append([]byte{2}, whole[1:]...),
		"too short":      whole[:5],
		"cut command":    whole[:len(whole)-1],
		"cut length":     append(bytes.Clone(whole), 0x80),
	} {
		if _, _, err := parseEnvelope(data); !errors.Is(err, errBadEnvelope) {
			t.Errorf("%s: error is %v, want errBadEnvelope", name, err)
		}
	}
}

func FuzzParseEnvelope(f *testing.F) {
	f.Add(appendCommand(appendEnvelopeHeader(nil, 1), []byte("hello")))
	f.Fuzz(func(t *testing.T, data []byte) {
		stamp, cmds, err := parseEnvelope(data)
		if err != nil {
			return
		}
		again := appendEnvelopeHeader(nil, stamp)
		for _, c := range cmds {
			again = appendCommand(again, c)
		}
		if _, cmds2, err := parseEnvelope(again); err != nil || len(cmds2) != len(cmds) {
			t.Fatalf("%d commands became %d: %v", len(cmds), len(cmds2), err)
		}
	})
}
