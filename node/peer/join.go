package peer

import (
	"context"
	"crypto/tls"
	"errors"

	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
)

// Join asks the member at an address who this machine is to be; from has no id yet. The error is a *Refusal when it says
// that this machine may not join. There is no Transport yet that this could be a method of: its identity has an id.
func Join(ctx context.Context, addr string, client *tls.Config, from *internalv1.Identity) (*internalv1.JoinResponse, error) {
	cc, err := dial(client, addr)
	if err != nil {
		return nil, err
	}
	defer cc.Close()
	from = proto.CloneOf(from)
	from.Protocol, from.OldestProtocol = protocol, oldestProtocol
	resp, err := internalv1.NewPeerServiceClient(cc).Join(ctx, &internalv1.JoinRequest{From: from})
	if err != nil {
		return nil, err
	}
	if r := parseRefusal(resp.GetRefused()); r != nil {
		return nil, r
	}
	if resp.GetId() == 0 || len(resp.GetClusterId()) == 0 {
		return nil, errors.New("peer: the answer to a join is incomplete")
	}
	return resp, nil
}

// Join lets the node decide on a machine that was added by name.
func (s *service) Join(ctx context.Context, req *internalv1.JoinRequest) (*internalv1.JoinResponse, error) {
	if !s.t.begin() {
		return nil, errClosing
	}
	defer s.t.wg.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.t.ctx, cancel)()
	from := req.GetFrom()
	if err := s.t.checkCertificate(ctx, from.GetName(), s.t.o.Server != nil); err != nil {
		return &internalv1.JoinResponse{Refused: refuse(ReasonCertificate, "%v", err).Error()}, nil
	}
	if r := checkProtocol(s.t.self.Load(), from); r != nil {
		return &internalv1.JoinResponse{Refused: r.Error()}, nil
	}
	resp, err := s.t.o.Handler.Join(ctx, from)
	if r, ok := errors.AsType[*Refusal](err); ok {
		return &internalv1.JoinResponse{Refused: r.Error()}, nil
	}
	if err != nil {
		return nil, statusOf(err)
	}
	return resp, nil
}
