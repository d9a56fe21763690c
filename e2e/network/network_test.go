package network

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

const patience = 20 * time.Second

func TestMain(m *testing.M) {
	inside, code, err := Enter()
	switch {
	case errors.Is(err, ErrUnavailable):
		fmt.Fprintln(os.Stderr, "nothing is tested:", err)
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		code = 1
	case inside:
		code = m.Run()
	}
	os.Exit(code)
}

// echo listens on the host and sends back what it gets.
func echo(t *testing.T, h *Host) (address string, l net.Listener) {
	t.Helper()
	var err error
	h.run(func() { l, err = net.Listen("tcp", h.Address.String()+":7") })
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	t.Cleanup(func() { l.Close() })
	return l.Addr().String(), l
}

// dial connects from a host, or from here.
func dial(h *Host, address string, patience time.Duration) (c net.Conn, err error) {
	d := func() { c, err = net.DialTimeout("tcp", address, patience) }
	if h == nil {
		d()
	} else {
		h.run(d)
	}
	return c, err
}

// ask sends a word and expects it back.
func ask(c net.Conn, patience time.Duration) error {
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := c.Write([]byte("word")); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, 4))
	return err
}

func TestNetwork(t *testing.T) {
	n, err := New()
	if errors.Is(err, ErrUnavailable) {
		t.Logf("nothing is tested: %v", err)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	a, err := n.Join()
	if err != nil {
		t.Fatal(err)
	}
	b, err := n.Join()
	if err != nil {
		t.Fatal(err)
	}
	address, l := echo(t, b)
	for name, from := range map[string]*Host{"another host": a, "here": nil} {
		c, err := dial(from, address, patience)
		if err != nil {
			t.Fatalf("dial from %s: %v", name, err)
		}
		if err := ask(c, patience); err != nil {
			t.Errorf("ask from %s: %v", name, err)
		}
		c.Close()
	}

	c, err := dial(a, address, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// One way: what b answers is lost, and arrives when the link is up again.
	n.Set(b.Address, a.Address, Link{Down: true})
	if err := ask(c, 300*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("over a link that is down one way: %v; expected no answer", err)
	}
	if here, err := dial(nil, address, patience); err != nil {
		t.Errorf("another pair is hurt too: %v", err)
	} else {
		here.Close()
	}
	n.Heal()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 4)); err != nil {
		t.Errorf("after the link came back: %v; expected the answer", err)
	}

	const delay = 150 * time.Millisecond
	n.Set(a.Address, b.Address, Link{Delay: delay})
	from := time.Now()
	if err := ask(c, patience); err != nil {
		t.Errorf("over a long link: %v", err)
	}
	if took := time.Since(from); took < delay {
		t.Errorf("an answer over a link of %s took %s", delay, took)
	}
	n.Set(a.Address, b.Address, Link{Loss: 30, BytesPerSecond: 64 << 10})
	if err := ask(c, patience); err != nil {
		t.Errorf("over a slow link that loses packets: %v", err)
	}
	n.Heal()

	// A dead listener refuses, as the kernel of a machine that lives says.
	l.Close()
	if _, err := dial(a, address, patience); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dial a closed port: %v; expected a refusal", err)
	}
}
