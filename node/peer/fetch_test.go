package peer

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"testing"

	"parley/proto/internalv1"
)

// given is a store file that a fake node gives away.
type given struct {
	io.Reader
	size   int
	closed chan struct{}
}

func (g *given) Size() uint64 { return uint64(g.size) }

func (g *given) Close() error {
	close(g.closed)
	return nil
}

// A store file of many chunks arrives whole, from a node that is known by its address only; what goes wrong is told, and the
// giver's file is closed once in any case.
func TestFetchStore(t *testing.T) {
	data := make([]byte, 3*snapshotChunkBytes+17)
	_, _ = rand.Read(data)
	for _, c := range []struct {
		name     string
		size     int // that is announced
		err      error
		contains string
	}{
		{"whole", len(data), nil, ""},
		{"shorter than announced", len(data) + 1, nil, "ends 1 bytes"},
		{"nothing to give", 0, errors.New("applied 6, below 7"), "below 7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			two, l := newNode(), listen(t, "127.0.0.1:0")
			file := &given{Reader: bytes.NewReader(data), size: c.size, closed: make(chan struct{})}
			two.outgoing = func(to, minIndex uint64) (Outgoing, error) {
				if to != 1 || minIndex != 7 {
					t.Errorf("asked by %d for index %d", to, minIndex)
				}
				if c.err != nil {
					return nil, c.err
				}
				return file, nil
			}
			two.start(t, identity(2), l, nil)
			one := newNode().start(t, identity(1), nil, nil)
			var got bytes.Buffer
			from, err := one.t.FetchStore(context.Background(), l.Addr().String(), 7, &got)
			switch {
			case c.contains != "" && (err == nil || !strings.Contains(err.Error(), c.contains)):
				t.Errorf("ended with %v, expected %q", err, c.contains)
			case c.contains == "" && (err != nil || from.GetId() != 2 || !bytes.Equal(got.Bytes(), data)):
				t.Errorf("got %d bytes from %v: %v", got.Len(), from, err)
			}
			if c.err == nil {
				wait(t, "the file to be closed", file.closed)
			}
		})
	}
}

// Who is refused gets no store file.
func TestFetchStoreRefused(t *testing.T) {
	two := newNode()
	two.outgoing = func(uint64, uint64) (Outgoing, error) {
		t.Error("a refused caller was given the store")
		return nil, errors.New("no")
	}
	l := listen(t, "127.0.0.1:0")
	two.start(t, identity(2), l, nil)
	greeted(t, two, l.Addr().String(), identity(1))
	one := newNode().start(t, other(func(id *internalv1.Identity) { id.Boot = 2 }), nil, nil)
	_, err := one.t.FetchStore(context.Background(), l.Addr().String(), 0, io.Discard)
	if r, ok := errors.AsType[*Refusal](err); !ok || r.Reason != ReasonStaleBoot {
		t.Errorf("ended with %v, expected a refusal", err)
	}
}
