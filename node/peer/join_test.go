package peer

import (
	"context"
	"errors"
	"testing"

	"parley/proto/internalv1"
)

// A machine without an id is told who it is, or why not; it is no peer before it says hello with its id.
func TestJoin(t *testing.T) {
	n := newNode().start(t, identity(1), listen(t, "127.0.0.1:0"), nil)
	resp, err := Join(context.Background(), n.addr, nil, &internalv1.Identity{Name: "new", Incarnation: []byte{1}})
	if err != nil || resp.GetId() != 9 {
		t.Fatalf("join: %v, %v", resp, err)
	}
	_, err = Join(context.Background(), n.addr, nil, &internalv1.Identity{Name: "stranger", Incarnation: []byte{1}})
	if r, ok := errors.AsType[*Refusal](err); !ok || r.Reason != ReasonOther {
		t.Fatalf("a stranger's join: %v", err)
	}
	if known := n.t.Known(); len(known) != 0 {
		t.Errorf("%d peers are known after joins, want none", len(known))
	}
}
