package peer

import (
	"context"
	"net"
	"testing"
	"time"

	"parley/proto/internalv1"
)

// What proves that a process is gone, and what does not (FAILOVER.md).
func TestGone(t *testing.T) {
	// start gives node 1, which knows node 2 at some address, and has seen its boot 10.
	start := func(t *testing.T, addr string) *fakeNode {
		one := newNode().start(t, identity(1), nil, nil)
		if r := one.t.known.check(identity(2), true); r != nil {
			t.Fatal(r)
		}
		one.t.SetPeers(map[uint64]string{2: addr})
		return one
	}
	changed := func(change func(id *internalv1.Identity)) func(t *testing.T) string {
		return func(t *testing.T) string {
			id := identity(2)
			change(id)
			return newNode().start(t, id, listen(t, "127.0.0.1:0"), nil).addr
		}
	}
	for _, c := range []struct {
		name string
		addr func(t *testing.T) string
		want bool
	}{
		{"the same process answers", changed(func(*internalv1.Identity) {}), false},
		{"a later start answers", changed(func(id *internalv1.Identity) { id.Boot, id.BootNonce = 11, []byte{1} }), true},
		{"an earlier start answers", changed(func(id *internalv1.Identity) { id.Boot, id.BootNonce = 9, []byte{1} }), true},
		{"a copy of the directory answers", changed(func(id *internalv1.Identity) { id.BootNonce = []byte{2} }), true},
		{"another node answers", changed(func(id *internalv1.Identity) { id.Id = 3 }), false},
		{"the listener is closed", func(t *testing.T) string {
			lis := listen(t, "127.0.0.1:0")
			defer lis.Close()
			return lis.Addr().String()
		}, true},
		{"the listener is silent", func(t *testing.T) string { // as of a stopped process: the kernel accepts
			lis := listen(t, "127.0.0.1:0")
			t.Cleanup(func() { lis.Close() })
			return lis.Addr().String()
		}, false},
		{"the listener resets", func(t *testing.T) string {
			lis := listen(t, "127.0.0.1:0")
			done := make(chan struct{})
			go func() {
				defer close(done)
				for {
					c, err := lis.Accept()
					if err != nil {
						return
					}
					_ = c.(*net.TCPConn).SetLinger(0)
					c.Close()
				}
			}()
			t.Cleanup(func() { lis.Close(); <-done })
			return lis.Addr().String()
		}, false},
		{"no such host", func(*testing.T) string { return "not a host:1" }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			one := start(t, c.addr(t))
			if got := one.t.Gone(context.Background(), 2, 10); got != c.want {
				t.Errorf("gone is %v, expected %v", got, c.want)
			}
		})
	}

	t.Run("a process that dies meanwhile", func(t *testing.T) {
		// The dying listener still takes connections and resets them; then it is closed. The check must see that.
		lis := listen(t, "127.0.0.1:0")
		go func() {
			for range 3 {
				c, err := lis.Accept()
				if err != nil {
					return
				}
				_ = c.(*net.TCPConn).SetLinger(0)
				c.Close()
			}
			lis.Close()
		}()
		one := newNode().start(t, identity(1), nil, nil)
		one.t.SetPeers(map[uint64]string{2: lis.Addr().String()})
		if !one.t.Gone(context.Background(), 2, 10) {
			t.Error("not gone")
		}
	})
	t.Run("a later start was seen", func(t *testing.T) {
		one := start(t, "127.0.0.1:1")
		if !one.t.Gone(context.Background(), 2, 9) {
			t.Error("not gone")
		}
	})
	t.Run("nobody", func(t *testing.T) {
		one := newNode().start(t, identity(1), nil, nil)
		if one.t.Gone(context.Background(), 2, 1) {
			t.Error("a peer that is not known is gone")
		}
	})
	t.Run("the caller is impatient", func(t *testing.T) {
		lis := listen(t, "127.0.0.1:0")
		defer lis.Close()
		one := start(t, lis.Addr().String())
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		began := time.Now()
		if one.t.Gone(ctx, 2, 10) {
			t.Error("silence is taken for an answer")
		}
		if took := time.Since(began); took > patienceOfTests {
			t.Errorf("it took %v", took)
		}
	})
}
