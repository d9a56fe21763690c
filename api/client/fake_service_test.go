package client

import (
	"context"
	"strconv"
	"sync"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"parley/proto/parleyv1"
)

// failure makes an error as the servers do.
func failure(code codes.Code, reason string, meta map[string]string, more ...protoadapt.MessageV1) error {
	info := &errdetails.ErrorInfo{Domain: errorDomain, Reason: reason, Metadata: meta}
	st, err := status.New(code, "scripted: "+reason).WithDetails(append([]protoadapt.MessageV1{info}, more...)...)
	if err != nil {
		panic(err)
	}
	return st.Err()
}

func noQuorum() error {
	return failure(codes.Unavailable, reasonNoQuorum, map[string]string{"applied": "no"})
}

func leaderLost() error {
	return failure(codes.Unavailable, "LEADER_LOST", map[string]string{"applied": "unknown"})
}

func retryIn(d time.Duration) protoadapt.MessageV1 {
	return &errdetails.RetryInfo{RetryDelay: durationpb.New(d)}
}

func auth(ctx context.Context) string {
	md, _ := metadata.FromIncomingContext(ctx)
	if v := md.Get("authorization"); len(v) > 0 {
		return v[0]
	}
	return ""
}

func (n *fakeNode) SendMessage(
	ctx context.Context, r *parleyv1.SendMessageRequest,
) (*parleyv1.SendMessageResponse, error) {
	n.c.mu.Lock()
	n.c.seen = append(n.c.seen, seenTry{n.name, r.GetRequestId(), auth(ctx)})
	n.c.mu.Unlock()
	n.mu.Lock()
	before, after, quorum := n.onSend, n.onSent, n.quorum
	n.mu.Unlock()
	if before != nil {
		if err := before(ctx, r); err != nil {
			return nil, err
		}
	}
	if !quorum {
		return nil, noQuorum()
	}
	resp := n.c.apply(r)
	if after != nil {
		if err := after(ctx); err != nil {
			return nil, err
		}
	}
	return resp, nil
}

// SendMessages answers each send as SendMessage does, in whatever order they are done.
func (n *fakeNode) SendMessages(
	st grpc.BidiStreamingServer[parleyv1.SendMessagesRequest, parleyv1.SendMessagesResponse],
) error {
	n.streams.Add(1)
	n.mu.Lock()
	refuse := n.onStream
	n.mu.Unlock()
	if refuse != nil {
		if err := refuse(st.Context()); err != nil {
			return err
		}
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	var mu sync.Mutex // of Send
	for {
		f, err := st.Recv()
		if err != nil {
			return err
		}
		for _, r := range f.GetSends() {
			wg.Go(func() {
				res := &parleyv1.SendResult{RequestId: r.GetRequestId()}
				resp, err := n.SendMessage(st.Context(), r)
				if st.Context().Err() != nil {
					return // the stream is broken, so is the answer
				}
				if err == nil {
					res.Outcome = &parleyv1.SendResult_Sent{Sent: resp}
				} else {
					b, _ := proto.Marshal(status.Convert(err).Proto())
					res.Outcome = &parleyv1.SendResult_Error{Error: b}
				}
				mu.Lock()
				defer mu.Unlock()
				_ = st.Send(&parleyv1.SendMessagesResponse{Results: []*parleyv1.SendResult{res}})
			})
		}
	}
}

func (n *fakeNode) Backup(_ *parleyv1.BackupRequest, st parleyv1.ClusterService_BackupServer) error {
	n.mu.Lock()
	f := n.onBackup
	n.mu.Unlock()
	return f(st)
}

func (n *fakeNode) ReadMessages(
	_ context.Context, r *parleyv1.ReadMessagesRequest,
) (*parleyv1.ReadMessagesResponse, error) {
	if r.GetConsistency() != parleyv1.Consistency_CONSISTENCY_LOCAL && !n.hasQuorum() {
		return nil, noQuorum()
	}
	return &parleyv1.ReadMessagesResponse{Messages: n.c.logged(), ReadInfo: &parleyv1.ReadInfo{Node: n.name}}, nil
}

func (n *fakeNode) Login(ctx context.Context, r *parleyv1.LoginRequest) (*parleyv1.LoginResponse, error) {
	if auth(ctx) != "" {
		return nil, status.Error(codes.InvalidArgument, "a login carries no session")
	}
	if len(r.GetToken()) != TokenBytes {
		return nil, status.Errorf(codes.InvalidArgument, "the token has %d bytes", len(r.GetToken()))
	}
	n.c.mu.Lock()
	defer n.c.mu.Unlock()
	n.c.users[bearer(r.GetToken())] = r.GetUsername()
	return &parleyv1.LoginResponse{User: &parleyv1.User{Username: r.GetUsername()}}, nil
}

func (n *fakeNode) Logout(ctx context.Context, _ *parleyv1.LogoutRequest) (*parleyv1.LogoutResponse, error) {
	if auth(ctx) == "" {
		return nil, failure(codes.Unauthenticated, "SESSION_MISSING", map[string]string{"applied": "no"})
	}
	n.c.mu.Lock()
	defer n.c.mu.Unlock()
	delete(n.c.users, auth(ctx))
	return &parleyv1.LogoutResponse{}, nil
}

func (n *fakeNode) Status(ctx context.Context, _ *parleyv1.StatusRequest) (*parleyv1.StatusResponse, error) {
	if auth(ctx) == "" && !n.c.open {
		return nil, failure(codes.Unauthenticated, "SESSION_MISSING", map[string]string{"applied": "no"})
	}
	n.mu.Lock()
	refuse := n.onStatus
	n.mu.Unlock()
	if refuse != nil {
		if err := refuse(ctx); err != nil {
			return nil, err
		}
	}
	n.c.mu.Lock()
	defer n.c.mu.Unlock()
	r := &parleyv1.StatusResponse{Node: n.name, Leader: n.c.leader, Term: n.c.term, Quorum: n.hasQuorum(), ClusterId: "c"}
	for i, m := range n.c.nodes {
		r.Members = append(r.Members, &parleyv1.Member{
			Id: uint64(i + 1), Name: m.name, Address: m.addr, Role: parleyv1.MemberRole_MEMBER_ROLE_VOTER, Reachable: true,
		})
	}
	return r, nil
}

func (n *fakeNode) TransferLeadership(
	context.Context, *parleyv1.TransferLeadershipRequest,
) (*parleyv1.TransferLeadershipResponse, error) {
	n.c.mu.Lock()
	n.c.seen = append(n.c.seen, seenTry{node: n.name})
	n.c.mu.Unlock()
	return nil, leaderLost()
}

func (n *fakeNode) Subscribe(
	r *parleyv1.SubscribeRequest, st grpc.ServerStreamingServer[parleyv1.SubscribeResponse],
) error {
	n.subscribes.Add(1)
	n.mu.Lock()
	refuse, beat := n.onSubscribe, n.beat
	n.mu.Unlock()
	if refuse != nil {
		if err := refuse(st.Context(), r.GetCursor()); err != nil {
			return err
		}
	}
	var at uint64
	if r.GetCursor() == "" {
		at = uint64(len(n.c.logged()))
	} else {
		at, _ = strconv.ParseUint(r.GetCursor(), 10, 64)
	}
	send := func(f *parleyv1.SubscribeResponse) error { return st.Send(f) }
	sub := &parleyv1.Subscribed{Node: n.name, Cursor: strconv.FormatUint(at, 10)}
	if err := send(&parleyv1.SubscribeResponse{Frame: &parleyv1.SubscribeResponse_Subscribed{Subscribed: sub}}); err != nil {
		return err
	}
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		msgs, more := n.c.after(at)
		for _, m := range msgs {
			ev := &parleyv1.Event{Cursor: m.GetCursor(), Change: &parleyv1.Event_Message{Message: m}}
			if err := send(&parleyv1.SubscribeResponse{Frame: &parleyv1.SubscribeResponse_Event{Event: ev}}); err != nil {
				return err
			}
			at++
		}
		select {
		case <-more:
		case <-tick.C:
			hb := &parleyv1.Heartbeat{Cursor: strconv.FormatUint(at, 10), Quorum: n.hasQuorum()}
			err := send(&parleyv1.SubscribeResponse{Frame: &parleyv1.SubscribeResponse_Heartbeat{Heartbeat: hb}})
			if err != nil {
				return err
			}
		case <-st.Context().Done():
			return st.Context().Err()
		}
	}
}
