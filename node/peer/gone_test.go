package peer

import (
	"context"
	"net"
	"testing"
	"time"

	"parley/proto/internalv1"
)

// What proves that a process is gone, and what does not (docs/decisions/0002).
func TestGone(t *testing.T) {
	// Where an answer comes, a loaded machine may take its time; only silence is measured.
	patient := func(_ *Options, p *patience) { p.gone = patienceOfTests }
	// start gives node 1, which knows node 2 at some address, and has seen its boot 10.
	start := func(t *testing.T, addr string, opts ...func(*Options, *patience)) *fakeNode {
		one := newNode().start(t, identity(1), nil, nil, opts...)
		if r := one.t.known.check(identity(2), true); r != nil {
			t.Fatal(r)
		}
		one.t.SetPeers(map[uint64]string{2: addr})
		return one
	}
	changed := func(change func(id *internalv1.Identity)) func(t *testing.T) string {
		return func(t *testing.T) string {
			id := identity(2)
			id.BootNonce = []byte{1}
			change(id)
			return newNode().start(t, id, listen(t, "127.0.0.1:0"), nil).addr
		}
	}
	for _, c := range []struct {
		name   string
		addr   func(t *testing.T) string
		want   bool
		silent bool // no answer comes that counts
	}{
		{"the same process answers", changed(func(id *internalv1.Identity) {
			id.BootNonce = identity(2).BootNonce
		}), false, false},
		{"a later start answers", changed(func(id *internalv1.Identity) { id.Boot = 11 }), true, false},
		{"an earlier start answers", changed(func(id *internalv1.Identity) { id.Boot = 9 }), true, false},
		{"a copy of the directory answers", changed(func(*internalv1.Identity) {}), true, false},
		{"another node answers", changed(func(id *internalv1.Identity) { id.Id, id.Boot = 3, 77 }), false, true},
		{"the listener is closed", func(t *testing.T) string {
			lis := listen(t, "127.0.0.1:0")
			defer lis.Close()
			return lis.Addr().String()
		}, true, false},
		{"the listener is silent", func(t *testing.T) string { // as of a stopped process: the kernel accepts
			lis := listen(t, "127.0.0.1:0")
			t.Cleanup(func() { lis.Close() })
			return lis.Addr().String()
		}, false, true},
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
		}, false, true},
		{"no such host", func(*testing.T) string { return "not a host:1" }, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var opts []func(*Options, *patience)
			if !c.silent {
				opts = append(opts, patient)
			}
			one := start(t, c.addr(t), opts...)
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
		one := newNode().start(t, identity(1), nil, nil, patient)
		one.t.SetPeers(map[uint64]string{2: lis.Addr().String()})
		if !one.t.Gone(context.Background(), 2, 10) {
			t.Error("not gone")
		}
	})
	t.Run("a process that dies while it is asked", func(t *testing.T) {
		// It took a connection on which it says nothing any more, and its listener is closed before that connection.
		lis := listen(t, "127.0.0.1:0")
		taken := make(chan net.Conn, 1)
		go func() {
			defer lis.Close()
			if c, err := lis.Accept(); err == nil {
				taken <- c
			}
		}()
		one := newNode().start(t, identity(1), nil, nil, patient)
		one.t.SetPeers(map[uint64]string{2: lis.Addr().String()})
		gone := one.t.Gone(context.Background(), 2, 10)
		(<-taken).Close()
		if !gone {
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
