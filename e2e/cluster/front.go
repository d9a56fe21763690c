package cluster

import (
	"io"
	"net"
	"sync"
)

// Front is a TCP relay before a node's client listener. Closing it cuts the node off from its clients while its peers
// still reach it: a firewall rule, without needing one.
type Front struct {
	Address string

	to string
	mu sync.Mutex
	// listener is nil while the front is closed; conns holds both ends of every relayed connection.
	listener net.Listener
	conns    map[net.Conn]bool
}

// newFront opens a front at address for the listener at to.
func newFront(address, to string) (*Front, error) {
	f := &Front{Address: address, to: to, conns: map[net.Conn]bool{}}
	return f, f.Open()
}

// Open listens again after Close.
func (f *Front) Open() error {
	l, err := net.Listen("tcp", f.Address)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listener = l
	// Owned by the front: ends when Close closes the listener.
	go f.accept(l)
	return nil
}

// Close refuses new connections and cuts those that stand.
func (f *Front) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.listener != nil {
		f.listener.Close()
		f.listener = nil
	}
	for c := range f.conns {
		c.Close()
	}
	clear(f.conns)
}

func (f *Front) accept(l net.Listener) {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", f.to)
		if err != nil {
			in.Close()
			continue
		}
		f.mu.Lock()
		if f.listener != l {
			f.mu.Unlock()
			in.Close()
			out.Close()
			return
		}
		f.conns[in], f.conns[out] = true, true
		f.mu.Unlock()
		// Each owned by its connection: ends when either side closes, and then closes both.
		go f.relay(in, out)
		go f.relay(out, in)
	}
}

func (f *Front) relay(from, to net.Conn) {
	_, _ = io.Copy(to, from) // an end of either side ends the relay, whatever the reason
	from.Close()
	to.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.conns, from)
	delete(f.conns, to)
}
