package peer

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc"
	grpcpeer "google.golang.org/grpc/peer"

	"parley/proto/internalv1"
)

// Gone tells whether the process of this peer with this boot number is surely gone: a later start of it was seen, a
// new dial to its address is refused, or another process answers there. A listening socket belongs to a living
// process, so a refusal proves that there is none; silence, a time-out, a reset or the same process prove nothing and
// answer false. It takes at most goneBudget, less when ctx ends earlier. See FAILOVER.md for how the answer is used.
func (t *Transport) Gone(ctx context.Context, id, boot uint64) bool {
	l := t.link(id)
	if l == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, t.patience.gone)
	defer cancel()
	retry := time.NewTicker(goneRetry)
	defer retry.Stop()
	for {
		seen := t.known.get(id)
		if seen != nil && seen.Boot > boot {
			return true
		}
		conns, refused := dialAll(ctx, l.addr)
		if refused {
			return true
		}
		answered, gone := false, false
		for _, c := range conns {
			if answered {
				c.Close()
				continue
			}
			// Another node at that address says nothing about this one.
			if answer := t.helloOver(ctx, l.addr, c); answer != nil && answer.Id == id {
				answered = true
				gone = answer.Boot != boot ||
					seen != nil && seen.Boot == boot && !bytes.Equal(seen.BootNonce, answer.BootNonce)
			}
		}
		if answered {
			return gone
		}
		// A dying process may still accept, and reset; the next dial tells.
		select {
		case <-ctx.Done():
			return false
		case <-t.ctx.Done():
			return false
		case <-retry.C:
		}
	}
}

// dialAll connects to every address that the host has. refused is true when there is at least one and all of them
// refused: a name may have an address that nobody ever listened on.
func dialAll(ctx context.Context, addr string) (conns []net.Conn, refused bool) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, false
	}
	ips, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil || len(ips) == 0 {
		return nil, false
	}
	refusals := 0
	for _, ip := range ips {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(ip, port))
		switch {
		case err == nil:
			conns = append(conns, c)
		case errors.Is(err, syscall.ECONNREFUSED):
			refusals++
		}
	}
	return conns, refusals == len(ips)
}

// helloOver exchanges hellos over one raw connection, which it closes; nil when there was no answer.
func (t *Transport) helloOver(ctx context.Context, addr string, conn net.Conn) *internalv1.Identity {
	defer conn.Close()
	var used atomic.Bool
	cc, err := t.dial(addr, grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
		if used.Swap(true) {
			return nil, net.ErrClosed
		}
		return conn, nil
	}))
	if err != nil {
		return nil
	}
	defer cc.Close()
	var p grpcpeer.Peer
	resp, err := internalv1.NewPeerServiceClient(cc).Hello(ctx, &internalv1.HelloRequest{From: t.me()}, grpc.Peer(&p))
	if err != nil {
		return nil
	}
	id := resp.GetIdentity()
	if t.checkCertificate(grpcpeer.NewContext(ctx, &p), id.GetName(), t.o.Client != nil) != nil {
		return nil
	}
	return id
}
