package api

import (
	"net"
	"sync"
)

// Listener bounds the connections of the client port, in all and from one address. One too many is closed at once
// rather than left waiting, so that its client goes to another node.
func (s *Server) Listener(l net.Listener) net.Listener {
	return &boundedListener{Listener: l, s: s}
}

type boundedListener struct {
	net.Listener
	s *Server
}

func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		key := addrKey(c.RemoteAddr())
		if _, ok := l.s.connections.enter(key); !ok {
			_ = c.Close()
			l.s.metrics.refused.WithLabelValues("connections").Inc()
			continue
		}
		return &boundedConn{Conn: c, leave: sync.OnceFunc(func() { l.s.connections.leave(key) })}, nil
	}
}

type boundedConn struct {
	net.Conn
	leave func()
}

func (c *boundedConn) Close() error {
	err := c.Conn.Close()
	c.leave()
	return err
}
