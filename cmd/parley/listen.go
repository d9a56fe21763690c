package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// listeners are what the node accepts on.
type listeners struct {
	client, peer, admin net.Listener
}

func listen(o serveOptions) (*listeners, error) {
	l := &listeners{}
	for _, x := range []struct {
		to      *net.Listener
		flag    string
		address string
	}{{&l.client, "--listen", o.listen}, {&l.peer, "--peer-listen", o.peerListen}, {&l.admin, "--admin-listen", o.adminListen}} {
		if x.address == "" {
			continue
		}
		ln, err := bind(x.address)
		if err != nil {
			l.close()
			hint := "choose another address"
			if errors.Is(err, syscall.EADDRINUSE) {
				hint = "something listens there already; stop it or choose another address"
			}
			return nil, &failure{code: exitFailed, message: fmt.Sprintf("%s %s: %s", x.flag, x.address, err), hint: hint}
		}
		*x.to = ln
	}
	return l, nil
}

// bind waits a little for an address in use: the default ports lie in the range from which Linux lends ports to outgoing
// connections, and one of those may hold the port for a moment just when a node is started again.
func bind(address string) (net.Listener, error) {
	for end := time.Now().Add(bindPatience); ; time.Sleep(bindRetry) {
		ln, err := net.Listen("tcp", address)
		if err == nil || !errors.Is(err, syscall.EADDRINUSE) || time.Now().After(end) {
			return ln, err
		}
	}
}

// close is harmless for those that a server has closed.
func (l *listeners) close() {
	for _, ln := range []net.Listener{l.client, l.peer, l.admin} {
		if ln != nil {
			_ = ln.Close()
		}
	}
}

// adminHandler answers before the node does: a process that waits for its first peers lives, and is not ready.
type adminHandler struct {
	mu   sync.RWMutex
	next http.Handler
}

func (h *adminHandler) set(next http.Handler) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next = next
}

func (h *adminHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.RLock()
	next := h.next
	h.mu.RUnlock()
	switch {
	case next != nil:
		next.ServeHTTP(w, r)
	case r.URL.Path == "/livez":
		_, _ = fmt.Fprintln(w, "ok")
	default:
		http.Error(w, "starting: the node does not take part in its cluster yet", http.StatusServiceUnavailable)
	}
}
