package node

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"parley/node/peer"
	"parley/proto/internalv1"
	"parley/raftlog"
	"parley/store"
)

const (
	logFile       = "raft" // a directory
	storeFile     = "store.db"
	incarnationSz = 16
	clusterIDSz   = 16
	// formRetry is how often a first start asks the members that it has not heard.
	formRetry = 100 * time.Millisecond
)

// open makes or opens the data directory, counts the start, brings the peer server up and, at the first start, forms the
// cluster with the other first members.
func (n *Node) open(ctx context.Context) error {
	if err := makeDir(n.cfg.Dir); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	if err := checkNotRefused(n.cfg.Dir); err != nil {
		return err
	}
	if err := checkReborn(n.cfg.Dir); err != nil {
		return err
	}
	if err := n.openLog(); err != nil {
		return err
	}
	// Now nobody else can have the directory: nothing of a running node's is removed.
	if err := removeTemporary(n.cfg.Dir); err != nil {
		return err
	}
	// Again: a recover may have ended in between.
	if err := checkReborn(n.cfg.Dir); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(n.cfg.Dir, rebornNew)); err != nil {
		return err
	}
	id := n.log.Identity()
	n.id = id.ID
	nonce := make([]byte, incarnationSz)
	rand.Read(nonce)
	n.self = &internalv1.Identity{
		Id: id.ID, Name: id.Name, ClusterId: id.ClusterID, Incarnation: id.Incarnation, Boot: id.Boot, BootNonce: nonce,
		Address: n.cfg.Address, PeerAddress: n.cfg.PeerAddress, MaxClusterVersion: cmp.Or(n.cfg.announceVersion, MaxClusterVersion),
		SoftwareVersion: n.cfg.SoftwareVersion, FirstMembers: formatMembers(n.cfg.FirstMembers),
	}
	if id.ID == 0 {
		if err := n.join(ctx); err != nil {
			return err
		}
	}
	if len(n.self.GetClusterId()) > 0 {
		return n.openOrHeal(ctx)
	}
	n.startTransport()
	err := n.form(ctx)
	if err != nil {
		n.stopTransport()
	}
	return err
}

// makeDir makes a directory and what is missing above it, durably: files that were synced in one whose own name is not would
// be gone after a power cut.
func makeDir(dir string) error {
	var above []string // what gets a new name
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		if there, err := exists(d); err != nil {
			return err
		} else if there {
			break
		}
		above = append(above, filepath.Dir(d))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, d := range above {
		if err := syncDir(d); err != nil {
			return err
		}
	}
	return nil
}

// removeTemporary deletes what an earlier process left half done.
func removeTemporary(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, "*.tmp"))
	if err != nil {
		return err
	}
	for _, path := range left {
		if err := os.RemoveAll(path); err != nil { // a log is a directory
			return fmt.Errorf("remove a temporary file: %w", err)
		}
	}
	return nil
}

// openLog opens the log, made with a new incarnation when there is none, and counts this start durably.
func (n *Node) openLog() error {
	path := filepath.Join(n.cfg.Dir, logFile)
	if there, err := raftlog.Exists(path); err != nil {
		return err
	} else if !there {
		if _, err := os.Stat(filepath.Join(n.cfg.Dir, storeFile)); err == nil {
			return fmt.Errorf("%s is missing beside %s: this member's promises to its peers are lost. Remove this member, "+
				"empty the directory and add a new one", path, storeFile)
		}
		if len(n.cfg.FirstMembers) == 0 && len(n.cfg.Join) == 0 {
			return errors.New("the data directory is empty: name the first members (--cluster), or a member of the cluster to join (--join)")
		}
		incarnation := make([]byte, incarnationSz)
		rand.Read(incarnation)
		id := uint64(slices.Index(memberNames(n.cfg.FirstMembers), n.cfg.Name) + 1) // 0 for one that joins
		if err := raftlog.Create(path, raftlog.Identity{ID: id, Name: n.cfg.Name, Incarnation: incarnation}); err != nil {
			return fmt.Errorf("make the raft log: %w", err)
		}
	}
	log, err := raftlog.Open(path, n.healable())
	if err != nil {
		return fmt.Errorf("open the raft log: %w", err)
	}
	n.log = log
	if damage := log.Healed(); damage != nil {
		n.logger.Error("the raft log was damaged below what the store holds; the log now begins after it", "err", damage)
	}
	id := log.Identity()
	if id.Name != n.cfg.Name {
		return fmt.Errorf("%s belongs to node %q, not %q", path, id.Name, n.cfg.Name)
	}
	id.Boot++
	if err := log.SetIdentity(id); err != nil {
		return fmt.Errorf("count this start: %w", err)
	}
	return nil
}

// healable tells the log what the store holds durably: damage to entries at or below that is healed by forgetting them. A
// store that cannot be read heals nothing; openStore says what is wrong with it.
func (n *Node) healable() raftlog.Options {
	mark, _, err := store.Inspect(filepath.Join(n.cfg.Dir, storeFile))
	if err != nil {
		return raftlog.Options{}
	}
	return raftlog.Options{FlushedIndex: mark.Index, FlushedTerm: mark.Term}
}

// openStore opens store.db and makes the log meet it.
func (n *Node) openStore() error {
	st, err := store.Open(filepath.Join(n.cfg.Dir, storeFile), store.Options{})
	if err != nil {
		return fmt.Errorf("open the store: %w", err)
	}
	n.store = st
	if log, st := n.log.Identity().ClusterID, st.ClusterID(); !bytes.Equal(log, st) {
		return fmt.Errorf("%s is of cluster %x and %s of cluster %x: they do not belong together", logFile, log, storeFile, st)
	}
	n.serving.Store(st)
	n.noteMembers()
	return reconcile(n.log, st.Flushed())
}

// form waits until every first member was heard, so that each knows the others' incarnations, and agrees on the cluster
// id, which is their hash. A member of a cluster that exists already meets a refusal here, and so does a second cluster. A first
// member that has formed the cluster and accepts this node has found its incarnation in that hash: its cluster id is taken over,
// for the others may be down for long.
func (n *Node) form(ctx context.Context) error {
	names := memberNames(n.cfg.FirstMembers)
	heard := map[string]*internalv1.Identity{n.cfg.Name: n.self}
	var waiting string
	var cluster []byte
	retry := time.NewTicker(formRetry)
	defer retry.Stop()
	for len(heard) < len(names) && cluster == nil {
		missing := ""
		for _, name := range names {
			if heard[name] != nil {
				continue
			}
			id, err := n.greet(ctx, name)
			if err != nil {
				return err
			}
			if id == nil {
				missing += " " + name
				continue
			}
			heard[name] = id
			if c := id.GetClusterId(); len(c) > 0 {
				cluster = c
			}
		}
		if missing == "" || cluster != nil {
			break
		}
		if missing != waiting {
			waiting = missing
			n.logger.Info("waiting for the first members", "missing", missing[1:])
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the first members%s were not heard: %w", missing, ctx.Err())
		case <-retry.C:
		}
	}
	conf := new(pb.ConfState)
	for i := range names {
		conf.Voters = append(conf.Voters, uint64(i+1))
	}
	if len(heard) == len(names) {
		cluster = clusterID(names, func(i int) []byte { return heard[names[i]].GetIncarnation() })
	}
	for name, id := range heard {
		if c := id.GetClusterId(); len(c) > 0 && string(c) != string(cluster) {
			return fmt.Errorf("node %s belongs to another cluster already (%x)", name, c)
		}
	}
	return n.formed(cluster, conf)
}

// greet asks one first member who it is; nil when it does not answer yet.
func (n *Node) greet(ctx context.Context, name string) (*internalv1.Identity, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	resp, err := n.transport.HelloAddr(ctx, n.cfg.FirstMembers[name])
	if refusal, ok := errors.AsType[*peer.Refusal](err); ok {
		return nil, fmt.Errorf("this node does not accept node %s: %w", name, refusal)
	}
	if err != nil {
		return nil, nil // not there yet: asked again
	}
	refusal := peer.RefusalIn(resp)
	if refusal != nil && refusal.Reason == peer.ReasonNotYet {
		return nil, nil
	}
	if refusal != nil {
		err := refusedError(name, refusal)
		if refusal.Fatal() {
			noteRefused(n.cfg.Dir, err, n.logger)
		}
		return nil, err
	}
	id := resp.GetIdentity()
	if id.GetName() != name {
		return nil, fmt.Errorf("%s answers as node %q, not %q; check --cluster", n.cfg.FirstMembers[name], id.GetName(), name)
	}
	return id, nil
}

// formed writes the state that every first member starts from: a synthetic snapshot with the configuration. The store
// comes first and the cluster id last, so that a crash in between forms again.
func (n *Node) formed(clusterID []byte, conf *pb.ConfState) error {
	cs, err := proto.MarshalOptions{Deterministic: true}.Marshal(conf)
	if err != nil {
		return err
	}
	path := filepath.Join(n.cfg.Dir, storeFile)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := store.Create(path, clusterID, store.Mark{Index: 1, Term: 1, ConfState: cs}); err != nil {
		return fmt.Errorf("make the store: %w", err)
	}
	one := uint64(1)
	if err := n.log.Reset(1, 1, &pb.HardState{Term: &one, Commit: &one}); err != nil {
		return err
	}
	id := n.log.Identity()
	id.ClusterID = clusterID
	if err := n.log.SetIdentity(id); err != nil {
		return err
	}
	n.self.ClusterId = clusterID
	n.logger.Info("cluster formed", "cluster", fmt.Sprintf("%x", clusterID), "members", formatMembers(n.cfg.FirstMembers))
	return n.openStore()
}

// startTransport serves the peer port. Before serveRaft only hellos are answered.
func (n *Node) startTransport() {
	n.transport = peer.New(peer.Options{
		Self: n.self, Handler: handler{n}, Server: n.cfg.PeerServerTLS, Client: n.cfg.PeerClientTLS, Logger: n.logger,
		Peers:       n.peerAddresses(),
		Unreachable: func(id uint64) { n.inbox.call(func(c *core) { c.unreachable(id) }) },
		LinkUp:      n.softUp,
		Refused:     n.refusedBy,
	})
	n.peerServer = grpc.NewServer(n.transport.ServerOptions()...)
	n.transport.Register(n.peerServer)
	go n.peerServer.Serve(n.cfg.PeerListener) //nolint:errcheck // ends with Stop; its owner is stopTransport
}

// serveRaft begins to exchange raft messages.
func (n *Node) serveRaft() { n.transport.SetClusterID(n.store.ClusterID()) }

// stopTransport ends the links. What peers notice first is that this process refuses to be dialled.
func (n *Node) stopTransport() {
	if n.transport != nil {
		n.cfg.PeerListener.Close()
		n.transport.Close()
		n.peerServer.Stop()
	}
}
