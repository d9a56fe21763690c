package peer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/credentials"
	grpcpeer "google.golang.org/grpc/peer"
	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
)

// registry remembers the latest identity accepted from each id in this run.
type registry struct {
	mu   sync.Mutex
	seen map[uint64]*internalv1.Identity // never mutated once stored
}

func (r *registry) get(id uint64) *internalv1.Identity {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen[id]
}

// forget makes room: ids are never used again.
func (r *registry) forget(id uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.seen, id)
}

func (r *registry) all() []*internalv1.Identity {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Values(r.seen))
}

// check compares an identity with what was seen, and stores it when store is set and it is acceptable.
func (r *registry) check(id *internalv1.Identity, store bool) *Refusal {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.seen[id.Id]
	switch {
	case old == nil && len(r.seen) >= maxKnownPeers:
		return refuse(ReasonOther, "more than %d node ids were seen", maxKnownPeers)
	case old == nil:
	case !bytes.Equal(old.Incarnation, id.Incarnation):
		return refuse(ReasonOtherIncarnation, "node id %d belongs to data directory %x, this is %x; "+
			"a new data directory needs a new member", id.Id, old.Incarnation, id.Incarnation)
	case id.Boot < old.Boot || id.Boot == old.Boot && !bytes.Equal(old.BootNonce, id.BootNonce):
		return refuse(ReasonStaleBoot, "node id %d was seen in start %d of its data directory, this is start %d: "+
			"the directory was copied back, or is used twice", id.Id, old.Boot, id.Boot)
	}
	if store {
		r.seen[id.Id] = id
	}
	return nil
}

// Seen returns the identity last accepted from this peer in this run; nil before the first. It must not be changed.
func (t *Transport) Seen(id uint64) *internalv1.Identity { return t.known.get(id) }

// Known returns the identity last accepted from each peer in this run, in no order. They must not be changed.
func (t *Transport) Known() []*internalv1.Identity { return t.known.all() }

// SetClusterID tells the transport the cluster that this node belongs to. Until then raft messages, commands and files
// are neither sent nor taken, only hellos; set it before raft starts. A second call with another id is a broken
// invariant.
func (t *Transport) SetClusterID(id []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	self := t.self.Load()
	if len(self.ClusterId) > 0 {
		if !bytes.Equal(self.ClusterId, id) {
			panic("peer: the cluster id was set already")
		}
		return
	}
	if len(id) == 0 {
		return
	}
	next := proto.CloneOf(self)
	next.ClusterId = slices.Clone(id)
	t.self.Store(next)
	close(t.formed)
}

// me is this node's identity as of now.
func (t *Transport) me() *internalv1.Identity {
	id := proto.CloneOf(t.self.Load())
	id.UnixMs = time.Now().UnixMilli()
	return id
}

// admit decides on a caller: nil, or why it is refused. to is the id that it wanted to reach, 0 if it did not say.
func (t *Transport) admit(ctx context.Context, from *internalv1.Identity, to uint64) *Refusal {
	self := t.self.Load()
	if from.GetId() == 0 || from.Name == "" || len(from.Incarnation) == 0 || len(from.BootNonce) == 0 {
		return refuse(ReasonWrongNode, "the hello is incomplete")
	}
	if to != 0 && to != self.Id {
		return refuse(ReasonWrongNode, "this is node %s with id %d, not id %d; check the peer addresses",
			self.Name, self.Id, to)
	}
	if from.Id == self.Id {
		return refuse(ReasonWrongNode, "node id %d is this node's own; check the peer addresses", self.Id)
	}
	if err := t.checkCertificate(ctx, from.Name, t.o.Server != nil); err != nil {
		return refuse(ReasonCertificate, "%v", err)
	}
	r := t.accept(from)
	if l := t.link(from.Id); l != nil && r == nil {
		l.v.hear()
	}
	return r
}

// accept is the part of admit that both sides share.
func (t *Transport) accept(id *internalv1.Identity) *Refusal {
	self := t.self.Load()
	if r := checkProtocol(self, id); r != nil {
		return r
	}
	if len(self.ClusterId) > 0 && len(id.ClusterId) > 0 && !bytes.Equal(self.ClusterId, id.ClusterId) {
		return refuse(ReasonOtherCluster, "node %s belongs to cluster %x, node %s to cluster %x",
			self.Name, self.ClusterId, id.Name, id.ClusterId)
	}
	if r := t.known.check(id, false); r != nil {
		return r
	}
	if err := t.o.Handler.CheckIdentity(id); err != nil {
		if r, ok := errors.AsType[*Refusal](err); ok {
			return r
		}
		return refuse(ReasonOther, "%v", err)
	}
	return t.known.check(id, true)
}

// The versions of the peer protocol that this program speaks: the messages of PeerService and their order, raft's messages
// and the snapshot stream included. A new field that old nodes may ignore is no new version.
const (
	protocol       = 1
	oldestProtocol = 1
)

// checkProtocol refuses a node that has no version of the protocol in common with this one.
func checkProtocol(self, id *internalv1.Identity) *Refusal {
	newest, oldest := max(id.GetProtocol(), 1), max(id.GetOldestProtocol(), 1)
	if newest >= oldestProtocol && oldest <= protocol {
		return nil
	}
	older := self
	if newest < oldestProtocol {
		older = id
	}
	return refuse(ReasonProtocol, "node %s speaks versions %d to %d of the peer protocol, node %s %d to %d: upgrade node %s",
		id.GetName(), oldest, newest, self.GetName(), oldestProtocol, protocol, older.GetName())
}

// checkPeer decides on a node that this one dialled: nil, or why it is not accepted. p is what gRPC knows of the
// connection.
func (t *Transport) checkPeer(p *grpcpeer.Peer, id *internalv1.Identity, want uint64) error {
	if id.GetId() == 0 || len(id.GetIncarnation()) == 0 {
		return refuse(ReasonWrongNode, "the answer to the hello is incomplete")
	}
	if want != 0 && id.Id != want {
		return refuse(ReasonWrongNode, "the address of node id %d reaches node %s with id %d", want, id.Name, id.Id)
	}
	if err := t.checkCertificate(grpcpeer.NewContext(context.Background(), p), id.Name, t.o.Client != nil); err != nil {
		return refuse(ReasonCertificate, "%v", err)
	}
	if r := t.accept(id); r != nil {
		return r
	}
	return nil
}

// checkCertificate compares the name in a hello with the certificate of the connection that it came over. The chain was
// verified in the handshake.
func (t *Transport) checkCertificate(ctx context.Context, name string, tls bool) error {
	if !tls {
		return nil
	}
	p, ok := grpcpeer.FromContext(ctx)
	if !ok {
		return errors.New("the connection is not known")
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.PeerCertificates) == 0 {
		return errors.New("the connection has no certificate")
	}
	want := "parley://node/" + name
	uris := info.State.PeerCertificates[0].URIs
	for _, u := range uris {
		if u.String() == want {
			return nil
		}
	}
	return fmt.Errorf("the certificate has the names %v, the hello says %s; it needs %s", uris, name, want)
}
