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
// answer false. It takes at most goneBudget, less when ctx ends earlier. docs/decisions/0002 tells how the answer is used.
//
// A dying process closes its sockets one after another, on a busy machine over tens of milliseconds: its listener may still
// take a connection on which nobody will answer. So the dials go on while an answer is waited for.
func (t *Transport) Gone(ctx context.Context, id, boot uint64) bool {
	l := t.link(id)
	if l == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, t.patience.gone)
	defer cancel()
	answers := make(chan *internalv1.Identity, 1)
	asking := false
	gap := goneRetry
	retry := time.NewTimer(0)
	defer retry.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-t.ctx.Done():
			return false
		case answer := <-answers:
			// Another node at that address says nothing about this one.
			if answer != nil && answer.Id == id {
				seen := t.known.get(id)
				return answer.Boot != boot ||
					seen != nil && seen.Boot == boot && !bytes.Equal(seen.BootNonce, answer.BootNonce)
			}
			asking, gap = false, goneRetry
		case <-retry.C:
			if seen := t.known.get(id); seen != nil && seen.Boot > boot {
				return true
			}
			conns, refused := dialAll(ctx, l.addr)
			if refused {
				return true
			}
			if asking {
				closeAll(conns)
			} else if asking = len(conns) > 0; asking && !t.askAll(ctx, l.addr, id, conns, answers) {
				return false
			}
			retry.Reset(gap)
			if asking { // a living process answers soon and need not be dialled much
				gap = min(2*gap, goneRetryMax)
			}
		}
	}
}

// askAll asks on one connection after another who answers there, until it is the node with this id, and then gives the last
// answer, nil for none. It closes the connections. False: the transport is closed.
func (t *Transport) askAll(ctx context.Context, addr string, id uint64, conns []net.Conn, answers chan<- *internalv1.Identity) bool {
	if !t.begin() {
		closeAll(conns)
		return false
	}
	// The goroutine ends soon after ctx; the transport waits for it.
	go func() {
		defer t.wg.Done()
		var answer *internalv1.Identity
		for i, c := range conns {
			if answer = t.helloOver(ctx, addr, c); answer != nil && answer.Id == id {
				closeAll(conns[i+1:])
				break
			}
		}
		answers <- answer
	}()
	return true
}

func closeAll(conns []net.Conn) {
	for _, c := range conns {
		c.Close()
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
