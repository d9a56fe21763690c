package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"parley/node/peer"
	"parley/proto/internalv1"
	"parley/store"
)

// join asks the members that --join names who this node is, until one answers. The directory has its incarnation already:
// the cluster records it with the answer, so that a second machine under the same name is refused and a retry of this one
// is not. It returns with an empty store and an id; everything else comes as a snapshot.
func (n *Node) join(ctx context.Context) error {
	if len(n.cfg.Join) == 0 {
		return fmt.Errorf("this directory has not joined its cluster yet: start it with --join and the peer address of a member")
	}
	last := ""
	for {
		for _, addr := range n.cfg.Join {
			resp, err := n.askToJoin(ctx, addr)
			if err == nil {
				return n.joined(resp)
			}
			if r, ok := errors.AsType[*peer.Refusal](err); ok {
				return fmt.Errorf("the member at %s does not let this node join: %w", addr, r)
			}
			if ctx.Err() != nil {
				return fmt.Errorf("no member answered: %w", ctx.Err())
			}
			if text := fmt.Sprintf("%s: %s", addr, status.Convert(err).Message()); text != last {
				last = text
				n.logger.Warn("cannot join yet; asking again", "member", addr, "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no member answered: %w", ctx.Err())
		case <-time.After(joinRetry):
		}
	}
}

func (n *Node) askToJoin(ctx context.Context, addr string) (*internalv1.JoinResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	return peer.Join(ctx, addr, n.cfg.PeerClientTLS, n.self)
}

// joined writes what a member starts from that gets everything else from its peers. The id comes last, so that a crash in
// between asks again.
func (n *Node) joined(resp *internalv1.JoinResponse) error {
	path := filepath.Join(n.cfg.Dir, storeFile)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := store.Create(path, resp.GetClusterId(), store.Mark{}); err != nil {
		return fmt.Errorf("make the store: %w", err)
	}
	id := n.log.Identity()
	id.ID, id.ClusterID = resp.GetId(), resp.GetClusterId()
	if err := n.log.SetIdentity(id); err != nil {
		return err
	}
	n.id = id.ID
	n.self.Id, n.self.ClusterId = id.ID, id.ClusterID
	n.told = map[uint64]string{}
	for _, p := range resp.GetPeers() {
		n.told[p.GetId()] = p.GetPeerAddress()
	}
	n.logger.Info("joined the cluster", "cluster", fmt.Sprintf("%x", id.ClusterID), "id", id.ID)
	return nil
}

// Join lets a machine in that an operator has added by name: it records the incarnation of its directory, which Apply takes
// from one directory only, and tells it who it is.
func (h handler) Join(ctx context.Context, from *internalv1.Identity) (*internalv1.JoinResponse, error) {
	n := h.n
	st := n.serving.Load()
	if st == nil {
		return nil, status.Error(codes.Unavailable, "this node does not serve yet")
	}
	if err := n.ReadBarrier(ctx); err != nil {
		return nil, status.Error(codes.Unavailable, "this member has no quorum: "+err.Error())
	}
	records, err := st.Members()
	if err != nil {
		return nil, status.Error(codes.Unavailable, err.Error())
	}
	var rec *internalv1.AnnounceMember
	for _, r := range records {
		if r.GetName() == from.GetName() && r.GetRole() != roleRemoved {
			rec = r
		}
	}
	if rec == nil {
		return nil, &peer.Refusal{Reason: peer.ReasonOther, Text: fmt.Sprintf(
			"no member is called %s; add it first: parley cluster add %s %s", from.GetName(), from.GetName(), from.GetPeerAddress())}
	}
	if joined(rec) && string(rec.GetIncarnation()) != string(from.GetIncarnation()) {
		return nil, &peer.Refusal{Reason: peer.ReasonOtherIncarnation, Text: fmt.Sprintf(
			"member %s has another data directory; a machine that takes its place is added with: parley cluster add NEWNAME %s "+
				"--replace %s", rec.GetName(), from.GetPeerAddress(), rec.GetName())}
	}
	if err := checkPeerVersion(st.ClusterVersion(), from); err != nil {
		return nil, err
	}
	id := proto.CloneOf(from)
	id.Id = rec.GetId()
	data, err := proto.Marshal(announcement(id))
	if err != nil {
		return nil, err
	}
	if data, err = n.Propose(ctx, data); err != nil {
		return nil, status.Error(codes.Unavailable, err.Error()) // asked again, it does no harm
	}
	res := new(internalv1.Result)
	if err := proto.Unmarshal(data, res); err != nil {
		return nil, err
	}
	if r := res.GetRefusal(); r != nil {
		return nil, &peer.Refusal{Reason: peer.ReasonOther, Text: r.GetMessage()}
	}
	n.logger.Info("a member joins", "name", rec.GetName(), "id", rec.GetId(), "peer_address", from.GetPeerAddress())
	resp := &internalv1.JoinResponse{Id: rec.GetId(), ClusterId: st.ClusterID()}
	resp.Peers = append(resp.Peers, &internalv1.JoinPeer{Id: n.id, PeerAddress: n.cfg.PeerAddress})
	for id, addr := range n.peerAddresses() {
		if id != rec.GetId() {
			resp.Peers = append(resp.Peers, &internalv1.JoinPeer{Id: id, PeerAddress: addr})
		}
	}
	return resp, nil
}

// meetSeeds says hello at the addresses of --join, once to each that answers: a node that was moved, or whose peers were,
// is found by them and finds them. It ends with the node.
func (n *Node) meetSeeds() {
	left := n.cfg.Join
	for len(left) > 0 {
		var silent []string
		for _, addr := range left {
			ctx, cancel := context.WithTimeout(n.ctx, joinTimeout)
			_, err := n.transport.HelloAddr(ctx, addr)
			cancel()
			if _, refused := errors.AsType[*peer.Refusal](err); err != nil && !refused {
				silent = append(silent, addr)
			}
		}
		left = silent
		n.followMembers()
		select {
		case <-n.ctx.Done():
			return
		case <-time.After(joinRetry):
		}
	}
}
