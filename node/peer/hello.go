package peer

import (
	"cmp"
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	grpcpeer "google.golang.org/grpc/peer"

	"parley/proto/internalv1"
)

// Hello asks a peer who it is. The response is not nil when it answered; when it refuses this node, RefusalIn(response)
// says why and the error is nil. The error is not nil when there was no answer, or when this node does not accept the
// one who answered (a *Refusal).
func (t *Transport) Hello(ctx context.Context, id uint64) (*internalv1.HelloResponse, error) {
	l := t.link(id)
	if l == nil {
		return nil, ErrUnknownPeer
	}
	return l.hello(ctx)
}

// HelloAddr is Hello at an address whose node is not known yet: the first boot, or a node that joins.
func (t *Transport) HelloAddr(ctx context.Context, addr string) (*internalv1.HelloResponse, error) {
	if t.ctx.Err() != nil {
		return nil, ErrClosed
	}
	cc, err := t.dial(addr)
	if err != nil {
		return nil, err
	}
	defer cc.Close()
	return t.ask(ctx, internalv1.NewPeerServiceClient(cc), 0)
}

// RefusalIn says why a hello was refused; nil when it was not.
func RefusalIn(resp *internalv1.HelloResponse) *Refusal { return parseRefusal(resp.GetRefused()) }

func (l *link) hello(ctx context.Context) (*internalv1.HelloResponse, error) {
	c := l.conn.Load()
	connected := c.GetState() == connectivity.Ready
	asked := time.Now()
	resp, err := l.t.ask(ctx, c, l.id)
	took := time.Since(asked)
	if err != nil {
		return resp, err
	}
	l.v.hear()
	if connected { // otherwise the time is that of the dial
		l.v.sample(asked, took, resp.Identity.UnixMs)
	}
	return resp, nil
}

// ask exchanges hellos on a connection.
func (t *Transport) ask(ctx context.Context, c internalv1.PeerServiceClient, to uint64) (
	*internalv1.HelloResponse, error,
) {
	var p grpcpeer.Peer
	resp, err := c.Hello(ctx, &internalv1.HelloRequest{From: t.me(), To: to}, grpc.Peer(&p))
	if err != nil {
		return nil, err
	}
	if r := RefusalIn(resp); r != nil {
		t.refused(cmp.Or(to, resp.GetIdentity().GetId()), r)
	}
	if err := t.checkPeer(&p, resp.GetIdentity(), to); err != nil {
		return resp, err
	}
	return resp, nil
}
