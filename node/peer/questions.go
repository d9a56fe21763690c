package peer

import (
	"context"
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcpeer "google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"parley/proto/internalv1"
)

// PeerStatus asks a peer for its progress.
func (t *Transport) PeerStatus(ctx context.Context, id uint64) (*internalv1.PeerStatusResponse, error) {
	l := t.link(id)
	if l == nil {
		return nil, ErrUnknownPeer
	}
	var p grpcpeer.Peer
	resp, err := l.conn.Load().PeerStatus(ctx, &internalv1.PeerStatusRequest{From: t.me(), To: id}, grpc.Peer(&p))
	if err != nil {
		return nil, err
	}
	if err := t.checkPeer(&p, resp.GetIdentity(), id); err != nil {
		return nil, err
	}
	return resp, nil
}

// PeerHash asks a peer for the state hash that it recorded at index; it waits until the peer has applied it, or ctx
// ends.
func (t *Transport) PeerHash(ctx context.Context, id, index uint64) (hash []byte, applied uint64, err error) {
	l := t.link(id)
	if l == nil {
		return nil, 0, ErrUnknownPeer
	}
	var p grpcpeer.Peer
	req := &internalv1.PeerHashRequest{From: t.me(), To: id, Index: index}
	resp, err := l.conn.Load().PeerHash(ctx, req, grpc.Peer(&p))
	if err != nil {
		return nil, 0, err
	}
	if err := t.checkPeer(&p, resp.GetIdentity(), id); err != nil {
		return nil, 0, err
	}
	return resp.GetHash(), resp.GetApplied(), nil
}

// Hello answers who this node is, also to a caller that it refuses.
func (s *service) Hello(ctx context.Context, req *internalv1.HelloRequest) (*internalv1.HelloResponse, error) {
	if !s.t.begin() {
		return nil, errClosing
	}
	defer s.t.wg.Done()
	resp := &internalv1.HelloResponse{}
	if r := s.t.admit(ctx, req.GetFrom(), req.GetTo()); r != nil {
		resp.Refused = r.Error()
	}
	resp.Identity = s.t.me()
	return resp, nil
}

// PeerStatus tells this node's progress.
func (s *service) PeerStatus(ctx context.Context, req *internalv1.PeerStatusRequest) (
	*internalv1.PeerStatusResponse, error,
) {
	if !s.t.begin() {
		return nil, errClosing
	}
	defer s.t.wg.Done()
	if r := s.t.admit(ctx, req.GetFrom(), req.GetTo()); r != nil {
		return nil, refusalError(r)
	}
	resp := s.t.o.Handler.Status()
	resp.Identity = s.t.me()
	return resp, nil
}

// PeerHash tells the state hash at an index.
func (s *service) PeerHash(ctx context.Context, req *internalv1.PeerHashRequest) (*internalv1.PeerHashResponse, error) {
	if !s.t.begin() {
		return nil, errClosing
	}
	defer s.t.wg.Done()
	if r := s.t.admit(ctx, req.GetFrom(), req.GetTo()); r != nil {
		return nil, refusalError(r)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.t.ctx, cancel)()
	hash, applied, err := s.t.o.Handler.HashAt(ctx, req.GetIndex())
	if err != nil {
		return nil, statusOf(err)
	}
	return &internalv1.PeerHashResponse{Hash: hash, Applied: applied, Identity: s.t.me()}, nil
}

// statusOf keeps the code of an error that has one, and that of a context's end.
func statusOf(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return status.FromContextError(err).Err()
	}
	if s, ok := status.FromError(err); ok {
		return s.Err()
	}
	return status.Error(codes.Aborted, err.Error())
}
